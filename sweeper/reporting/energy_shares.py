"""Where the energy of a sweep went: an exact partition of what it consumed.

Owns: the names of the parts and their sums. What nobody knows is counted, never taken as 0.
Imports ``sweeper.model`` only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.model import SweepHistory, TrialRow, TrialState
from sweeper.reporting.outcomes import TrialView
from sweeper.reporting.physical import Total, total
from sweeper.reporting.summary import Summary

__all__ = ["EnergyShare", "energy_shares"]

_UNFINISHED, _LOST = "trials that are not over", "attempts that were lost or made again"
_NAMES = {
    TrialState.COMPLETE: "trials trained to their end",
    TrialState.PRUNED: "pruned trials",
    TrialState.FAILED: "failed trials",
}


@dataclass(frozen=True, slots=True)
class EnergyShare:
    """A part of what a sweep consumed.

    Attributes:
        name: In words.
        attempts: How many trainings it is the sum of; None: it is no sum of trainings.
        energy: Its joules, and of how many of them they are unknown.
        sources: Where the joules come from, each label once.
    """

    name: str
    attempts: int | None
    energy: Total
    sources: tuple[str, ...]


def energy_shares(
    history: SweepHistory, summary: Summary, trials: Sequence[TrialView]
) -> list[EnergyShare]:
    """Return what joules were used for; their known parts sum to what was consumed.

    Args:
        history: Of the sweep.
        summary: Of it.
        trials: Its trials.
    """
    names = {
        row.id: _NAMES.get(trial.state, _UNFINISHED) if trial.settled else _UNFINISHED
        for trial in trials
        for row in trial.replicates
    }
    groups: dict[str, list[TrialRow]] = {it: [] for it in (*_NAMES.values(), _UNFINISHED, _LOST)}
    for row in history.attempts:
        if row.trained:
            is_lost = row.state is TrialState.LOST
            groups[_LOST if is_lost else names.get(row.id, _LOST)].append(row)
    shares = [_share(name, rows) for name, rows in groups.items() if rows]
    return [*shares, *_overhead(history, summary)]


def _share(name: str, rows: Sequence[TrialRow]) -> EnergyShare:
    sources = (row.energy.source for row in rows if row.energy is not None)
    return EnergyShare(
        name, len(rows), total(row.energy_j for row in rows), tuple(dict.fromkeys(sources))
    )


def _overhead(history: SweepHistory, summary: Summary) -> list[EnergyShare]:
    joules, account = summary.energy.overhead_j, history.sweep.overhead
    if joules == 0:
        return []
    is_partial = joules is None or summary.energy.overhead_is_partial
    sources = () if account is None else (account.source,)
    return [EnergyShare("overhead of the workers", None, Total(joules, int(is_partial)), sources)]
