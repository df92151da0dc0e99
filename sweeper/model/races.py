"""Searches held against each other: what each took to reach what grid search finds."""

from __future__ import annotations

from dataclasses import dataclass

from sweeper.model.metrics import Metric


@dataclass(frozen=True, slots=True)
class Run:
    """One search in one repetition.

    Attributes:
        method: As it was named; ``grid`` is the exhaustive one.
        repetition: Equal ones share noise, target and grid order.
        grid_j: Joules of the exhaustive grid, every training to its end.
        energy_j: Joules up to where it had found what the grid finds; None: it did not, within the
            grid's joules.
        quality: What its best trial is really worth at its end; None: it has none.
        trials: Trainings that it began.
        pruned: How many of them were stopped early.
    """

    method: str
    repetition: int
    grid_j: float
    energy_j: float | None
    quality: float | None
    trials: int
    pruned: int

    @property
    def ratio(self) -> float:
        """Return its share of the grid's joules; 1 where it did not get there."""
        if self.energy_j is None or self.grid_j <= 0:
            return 1.0
        return min(1.0, self.energy_j / self.grid_j)

    @property
    def charged_j(self) -> float:
        """Return its joules; those of the grid where it did not get there."""
        return self.grid_j if self.energy_j is None else min(self.energy_j, self.grid_j)


@dataclass(frozen=True, slots=True)
class Spread:
    """A median with its quartiles."""

    q25: float
    median: float
    q75: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """A median of paired ratios with its bootstrap 95 % interval over the repetitions."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Standing:
    """How a search stands over all repetitions.

    Attributes:
        energy_j: To the target; a failure is charged the grid's joules.
        to_grid: Over the joules of the exhaustive grid (G1).
        to_shuffled: Over those of the shuffled grid that stops at the target (G2); None: that is
            what it is, or there is none.
        reached: Repetitions that found what the grid finds.
        p: Of Wilcoxon's signed-rank test against G2, two-sided, Holm's correction; None: no test.
        quality: Median of what its best trials are really worth; None: unknown.
        trials: Median.
        pruned: Median.
    """

    method: str
    repetitions: int
    energy_j: Spread
    to_grid: Ratio
    to_shuffled: Ratio | None
    reached: int
    p: float | None
    quality: float | None
    trials: float
    pruned: float


@dataclass(frozen=True, slots=True)
class Race:
    """A comparison of searches.

    Attributes:
        name: Of the sweep file.
        metric: What is compared.
        points: Of the grid.
        repetitions: How many.
        recorded: On recorded results: nothing was trained.
        target: Median of the value that had to be reached.
        standings: The exhaustive grid first.
        trained: Trainings that were started for this comparison.
        spent_j: What they consumed; None: unknown.
        notes: How to read the figures.
    """

    name: str
    metric: Metric
    points: int
    repetitions: int
    recorded: bool
    target: float
    standings: tuple[Standing, ...]
    trained: int
    spent_j: float | None
    notes: tuple[str, ...]
