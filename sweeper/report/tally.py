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
    Busy,
    Cause,
    Event,
    Metric,
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
)
from sweeper.report.accounts import STORE, Total, physical, total, weakest
from sweeper.report.outcomes import Score, worth

__all__ = ["BestSoFar", "Parked", "Running", "Tally"]

_ENOUGH = 3  # trained trials before a forecast is more than a guess


@dataclass(slots=True)
class Running:
    """A trial on a worker, with its last report."""

    attempt: Attempt
    point: Point | None = None


@dataclass(frozen=True, slots=True)
class Parked:
    """A trial that waits for somebody else's training."""

    attempt: Attempt
    busy: Busy


@dataclass(frozen=True, slots=True)
class BestSoFar:
    """The best complete trial so far."""

    number: int
    params: Params
    score: Score
    source: Source


class Tally:
    """Counts a sweep's events.

    Args:
        budget_trials: Of the sweep; ``SweepBegan`` may know it too. None: open.
        clock: Monotonic seconds.
    """

    def __init__(self, *, budget_trials: int | None, clock: Callable[[], float]) -> None:
        self.budget_trials = budget_trials
        self.began: SweepBegan | None = None
        self.ended: SweepEnded | None = None
        self.running: dict[int, Running] = {}
        self.parked: dict[int, Parked] = {}
        self.states: Counter[TrialState] = Counter()
        self.sources: Counter[Source] = Counter()
        self.best: BestSoFar | None = None
        self.last_failure: tuple[int, Cause | None] | None = None
        self._clock = clock
        self._started_at = clock()
        self._workers = 0
        self._seconds: list[float] = []
        self._spent: list[float | None] = []
        self._avoided: list[float | None] = []
        self._labels: set[str] = set()

    def take(self, event: Event) -> None:
        """Count one event."""
        match event:
            case SweepBegan():
                self.began = event
                self._started_at = self._clock()
                if event.budget_trials is not None:
                    self.budget_trials = event.budget_trials
            case TrialStarted(attempt):
                self.parked.pop(attempt.id.number, None)
                self.running[attempt.id.number] = Running(attempt)
                self._workers = max(self._workers, len(self.running))
            case TrialParked(attempt, busy):
                self.parked[attempt.id.number] = Parked(attempt, busy)
            case TrialReported(attempt_id, point):
                if (running := self.running.get(attempt_id.number)) is not None:
                    running.point = point
            case TrialSettled(settled):
                self._settle(settled)
            case SweepEnded():
                self.ended = event

    @property
    def metric(self) -> Metric | None:
        """Return what trials are judged by; None before the sweep began."""
        return None if self.began is None else self.began.metric

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

    def _settle(self, settled: Settled) -> None:
        number = settled.attempt.id.number
        self.running.pop(number, None)
        self.parked.pop(number, None)
        outcome = settled.outcome
        if settled.source is Source.RUN:
            self._book(outcome)
        if settled.told is None or not outcome.state.settled:
            return  # lost or to be retried: it was paid for, but the trial goes on
        self.states[outcome.state] += 1
        self.sources[settled.source] += 1
        if settled.source is Source.RUN:
            self._seconds.append(outcome.elapsed_s)
        if settled.source in STORE:
            # A trial of this sweep's own past comes without its use; the joules are the same.
            use = settled.use
            self._avoided.append(outcome.energy.total_j if use is None else use.avoided_j)
        if outcome.state is TrialState.FAILED:
            self.last_failure = (number, outcome.cause)
        if outcome.state is TrialState.COMPLETE:
            self._compare(settled)

    def _book(self, outcome: Outcome) -> None:
        self._spent.append(outcome.energy.total_j)
        if physical(outcome.energy.total_j) is not None:
            self._labels.add(outcome.energy.source)

    def _compare(self, settled: Settled) -> None:
        score = None
        if self.metric is not None:
            score = worth(settled.outcome.curve, settled.outcome.final, self.metric)
        if score is None or self.metric is None:
            return
        number = settled.attempt.id.number
        if self.best is not None and not self._beats(number, score, self.best):
            return
        self.best = BestSoFar(number, settled.attempt.params, score, settled.source)

    def _beats(self, number: int, score: Score, best: BestSoFar) -> bool:
        """Tell whether a trial is better, or as good with a lower number, as in the summary."""
        if score.value == best.score.value:
            return number < best.number
        return self.metric is not None and self.metric.direction.better(
            score.value, best.score.value
        )
