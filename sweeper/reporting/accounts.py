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
    NOTHING,
    Energy,
    Source,
    SweepHistory,
    TrialRow,
    TrialState,
    known_sum,
    weakest,
)
from sweeper.reporting.avoided import avoided_by, avoided_by_pruning
from sweeper.reporting.boards import BoardAccount, board_accounts
from sweeper.reporting.doubt import Doubt, doubt_of
from sweeper.reporting.outcomes import TrialView
from sweeper.reporting.physical import Total, physical, total

__all__ = ["STORE", "Apart", "EnergyAccount", "account"]

STORE = (Source.CACHE, Source.ATTACHED)


@dataclass(frozen=True, slots=True)
class Apart:
    """Joules that are kept apart from the sum: those of CPUs beside GPUs, or of memory.

    Attributes:
        total: Their sum; None where nobody knows any.
        source: The weakest source of the known ones.
    """

    total: Total
    source: str | None


_NONE_APART = Apart(Total(None), None)


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
        overhead_is_partial: A driver died before it could book all of the overhead.
        assumed_j: What a budget takes the attempts for whose energy is wholly unknown: the mean of
            the known ones each.
        idle_j: The part of ``spent_j`` that GPUs would have drawn idle; None: unknown.
        doubt: How far ``spent_j`` can be relied on.
        cpu: What CPUs used, where ``spent_j`` is of GPUs alone.
        dram: What memory used.
        boards: What each GPU used, and by whom.
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
    overhead_is_partial: bool
    assumed_j: float
    idle_j: float | None
    doubt: Doubt
    cpu: Apart
    dram: Apart
    boards: tuple[BoardAccount, ...]

    @property
    def unknown_terms(self) -> int:
        """Return how many terms ``spent_j`` lacks or has in part, the overhead included."""
        return self.missing + (self.overhead_j is None or self.overhead_is_partial)

    @property
    def external_j(self) -> float | None:
        """Return what others used of the same GPUs, no part of ``spent_j``; None: unknown."""
        return known_sum(it.line.external_j for it in self.boards) if self.boards else None


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
    overhead, overhead_j = history.sweep.overhead, physical(history.sweep.overhead_j)
    if not trained and overhead_j is None:
        overhead_j = 0.0  # no worker was started, so nothing can have been used
    parts = [part for part in (spent.energy_j, overhead_j) if part is not None]
    spent_j = math.fsum(parts) if parts else None
    accounts = [*_accounts(trained), *_known(overhead)]
    boards = board_accounts(trained, overhead)
    store = [use for use in history.uses if use.kind in STORE]
    return EnergyAccount(
        spent_j=spent_j,
        overhead_j=overhead_j,
        source=_source(accounts, trained, spent_j),
        scope=_scope(accounts),
        coverage=_coverage(trained),
        missing=spent.missing + partly,
        avoided_store=avoided_by(store),
        avoided_duplicate=avoided_by([u for u in history.uses if u.kind is Source.DUPLICATE]),
        avoided_pruning=avoided_by_pruning(trials, max_steps),
        other_hardware_j=avoided_by([use for use in store if not use.comparable]).energy_j,
        overhead_is_partial=overhead is not None and CUT_SHORT in overhead.flags,
        assumed_j=_assumed_j(spent, len(trained)),
        idle_j=_idle_j(trained, overhead, overhead_j),
        doubt=doubt_of(trained, overhead, overhead_j, most_j=_most_j(boards, accounts)),
        cpu=_apart([(it.cpu_j, it.cpu_source) for it in accounts]),
        dram=_apart([(it.dram_j, it.dram_source) for it in accounts]),
        boards=boards,
    )


def _known(overhead: Energy | None) -> list[Energy]:
    """Return the overhead's account, if it says anything."""
    if overhead is None or overhead == NOTHING or physical(overhead.total_j) is None:
        return []
    return [overhead]


def _assumed_j(spent: Total, trained: int) -> float:
    known = trained - spent.missing
    return 0.0 if spent.energy_j is None or not known else spent.energy_j / known * spent.missing


def _idle_j(
    trained: Sequence[TrialRow], overhead: Energy | None, overhead_j: float | None
) -> float | None:
    """Add up what GPUs would have drawn idle; attempts of unknown energy have no part in it."""
    parts = [
        None if row.energy is None else physical(row.energy.idle_j)
        for row in trained
        if physical(row.energy_j) is not None
    ]
    if overhead_j:
        parts.append(None if overhead is None else physical(overhead.idle_j))
    return known_sum(parts) if parts else None


def _apart(parts: Sequence[tuple[float | None, str | None]]) -> Apart:
    """Add up what some accounts keep apart; without any it is unknown, not nothing."""
    known = [source for joules, source in parts if physical(joules) is not None]
    if not known:
        return _NONE_APART
    return Apart(total(joules for joules, _ in parts), weakest(it for it in known if it))


def _most_j(boards: Sequence[BoardAccount], accounts: Sequence[Energy]) -> float | None:
    """Return what the boards used altogether, where the sweep cannot have used more."""
    if not boards or not all(it.closes for it in boards) or _scope(accounts) != "gpu":
        return None
    return known_sum(it.line.device_j for it in boards)


def _is_partly_known(row: TrialRow) -> bool:
    """Tell whether an attempt's joules are only those of its last report or heartbeat."""
    if physical(row.energy_j) is None:
        return False
    if row.energy is None:
        return row.state is TrialState.LOST
    return CUT_SHORT in row.energy.flags


def _source(accounts: Sequence[Energy], trained: Sequence[TrialRow], spent_j: float | None) -> str:
    if not trained and not accounts:
        return "none"
    label = weakest(part.source for part in accounts)
    # Joules without an account were flushed by a driver that then died, or are still growing.
    return label or ("unavailable" if spent_j is None else "unknown")


def _scope(accounts: Sequence[Energy]) -> str:
    scopes = {part.scope for part in accounts}
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
