"""The ``Ledger`` seam in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID, uuid4

from sweeper.errors import CacheError, Deposed, SweepBusy
from sweeper.model import (
    NOTHING,
    UNAVAILABLE,
    Attempt,
    AttemptId,
    Begun,
    Energy,
    Progress,
    Settled,
    Source,
    SweepHistory,
    SweepIdentity,
    SweepRow,
    SweepState,
    TrialState,
    UseRow,
)
from sweeper.store.mode import REAPED_AFTER, CacheMode
from sweeper.store.rows import trial_in
from sweeper.testing.memory_state import OPEN, KeptSweep, MemoryState

__all__ = ["MemoryLedger"]


class MemoryLedger:
    """The ``Ledger`` seam; made by ``MemoryStore.ledger``."""

    def __init__(
        self,
        store: MemoryState,
        *,
        holder: UUID,
        who: str,
        host: str,
        ttl_s: float,
        mode: CacheMode,
    ) -> None:
        self._store = store
        self._holder = holder
        self._who = who
        self._host = host
        self._ttl_s = ttl_s
        self._mode = mode
        self._sweep: UUID | None = None

    def begin(
        self, identity: SweepIdentity, *, fresh: bool = False, uid: UUID | None = None
    ) -> Begun:
        """Open a sweep: the newest of this user, name and digest goes on; else a new one."""
        with self._store.lock:
            if uid is not None:
                begun = self._continued(self._named(uid))
                self._sweep = begun.uid
                self._store.reap(REAPED_AFTER * self._ttl_s)
                return begun
            own = [
                sweep
                for sweep in self._store.sweeps.values()
                if (sweep.row.who, sweep.row.name, sweep.row.digest)
                == (self._who, identity.name, identity.digest)
            ]
            begun = self._new(identity) if fresh or not own else self._continued(own[-1])
            self._store.reap(REAPED_AFTER * self._ttl_s)
        self._sweep = begun.uid
        return begun

    def start(self, attempt: Attempt) -> None:
        """Write an attempt's row."""
        with self._store.lock:
            uid = self._begun()
            self._store.write_attempt(uid, self._holder, attempt, parked=attempt.parked)

    def flush(
        self, progress: Mapping[AttemptId, Progress], *, elapsed_s: float, overhead: Energy
    ) -> bool:
        """Write heartbeat and joules so far; True: somebody asked this sweep to stop."""
        with self._store.lock:
            mine = self._mine()
            mine.row = replace(_with_overhead(mine.row, overhead), elapsed_s=elapsed_s)
            for id_, done in progress.items():
                row = mine.attempts.get(id_)
                if row is not None and row.state is TrialState.RUNNING:
                    mine.attempts[id_] = replace(
                        row, energy_j=done.energy_j, elapsed_s=done.elapsed_s
                    )
            return mine.stopping

    def settle(self, settled: Settled) -> None:
        """Write record, claim, row and use."""
        with self._store.lock:
            uid = self._begun()
            if settled.claim is not None:
                self._store.drop(settled.claim, self._holder)
            if settled.record is not None and self._mode is CacheMode.RW:
                self._store.keep(settled.record, self._who)
            mine = self._store.owned(uid, self._holder)
            if mine is None:
                self._deliver(self._store.sweeps[uid], settled)
                raise Deposed(f"memory store: sweep {uid} was taken over")
            attempt = settled.attempt
            self._store.write_attempt(uid, self._holder, attempt, parked=attempt.parked)
            if mine.attempts[attempt.id].told is None:
                self._tell(mine, settled)
            self._write_use(mine, settled)

    def finish(
        self, state: SweepState, stopped_by: str, *, elapsed_s: float, overhead: Energy
    ) -> None:
        """Close the sweep."""
        with self._store.lock:
            mine = self._store.owned(self._begun(), self._holder)
            if mine is None:
                return
            mine.row = replace(
                _with_overhead(mine.row, overhead),
                state=state,
                stopped_by=stopped_by,
                elapsed_s=elapsed_s,
                ended_at=self._store.clock(),
            )
            self._abandon(mine)

    def load(self, sweep: UUID) -> SweepHistory:
        """Read everything about a sweep."""
        with self._store.lock:
            found = self._store.sweeps.get(sweep)
            if found is None:
                raise CacheError(f"memory store: there is no sweep {sweep}")
            uses = tuple(found.uses[place] for place in sorted(found.uses))
            return SweepHistory(found.row, found.in_order(), uses)

    def _named(self, uid: UUID) -> KeptSweep:
        """Return the sweep that the user wants to go on with."""
        found = self._store.sweeps.get(uid)
        if found is None or found.row.who != self._who:
            raise CacheError(f"memory store: {uid} is no sweep of {self._who}")
        return found

    def _begun(self) -> UUID:
        """Return the sweep that this ledger keeps."""
        if self._sweep is None:
            raise CacheError("memory store: the ledger was used before its sweep was begun")
        return self._sweep

    def _mine(self) -> KeptSweep:
        """Return the sweep, if it is still this driver's."""
        mine = self._store.owned(self._begun(), self._holder)
        if mine is None:
            raise Deposed(f"memory store: sweep {self._sweep} was taken over")
        return mine

    def _new(self, identity: SweepIdentity) -> Begun:
        """Write a new sweep, which follows the one of its digest that came furthest."""
        rivals = [s for s in self._store.sweeps.values() if s.row.digest == identity.digest]
        leader = max(rivals, key=lambda sweep: sweep.told, default=None)
        now = self._store.clock()
        row = SweepRow(
            uid=uuid4(),
            name=identity.name,
            config=identity.config,
            digest=identity.digest,
            state=SweepState.RUNNING,
            stopped_by=None,
            who=self._who,
            host=self._host,
            pid=0,
            heartbeat_at=now,
            overhead_j=None,
            elapsed_s=0.0,
            started_at=now,
            ended_at=None,
        )
        self._store.sweeps[row.uid] = KeptSweep(row, self._holder)
        if leader is None or leader.told == 0:
            return Begun(row.uid, resumed=False)
        return Begun(row.uid, resumed=False, leader=leader.row.handle, followed=leader.in_order())

    def _continued(self, found: KeptSweep) -> Begun:
        """Take a sweep over, unless its driver may be alive."""
        now, row = self._store.clock(), found.row
        alive = now - row.heartbeat_at < self._ttl_s and row.state is SweepState.RUNNING
        if alive and found.holder != self._holder:
            raise SweepBusy(f"memory store: sweep {row.handle} is run by {row.who} on {row.host}")
        self._abandon(found)
        found.holder, found.stopping = self._holder, False
        found.row = replace(
            row,
            state=SweepState.RUNNING,
            stopped_by=None,
            ended_at=None,
            heartbeat_at=now,
            host=self._host,
        )
        own = found.in_order()
        overhead = row.overhead
        if overhead is None:
            overhead = UNAVAILABLE if any(attempt.trained for attempt in own) else NOTHING
        return Begun(row.uid, resumed=True, own=own, elapsed_s=row.elapsed_s, overhead=overhead)

    def _abandon(self, sweep: KeptSweep) -> None:
        """End what the sweep's driver left open: its claims and its attempts."""
        leases = self._store.leases
        for run_key in [k for k, lease in leases.items() if lease.holder == sweep.holder]:
            del leases[run_key]
        for id_, row in sweep.attempts.items():
            if row.state in OPEN:
                lost = replace(row, state=TrialState.LOST, ended_at=self._store.clock())
                sweep.attempts[id_] = lost

    def _deliver(self, sweep: KeptSweep, settled: Settled) -> None:
        """Book what an attempt of this driver cost, though the sweep is another's."""
        id_ = settled.attempt.id
        row = sweep.attempts.get(id_)
        mine = sweep.payers.get(id_) == self._holder
        if row is not None and mine and row.told is None and settled.source is Source.RUN:
            energy_j, elapsed_s = _spent(settled)
            sweep.attempts[id_] = replace(row, energy_j=energy_j, elapsed_s=elapsed_s)

    def _tell(self, mine: KeptSweep, settled: Settled) -> None:
        """Write an attempt's end."""
        outcome, id_ = settled.outcome, settled.attempt.id
        energy_j, elapsed_s = _spent(settled)
        stored = self._mode is CacheMode.RW or settled.record is None
        mine.attempts[id_] = replace(
            mine.attempts[id_],
            state=outcome.state,
            told=settled.told,
            source=settled.source,
            record_uid=settled.record_uid if stored else None,
            curve=outcome.curve,
            final=outcome.final,
            energy_j=energy_j,
            energy=outcome.energy,
            elapsed_s=elapsed_s,
            node=outcome.node,
            gpus=outcome.gpus,
            cause=None if outcome.cause is None else str(outcome.cause),
            decisions=outcome.decisions,
            ended_at=self._store.clock(),
        )

    def _write_use(self, mine: KeptSweep, settled: Settled) -> None:
        """Say what a hit avoided, once per trial and replicate."""
        use, id_ = settled.use, settled.attempt.id
        if use is None:
            return
        hit = next((h for h in self._store.hits if h.record.uid == use.record_uid), None)
        if hit is None:
            raise CacheError(f"memory store: there is no record {use.record_uid}")
        row = UseRow(
            id_.number,
            id_.replicate,
            use.record_uid,
            use.kind,
            use.steps_used,
            use.avoided_j,
            use.comparable,
            hit.who,
            hit.record.host,
            hit.stored_at,
            hit.record.hw,
            trial_in(hit.record.prov),
        )
        mine.uses.setdefault((id_.number, id_.replicate), row)


def _with_overhead(row: SweepRow, overhead: Energy) -> SweepRow:
    """Book what workers used outside attempts."""
    return replace(row, overhead_j=overhead.total_j, overhead=overhead)


def _spent(settled: Settled) -> tuple[float | None, float | None]:
    """Return joules and seconds: of this attempt, or of the answer up to where it was used."""
    outcome = settled.outcome
    if settled.source is Source.RUN:
        return outcome.energy.total_j, outcome.elapsed_s
    last = outcome.curve[-1] if outcome.curve else None
    energy_j = last.energy_j if last else None
    if settled.use is not None:
        energy_j = settled.use.avoided_j
    return energy_j, last.elapsed_s if last else None
