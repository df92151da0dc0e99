"""What the store's cases stand on: a bench with any number of drivers, and values to store.

A ``StoreBench`` is one store whose time passes when a test says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID, uuid4

from sweeper.model import (
    Attempt,
    AttemptId,
    Begun,
    Claim,
    Curve,
    Decision,
    Energy,
    GpuEnergy,
    Key,
    Mine,
    Outcome,
    Point,
    Record,
    RecordStatus,
    Settled,
    Source,
    SweepIdentity,
    TrialRow,
    TrialState,
    Uncacheable,
    Use,
    Verdict,
)
from sweeper.seams import Cache, Ledger
from sweeper.store.key import SECTION_NAMES, derive
from sweeper.store.mode import PLAIN, CacheMode, CachePolicy
from sweeper.store.no_cache import NoCache

__all__ = [
    "DECISIONS",
    "TTL_S",
    "Driver",
    "StoreBench",
    "attempt_on",
    "curve_of",
    "driver",
    "energy_of",
    "identity",
    "key_of",
    "record_of",
]

TTL_S = 60.0

# What early stopping decided about every trial that a driver of these trains.
DECISIONS = (
    Decision(1, Verdict(prune=False, rule="hyperband", rung=1, value=0.1 + 0.2, threshold=1 / 3)),
    Decision(3, Verdict(prune=True, rule="patience: 2", value=-1 / 3)),
)


class StoreBench(Protocol):
    """One store under test; every seam that it opens has leases of ``TTL_S``."""

    def ledger(self, *, holder: UUID, who: str, host: str, mode: CacheMode) -> Ledger:
        """Open the ledger of a driver."""

    def cache(
        self,
        sweep: UUID,
        *,
        holder: UUID,
        who: str,
        host: str,
        mode: CacheMode,
        policy: CachePolicy,
    ) -> Cache:
        """Open the cache of a driver; ``mode`` is RW or RO."""

    def request_stop(self, sweep: UUID) -> None:
        """Ask a sweep to start no more trials."""

    def advance(self, elapsed_s: float) -> None:
        """Let time pass."""


@dataclass
class Driver:
    """One driver at work: a ledger that has begun a sweep, and its cache.

    Attributes:
        clock: The next position in the sweep's order of events.
    """

    ledger: Ledger
    cache: Cache
    begun: Begun
    clock: int = field(default=0)

    @property
    def sweep(self) -> UUID:
        """Return the sweep's uid."""
        return self.begun.uid

    def attempt(
        self, number: int, key: Key | None = None, *, replicate: int = 0, parked: bool = False
    ) -> Attempt:
        """Ask for a trial, or for another training of it."""
        self.clock += 1
        return attempt_on(number, key, asked=self.clock, replicate=replicate, parked=parked)

    def claim(self, number: int, key: Key) -> tuple[Attempt, Claim]:
        """Start to train a key that must be free."""
        attempt = self.attempt(number, key)
        mine = self.cache.acquire(key, attempt)
        assert isinstance(mine, Mine), mine
        assert mine.claim is not None
        return attempt, mine.claim

    def train(
        self,
        number: int,
        key: Key,
        *,
        status: RecordStatus = RecordStatus.COMPLETE,
        steps: int = 3,
        tainted: str | None = None,
        beyond: int = -1,
    ) -> Record:
        """Train a key from the claim to the record, as far as ``steps``."""
        attempt = self.attempt(number, key)
        mine = self.cache.acquire(key, attempt, beyond=beyond)
        assert isinstance(mine, Mine), mine
        record = record_of(key, status=status, steps=steps, tainted=tainted, claim=mine.claim)
        self.ledger.settle(self.trained(attempt, record, mine.claim))
        return record

    def trained(self, attempt: Attempt, record: Record, claim: Claim | None = None) -> Settled:
        """Tell a trial that was trained."""
        self.clock += 1
        states = {
            RecordStatus.COMPLETE: TrialState.COMPLETE,
            RecordStatus.PRUNED: TrialState.PRUNED,
        }
        outcome = Outcome(
            states.get(record.status, TrialState.FAILED),
            record.curve,
            tuple(record.elapsed_s if value is None else value for value in record.final),
            record.energy,
            record.elapsed_s,
            node="n1",
            gpus=("GPU-1",),
            decisions=DECISIONS,
        )
        return Settled(attempt, outcome, Source.RUN, self.clock, record, claim)

    def answered(self, attempt: Attempt, record: Record, steps: int) -> Settled:
        """Tell a trial that a record answered, used as far as ``steps``."""
        self.clock += 1
        curve = record.curve[:steps]
        avoided_j = curve[-1].energy_j if curve else None
        use = Use(record.uid, Source.CACHE, steps, avoided_j, comparable=True)
        outcome = Outcome(
            TrialState.PRUNED, curve, (), record.energy, record.elapsed_s, decisions=DECISIONS[-1:]
        )
        return Settled(attempt, outcome, Source.CACHE, self.clock, use=use)

    def rows(self) -> list[TrialRow]:
        """Read the sweep's attempts."""
        return list(self.ledger.load(self.sweep).attempts)


def driver(
    bench: StoreBench,
    *,
    who: str = "ann",
    host: str = "n1",
    name: str = "digits",
    digest: str = "d",
    mode: CacheMode = CacheMode.RW,
    fresh: bool = False,
    uid: UUID | None = None,
    policy: CachePolicy = PLAIN,
) -> Driver:
    """Start a driver: a holder of its own, a sweep, its cache."""
    holder = uuid4()
    ledger = bench.ledger(holder=holder, who=who, host=host, mode=mode)
    begun = ledger.begin(identity(name, digest), fresh=fresh, uid=uid)
    cache: Cache = NoCache(ledger)
    if mode is not CacheMode.OFF:
        cache = bench.cache(begun.uid, holder=holder, who=who, host=host, mode=mode, policy=policy)
    return Driver(ledger, cache, begun)


def identity(name: str = "digits", digest: str = "d") -> SweepIdentity:
    """Name a sweep; the digest is filled up to 64 digits."""
    return SweepIdentity(name, f'{{"name":"{name}"}}', digest.ljust(64, "0"))


def key_of(lr: float, *, seed: int | None = None, replicate: int = 0) -> Key:
    """Make the key of one learning rate."""
    documents: dict[str, object] = {name: {"policy": "test"} for name in SECTION_NAMES}
    key = derive({**documents, "params": {"values": {"lr": lr}}}, seed=seed, replicate=replicate)
    assert not isinstance(key, Uncacheable), key
    return key


def attempt_on(
    number: int,
    key: Key | None,
    *,
    asked: int,
    attempt: int = 0,
    replicate: int = 0,
    parked: bool = False,
) -> Attempt:
    """Make an attempt at a trial."""
    return Attempt(
        id=AttemptId(number, replicate, attempt),
        params={
            "lr": 0.1 * number,
            "act": None,
            "net": {"layers": [8, 8], "head": {"bias": True}},
        },
        seed=key.seed if key else number,
        key=key,
        uncached=None if key else "params.token: looks like a secret",
        asked=asked,
        parked=parked,
    )


def curve_of(steps: int) -> Curve:
    """Make a curve of numbers that have no short decimal form; 7/3 joules a step.

    Its metrics are reported always, at even steps, and never.
    """
    return tuple(
        Point(
            step, (1 / (step + 0.7), None if step % 2 else -step / 3, None), step * 7 / 3, step / 9
        )
        for step in range(1, steps + 1)
    )


def energy_of(total_j: float | None) -> Energy:
    """Make an account with every field filled."""
    gpu = GpuEnergy("GPU-1", "Test GPU", total_j, device_j=0.1 + 0.2, power_limit_w=300.0)
    return Energy(
        total_j=total_j,
        source="measured:counter",
        scope="gpu",
        lo_j=total_j,
        hi_j=None,
        coverage=0.97,
        cpu_j=1 / 3,
        cpu_source="estimated:cpu_load",
        gpus=(gpu,),
        flags=("counter_reset",),
    )


def record_of(
    key: Key,
    *,
    status: RecordStatus = RecordStatus.COMPLETE,
    steps: int = 3,
    tainted: str | None = None,
    claim: Claim | None = None,
) -> Record:
    """Make a record of a training that reached ``steps``."""
    complete = status is RecordStatus.COMPLETE
    return Record(
        uid=uuid4(),
        run_key=key.run_key,
        config_key=key.config_key,
        seed=key.seed,
        status=status,
        curve=curve_of(steps),
        final=(0.1 + 0.2, -1 / 3, None) if complete else (),
        energy=energy_of(steps * 7 / 3 + 0.5),
        elapsed_s=steps / 9 + 0.1,
        hw={"gpu": "Test GPU", "memory_mib": 81920},
        tainted=tainted,
        cause=None if complete else "pruner: median at rung 3: über dem Mittel",
        host="n1",
        prov={"commit": None, "sweep": "digits-0000", "versions": {"torch": "2.9.1"}},
        started_at=1_700_000_000.25,
        ended_at=1_700_000_001.125,
        fence=claim.fence if claim else None,
    )
