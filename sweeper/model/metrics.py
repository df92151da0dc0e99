"""What trials are judged by, and how a curve becomes a value.

A curve holds what the objective reported, and joules and seconds. Built-in metrics (``energy_kwh``
...) are derived from those wherever they are needed and never stored in a curve: grams and money
depend on who asks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from sweeper.expression import Expression
from sweeper.model.energy import Energy, Factors, RegionEnergy
from sweeper.model.space import Params
from sweeper.model.trials import Curve, Point


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


class Impute(Enum):
    """Which value a sampler is told for a trial that failed (W&B: ``metric.impute``)."""

    WORST = "worst"
    BEST = "best"
    LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Metric:
    """What a trial is judged by.

    Attributes:
        name: The key under which the objective reports it, or a built-in one.
        direction: Which way it gets better.
        target: Once a complete trial's value reaches it, no more trials start; None: no target.
        take: Which report is the trial's value.
        impute: What the sampler is told for a failed trial; None: nothing.
    """

    name: str
    direction: Direction
    target: float | None = None
    take: Take = Take.LAST
    impute: Impute | None = None

    def reaches_target(self, value: float) -> bool:
        """Tell whether ``value`` is at least as good as the target."""
        if self.target is None:
            return False
        return value == self.target or self.direction.better(value, self.target)


# Metrics that nobody has to report, with their units in their names where they have one fixed
# unit; cost is in the currency of ``energy.currency``.
BUILT_IN = ("energy_j", "energy_kwh", "co2e_g", "cost", "duration_s")


# What ``with trial.measure("inference"):`` gives: ``inference_energy_j`` and the like.
_OF_REGION = re.compile(r"([A-Za-z]\w*)_(energy_j|energy_kwh|duration_s)")


def region_metric(name: str) -> tuple[str, str] | None:
    """Return the region and the quantity that a metric's name speaks of; None: of no region."""
    found = _OF_REGION.fullmatch(name)
    return None if found is None else (found[1], found[2])


def is_built_in(name: str) -> bool:
    """Tell whether a metric need not be reported; one of a region must be measured, though."""
    return name in BUILT_IN or region_metric(name) is not None


def built_in(
    name: str,
    energy_j: float | None,
    elapsed_s: float,
    factors: Factors,
    *,
    regions: Sequence[RegionEnergy] = (),
) -> float | None:
    """Return the value of a built-in metric; None: unknown, or ``name`` is no such metric."""
    of_region = region_metric(name)
    if of_region is not None:
        region = next((region for region in regions if region.name == of_region[0]), None)
        if region is None:
            return None
        return built_in(of_region[1], region.energy_j, region.elapsed_s, factors)
    match name:
        case "energy_j":
            return energy_j
        case "energy_kwh":
            return None if energy_j is None else energy_j / 3.6e6
        case "co2e_g":
            return factors.co2e_g(energy_j)
        case "cost":
            return factors.cost(energy_j)
        case "duration_s":
            return elapsed_s
        case _:
            return None


@dataclass(frozen=True, slots=True)
class Goals:
    """Everything that trials are judged by.

    Attributes:
        metrics: The objectives, one or more, in the order of the file.
        constraints: On outcomes: over metrics, built-in ones, and parameters by dotted path.
        judged: Position of the metric that early stopping judges.
        names: Every metric that a curve has a column for: the objectives in their order, then what
            only constraints name.
    """

    metrics: tuple[Metric, ...]
    names: tuple[str, ...]
    constraints: tuple[Expression, ...] = ()
    judged: int = 0

    @classmethod
    def of(cls, *metrics: Metric) -> Goals:
        """Make the goals of a sweep without constraints."""
        return cls(metrics, tuple(metric.name for metric in metrics))

    @property
    def first(self) -> Metric:
        """Return the first objective, by which trials are listed."""
        return self.metrics[0]

    @property
    def built_in(self) -> tuple[str, ...]:
        """Return the columns that are filled from joules and seconds unless they are reported."""
        return tuple(name for name in self.names if is_built_in(name))

    def value_at(self, point: Point, column: int, factors: Factors) -> float | None:
        """Return a metric at one report; None: it was not reported there and is not built in."""
        value = point.values[column]
        if value is not None:
            return value
        return built_in(self.names[column], point.energy_j, point.elapsed_s, factors)

    def final(
        self, curve: Curve, energy: Energy, elapsed_s: float, factors: Factors
    ) -> tuple[float | None, ...]:
        """Return the values of a trial that is over, one per name.

        Args:
            curve: Its reports.
            energy: Its account, with the regions that it measured.
            elapsed_s: All the time that it took.
            factors: For grams and money.

        Returns:
            None where a metric is unknown. A built-in metric that the objective never reported is
            that of the whole trial.
        """
        return tuple(
            self._final(column, curve)
            if any(point.values[column] is not None for point in curve)
            else built_in(name, energy.total_j, elapsed_s, factors, regions=energy.regions)
            for column, name in enumerate(self.names)
        )

    def _final(self, column: int, curve: Curve) -> float | None:
        point = self.decisive(column, curve)
        return None if point is None else point.values[column]

    def decisive(self, column: int, curve: Curve) -> Point | None:
        """Return the report that gives a trial its value; the earliest of equally good ones."""
        reported = [point for point in curve if point.values[column] is not None]
        if not reported:
            return None
        metric = self.metrics[column] if column < len(self.metrics) else None
        if metric is None or metric.take is Take.LAST:
            return reported[-1]
        sign = 1.0 if metric.direction is Direction.MINIMIZE else -1.0
        return min(reported, key=lambda point: sign * (point.values[column] or 0.0))

    def violations(self, final: tuple[float, ...], params: Params) -> tuple[float, ...]:
        """Return how far each constraint is violated: at most 0 where it holds."""
        values: Mapping[str, object] = {**params, **dict(zip(self.names, final, strict=True))}
        return tuple(constraint.violation(values) for constraint in self.constraints)
