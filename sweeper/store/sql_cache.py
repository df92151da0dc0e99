"""The shared cache in SQL: answers, and the right to train what has none.

A claim is a lease: a row that names a holder, a fence and an expiry by the store's clock. Answers
never depend on it: a lease that fails costs a second training, not a wrong result.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy import Connection, case, delete, insert, literal, or_, select, update

from sweeper.errors import CacheError
from sweeper.model import Attempt, Busy, Claim, Hit, Key, Mine, Progress
from sweeper.store.answers import Found, failures, find
from sweeper.store.engine import Store
from sweeper.store.mode import PLAIN, REFUSED_AFTER, CacheMode, CachePolicy
from sweeper.store.schema import NOW, VerdictKind, claim, insert_into, record, sweep, verdict
from sweeper.store.shared_writes import deposed, drop_claim, own_sweep, write_attempt, write_key

__all__ = ["SqlCache"]

_log = logging.getLogger(__name__)


class SqlCache:
    """The ``Cache`` seam on an open store.

    Args:
        store: Open.
        holder: Names this driver process; the ledger's too.
        sweep: Whose attempts are written; begun by the same holder.
        who: The user.
        host: This machine.
        ttl_s: How long a claim lives without ``renew``, seconds.
        mode: RW or RO; with OFF there is nothing to do for this class (``NoCache``).
        policy: On which terms the store answers.
    """

    def __init__(
        self,
        store: Store,
        *,
        holder: UUID,
        sweep: UUID,
        who: str,
        host: str,
        ttl_s: float,
        mode: CacheMode = CacheMode.RW,
        policy: CachePolicy = PLAIN,
    ) -> None:
        if mode is CacheMode.OFF:
            raise ValueError("SqlCache has the modes rw and ro; use NoCache for off")
        self._store = store
        self._holder = holder
        self._sweep = sweep
        self._who = who
        self._host = host
        self._ttl_s = ttl_s
        self._mode = mode
        self._policy = policy
        self._stored_from: float | None = None if policy.recache else 0.0
        self._damaged: frozenset[int] = frozenset()

    def lookup(self, keys: Sequence[Key]) -> Mapping[str, Hit]:
        """Return verified answers by run_key; what is absent is a miss."""
        return self._answers([key.run_key for key in keys], beyond=-1)

    def acquire(self, key: Key, attempt: Attempt, *, beyond: int = -1) -> Hit | Busy | Mine:
        """Answer, say who trains it, or grant the training.

        Raises:
            Deposed: If the attempt's row cannot be written, as the sweep is somebody else's now.
            CacheError: When the store cannot be used.
        """
        while True:
            hit = self._answers([key.run_key], beyond=beyond).get(key.run_key)
            hit = hit or self._refused(key)
            if hit is not None:
                return hit
            if self._mode is CacheMode.RO:
                return self._unclaimed(attempt)
            busy = self._busy(key)
            if busy is not None and not self._policy.park:
                return self._unclaimed(attempt)
            answer = busy or self._grant(key, attempt, beyond)
            if answer is not None:
                return answer

    def renew(self, progress: Mapping[Claim, Progress]) -> frozenset[Claim]:
        """Extend these claims, also after their expiry; return those that somebody took over."""
        if not progress:
            return frozenset()
        by_fence = {mine.fence: done for mine, done in progress.items()}
        steps = {fence: literal(done.steps) for fence, done in by_fence.items()}
        totals = {
            fence: literal(done.steps_total, claim.c.steps_total.type)
            for fence, done in by_fence.items()
        }
        extend = (
            update(claim)
            .where(claim.c.holder == self._holder, claim.c.fence.in_(list(by_fence)))
            .values(
                expires_at=NOW + self._ttl_s,
                steps=case(steps, value=claim.c.fence),
                steps_total=case(totals, value=claim.c.fence),
            )
            .returning(claim.c.fence)
        )
        with self._store.write() as connection:
            kept = set(connection.execute(extend).scalars())
        return frozenset(mine for mine in progress if mine.fence not in kept)

    def release(self, claim: Claim) -> None:
        """Give a claim back without a record; one that is no longer mine is left alone."""
        with self._store.write() as connection:
            connection.execute(drop_claim(claim, self._holder))

    def _answers(self, run_keys: Sequence[str], *, beyond: int) -> dict[str, Hit]:
        """Search until nothing damaged comes up."""
        return self._sound(lambda connection: self._find(connection, run_keys, beyond)).hits

    def _refused(self, key: Key) -> Hit | None:
        """Return the failure because of which a training is not tried again."""
        kinds = self._policy.refuse
        if not kinds or self._policy.recache:
            return None
        found = self._sound(
            lambda connection: failures(connection, key.run_key, kinds, without=self._damaged)
        )
        with self._store.read() as connection:
            now = float(connection.execute(select(NOW)).scalar_one())
        for kind in kinds:
            counted = [
                hit
                for hit in found.all_hits
                if hit.record.status is kind
                and self._policy.refuses(hit.record, age_s=now - hit.stored_at)
            ]
            if len(counted) >= REFUSED_AFTER:
                return replace(counted[0], refused=True)
        return None

    def _sound(self, search: Callable[[Connection], Found]) -> Found:
        """Search until nothing damaged comes up."""
        while True:
            with self._store.read() as connection:
                found = search(connection)
            if not found.damaged:
                return found
            self._damaged |= found.damaged
            self._suspect(found.damaged)

    def _find(self, connection: Connection, run_keys: Sequence[str], beyond: int) -> Found:
        """Search for answers on this sweep's terms."""
        if self._stored_from is None:
            began = select(sweep.c.started_at).where(sweep.c.uid == self._sweep)
            self._stored_from = connection.execute(began).scalar_one_or_none() or 0.0
        return find(
            connection,
            run_keys,
            beyond=beyond,
            without=self._damaged,
            whole_from=self._policy.whole_from,
            stored_from=self._stored_from,
        )

    def _suspect(self, damaged: frozenset[int]) -> None:
        """Tell everybody that records are not what was written; this driver skips them anyhow."""
        said = {
            "verdict": literal(VerdictKind.SUSPECT.value),
            "reason": literal("checksum does not match"),
            "who": literal(self._who),
            "at": NOW,
        }
        rows = select(record.c.uid, *said.values()).where(record.c.seq.in_(sorted(damaged)))
        _log.warning("store: %d damaged record(s) found; they are not used", len(damaged))
        try:
            with self._store.write() as connection:
                connection.execute(insert(verdict).from_select(["record_uid", *said], rows))
        except CacheError as error:  # a damaged uid belongs to no record any more
            _log.warning("store: the damage could not be noted: %s", error)

    def _busy(self, key: Key) -> Busy | None:
        """Say who else holds a live claim on a key."""
        live = select(
            claim.c.who,
            claim.c.host,
            claim.c.steps,
            claim.c.steps_total,
            (claim.c.expires_at - NOW).label("left_s"),
        ).where(
            claim.c.run_key == key.run_key,
            claim.c.holder != self._holder,
            claim.c.expires_at > NOW,
        )
        with self._store.read() as connection:
            row = connection.execute(live).one_or_none()
        if row is None:
            return None
        return Busy(row.who, row.host, row.steps, row.steps_total, row.left_s)

    def _grant(self, key: Key, attempt: Attempt, beyond: int) -> Mine | None:
        """Take the claim, then look again; None: somebody was faster, or has answered.

        The second look is what keeps an answered question from being trained: settling removes a
        claim and adds the record in one commit, so whoever claims next sees the record.
        """
        with self._store.write() as connection:
            if own_sweep(connection, self._sweep, self._holder) is None:
                raise deposed(self._sweep)
            write_key(connection, key)
            connection.execute(
                delete(claim).where(
                    claim.c.run_key == key.run_key,
                    or_(claim.c.expires_at <= NOW, claim.c.holder == self._holder),
                )
            )
            granted = (
                insert_into(connection, claim)
                .values(
                    run_key=key.run_key,
                    config_key=key.config_key,
                    holder=self._holder,
                    sweep_uid=self._sweep,
                    trial_no=attempt.id.number,
                    who=self._who,
                    host=self._host,
                    granted_at=NOW,
                    expires_at=NOW + self._ttl_s,
                )
                .on_conflict_do_nothing(index_elements=[claim.c.run_key])
                .returning(claim.c.fence)
            )
            fence = connection.execute(granted).scalar_one_or_none()
            found = self._find(connection, [key.run_key], beyond)
            if fence is None or found.hits or found.damaged:
                connection.rollback()
                return None
            write_attempt(connection, self._sweep, self._holder, attempt, parked=False)
            return Mine(Claim(key.run_key, fence))

    def _unclaimed(self, attempt: Attempt) -> Mine:
        """Let an attempt be trained without a claim."""
        with self._store.write() as connection:
            if own_sweep(connection, self._sweep, self._holder) is None:
                raise deposed(self._sweep)
            write_attempt(connection, self._sweep, self._holder, attempt, parked=False)
        return Mine(None)
