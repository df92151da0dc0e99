"""Which trials of a sweep a page lists, and in which order.

Owns: what ``sweeper show --failed --best --sort -n`` mean. Imports ``sweeper.model`` only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from sweeper.model import Direction, TrialState
from sweeper.reporting.documents import spent_by
from sweeper.reporting.outcomes import TrialView
from sweeper.reporting.physical import physical
from sweeper.reporting.summary import Summary
from sweeper.reporting.worth import worth_of

__all__ = ["EVERYTHING", "Order", "Selection", "select"]


class Order(Enum):
    """What trials are sorted by; the values are those of the command line."""

    NUMBER = "number"
    VALUE = "value"
    ENERGY = "energy"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which trials are listed.

    Attributes:
        failed: Only those that failed.
        best: Only the best one, or the front; where nothing is feasible what comes nearest.
        order: By number; or the best value, the most joules or the longest time first, what is
            unknown last.
        most: So many of them; None: all.
    """

    failed: bool = False
    best: bool = False
    order: Order = Order.NUMBER
    most: int | None = None

    @property
    def words(self) -> str:
        """Return what the trials have in common, as before "trial"; empty: nothing."""
        return {(True, False): "failed", (False, True): "best"}.get((self.failed, self.best), "")


EVERYTHING = Selection()


def select(
    trials: Sequence[TrialView], summary: Summary, selection: Selection
) -> tuple[tuple[TrialView, ...], int]:
    """Choose and sort trials.

    Returns:
        Those to list, and how many more were meant.
    """
    chosen = [trial for trial in trials if _is_meant(trial, summary, selection)]
    if selection.order is not Order.NUMBER:
        chosen.sort(key=lambda trial: _rank(trial, summary, selection.order))
    shown = tuple(chosen[: selection.most])
    return shown, len(chosen) - len(shown)


def _is_meant(trial: TrialView, summary: Summary, selection: Selection) -> bool:
    if selection.failed and not (trial.settled and trial.state is TrialState.FAILED):
        return False
    return not selection.best or trial.number in _best_numbers(summary)


def _best_numbers(summary: Summary) -> set[int]:
    finds = summary.finds
    named = (finds.best, finds.nearest, *finds.front)
    return {it.number for it in named if it is not None}


def _rank(trial: TrialView, summary: Summary, order: Order) -> tuple[bool, float]:
    """Return what sorts a trial: unknown last, and those with equal figures by number."""
    match order:
        case Order.VALUE:
            worth = worth_of(trial.trainings, summary.goals, summary.factors)
            value = None if worth is None else worth.values[0]
            sign = 1.0 if summary.goals.first.direction is Direction.MINIMIZE else -1.0
        case Order.ENERGY:
            value, sign = spent_by(trial).energy_j, -1.0
        case _:
            value, sign = physical(trial.elapsed_s), -1.0
    return (True, 0.0) if value is None else (False, sign * value)
