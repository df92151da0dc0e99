"""The energy account of a sweep: what it consumed, and what it avoided. Never netted.

Owns: the sums and their labels (docs/energy.md, docs/cache-key.md). Imports ``sweeper.model``
only. A term that is unknown is counted, never taken as 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sweeper.model import (
    CUT_SHORT,
    CauseKind,
    Energy,
    Source,
    SweepHistory,
    TrialRow,
    TrialState,
    UseRow,
)
from sweeper.reporting.outcomes import TrialView

__all__ = ["STORE", "EnergyAccount", "Total", "account", "physical", "total", "weakest"]

STORE = (Source.CACHE, Source.ATTACHED)

# docs/energy.md, "Energy sources, in order of preference".
_STRONGEST_FIRST = (
    "measured:counter",
    "measured:power_avg",
    "measured:power_instant",
    "measured:power_legacy",
    "measured:rapl",
    "measured:dcgm",
    "estimated:util",
    "estimated:cpu_load",
    "estimated:tdp",
    "declared",
    "unavailable",
)


@dataclass(frozen=True, slots=True)
class Total:
    """A sum over terms of which some may be unknown.

    Attributes:
        energy_j: Sum of the known terms; 0 without terms; None: there are some, none is known.
        missing: How many terms are unknown.
    """

    energy_j: float | None
    missing: int = 0


@dataclass(frozen=True, slots=True)
class EnergyAccount:
    """What a sweep consumed and avoided, in joules.

    Attributes:
        spent_j: All trained attempts, failed, lost and retried ones too, and the overhead; None:
            nothing is known.
        overhead_j: The part that no trial did; None: unknown.
        source: The weakest source of the known parts; ``none`` when nothing was trained.
        scope: What the known parts cover, or ``mixed``.
        coverage: Share of the trained seconds that the sources saw.
        missing: Trained attempts whose energy is unknown.
        avoided_store: What the store's answers and other drivers' trainings avoided.
        avoided_duplicate: What asking twice inside the sweep would have cost: any dictionary
            finds these.
        avoided_pruning: Estimate of what pruned trials would have used up to the horizon.
        other_hardware_j: The part of ``avoided_store`` whose hardware was not compared or differs.
    """

    spent_j: float | None
    overhead_j: float | None
    source: str
    scope: str
    coverage: float
    missing: int
    avoided_store: Total
    avoided_duplicate: Total
    avoided_pruning: Total
    other_hardware_j: float | None

    @property
    def unknown_terms(self) -> int:
        """Return how many terms ``spent_j`` lacks, the overhead included."""
        return self.missing + (self.overhead_j is None)


def physical(value: float | None) -> float | None:
    """Return joules, seconds or a share if they can be such: finite, not negative; else None."""
    return value if value is not None and math.isfinite(value) and value >= 0 else None


def total(terms: Iterable[float | None]) -> Total:
    """Add up energies, counting the unknown ones."""
    checked = [physical(term) for term in terms]
    known = [term for term in checked if term is not None]
    missing = len(checked) - len(known)
    return Total(math.fsum(known) if known or not missing else None, missing)


def weakest(labels: Iterable[str]) -> str | None:
    """Return the weakest source; one that is not in the list is weaker than all; None: none."""
    order = {label: rank for rank, label in enumerate(_STRONGEST_FIRST)}
    return max(labels, key=lambda label: (order.get(label, len(order)), label), default=None)


def account(
    history: SweepHistory, trials: Sequence[TrialView], *, max_steps: int | None
) -> EnergyAccount:
    """Add up a sweep's energy.

    Args:
        history: All attempts and uses.
        trials: Its trials.
        max_steps: The planned horizon; None: open.
    """
    trained = [row for row in history.attempts if row.trained]
    spent = total(row.energy_j for row in trained)
    partly = sum(_is_partly_known(row) for row in trained)
    overhead_j = physical(history.sweep.overhead_j)
    if not trained and overhead_j is None:
        overhead_j = 0.0  # no worker was started, so nothing can have been used
    parts = [part for part in (spent.energy_j, overhead_j) if part is not None]
    spent_j = math.fsum(parts) if parts else None
    store = [use for use in history.uses if use.kind in STORE]
    return EnergyAccount(
        spent_j=spent_j,
        overhead_j=overhead_j,
        source=_source(trained, spent_j),
        scope=_scope(trained),
        coverage=_coverage(trained),
        missing=spent.missing + partly,
        avoided_store=_avoided(store),
        avoided_duplicate=_avoided([u for u in history.uses if u.kind is Source.DUPLICATE]),
        avoided_pruning=_avoided_by_pruning(trials, max_steps),
        other_hardware_j=_avoided([use for use in store if not use.comparable]).energy_j,
    )


def _is_partly_known(row: TrialRow) -> bool:
    """Tell whether an attempt's joules are only those of its last report or heartbeat."""
    if physical(row.energy_j) is None:
        return False
    if row.energy is None:
        return row.state is TrialState.LOST
    return CUT_SHORT in row.energy.flags


def _avoided(uses: Sequence[UseRow]) -> Total:
    return total(use.avoided_j for use in uses)


def _source(trained: Sequence[TrialRow], spent_j: float | None) -> str:
    if not trained:
        return "none"
    label = weakest(part.source for part in _accounts(trained))
    # Joules without an account were flushed by a driver that then died, or are still growing.
    return label or ("unavailable" if spent_j is None else "unknown")


def _scope(trained: Sequence[TrialRow]) -> str:
    scopes = {part.scope for part in _accounts(trained)}
    return "mixed" if len(scopes) > 1 else next(iter(scopes), "none")


def _accounts(rows: Iterable[TrialRow]) -> list[Energy]:
    return [
        row.energy
        for row in rows
        if row.energy is not None and physical(row.energy.total_j) is not None
    ]


def _coverage(trained: Sequence[TrialRow]) -> float:
    """Weigh each attempt's coverage by its seconds; by heads when no seconds are known."""
    if not trained:
        return 1.0
    seconds = [physical(row.elapsed_s) or 0.0 for row in trained]
    weights = seconds if math.fsum(seconds) > 0 else [1.0] * len(trained)
    seen = math.fsum(w * _seen(row) for w, row in zip(weights, trained, strict=True))
    return min(1.0, seen / math.fsum(weights))


def _seen(row: TrialRow) -> float:
    if physical(row.energy_j) is None:
        return 0.0
    return next((physical(part.coverage) or 0.0 for part in _accounts([row])), 1.0)


def _avoided_by_pruning(trials: Sequence[TrialView], max_steps: int | None) -> Total:
    return total(_unrun_j(trial.first, max_steps) for trial in trials if _stopped_by_pruner(trial))


def _stopped_by_pruner(trial: TrialView) -> bool:
    """Tell whether a trained trial was the pruner's: a budget or a timeout saves nothing."""
    row = trial.first
    if not trial.settled or row.state is not TrialState.PRUNED or row.source is not Source.RUN:
        return False
    return row.cause is None or row.cause.partition(":")[0] == CauseKind.PRUNER.value


def _unrun_j(row: TrialRow, max_steps: int | None) -> float | None:
    """Estimate what a pruned trial did not use: its joules per step, up to the horizon."""
    used_j = physical(row.energy_j)
    if max_steps is None or used_j is None or not row.curve:
        return None
    done = row.steps + (row.curve[0].step == 0)  # who counts from 0 has done one step more
    return max(0.0, used_j / done * max_steps - used_j)
