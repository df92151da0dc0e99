"""A Python function that is trained in this process."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Generator
from contextlib import AbstractContextManager
from pathlib import Path

from sweeper.model import Order
from sweeper.trial import Mark, Trial, set_running
from sweeper.workers.bridge import Deliver, reports
from sweeper.workers.capture import PythonCapture
from sweeper.workers.imported import code_files, opened_files, project_files, watch
from sweeper.workers.objective import ObjectiveSource, load
from sweeper.workers.program_environment import write_params
from sweeper.workers.reports import StepRead, read_report
from sweeper.workers.seeding import Seeder

__all__ = ["Function"]


class Function:
    """Trains with a function, one attempt after another; implements ``Trainee``.

    Args:
        source: Where it is.
        capture: What it prints goes to the trial's files; otherwise somebody else sees to that.

    Raises:
        PoolError: If it cannot be loaded.
    """

    def __init__(self, source: ObjectiveSource, *, capture: bool = True) -> None:
        self._root = source.root
        self._mirror = source.mirror
        self._folder = ""
        self._before = code_files()
        with contextlib.redirect_stdout(sys.stderr):  # the driver's output is the result alone
            self._objective = load(source)
        self._seeder = Seeder()
        self._capture = PythonCapture() if capture else None

    def prepare(self) -> None:
        """Do nothing: it is loaded."""

    def train(self, order: Order, mark: Mark) -> Generator[StepRead, None, None]:
        """Begin with the first ``next``; closing the generator stops the training at its report."""
        folder = Path(order.folder)
        with contextlib.suppress(OSError):  # a full disk costs the logs, not the training
            write_params(folder, order.params)
            if self._capture is not None:
                self._capture.open(folder)
        if order.peers is not None:
            os.environ.update(order.peers.variables())
        self._seeder.seed(order.seed)
        self._folder = os.path.realpath(folder)
        watch().begin()
        return self._reports(order, folder, mark)

    def _reports(self, order: Order, folder: Path, mark: Mark) -> Generator[StepRead, None, None]:
        def make_trial(deliver: Deliver) -> Trial:
            trial = Trial(
                order.params,
                number=order.id.number,
                seed=order.seed,
                max_steps=order.max_steps,
                dir=folder,
                deliver=deliver,
                mark=mark,
            )
            set_running(trial)
            return trial

        try:
            with contextlib.closing(reports(self._objective, make_trial)) as given:
                for report in given:
                    yield read_report(report)
        finally:
            set_running(None)

    def active(self) -> AbstractContextManager[None]:
        """Keep what this process prints inside in the trial's files."""
        return contextlib.nullcontext() if self._capture is None else self._capture.active()

    def imported(self) -> tuple[str, ...] | None:
        """Return the project's files that were executed."""
        return project_files(self._root, code_files() - self._before, self._mirror)

    def opened(self) -> tuple[str, ...]:
        """Return the project's files that the last training read and had not written itself."""
        seen = watch()
        names = frozenset(seen.opened) - frozenset(seen.written)
        return opened_files(self._root, names, mirror=self._mirror, without=(self._folder,))

    def ended(self) -> None:
        """Let go of what the last training held."""
        if self._capture is not None:
            self._capture.close()

    def kill(self) -> None:
        """Do nothing: a function cannot be ended from outside."""

    def close(self) -> None:
        """Do nothing."""
