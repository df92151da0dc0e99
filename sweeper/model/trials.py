"""A trial from its proposal to its outcome."""

from __future__ import annotations

from dataclasses import dataclass

from sweeper.model.energy import UNAVAILABLE, Energy
from sweeper.model.space import Params
from sweeper.model.states import Cause, TrialState


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
        values: One per name of the sweep's ``Goals``, in their order, finite; None: not reported
            here, or built in and derived from energy and time.
        energy_j: Joules so far; None: unknown.
        elapsed_s: Seconds of training so far.
    """

    step: int
    values: tuple[float | None, ...]
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
class Decision:
    """A verdict that compared something, and the step of the report that it was about."""

    step: int
    verdict: Verdict


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
        final: The trial's values, one per name of the sweep's ``Goals``; empty unless complete.
        energy: None: nothing of it was trained by this sweep and the record knows no joules.
        elapsed_s: Seconds of training.
        cause: Why it did not complete.
        node: Host name of the worker.
        gpus: UUIDs of the GPUs that the worker held.
        decisions: What early stopping decided on the way.
    """

    state: TrialState
    curve: Curve
    final: tuple[float, ...] = ()
    energy: Energy = UNAVAILABLE
    elapsed_s: float = 0.0
    cause: Cause | None = None
    node: str | None = None
    gpus: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()

    @property
    def steps(self) -> int:
        """Return the last step that counted; 0 before the first report."""
        return self.curve[-1].step if self.curve else 0
