"""What a worker trains behind one shape: a generator of reports. Must not import other rooms."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from sweeper.model import Order
from sweeper.trial import Mark
from sweeper.workers.function import Function
from sweeper.workers.limits import Limits
from sweeper.workers.objective import ObjectiveSource
from sweeper.workers.program import ProgramSource
from sweeper.workers.program_trainee import Program
from sweeper.workers.reports import ReadReports
from sweeper.workers.training_process import TrainingProcess

__all__ = ["Trainee", "trainee"]

_TICK_S = 0.25  # so often the driver may look up while it waits for a program in its own process


class Trainee(Protocol):
    """Trains one attempt after another."""

    def prepare(self) -> None:
        """Get ready for the next training; what that takes is nobody's training.

        Raises:
            TrainingFailed: If there is nothing left to train with.
        """

    def train(self, order: Order, mark: Mark) -> ReadReports:
        """Begin with the first ``next``; closing the generator stops the training at its report.

        Args:
            order: What to train.
            mark: Hears of the regions that it measures; from any thread.

        Raises:
            TrainingFailed: From the generator, with the class of what went wrong.
        """

    def active(self) -> AbstractContextManager[None]:
        """Keep what this process prints inside in the trial's files."""

    def imported(self) -> tuple[str, ...] | None:
        """Return the project's files that were executed, of a program in its last training.

        None: the process died before it could say so.
        """

    def opened(self) -> tuple[str, ...]:
        """Return the project's files that the last training read and had not written itself."""

    def ended(self) -> None:
        """Let go of what the last training held."""

    def kill(self) -> None:
        """End the training wherever it is, from another thread; the generator raises then."""

    def close(self) -> None:
        """End what still runs, at once."""


def trainee(
    source: ObjectiveSource | ProgramSource, *, own_process: bool, limits: Limits | None = None
) -> Trainee:
    """Build what trains.

    Args:
        source: What to train.
        own_process: A function gets a process of its own, where nothing that it does harms the
            worker; False: it is trained in this one, for a debugger.
        limits: What a training may use; None: no limit.

    Raises:
        PoolError: If a function cannot be loaded.
    """
    limits = limits or Limits()
    if isinstance(source, ProgramSource):
        return Program(source, tick_s=None if own_process else _TICK_S, limits=limits)
    return TrainingProcess(source, limits=limits) if own_process else Function(source)
