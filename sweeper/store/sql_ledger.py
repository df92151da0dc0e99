"""The ledger in SQL: what each sweep asked, ran and spent.

Every method is one transaction that begins by proving that this driver still owns the sweep, and
every one may be repeated after an unknown outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, CursorResult, Row, Update, delete, insert, select, update

from sweeper.errors import CacheError, SweepBusy
from sweeper.model import (
    Attempt,
    AttemptId,
    Begun,
    Energy,
    Progress,
    Settled,
    SweepHistory,
    SweepIdentity,
    SweepState,
    TrialState,
    sweep_handle,
)
from sweeper.store.engine import Store
from sweeper.store.history import leader_of, overhead_before, read_attempts, read_history
from sweeper.store.mode import REAPED_AFTER, CacheMode
from sweeper.store.process import is_gone
from sweeper.store.rows import overhead_columns, sweep_of
from sweeper.store.schema import NOW, claim, sweep, trial
from sweeper.store.settlement import Settlement
from sweeper.store.shared_writes import (
    OPEN,
    deposed,
    is_attempt,
    own_sweep,
    write_attempt,
)

__all__ = ["SqlLedger"]


class SqlLedger:
    """The ``Ledger`` seam on an open store.

    Args:
        store: Open.
        holder: Names this driver process; the cache's too.
        who: The user.
        host: This machine.
        pid: This process.
        proc_id: Of this process, from ``sweeper.store.process``.
        ttl_s: For how long a silent driver is believed to be alive, seconds.
        mode: RW stores records; RO and OFF keep them out of the store.
    """

    def __init__(
        self,
        store: Store,
        *,
        holder: UUID,
        who: str,
        host: str,
        pid: int,
        proc_id: str,
        ttl_s: float,
        mode: CacheMode = CacheMode.RW,
    ) -> None:
        self._store = store
        self._who = who
        self._ttl_s = ttl_s
        self._mode = mode
        self._holder = holder
        self._driver = {"host": host, "pid": pid, "proc_id": proc_id, "holder": holder}
        self._sweep: UUID | None = None

    def begin(
        self, identity: SweepIdentity, *, fresh: bool = False, uid: UUID | None = None
    ) -> Begun:
        """Open a sweep: the newest of this user, name and digest goes on; else a new one.

        A finished one goes on too: the budget may have been raised. With ``uid`` that one goes on,
        whatever its digest; its rows keep the keys that they have.

        Raises:
            SweepBusy: If a live driver owns it.
            CacheError: When the store cannot be used, or ``uid`` is nobody's or another user's.
        """
        with self._store.write() as connection:
            old = claim.c.expires_at <= NOW - REAPED_AFTER * self._ttl_s
            connection.execute(delete(claim).where(old))
            if uid is not None:
                found: Row[Any] | None = self._named(connection, uid)
            else:
                found = None if fresh else self._newest(connection, identity)
            if found is None:
                begun = self._new(connection, identity)
            else:
                begun = self._continued(connection, found)
        self._sweep = begun.uid
        return begun

    def start(self, attempt: Attempt) -> None:
        """Make an attempt durable before anything of it can be observed."""
        uid = self._begun()
        with self._store.write() as connection:
            if own_sweep(connection, uid, self._holder) is None:
                raise deposed(uid)
            write_attempt(connection, uid, self._holder, attempt, parked=attempt.parked)

    def flush(
        self, progress: Mapping[AttemptId, Progress], *, elapsed_s: float, overhead: Energy
    ) -> bool:
        """Write heartbeat and joules so far; True: somebody asked this sweep to stop.

        Args:
            progress: Absolute figures of the attempts that run.
            elapsed_s: Time with a driver over all continuations, seconds.
            overhead: What the workers used outside attempts, over all continuations.
        """
        uid = self._begun()
        with self._store.write() as connection:
            stopping = own_sweep(connection, uid, self._holder)
            if stopping is None:
                raise deposed(uid)
            so_far = overhead_columns(overhead)
            connection.execute(_this(uid).values(elapsed_s=float(elapsed_s), **so_far))
            for id_, done in progress.items():
                connection.execute(
                    update(trial)
                    .where(is_attempt(uid, id_), trial.c.state == TrialState.RUNNING.value)
                    .values(steps=done.steps, energy_j=done.energy_j, elapsed_s=done.elapsed_s)
                )
        return stopping

    def settle(self, settled: Settled) -> None:
        """Write record, claim, row and use: all or nothing, repeatable.

        A driver that was deposed still delivers what it learned and spent, but nothing is told.
        """
        uid = self._begun()
        with self._store.write() as connection:
            owned = own_sweep(connection, uid, self._holder) is not None
            keeps = self._mode is CacheMode.RW
            desk = Settlement(connection, uid, self._holder, self._who, keeps_records=keeps)
            if owned:
                desk.settle(settled)
            else:
                desk.deliver(settled)
        if not owned:
            raise deposed(uid)

    def finish(
        self, state: SweepState, stopped_by: str, *, elapsed_s: float, overhead: Energy
    ) -> None:
        """Close the sweep; nothing happens when it is another driver's by now."""
        uid = self._begun()
        with self._store.write() as connection:
            if own_sweep(connection, uid, self._holder) is None:
                return
            connection.execute(
                _this(uid).values(
                    state=state.value,
                    stopped_by=stopped_by,
                    elapsed_s=float(elapsed_s),
                    ended_at=NOW,
                    **overhead_columns(overhead),
                )
            )
            _abandon(connection, uid, self._holder)

    def load(self, sweep: UUID) -> SweepHistory:
        """Read everything about a sweep.

        Raises:
            CacheError: If there is no such sweep, or the store cannot be read.
        """
        with self._store.read() as connection:
            return read_history(connection, sweep)

    def _begun(self) -> UUID:
        """Return the sweep that this ledger keeps."""
        if self._sweep is None:
            raise CacheError("store: the ledger was used before its sweep was begun")
        return self._sweep

    def _named(self, connection: Connection, uid: UUID) -> Row[Any]:
        """Find the sweep that the user wants to go on with."""
        wanted = select(sweep, (NOW - sweep.c.heartbeat_at).label("silent_s"))
        found = connection.execute(wanted.where(sweep.c.uid == uid)).one_or_none()
        if found is None:
            raise CacheError(f"store: there is no sweep {uid}; `sweeper ls` lists yours")
        if found.who != self._who:
            handle = sweep_handle(found.name, found.uid)
            raise CacheError(
                f"store: sweep {handle} is {found.who}'s; `sweeper run FILE` without --resume "
                "starts your own, and what is stored answers it"
            )
        return found

    def _newest(self, connection: Connection, identity: SweepIdentity) -> Row[Any] | None:
        """Find the sweep to go on with."""
        newest = (
            select(sweep, (NOW - sweep.c.heartbeat_at).label("silent_s"))
            .where(
                sweep.c.digest == identity.digest,
                sweep.c.who == self._who,
                sweep.c.name == identity.name,
            )
            .order_by(sweep.c.started_at.desc())
            .limit(1)
        )
        return connection.execute(newest).one_or_none()

    def _new(self, connection: Connection, identity: SweepIdentity) -> Begun:
        """Write a new sweep, which follows the one of its digest that came furthest."""
        uid = uuid4()
        leader = leader_of(connection, identity.digest)
        connection.execute(
            insert(sweep).values(
                uid=uid,
                name=identity.name,
                config=identity.config,
                digest=identity.digest,
                state=SweepState.RUNNING.value,
                who=self._who,
                heartbeat_at=NOW,
                started_at=NOW,
                **self._driver,
            )
        )
        if leader is None:
            return Begun(uid, resumed=False)
        followed = read_attempts(connection, leader.uid)
        return Begun(uid, resumed=False, leader=leader.handle, followed=followed)

    def _continued(self, connection: Connection, found: Row[Any]) -> Begun:
        """Take a sweep over, unless its driver may be alive."""
        alive = found.silent_s < self._ttl_s and not is_gone(found.pid, found.proc_id)
        if found.state == SweepState.RUNNING.value and found.holder != self._holder and alive:
            raise _busy(found)
        taken = connection.execute(
            _this(found.uid)
            .where(sweep.c.holder == found.holder)
            .values(
                state=SweepState.RUNNING.value,
                stopped_by=None,
                stop_at=None,
                ended_at=None,
                heartbeat_at=NOW,
                **self._driver,
            )
        )
        if _count(taken) == 0:
            raise _busy(found)
        _abandon(connection, found.uid, found.holder)
        own = read_attempts(connection, found.uid)
        return Begun(
            found.uid,
            resumed=True,
            own=own,
            elapsed_s=found.elapsed_s,
            overhead=overhead_before(sweep_of(found), own),
        )


def _this(uid: UUID) -> Update:
    """Start an update of one sweep."""
    return update(sweep).where(sweep.c.uid == uid)


def _abandon(connection: Connection, uid: UUID, holder: UUID) -> None:
    """End what a driver left open: its claims, for which others wait, and its attempts.

    An attempt that is lost keeps the joules of its last flush: they were spent.
    """
    connection.execute(delete(claim).where(claim.c.holder == holder))
    connection.execute(
        update(trial)
        .where(trial.c.sweep_uid == uid, trial.c.state.in_(OPEN))
        .values(state=TrialState.LOST.value, ended_at=NOW)
    )


def _count(result: CursorResult[Any]) -> int:
    """Return how many rows a statement changed."""
    return result.rowcount


def _busy(found: Row[Any]) -> SweepBusy:
    """Say who is driving a sweep, and what to do."""
    handle = sweep_handle(found.name, found.uid)
    return SweepBusy(
        f"store: sweep {handle} is being run by {found.who} on {found.host} (pid {found.pid}, "
        f"last heard of {max(found.silent_s, 0):.0f} s ago); wait for it, end it with "
        f"`sweeper stop {handle}`, or start another one with --fresh"
    )
