"""What the grid search that a sweep replaces would have cost, and what the sweep saved.

Owns: this estimate, its split, and the question whether a saving may be claimed at all
(docs/savings.md). Never clipped and never netted with what was consumed. Imports ``sweeper.model``
only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sweeper.model import Factors, Params, SweepHistory, SweepState, Value
from sweeper.reporting import figures
from sweeper.reporting.accounts import EnergyAccount
from sweeper.reporting.bootstrap import CONFIDENCE, Interval, mean_interval
from sweeper.reporting.clean import jsonable, one_line
from sweeper.reporting.full_costs import FullCost, full_costs
from sweeper.reporting.outcomes import TrialView
from sweeper.reporting.physical import total

__all__ = ["MOST_UNSTATED", "GridSearch", "Saving", "Split", "saving_of"]

MOST_UNSTATED = 1000  # points of a grid that nobody stated


@dataclass(frozen=True, slots=True)
class GridSearch:
    """The grid search that a sweep replaces.

    Attributes:
        points: How many; None: too many to be listed.
        levels: How many values of each parameter, by dotted path.
        stated: The file says so; else it is assumed.
        place: Names the grid's point that params are; None: they are not on the grid.
    """

    points: int | None
    levels: Mapping[str, int]
    stated: bool
    place: Callable[[Params], Hashable | None]


@dataclass(frozen=True, slots=True)
class Split:
    """Where a saving comes from: fewer points + pruning + cache - overhead - lost.

    Attributes:
        fewer_points_j: The grid, less all points that were asked, trained to their end.
        pruning_j: What asked points were not trained to their end.
        cache_j: What the store answered instead of a training.
        overhead_j: What the sweep's workers used outside trials; the grid is charged none.
        lost_j: What attempts used that were lost and made again.
    """

    fewer_points_j: float
    pruning_j: float
    cache_j: float
    overhead_j: float
    lost_j: float

    def to_json(self) -> dict[str, Value]:
        """Return the object ``split``."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class Saving:
    """What a grid search would have cost, and what the sweep saved against it. Estimates.

    Attributes:
        points: Of the grid; None: too many to be listed.
        stated: The file states the grid.
        levels: Values of each parameter, by dotted path.
        counterfactual_j: Joules of the grid search; None: not known, or not claimed.
        measured: Points of the grid that the sweep knows from end to end.
        projected: Points that it trained in part.
        assumed: Points that it never tried: they take the mean of the full trainings.
        full_trainings: How many trials that is the mean of.
        full_mean_j: That mean; None: there is none.
        pruned_mean_j: Mean of the pruned trials, projected to their end, for comparison.
        saved_j: The grid's joules less all that was consumed; None: nothing is claimed.
        at_most: What was consumed is not wholly known, so that the saving is less than this.
        split: Where it comes from; None: not known.
        why_not: Why nothing is claimed; None: something is.
        assumptions: In words.
    """

    points: int | None
    stated: bool
    levels: Mapping[str, int]
    counterfactual_j: Interval | None = None
    measured: int = 0
    projected: int = 0
    assumed: int = 0
    full_trainings: int = 0
    full_mean_j: float | None = None
    pruned_mean_j: float | None = None
    saved_j: Interval | None = None
    at_most: bool = False
    split: Split | None = None
    why_not: str | None = None
    assumptions: tuple[str, ...] = field(default_factory=tuple)

    @property
    def share(self) -> float | None:
        """Return the saving as a share of the grid's joules; None: nothing is claimed."""
        if self.saved_j is None or self.counterfactual_j is None:
            return None
        whole_j = self.counterfactual_j.value
        return self.saved_j.value / whole_j if whole_j > 0 else None

    def to_json(self, factors: Factors) -> dict[str, Value]:
        """Return the object ``grid`` of a summary."""
        grid_j = None if self.counterfactual_j is None else self.counterfactual_j.value
        return {
            "points": self.points,
            "stated": self.stated,
            "levels": dict(self.levels),
            "counterfactual_j": None if grid_j is None else jsonable(grid_j),
            **_ends("counterfactual", self.counterfactual_j),
            "counterfactual_co2e_g": jsonable(factors.co2e_g(grid_j)),
            "counterfactual_cost": jsonable(factors.cost(grid_j)),
            "confidence": CONFIDENCE,
            "measured": self.measured,
            "projected": self.projected,
            "assumed": self.assumed,
            "full_trainings": self.full_trainings,
            "full_mean_j": jsonable(self.full_mean_j),
            "pruned_mean_j": jsonable(self.pruned_mean_j),
            "saved_j": None if self.saved_j is None else jsonable(self.saved_j.value),
            **_ends("saved", self.saved_j),
            "saved_share": jsonable(self.share),
            "at_most": self.at_most,
            "split": None if self.split is None else self.split.to_json(),
            "why_not": self.why_not,
            "assumptions": list(self.assumptions),
        }


def _ends(name: str, it: Interval | None) -> dict[str, Value]:
    low, high = (None, None) if it is None else (it.low, it.high)
    return {f"{name}_low_j": jsonable(low), f"{name}_high_j": jsonable(high)}


def saving_of(
    grid: GridSearch,
    history: SweepHistory,
    trials: Sequence[TrialView],
    energy: EnergyAccount,
    *,
    max_steps: int | None,
    replicates: int,
) -> Saving:
    """Estimate what the grid search would have cost, and what was saved.

    Source: docs/savings.md, which has the formula and a case worked out by hand.

    Args:
        grid: The grid search that is replaced.
        history: Of the sweep.
        trials: Its trials.
        energy: What it consumed.
        max_steps: The horizon; None: open.
        replicates: Trainings of each point.
    """
    costs = full_costs(trials, history, max_steps=max_steps, replicates=replicates)
    full = [cost.full_j for cost in costs if cost.is_measured and cost.full_j is not None]
    bare = Saving(
        grid.points,
        grid.stated,
        grid.levels,
        full_trainings=len(full),
        full_mean_j=math.fsum(full) / len(full) if full else None,
        pruned_mean_j=_mean([cost.full_j for cost in costs if cost.is_projected]),
    )
    refused = _unknown(grid, full)
    if refused is not None or grid.points is None:
        return replace(bare, why_not=refused)
    mean = mean_interval(full)
    known = _on_grid(grid, costs)
    measured = [cost for cost in known if not cost.is_projected]
    projected = [cost for cost in known if cost.is_projected]
    assumed = max(0, grid.points - len(known))
    sure_j = math.fsum(cost.full_j or 0.0 for cost in known)
    whole = mean.scaled(assumed, sure_j)
    found = replace(
        bare,
        counterfactual_j=whole if assumed else Interval(sure_j, sure_j, sure_j),
        measured=len(measured),
        projected=len(projected),
        assumed=assumed,
    )
    found = replace(found, assumptions=_assumptions(found, energy))
    why_not = _unclaimed(history, energy)
    if why_not is not None or energy.spent_j is None or found.counterfactual_j is None:
        return replace(found, why_not=why_not)
    return replace(
        found,
        saved_j=found.counterfactual_j.scaled(1.0, -energy.spent_j),
        at_most=energy.unknown_terms > 0,
        split=_split(found.counterfactual_j.value, mean.value, costs, history, energy),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None


def _unknown(grid: GridSearch, full: Sequence[float]) -> str | None:
    """Say why the grid's joules cannot be known; None: they can."""
    if grid.points is None:
        return "the grid has too many points to be listed; state a smaller one with grid.levels"
    if not grid.stated and grid.points > MOST_UNSTATED:
        return (
            f"nobody states the grid, and the assumed one has {figures.count(grid.points)} points; "
            "say which one you would have run with grid.levels"
        )
    if not full:
        return "no trial with known joules was trained to its end"
    return None


def _on_grid(grid: GridSearch, costs: Sequence[FullCost]) -> list[FullCost]:
    """Return the trials that are points of the grid, one per point."""
    found: dict[Hashable, FullCost] = {}
    for cost in costs:
        place = None if cost.full_j is None else grid.place(cost.params)
        if place is not None:
            found.setdefault(place, cost)
    return list(found.values())


def _unclaimed(history: SweepHistory, energy: EnergyAccount) -> str | None:
    """Say why no saving is claimed although the grid's joules are known; None: it is."""
    state = history.sweep.state
    if state is SweepState.RUNNING:
        return "the sweep is still running"
    if state is SweepState.STOPPED:
        return "the sweep was stopped before its end"
    if state is SweepState.FAILED:
        return "the sweep failed"
    return "what the sweep consumed is unknown" if energy.spent_j is None else None


def _split(
    grid_j: float,
    mean_j: float,
    costs: Sequence[FullCost],
    history: SweepHistory,
    energy: EnergyAccount,
) -> Split | None:
    """Split a saving up; None: a term of what was consumed is unknown."""
    if energy.unknown_terms or energy.overhead_j is None:
        return None
    filled = [cost.filled(mean_j) for cost in costs]
    latest = {row.id for cost in costs for row in cost.rows}
    lost = total(r.energy_j for r in history.attempts if r.trained and r.id not in latest)
    return Split(
        fewer_points_j=grid_j - math.fsum(cost.full_j or 0.0 for cost in filled),
        pruning_j=math.fsum(cost.pruning_j for cost in filled),
        cache_j=math.fsum(cost.cache_j for cost in filled),
        overhead_j=energy.overhead_j,
        lost_j=lost.energy_j or 0.0,
    )


def _assumptions(saving: Saving, energy: EnergyAccount) -> tuple[str, ...]:
    """Word what the estimate rests on."""
    levels = ", ".join(f"{one_line(name)} {n}" for name, n in saving.levels.items())
    whose = "as the file states" if saving.stated else "assumed: grid.levels states yours"
    words = [
        f"a grid of {levels or 'one value each'} ({whose}), each point trained once to its end, "
        "without overhead, pruning or store"
    ]
    if saving.assumed and saving.full_mean_j is not None:
        words.append(
            f"{figures.count(saving.assumed)} points that were not tried cost the mean of "
            f"{figures.count(saving.full_trainings, 'full training')}, "
            f"{figures.energy(saving.full_mean_j)}; the search chose those"
            + _compared(saving.pruned_mean_j)
        )
    if saving.projected:
        counted = figures.count(saving.projected, "point")
        words.append(f"{counted} trained in part: joules per step times all steps")
    if energy.scope == "mixed" or energy.assumed_j:
        words.append("joules of different scopes or of unknown trials are in it")
    if saving.assumed and energy.doubt.u_rel:
        words.append(
            "the interval is that of this mean; the meter's own "
            f"± {figures.percent(energy.doubt.u_rel)} is not in it"
        )
    words.append("whether the grid would have found better is not known: sweeper compare")
    return tuple(words)


def _compared(pruned_mean_j: float | None) -> str:
    if pruned_mean_j is None:
        return ""
    return f"; pruned ones, projected to their end, have a mean of {figures.energy(pruned_mean_j)}"
