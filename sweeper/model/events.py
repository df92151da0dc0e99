"""What observers see."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from sweeper.model.facts import Busy, Settled
from sweeper.model.metrics import Goals
from sweeper.model.states import SweepState
from sweeper.model.trials import Attempt, AttemptId, Point, Verdict


@dataclass(frozen=True, slots=True)
class SweepBegan:
    """The sweep is open and its past has been told to the study."""

    handle: str
    uid: UUID
    resumed: bool
    leader: str | None
    goals: Goals
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
