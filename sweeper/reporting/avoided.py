"""What a sweep did not have to consume: by the store, and by pruning. Estimates, never netted.

Owns: these sums. Imports ``sweeper.model`` only.
"""

from __future__ import annotations

from collections.abc import Sequence

from sweeper.model import CauseKind, Source, TrialRow, TrialState, UseRow
from sweeper.reporting.full_costs import projected_j
from sweeper.reporting.outcomes import TrialView
from sweeper.reporting.physical import Total, physical, total

__all__ = ["avoided_by", "avoided_by_pruning"]


def avoided_by(uses: Sequence[UseRow]) -> Total:
    """Add up what hits avoided."""
    return total(use.avoided_j for use in uses)


def avoided_by_pruning(trials: Sequence[TrialView], max_steps: int | None) -> Total:
    """Estimate what pruned trials would have used up to the horizon.

    Args:
        trials: All of the sweep's.
        max_steps: The horizon; None: open, and the estimate unknown.
    """
    return total(_unrun_j(trial.first, max_steps) for trial in trials if _stopped_by_pruner(trial))


def _stopped_by_pruner(trial: TrialView) -> bool:
    """Tell whether a trained trial was the pruner's: a budget or a timeout saves nothing."""
    row = trial.first
    if not trial.settled or row.state is not TrialState.PRUNED or row.source is not Source.RUN:
        return False
    return row.cause is None or row.cause.partition(":")[0] == CauseKind.PRUNER.value


def _unrun_j(row: TrialRow, max_steps: int | None) -> float | None:
    """Estimate what a pruned trial did not use: its joules per step, up to the horizon."""
    full_j, used_j = projected_j(row, max_steps), physical(row.energy_j)
    return None if full_j is None or used_j is None else full_j - used_j
