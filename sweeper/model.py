"""The values that cross the seams: frozen, plain, comparable, picklable.

Owns: the vocabulary of the whole program. Imports nothing but the standard library.
Units are in the names: joules ``_j``, seconds ``_s``, watts ``_w``, grams ``_g``.
Unknown energy is ``None``, never 0: 0 would be a measurement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from uuid import UUID

# --- the question: search space and metric -------------------------------------------------------

# A parameter's value: any JSON value (null, boolean, integer, float, text, list, mapping).
Value = Any
Params = Mapping[str, Value]


class Direction(Enum):
    """Which way a metric gets better."""

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"

    def better(self, left: float, right: float) -> bool:
        """Tell whether ``left`` is strictly better than ``right``."""
        return left < right if self is Direction.MINIMIZE else left > right


class Take(Enum):
    """Which report gives a trial its value."""

    LAST = "last"
    BEST = "best"


@dataclass(frozen=True, slots=True)
class Metric:
    """What a trial is judged by.

    Attributes:
        name: The key under which the objective reports it.
        direction: Which way it gets better.
        target: Once a complete trial's value reaches it, no more trials start; None: no target.
        take: Which report is the trial's value.
    """

    name: str
    direction: Direction
    target: float | None = None
    take: Take = Take.LAST

    def reaches_target(self, value: float) -> bool:
        """Tell whether ``value`` is at least as good as the target."""
        if self.target is None:
            return False
        return value == self.target or self.direction.better(value, self.target)


@dataclass(frozen=True, slots=True)
class Constant:
    """A parameter that the search does not vary."""

    value: Value


@dataclass(frozen=True, slots=True)
class Categorical:
    """One of the listed values; lists, mappings and null are values like any other."""

    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class IntUniform:
    """A whole number between ``low`` and ``high``, both included."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Uniform:
    """A real number between ``low`` and ``high``."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class LogUniform:
    """A real number between ``low`` > 0 and ``high``, uniform in its logarithm."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Quantized:
    """A multiple of ``q``: ``round(u / q) * q`` for u in [``low``, ``high``] (W&B's q_uniform).

    The value is an int when ``q`` is an int, else a float.
    """

    low: float
    high: float
    q: int | float


Parameter = Constant | Categorical | IntUniform | Uniform | LogUniform | Quantized
Space = Mapping[str, Parameter]


# --- the states ----------------------------------------------------------------------------------


class TrialState(Enum):
    """Where a trial stands; the values are those of the store."""

    PARKED = "parked"
    RUNNING = "running"
    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"
    LOST = "lost"

    @property
    def settled(self) -> bool:
        """Tell whether the trial has ended and was told to the study."""
        return self in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAILED)


class Source(Enum):
    """Where a trial's outcome came from; the values are those of the store."""

    RUN = "run"
    CACHE = "cache"
    DUPLICATE = "duplicate"
    ATTACHED = "attached"


class RecordStatus(Enum):
    """How the training behind a record ended."""

    COMPLETE = "complete"
    PRUNED = "pruned"
    DIVERGED = "diverged"
    OOM = "oom"
    ERROR = "error"


class SweepState(Enum):
    """Where a sweep stands; the values are those of the store."""

    RUNNING = "running"
    COMPLETE = "complete"
    STOPPED = "stopped"
    FAILED = "failed"


class CauseKind(Enum):
    """Why a trial ended otherwise than by completing."""

    PRUNER = "pruner"
    BUDGET = "budget"
    TIMEOUT = "timeout"
    STOPPED = "stopped"  # Ctrl-C: stays untold and runs again
    HORIZON = "horizon"  # reported past max_steps: complete
    ERROR = "error"  # the objective raised, or reported what it must not
    DIVERGED = "diverged"  # NaN or infinity
    OOM = "oom"  # GPU memory
    WORKER = "worker"  # the worker died: transient


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a trial ended: a class and one line of at most 300 characters."""

    kind: CauseKind
    text: str

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.text}"

    @classmethod
    def parse(cls, line: str) -> Cause:
        """Read back what ``str`` made."""
        kind, _, text = line.partition(": ")
        return cls(CauseKind(kind), text)


# --- energy --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GpuEnergy:
    """What one physical GPU used in a window, and how far this trial shares it.

    Attributes:
        uuid: The board's UUID; indices are never kept.
        energy_j: The share that was booked; None: unknown.
        device_j: What the whole device used in the window; None: unknown.
    """

    uuid: str
    name: str
    energy_j: float | None
    device_j: float | None = None
    power_limit_w: float | None = None


@dataclass(frozen=True, slots=True)
class Energy:
    """An energy account over a window, with where the figure came from.

    Attributes:
        total_j: Joules in the account's scope; None: unknown.
        source: ``measured:counter``, ``measured:rapl``, ``estimated:cpu_load``, ``declared``,
            ``unavailable`` ... (docs/energy.md).
        scope: What the figure covers: ``gpu``, ``cpu`` or ``gpu+cpu``.
        attribution: How a shared device was split: ``exclusive lease cpu_time none``.
        lo_j: The least that the trial can have used; None: unknown.
        hi_j: The most that the trial can have used; None: unknown.
        coverage: Share of the window that the source saw, 0 to 1.
        cpu_j: CPU energy kept apart when ``scope`` is ``gpu``; None: unknown or already inside.
        cpu_source: Where ``cpu_j`` came from.
        gpus: Per device.
        flags: What was odd about the reading (``counter_reset`` ...).
    """

    total_j: float | None
    source: str
    scope: str
    attribution: str = "exclusive"
    lo_j: float | None = None
    hi_j: float | None = None
    coverage: float = 1.0
    cpu_j: float | None = None
    cpu_source: str | None = None
    gpus: tuple[GpuEnergy, ...] = ()
    flags: tuple[str, ...] = ()


UNAVAILABLE = Energy(
    total_j=None, source="unavailable", scope="none", attribution="none", coverage=0.0
)


# What an attempt used that never reached a worker: known, and nothing.
NOTHING = Energy(total_j=0.0, source="none", scope="none", attribution="none")


# The flag of an account that was never closed: it holds what is known, the least.
CUT_SHORT = "cut_short"


@dataclass(frozen=True, slots=True)
class Factors:
    """What turns joules into grams and money, with where each came from.

    Source: docs/energy.md, "From joules to grams and money".

    Attributes:
        g_per_kwh: Grid carbon intensity in g CO2e per kWh.
        intensity_from: Which row, year and basis that is.
        pue: Power usage effectiveness, applied once, at the end.
        price_per_kwh: Electricity price; None: the cost is unknown.
        currency: Of the price.
    """

    g_per_kwh: float
    intensity_from: str
    pue: float = 1.0
    pue_from: str = "not given"
    price_per_kwh: float | None = None
    currency: str = "USD"

    def site_kwh(self, energy_j: float) -> float:
        """Convert device joules into kWh at the site's meter."""
        return energy_j / 3.6e6 * self.pue

    def co2e_g(self, energy_j: float | None) -> float | None:
        """Convert joules into grams of CO2e; None stays None."""
        return None if energy_j is None else self.site_kwh(energy_j) * self.g_per_kwh

    def cost(self, energy_j: float | None) -> float | None:
        """Convert joules into money; None without a price."""
        if energy_j is None or self.price_per_kwh is None:
            return None
        return self.site_kwh(energy_j) * self.price_per_kwh


# --- a trial -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proposal:
    """A point that the study wants to know about.

    Attributes:
        number: The trial's number, ascending from 0 without gaps.
        params: The values as the objective gets them.
        twin: The earlier trial of this study with equal params; None: there is none.
    """

    number: int
    params: Params
    twin: int | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """One step report of a curve; energy and time are cumulative since the trial's start.

    Attributes:
        step: Ascending whole number >= 0.
        values: One finite value per metric of the sweep, in the sweep's order.
        energy_j: Joules so far; None: unknown.
        elapsed_s: Seconds of training so far.
    """

    step: int
    values: tuple[float, ...]
    energy_j: float | None
    elapsed_s: float


Curve = tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the pruner says about a report, and why.

    Attributes:
        prune: Stop the trial.
        rule: The pruner's name.
        rung: The step at which the trial was judged; None: the rule has no rungs.
        value: What was judged.
        threshold: What it was held against.
    """

    prune: bool
    rule: str = "none"
    rung: int | None = None
    value: float | None = None
    threshold: float | None = None

    def __str__(self) -> str:
        rung = "" if self.rung is None else f" at rung {self.rung}"
        if self.value is None or self.threshold is None:
            return f"{self.rule}{rung}"
        return f"{self.rule}{rung}: value {self.value:.6g}, threshold {self.threshold:.6g}"


GO_ON = Verdict(prune=False)


@dataclass(frozen=True, slots=True)
class AttemptId:
    """Names one attempt: trial number, replicate and attempt, each from 0."""

    number: int
    replicate: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Key:
    """Digest of everything that determines a result (docs/cache-key.md).

    Attributes:
        config_key: 64 hex digits, without the seed.
        run_key: 64 hex digits, with the seed.
        seed: The seed of this training.
        sections: ``(name, canonical text)`` of the nine sections, in their fixed order.
    """

    config_key: str
    run_key: str
    seed: int
    sections: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Uncacheable:
    """Why no key could be made: the trial trains normally and its row says why.

    Attributes:
        path: The section or leaf, for instance ``params.model.api_key``.
        why: One line.
    """

    path: str
    why: str

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one trial.

    Attributes:
        id: Its name.
        params: What the objective gets.
        seed: What the worker seeds random, NumPy and torch with.
        key: None: not cacheable.
        uncached: Why ``key`` is None.
        asked: Position of the ask in the sweep's one order of events.
        parked: Waits for somebody else's training instead of running.
    """

    id: AttemptId
    params: Params
    seed: int
    key: Key | None
    uncached: str | None
    asked: int
    parked: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a trial ended.

    Attributes:
        state: complete, pruned, failed; lost for an attempt that is not told.
        curve: Every report that counted.
        final: The trial's values, one per metric; empty unless complete.
        energy: None: nothing of it was trained by this sweep and the record knows no joules.
        elapsed_s: Seconds of training.
        cause: Why it did not complete.
        node: Host name of the worker.
        gpus: UUIDs of the GPUs that the worker held.
    """

    state: TrialState
    curve: Curve
    final: tuple[float, ...] = ()
    energy: Energy = UNAVAILABLE
    elapsed_s: float = 0.0
    cause: Cause | None = None
    node: str | None = None
    gpus: tuple[str, ...] = ()

    @property
    def steps(self) -> int:
        """Return the last step that counted; 0 before the first report."""
        return self.curve[-1].step if self.curve else 0


# --- what the pool says --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StepReport:
    """A worker's trial reached a step and waits to be told to go on or to stop.

    Attributes:
        id: Whose.
        step: As reported, unchecked.
        metrics: What was reported and is a number, NaN and infinity included.
        energy_j: Joules since the trial's start; None: unknown.
        elapsed_s: Seconds since the trial's start.
        unreadable: What was reported and is no number: name and a short description.
    """

    id: AttemptId
    step: int
    metrics: Mapping[str, float]
    energy_j: float | None
    elapsed_s: float
    unreadable: Mapping[str, str] = field(default_factory=dict)


class Ending(Enum):
    """How a worker's trial ended, seen from the worker."""

    RETURNED = "returned"
    STOPPED = "stopped"
    RAISED = "raised"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Ended:
    """A worker's trial is over.

    Attributes:
        id: Whose.
        ending: How.
        cause: One line when it raised or the worker was lost.
        traceback: Full text for the trial's folder, never for the store.
        energy: Its closed account.
        elapsed_s: Seconds since the trial's start.
        node: Host name.
        gpus: UUIDs.
        imported: Project files that the worker had imported by then: POSIX paths below the root,
            absolute ones elsewhere; None: the worker was lost and could not answer.
    """

    id: AttemptId
    ending: Ending
    cause: Cause | None
    traceback: str | None
    energy: Energy
    elapsed_s: float
    node: str
    gpus: tuple[str, ...] = ()
    imported: tuple[str, ...] | None = None


PoolEvent = StepReport | Ended


@dataclass(frozen=True, slots=True)
class Order:
    """Everything that a worker needs to train one attempt.

    Attributes:
        id: Whose.
        params: For the objective.
        seed: For the objective, and what the worker seeds the generators with.
        max_steps: The planned horizon; None: open.
        folder: The trial's folder on the driver's host; created by whoever writes first.
    """

    id: AttemptId
    params: Params
    seed: int
    max_steps: int | None
    folder: str


# --- what the store keeps ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Record:
    """An immutable fact: the reports of one (configuration, seed), trained from zero.

    Attributes:
        uid: Made once by the writer, so that writing twice is harmless.
        run_key: What it answers.
        config_key: The same without the seed.
        seed: The training's seed.
        status: How the training ended.
        curve: Finite points only.
        final: The values at the end; empty unless complete.
        energy: The whole account.
        elapsed_s: Seconds of training.
        hw: JSON-able facts about the hardware.
        tainted: Why it may not be served; None: it may.
        cause: Why it did not complete.
        host: Where it was trained.
        prov: JSON-able provenance: sweep, trial, versions, commit.
        started_at: Seconds since 1970 UTC by the driver's clock.
        ended_at: The same.
        fence: The lease it was trained under; None: none.
    """

    uid: UUID
    run_key: str
    config_key: str
    seed: int
    status: RecordStatus
    curve: Curve
    final: tuple[float, ...]
    energy: Energy
    elapsed_s: float
    hw: Mapping[str, Value]
    tainted: str | None
    cause: str | None
    host: str
    prov: Mapping[str, Value]
    started_at: float
    ended_at: float
    fence: int | None = None

    @property
    def steps_done(self) -> int:
        """Return the last step of the curve; 0 when there is none."""
        return self.curve[-1].step if self.curve else 0


@dataclass(frozen=True, slots=True)
class Hit:
    """The store knows the answer, or a prefix of it."""

    record: Record
    who: str
    stored_at: float


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to train one key until the lease runs out."""

    run_key: str
    fence: int


@dataclass(frozen=True, slots=True)
class Mine:
    """Nobody knows the answer: train it. Without a store the claim is None."""

    claim: Claim | None


@dataclass(frozen=True, slots=True)
class Busy:
    """Somebody else trains exactly this now."""

    who: str
    host: str
    steps: int
    steps_total: int | None
    expires_in_s: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an attempt is; energy and time are absolute, so that a repeated flush is harmless."""

    steps: int
    steps_total: int | None
    energy_j: float | None
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Use:
    """A stored record answered a trial.

    Attributes:
        record_uid: Whose answer.
        kind: cache, attached or duplicate.
        steps_used: How far this study would have trained.
        avoided_j: The record's joules up to there; None: unknown.
        comparable: Same kind of hardware as this sweep would have used.
    """

    record_uid: UUID
    kind: Source
    steps_used: int
    avoided_j: float | None
    comparable: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """One attempt's end, written in one commit.

    Attributes:
        attempt: Whose; its row is made if it is not there yet.
        outcome: How it ended.
        source: Where the outcome came from.
        told: Position of the tell in the sweep's order of events; None: not told (lost, retried).
        record: A new fact for the store; None: nothing to share.
        claim: The lease to give back; None: none.
        use: What a hit avoided; None: trained.
        record_uid: The record that answers or was made.
    """

    attempt: Attempt
    outcome: Outcome
    source: Source
    told: int | None
    record: Record | None = None
    claim: Claim | None = None
    use: Use | None = None

    @property
    def record_uid(self) -> UUID | None:
        """Return the record that was made or that answered."""
        if self.record is not None:
            return self.record.uid
        return self.use.record_uid if self.use is not None else None


@dataclass(frozen=True, slots=True)
class SweepIdentity:
    """What a sweep is called and what makes it the same sweep.

    Attributes:
        name: From the file.
        config: The resolved file as JSON text.
        digest: 64 hex digits over everything that decides proposals or results.
    """

    name: str
    config: str
    digest: str


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One attempt as the ledger knows it."""

    id: AttemptId
    params: Params
    config_key: str | None
    run_key: str | None
    uncached: str | None
    state: TrialState
    asked: int
    told: int | None
    source: Source | None
    record_uid: UUID | None
    curve: Curve
    final: tuple[float, ...]
    energy_j: float | None
    energy: Energy | None
    elapsed_s: float | None
    node: str | None
    gpus: tuple[str, ...]
    cause: str | None
    started_at: float
    ended_at: float | None

    @property
    def steps(self) -> int:
        """Return the last step that counted; 0 before the first report."""
        return self.curve[-1].step if self.curve else 0

    @property
    def trained(self) -> bool:
        """Tell whether a worker of this sweep trained it, however it ended."""
        never_started = self.energy is not None and self.energy.source == NOTHING.source
        return self.source is Source.RUN and not never_started


@dataclass(frozen=True, slots=True)
class UseRow:
    """What one hit of a sweep avoided, and who had trained it."""

    number: int
    replicate: int
    record_uid: UUID
    kind: Source
    steps_used: int
    avoided_j: float | None
    comparable: bool
    producer: str
    producer_host: str
    stored_at: float


@dataclass(frozen=True, slots=True)
class SweepRow:
    """One sweep as the ledger knows it; times are by the store's clock, in seconds since 1970 UTC.

    Attributes:
        uid: Its name for machines.
        overhead_j: Joules of the workers outside trials; None: unknown.
        elapsed_s: Time with a driver, over all continuations.
    """

    uid: UUID
    name: str
    config: str
    digest: str
    state: SweepState
    stopped_by: str | None
    who: str
    host: str
    pid: int
    heartbeat_at: float
    overhead_j: float | None
    elapsed_s: float
    started_at: float
    ended_at: float | None

    @property
    def handle(self) -> str:
        """Return what people type: name and first hex digits of the uid."""
        return sweep_handle(self.name, self.uid)


def sweep_handle(name: str, uid: UUID) -> str:
    """Return what people type for a sweep: name and first four hex digits of the uid."""
    return f"{name}-{uid.hex[:4]}"


@dataclass(frozen=True, slots=True)
class SweepHistory:
    """Everything that the ledger knows about one sweep."""

    sweep: SweepRow
    attempts: tuple[TrialRow, ...]
    uses: tuple[UseRow, ...]


@dataclass(frozen=True, slots=True)
class Begun:
    """A sweep was opened.

    Attributes:
        uid: The sweep's.
        resumed: The same sweep goes on; False: it is new.
        own: Its attempts so far, in order of ``asked``; empty when new.
        leader: Handle of the earlier sweep of the same digest that a new one follows; None: none.
        followed: That sweep's attempts; empty without one.
        elapsed_s: Time with a driver before now.
        overhead_j: Overhead booked before now; None: unknown.
    """

    uid: UUID
    resumed: bool
    own: tuple[TrialRow, ...] = ()
    leader: str | None = None
    followed: tuple[TrialRow, ...] = ()
    elapsed_s: float = 0.0
    overhead_j: float | None = None


# --- what observers see --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SweepBegan:
    """The sweep is open and its past has been told to the study."""

    handle: str
    uid: UUID
    resumed: bool
    leader: str | None
    metric: Metric
    budget_trials: int | None


@dataclass(frozen=True, slots=True)
class TrialStarted:
    """A trial was handed to a worker."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class TrialParked:
    """A trial waits for somebody else's training."""

    attempt: Attempt
    busy: Busy


@dataclass(frozen=True, slots=True)
class TrialReported:
    """A report counted and was judged."""

    id: AttemptId
    point: Point
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class TrialSettled:
    """A trial ended and is in the ledger."""

    settled: Settled
    replayed: bool = field(default=False)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a person should know; said once."""

    text: str


@dataclass(frozen=True, slots=True)
class SweepEnded:
    """Nothing is in flight any more."""

    state: SweepState
    stopped_by: str


Event = SweepBegan | TrialStarted | TrialParked | TrialReported | TrialSettled | Notice | SweepEnded
