"""From attempts to trials: which attempt counts, whether it is settled, what it is worth.

Owns: the rule "one trial, one number". Imports ``sweeper.model`` only.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from sweeper.model import Curve, Metric, Source, SweepHistory, Take, TrialRow, TrialState

__all__ = ["Score", "TrialView", "from_store", "trials_of", "worth"]


@dataclass(frozen=True, slots=True)
class TrialView:
    """One trial with everything that was tried for it.

    Attributes:
        outcome: The highest attempt of the first replicate: how the trial stands.
        attempts: All rows of this number, by replicate and attempt.
    """

    outcome: TrialRow
    attempts: tuple[TrialRow, ...]

    @property
    def number(self) -> int:
        """Return the trial's number."""
        return self.outcome.id.number

    @property
    def settled(self) -> bool:
        """Tell whether it has ended for good: a failed attempt that is to be retried has not."""
        return self.outcome.state.settled and any(row.told is not None for row in self.attempts)

    @property
    def complete(self) -> bool:
        """Tell whether it is settled with a value."""
        return self.settled and self.outcome.state is TrialState.COMPLETE


@dataclass(frozen=True, slots=True)
class Score:
    """What a trial is worth, and the step at which it was reported."""

    value: float
    step: int


def trials_of(history: SweepHistory) -> tuple[TrialView, ...]:
    """Return the sweep's trials in ascending order of their numbers."""
    rows: defaultdict[int, list[TrialRow]] = defaultdict(list)
    for row in sorted(history.attempts, key=lambda r: (r.id.replicate, r.id.attempt)):
        rows[row.id.number].append(row)
    return tuple(_view(rows[number]) for number in sorted(rows))


def _view(rows: list[TrialRow]) -> TrialView:
    first = rows[0].id.replicate
    outcome = [row for row in rows if row.id.replicate == first][-1]
    return TrialView(outcome, tuple(rows))


def worth(curve: Curve, final: tuple[float, ...], metric: Metric) -> Score | None:
    """Return what a trial is worth by ``metric.take``; None before it reported anything.

    The judged metric is the first of each report. The earliest of equally good reports counts.
    """
    scores = [Score(point.values[0], point.step) for point in curve if point.values]
    if final:
        scores.append(Score(final[0], curve[-1].step if curve else 0))
    if not scores:
        return None
    if metric.take is Take.LAST:
        return scores[-1]
    best = scores[0]
    for score in scores[1:]:
        if metric.direction.better(score.value, best.value):
            best = score
    return best


def from_store(row: TrialRow, history: SweepHistory) -> bool:
    """Tell whether an outcome was trained outside this sweep, directly or as a copy of such."""
    hits = (Source.CACHE, Source.ATTACHED)
    if row.source is not Source.DUPLICATE:
        return row.source in hits
    return row.record_uid is not None and any(
        other.source in hits and other.record_uid == row.record_uid for other in history.attempts
    )
