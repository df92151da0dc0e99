"""What one in-memory store holds: records, leases, sweeps with their rows.

Owns the state and the rules that ``MemoryCache`` and ``MemoryLedger`` share, as a database would.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from uuid import UUID

from sweeper.errors import CacheError, Deposed
from sweeper.model import (
    Attempt,
    AttemptId,
    Claim,
    Hit,
    Params,
    Record,
    RecordStatus,
    Source,
    SweepRow,
    TrialRow,
    TrialState,
    UseRow,
)
from sweeper.store.mode import PLAIN, REFUSED_AFTER, CachePolicy

__all__ = ["OPEN", "KeptSweep", "Lease", "MemoryState"]

# The states of an attempt that has not ended.
OPEN = (TrialState.PARKED, TrialState.RUNNING)
_PREFIXES = (RecordStatus.COMPLETE, RecordStatus.PRUNED, RecordStatus.DIVERGED)


@dataclass
class Lease:
    """A live or expired claim."""

    fence: int
    holder: UUID
    sweep: UUID
    who: str
    host: str
    expires_at: float
    steps: int = 0
    steps_total: int | None = None


@dataclass
class KeptSweep:
    """A sweep with its rows."""

    row: SweepRow
    holder: UUID
    stopping: bool = False
    attempts: dict[AttemptId, TrialRow] = field(default_factory=dict)
    payers: dict[AttemptId, UUID] = field(default_factory=dict)
    uses: dict[tuple[int, int], UseRow] = field(default_factory=dict)

    @property
    def told(self) -> int:
        """Count the trials that were told; of a trial's replicates one row tells."""
        return sum(row.told is not None for row in self.attempts.values())

    def in_order(self) -> tuple[TrialRow, ...]:
        """Return the attempts in the order in which they were asked."""
        return tuple(
            sorted(
                self.attempts.values(),
                key=lambda row: (row.asked, row.id.number, row.id.replicate, row.id.attempt),
            )
        )


class MemoryState:
    """Everything that a database would hold, and the rules that both seams share.

    Args:
        clock: The store's clock, in seconds.

    Attributes:
        hits: Every record with its producer, in order of arrival.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.hits: list[Hit] = []
        self.sweeps: dict[UUID, KeptSweep] = {}
        self.leases: dict[str, Lease] = {}
        self._fence = 0

    def owned(self, sweep: UUID, holder: UUID) -> KeptSweep | None:
        """Give a sign of life; None: the sweep is another driver's."""
        mine = self.sweeps[sweep]
        if mine.holder != holder:
            return None
        mine.row = replace(mine.row, heartbeat_at=self.clock())
        return mine

    def write_attempt(self, sweep: UUID, holder: UUID, attempt: Attempt, *, parked: bool) -> None:
        """Make an attempt's row, or move it between parked and running while it is open.

        Raises:
            Deposed: If the sweep is another driver's.
        """
        mine = self.owned(sweep, holder)
        if mine is None:
            raise Deposed(f"memory store: sweep {sweep} was taken over")
        row = mine.attempts.get(attempt.id)
        if row is None:
            row = _new_row(attempt, self.clock())
            mine.payers[attempt.id] = holder
        if row.state in OPEN:
            row = replace(
                row,
                state=TrialState.PARKED if parked else TrialState.RUNNING,
                source=None if parked else Source.RUN,
            )
        mine.attempts[attempt.id] = row

    def answer(
        self, run_key: str, beyond: int, policy: CachePolicy = PLAIN, sweep: UUID | None = None
    ) -> Hit | None:
        """Find the best answer: the oldest complete record, else the longest prefix."""
        since = self.sweeps[sweep].row.started_at if sweep and policy.recache else 0.0
        served = [
            hit
            for hit in self.hits
            if hit.record.run_key == run_key and not hit.record.tainted and hit.stored_at >= since
        ]
        whole_from = policy.whole_from or 0
        complete = [
            hit
            for hit in served
            if hit.record.status is RecordStatus.COMPLETE and hit.record.steps_done >= whole_from
        ]
        if complete:
            return complete[0]
        prefixes = [
            hit
            for hit in served
            if hit.record.status in _PREFIXES and hit.record.steps_done > beyond
        ]
        return max(prefixes, key=lambda h: h.record.steps_done, default=None)

    def refused(self, run_key: str, policy: CachePolicy) -> Hit | None:
        """Return the newest of the failures because of which a training is not tried again."""
        if policy.recache:
            return None
        for kind in policy.refuse:
            counted = [
                hit
                for hit in self.hits
                if hit.record.run_key == run_key
                and not hit.record.tainted
                and hit.record.status is kind
                and policy.refuses(hit.record, age_s=self.clock() - hit.stored_at)
            ]
            if len(counted) >= REFUSED_AFTER:
                return replace(counted[-1], refused=True)
        return None

    def grant(self, run_key: str, lease: Lease) -> Claim:
        """Write a lease with the next fence."""
        self._fence += 1
        lease.fence = self._fence
        self.leases[run_key] = lease
        return Claim(run_key, self._fence)

    def drop(self, claim: Claim, holder: UUID) -> bool:
        """End a lease; False: it was not this holder's any more."""
        lease = self.leases.get(claim.run_key)
        if lease is None or (lease.fence, lease.holder) != (claim.fence, holder):
            return False
        del self.leases[claim.run_key]
        return True

    def reap(self, over_s: float) -> None:
        """Remove the leases that ended so long ago."""
        since = self.clock() - over_s
        self.leases = {key: one for key, one in self.leases.items() if one.expires_at > since}

    def keep(self, record: Record, who: str) -> None:
        """Store a record, once."""
        if all(hit.record.uid != record.uid for hit in self.hits):
            self.hits.append(Hit(record, who, self.clock()))


def _new_row(attempt: Attempt, now: float) -> TrialRow:
    """Make the row of an attempt that was never written."""
    return TrialRow(
        id=attempt.id,
        params=_through_json(attempt.params),
        config_key=attempt.key.config_key if attempt.key else None,
        run_key=attempt.key.run_key if attempt.key else None,
        uncached=attempt.uncached,
        state=TrialState.RUNNING,
        asked=attempt.asked,
        told=None,
        source=None,
        record_uid=None,
        curve=(),
        final=(),
        energy_j=None,
        energy=None,
        elapsed_s=None,
        node=None,
        gpus=(),
        cause=None,
        started_at=now,
        ended_at=None,
    )


def _through_json(params: Params) -> Params:
    """Turn parameters into what a database gives back."""
    try:
        read: Params = json.loads(json.dumps(dict(params), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise CacheError(f"memory store: parameters are no JSON: {error}") from error
    return read
