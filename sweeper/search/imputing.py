"""What the sampler is told about a trial that failed.

Owns: W&B's ``metric.impute``. Must not import optuna.
"""

from __future__ import annotations

from collections.abc import Sequence

from sweeper.model import Direction, Goals, Impute, Metric

__all__ = ["Imputer"]


class Imputer:
    """Remembers what complete trials reached, and answers for failed ones."""

    def __init__(self, goals: Goals) -> None:
        self._goals = goals
        self._values: list[list[float]] = [[] for _ in goals.metrics]
        self._violations: list[float] = []
        self._latest: dict[int, float] = {}

    def report(self, number: int, value: float) -> None:
        """Note the latest report of the judged metric."""
        self._latest[number] = value

    def complete(self, values: Sequence[float], violations: Sequence[float]) -> None:
        """Note what a complete trial reached."""
        for reached, value in zip(self._values, values, strict=True):
            reached[:] = (min((value, *reached)), max((value, *reached)))
        seen = self._violations or violations
        self._violations = [max(pair) for pair in zip(seen, violations, strict=True)]

    def end(self, number: int) -> None:
        """Forget the reports of a trial."""
        self._latest.pop(number, None)

    def values_of_failed(self, number: int) -> tuple[float, ...] | None:
        """Return one value per objective; None: a metric has no rule, or nothing is known yet."""
        values = [
            self._value(column, metric, number) for column, metric in enumerate(self._goals.metrics)
        ]
        known = tuple(value for value in values if value is not None)
        return known if len(known) == len(values) else None

    @property
    def violations_of_failed(self) -> tuple[float, ...]:
        """Return the worst violation of each constraint so far: a failed trial is no example."""
        return tuple(self._violations or (0.0 for _ in self._goals.constraints))

    def _value(self, column: int, metric: Metric, number: int) -> float | None:
        match metric.impute:
            case None:
                return None
            case Impute.LATEST:
                return self._latest.get(number) if column == self._goals.judged else None
            case _ if not self._values[column]:
                return None
            case impute:
                lowest, highest = self._values[column][0], self._values[column][-1]
                wants_low = (impute is Impute.BEST) == (metric.direction is Direction.MINIMIZE)
                return lowest if wants_low else highest
