"""A program that is trained in processes of its own, one start per attempt."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from contextlib import AbstractContextManager
from pathlib import Path

from sweeper.model import Order
from sweeper.trial import Mark
from sweeper.workers.imported import opened_files, project_files
from sweeper.workers.limits import Limits
from sweeper.workers.program import ProgramSource
from sweeper.workers.program_environment import private_folder
from sweeper.workers.program_run import ProgramRun
from sweeper.workers.reports import StepRead, read_report

__all__ = ["Program"]


class Program:
    """Trains with a program; implements ``Trainee``.

    Args:
        source: The program.
        tick_s: Yield None whenever it was silent for so long; None: wait for ever.
        limits: What a training may use.
    """

    def __init__(self, source: ProgramSource, *, tick_s: float | None, limits: Limits) -> None:
        self._source = source
        self._tick_s = tick_s
        self._limits = limits
        self._run: ProgramRun | None = None
        self._executed: frozenset[str] = frozenset()
        self._opened: frozenset[str] = frozenset()
        self._folder = ""

    def prepare(self) -> None:
        """Do nothing: each training starts the program."""

    def train(self, order: Order, mark: Mark) -> Generator[StepRead | None, None, None]:
        """Begin with the first ``next``; closing the generator stops the program."""
        self._executed = self._opened = frozenset()
        self._folder = os.path.realpath(order.folder)
        with private_folder() as name:
            private = Path(name)
            run = self._run = ProgramRun(self._source, order, private, mark=mark)
            watch = self._limits.watch(run.keeper, run.kill_for)
            try:
                with watch, contextlib.closing(run.reports(self._tick_s)) as given:
                    for report in given:
                        yield None if report is None else read_report(report)
            finally:
                self._run = None
                self._executed = _noted(private / "executed")
                self._opened = _noted(private / "opened") - _noted(private / "written")

    def active(self) -> AbstractContextManager[None]:
        """Do nothing: what the program prints is kept elsewhere."""
        return contextlib.nullcontext()

    def imported(self) -> tuple[str, ...] | None:
        """Return the project's files that the last training executed."""
        return project_files(self._source.root, self._executed, self._source.mirror)

    def opened(self) -> tuple[str, ...]:
        """Return the project's files that the last training read and had not written itself."""
        mirror, own = self._source.mirror, (self._folder,)
        return opened_files(self._source.root, self._opened, mirror=mirror, without=own)

    def ended(self) -> None:
        """Do nothing: nothing is left."""

    def kill(self) -> None:
        """Kill the program."""
        run = self._run
        if run is not None:
            run.kill_now()

    def close(self) -> None:
        """Kill a program that still runs and wait for its end."""
        run = self._run
        if run is not None:
            run.kill()


def _noted(file: Path) -> frozenset[str]:
    """Read what the program's Python processes have executed; other languages note nothing."""
    try:
        names = file.read_bytes().decode("utf-8", "surrogateescape").split("\0")
    except OSError:
        return frozenset()
    return frozenset(filter(None, names))
