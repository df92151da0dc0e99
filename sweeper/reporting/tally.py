"""What an observer knows of a running sweep, from its events alone.

Owns: the running counts and sums that the live table and the plain lines show. Imports
``sweeper.model`` only.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from sweeper.model import (
    Attempt,
    AttemptId,
    Busy,
    Cause,
    Event,
    Factors,
    Goals,
    Outcome,
    Params,
    Point,
    Settled,
    Source,
    SweepBegan,
    SweepEnded,
    TrialParked,
    TrialReported,
    TrialSettled,
    TrialStarted,
    TrialState,
    weakest,
)
from sweeper.reporting.accounts import STORE
from sweeper.reporting.front import Front
from sweeper.reporting.physical import Total, physical, total
from sweeper.reporting.whole_trial import WholeTrial, whole_trial
from sweeper.reporting.worth import Worth, broken, objectives

__all__ = ["BestSoFar", "Parked", "Running", "Tally"]

_ENOUGH = 3  # trained trials before a forecast is more than a guess


@dataclass(slots=True)
class Running:
    """A training on a worker, with its last report and the last value of the first objective."""

    attempt: Attempt
    point: Point | None = None
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Parked:
    """A trial that waits for somebody else's training."""

    attempt: Attempt
    busy: Busy


@dataclass(frozen=True, slots=True)
class BestSoFar:
    """The best feasible trial so far, by the first objective."""

    number: int
    params: Params
    worth: Worth
    source: Source


class Tally:
    """Counts a sweep's events.

    Args:
        budget_trials: Of the sweep; ``SweepBegan`` may know it too. None: open.
        factors: From joules to grams and money.
        clock: Monotonic seconds.
    """

    def __init__(
        self, *, budget_trials: int | None, factors: Factors, clock: Callable[[], float]
    ) -> None:
        self.budget_trials = budget_trials
        self.factors = factors
        self.began: SweepBegan | None = None
        self.ended: SweepEnded | None = None
        self.running: dict[tuple[int, int], Running] = {}
        self.parked: dict[tuple[int, int], Parked] = {}
        self.states: Counter[TrialState] = Counter()
        self.sources: Counter[Source] = Counter()
        self.best: BestSoFar | None = None
        self.last_failure: tuple[int, Cause | None] | None = None
        self._front: Front | None = None
        self._ends: dict[int, dict[int, Settled]] = {}
        self._clock = clock
        self._started_at = clock()
        self._workers = 0
        self._seconds: list[float] = []
        self._spent: list[float | None] = []
        self._avoided: list[float | None] = []
        self._labels: set[str] = set()

    def take(self, event: Event) -> WholeTrial | None:
        """Count one event; return the trial that it ended, if it ended one."""
        match event:
            case SweepBegan():
                self._begin(event)
            case TrialStarted(attempt):
                self.parked.pop(_place(attempt.id), None)
                self.running[_place(attempt.id)] = Running(attempt)
                self._workers = max(self._workers, len(self.running))
            case TrialParked(attempt, busy):
                self.parked[_place(attempt.id)] = Parked(attempt, busy)
            case TrialReported(attempt_id, point):
                self._report(attempt_id, point)
            case TrialSettled(settled):
                return self._settle(settled)
            case SweepEnded():
                self.ended = event
        return None

    def _begin(self, began: SweepBegan) -> None:
        self.began = began
        self._started_at = self._clock()
        if began.budget_trials is not None:
            self.budget_trials = began.budget_trials
        if len(began.goals.metrics) > 1:
            self._front = Front(began.goals.metrics)

    def _report(self, attempt: AttemptId, point: Point) -> None:
        running = self.running.get(_place(attempt))
        if running is None:
            return
        running.point = point
        if self.goals is not None:
            value = self.goals.value_at(point, 0, self.factors)
            running.value = running.value if value is None else value

    @property
    def goals(self) -> Goals | None:
        """Return what trials are judged by; None before the sweep began."""
        return None if self.began is None else self.began.goals

    @property
    def on_front(self) -> int | None:
        """Return how many trials no other one beats so far; None: there is one objective."""
        return None if self._front is None else len(self._front.numbers)

    @property
    def settled(self) -> int:
        """Return how many trials are settled, duplicates too."""
        return self.states.total()

    @property
    def done(self) -> int:
        """Return how many trials count towards the budget: settled ones, duplicates not."""
        return self.settled - self.sources[Source.DUPLICATE]

    @property
    def elapsed_s(self) -> float:
        """Return the seconds since this driver began."""
        return self._clock() - self._started_at

    @property
    def left_s(self) -> float | None:
        """Estimate the seconds left: median trained trial x remaining / workers; None: unknown."""
        if self.budget_trials is None or len(self._seconds) < _ENOUGH or not self._workers:
            return None
        remaining = max(0, self.budget_trials - self.done)
        return statistics.median(self._seconds) * remaining / self._workers

    @property
    def spent(self) -> Total:
        """Return what trials consumed so far, those in flight too; the overhead comes at the end.

        A trial in flight that has not reported joules yet is no missing term.
        """
        points = [trial.point for trial in self.running.values() if trial.point is not None]
        growing = [physical(point.energy_j) for point in points]
        return total([*self._spent, *(term for term in growing if term is not None)])

    @property
    def avoided(self) -> Total:
        """Return what the store's answers avoided so far."""
        return total(self._avoided)

    @property
    def source(self) -> str | None:
        """Return the weakest source of the joules; None: nothing is known yet."""
        return weakest(self._labels)

    def _settle(self, settled: Settled) -> WholeTrial | None:
        """Book the end of a training; with the last one its trial has ended."""
        attempt, outcome = settled.attempt, settled.outcome
        self.running.pop(_place(attempt.id), None)
        self.parked.pop(_place(attempt.id), None)
        if settled.source is Source.RUN:
            self._book(outcome)
        if not outcome.state.settled:
            return None  # lost: it was paid for, but the trial goes on
        if settled.source in STORE:
            # A trial of this sweep's own past comes without its use; the joules are the same.
            use = settled.use
            self._avoided.append(outcome.energy.total_j if use is None else use.avoided_j)
        self._ends.setdefault(attempt.id.number, {})[attempt.id.replicate] = settled
        if settled.told is None:
            return None  # it is tried again, or another replicate is missing
        ended = whole_trial(self._ends.pop(attempt.id.number), self.goals, self.factors)
        self._count(ended)
        return ended

    def _book(self, outcome: Outcome) -> None:
        self._spent.append(outcome.energy.total_j)
        if physical(outcome.energy.total_j) is not None:
            self._labels.add(outcome.energy.source)

    def _count(self, trial: WholeTrial) -> None:
        self.states[trial.state] += 1
        self.sources[trial.source] += 1
        if trial.source is Source.RUN:
            self._seconds.append(trial.trained_s)
        if trial.state is TrialState.FAILED:
            self.last_failure = (trial.number, trial.cause)
        if trial.state is TrialState.COMPLETE:
            self._compare(trial)

    def _compare(self, trial: WholeTrial) -> None:
        goals, worth = self.goals, trial.worth
        if goals is None or worth is None:
            return
        values = objectives(worth, goals)
        if values is None or broken(worth, trial.params, goals):
            return
        if self._front is not None and trial.source is not Source.DUPLICATE:
            self._front.add(trial.number, values)
        best = self.best
        if best is None or self._beats((values[0], trial.number), best, goals):
            self.best = BestSoFar(trial.number, trial.params, worth, trial.source)

    def _beats(self, challenger: tuple[float, int], best: BestSoFar, goals: Goals) -> bool:
        """Tell whether a trial is better, or as good with a lower number, as in the summary."""
        value, number = challenger
        standing = best.worth.values[0]
        if standing is None or value == standing:
            return number < best.number
        return goals.first.direction.better(value, standing)


def _place(attempt: AttemptId) -> tuple[int, int]:
    return attempt.number, attempt.replicate
