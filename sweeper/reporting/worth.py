"""What a trial is worth: a value per metric, the mean over its replicates, and their spread.

Owns: these values and the question whether they meet the constraints. Imports ``sweeper.model``
only.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sweeper.model import (
    UNAVAILABLE,
    Curve,
    Factors,
    Goals,
    Outcome,
    Params,
    TrialRow,
    TrialState,
    Value,
)
from sweeper.reporting import figures
from sweeper.reporting.clean import one_line

__all__ = ["Worth", "broken", "objectives", "violations", "worth_of"]

Training = TrialRow | Outcome


@dataclass(frozen=True, slots=True)
class Worth:
    """What a trial is worth.

    Attributes:
        names: The metrics, as in the sweep's ``Goals``.
        values: One per name: the mean over the complete replicates, or of one that is not complete
            what it has reported so far; None: unknown.
        step: Of the report that gave the first metric its value.
        seeds: How many replicates that is the mean of.
        spread: Their sample standard deviation (n - 1), one per name; None: unknown, or one seed.
    """

    names: tuple[str, ...]
    values: tuple[float | None, ...]
    step: int
    seeds: int
    spread: tuple[float | None, ...]

    def written(self, column: int = 0) -> str:
        """Write one metric with its name: ``val_accuracy 0.912 ± 0.004 (3 seeds)``."""
        return f"{one_line(self.names[column])} {self.figure(column)}"

    def figure(self, column: int = 0) -> str:
        """Write one metric without its name; nothing if it is unknown."""
        value, spread = self.values[column], self.spread[column]
        return "" if value is None else figures.mean(value, spread, self.seeds)

    def cell(self, column: int = 0) -> str:
        """Write one metric for a table, in which the seeds have a column of their own."""
        value = self.values[column]
        return "" if value is None else figures.around(value, self.spread[column])

    def to_json(self) -> dict[str, Value]:
        """Return ``metrics``, and with several seeds ``replicates`` and ``spread``."""
        document: dict[str, Value] = {"metrics": self._known(self.values)}
        if self.seeds > 1:
            document |= {"replicates": self.seeds, "spread": self._known(self.spread)}
        return document

    def _known(self, values: Sequence[float | None]) -> dict[str, Value]:
        named = zip(self.names, values, strict=True)
        return {name: value for name, value in named if value is not None}


def worth_of(trainings: Sequence[Training], goals: Goals, factors: Factors) -> Worth | None:
    """Return what a trial is worth; None before it reported anything.

    Args:
        trainings: The latest attempt of each of its replicates.
        goals: What it is judged by.
        factors: For grams and money of one that is not complete.
    """
    complete = [it for it in trainings if it.state is TrialState.COMPLETE]
    counted = complete or [it for it in trainings if it.curve][:1]
    columns = list(zip(*(_values(it, goals, factors) for it in counted), strict=True))
    if not any(value is not None for column in columns for value in column):
        return None
    return Worth(
        names=goals.names,
        values=tuple(_mean(column) for column in columns),
        step=_step(counted[0].curve, goals),
        seeds=len(counted),
        spread=tuple(_spread(column) for column in columns),
    )


def _values(training: Training, goals: Goals, factors: Factors) -> tuple[float | None, ...]:
    """Return the final values, or those so far; what is not finite is unknown."""
    curve = training.curve
    values: Sequence[float | None] = (None,) * len(goals.names)
    if len(training.final) == len(goals.names):
        values = training.final
    elif curve:
        energy = replace(training.energy or UNAVAILABLE, total_j=curve[-1].energy_j)
        values = goals.final(curve, energy, curve[-1].elapsed_s, factors)
    return tuple(it if it is not None and math.isfinite(it) else None for it in values)


def _step(curve: Curve, goals: Goals) -> int:
    decisive = goals.decisive(0, curve)
    if decisive is not None:
        return decisive.step
    return curve[-1].step if curve else 0


def _mean(column: Sequence[float | None]) -> float | None:
    known = [value for value in column if value is not None]
    if len(known) < len(column):
        return None
    return math.fsum(value / len(known) for value in known)


def _spread(column: Sequence[float | None]) -> float | None:
    known = [value for value in column if value is not None]
    if len(known) < len(column) or len(known) < 2:
        return None
    try:
        return statistics.stdev(known)
    except OverflowError:  # more than a float can say
        return None


def objectives(worth: Worth | None, goals: Goals) -> tuple[float, ...] | None:
    """Return a trial's value of each objective; None: one of them is unknown."""
    values = () if worth is None else worth.values[: len(goals.metrics)]
    known = tuple(value for value in values if value is not None)
    return known if len(known) == len(goals.metrics) else None


def violations(worth: Worth, params: Params, goals: Goals) -> dict[str, float]:
    """Return how far each constraint is violated, at most 0 where it holds.

    A metric that is unknown meets nothing.
    """
    values = tuple(math.nan if value is None else value for value in worth.values)
    found = goals.violations(values, params)
    return {it.text: violation for it, violation in zip(goals.constraints, found, strict=True)}


def broken(worth: Worth, params: Params, goals: Goals) -> dict[str, float]:
    """Return the constraints that a trial does not meet, and how far it is from meeting each."""
    found = violations(worth, params, goals)
    return {text: violation for text, violation in found.items() if violation > 0}
