"""What each trial would have used if it had been trained here, from zero to its end.

Owns: this estimate, and which part of it the sweep did not have to use. Imports ``sweeper.model``
only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sweeper.model import Params, Source, SweepHistory, TrialRow, TrialState
from sweeper.reporting.outcomes import TrialView
from sweeper.reporting.physical import physical

__all__ = ["FullCost", "full_costs", "projected_j"]


@dataclass(frozen=True, slots=True)
class FullCost:
    """One settled trial, duplicates left out.

    Attributes:
        params: Its point.
        rows: The latest attempt of each of its replicates.
        full_j: What it used from zero to its end, or would have; None: not known, or of hardware
            that this sweep does not use.
        is_measured: It is complete and its joules are known.
        is_projected: It was stopped: joules per step times the planned steps.
        consumed_j: What this sweep used for it; None: unknown.
        avoided_j: What the store's answer avoided up to where the trial stopped; None: unknown.
    """

    params: Params
    rows: tuple[TrialRow, ...]
    full_j: float | None
    is_measured: bool
    is_projected: bool
    consumed_j: float | None
    avoided_j: float | None

    def filled(self, mean_j: float) -> FullCost:
        """Return the same trial with a mean where its full cost is unknown."""
        return self if self.full_j is not None else replace(self, full_j=mean_j)

    @property
    def cache_j(self) -> float:
        """Return the part that the store answered."""
        if all(row.trained for row in self.rows):
            return 0.0
        if self.is_projected and self.avoided_j is not None:
            return self.avoided_j
        return (self.full_j or 0.0) - (self.consumed_j or 0.0)

    @property
    def pruning_j(self) -> float:
        """Return the part that was never trained by anybody for this trial."""
        return (self.full_j or 0.0) - (self.consumed_j or 0.0) - self.cache_j


def full_costs(
    trials: Sequence[TrialView], history: SweepHistory, *, max_steps: int | None, replicates: int
) -> list[FullCost]:
    """Return what each settled trial would have used in full; duplicates are left out.

    Args:
        trials: All of the sweep's.
        history: The sweep's.
        max_steps: The planned horizon; None: open.
        replicates: Trainings of each point.
    """
    foreign = {use.number for use in history.uses if not use.comparable}
    return [
        _cost(trial, trial.number in foreign, max_steps, replicates)
        for trial in trials
        if trial.settled and trial.source is not Source.DUPLICATE
    ]


def _cost(trial: TrialView, is_foreign: bool, max_steps: int | None, replicates: int) -> FullCost:
    rows = trial.replicates
    used_j = _sum([physical(row.energy_j) for row in rows])
    stopped = trial.state is TrialState.PRUNED
    full_j = projected_j(trial.first, max_steps, replicates) if stopped else used_j
    return FullCost(
        params=trial.first.params,
        rows=rows,
        full_j=None if is_foreign else full_j,
        is_measured=trial.complete and full_j is not None and not is_foreign,
        is_projected=stopped,
        consumed_j=_sum([physical(row.energy_j) for row in rows if row.trained]),
        avoided_j=_sum([physical(row.energy_j) for row in rows if not row.trained]),
    )


def projected_j(row: TrialRow, max_steps: int | None, replicates: int = 1) -> float | None:
    """Project a stopped training to the horizon by its joules per step; None: not known.

    Args:
        row: The attempt.
        max_steps: The horizon; None: open.
        replicates: Trainings of the same point.
    """
    used_j = physical(row.energy_j)
    if max_steps is None or used_j is None or not row.curve:
        return None
    done = row.steps + (row.curve[0].step == 0)  # who counts from 0 has done one step more
    return max(used_j, used_j / done * max_steps) * replicates


def _sum(terms: Sequence[float | None]) -> float | None:
    known = [term for term in terms if term is not None]
    return math.fsum(known) if len(known) == len(terms) else None
