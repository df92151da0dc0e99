"""From the store to figures: what ``run`` prints at its end and ``show`` at any time."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sweeper.compose.energy import factors_of
from sweeper.compose.grids import grid_search_of
from sweeper.config.load import restore
from sweeper.model import SweepHistory
from sweeper.places import trial_folder
from sweeper.reporting.budgets import Budgets
from sweeper.reporting.summary import Asked, Summary, summarize
from sweeper.reporting.versus import Versus, versus

if TYPE_CHECKING:
    from sweeper.store.engine import Store

__all__ = ["SweepView", "compare_sweeps", "figures", "trained_cpu", "trial_folder_of", "view"]


@dataclass(frozen=True, slots=True)
class SweepView:
    """A sweep as the ledger knows it, with its figures."""

    history: SweepHistory
    summary: Summary


def view(store: Store, sweep: UUID) -> SweepView:
    """Read a sweep with its figures.

    Raises:
        CacheError: If it cannot be read.
    """
    from sweeper.store.history import read_history

    with store.read() as connection:
        history = read_history(connection, sweep)
    return figures(history, ray_started=False)


def figures(history: SweepHistory, *, ray_started: bool) -> SweepView:
    """Work out a sweep's figures from its history."""
    config = restore(history.sweep.config)
    summary = summarize(
        history,
        goals=config.goals,
        factors=factors_of(config),
        asked=Asked(
            max_steps=config.max_steps,
            budgets=Budgets(
                energy_j=config.budget.energy_j,
                co2e_g=config.budget.co2e_g,
                cost=config.budget.cost,
            ),
            gpus_each=config.resources.gpus,
            grid=grid_search_of(config),
            replicates=config.trial.replicates,
        ),
        ray_started=ray_started,
    )
    return SweepView(history, summary)


def compare_sweeps(store: Store, sweeps: Sequence[UUID]) -> Versus:
    """Read sweeps and compare them.

    Raises:
        SweeperError: If one cannot be read, or they are judged by different metrics.
    """
    views = [view(store, sweep) for sweep in sweeps]
    return versus(
        [(it.history, it.summary, restore(it.history.sweep.config).method.value) for it in views]
    )


def trial_folder_of(history: SweepHistory, number: int, replicate: int = 0) -> str:
    """Return the folder of a trial's last attempt."""
    attempts = [
        row.id.attempt
        for row in history.attempts
        if (row.id.number, row.id.replicate) == (number, replicate)
    ]
    return trial_folder(history.sweep.handle, number, max(attempts, default=0), replicate)


def trained_cpu(history: SweepHistory) -> str | None:
    """Return the CPU that trained a sweep; None: GPUs did, or another machine.

    A store does not keep the names of CPUs, so only this machine's can be told.
    """
    trained = [row for row in history.attempts if row.trained]
    if {row.node for row in trained} != {socket.gethostname()} or any(row.gpus for row in trained):
        return None
    from sweeper.energy.hardware import hardware_class

    return str(hardware_class(0)["cpu"])
