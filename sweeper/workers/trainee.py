"""What a worker trains, a function or a program, behind one shape: a generator of reports.

Owns: what each needs around a training: seeds, captured output, a private folder, a leash. Must not
import other rooms.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Generator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from sweeper.model import Order
from sweeper.trial import Mark, Report, Trial, set_running
from sweeper.workers.bridge import Deliver, reports
from sweeper.workers.capture import ProcessCapture, PythonCapture
from sweeper.workers.imported import code_files, opened_files, project_files, watch
from sweeper.workers.leash import Leash
from sweeper.workers.objective import ObjectiveSource, load
from sweeper.workers.program import ProgramSource
from sweeper.workers.program_environment import private_folder, write_params
from sweeper.workers.program_run import ProgramRun
from sweeper.workers.seeding import Seeder

__all__ = ["Reports", "Trainee", "trainee"]

_TICK_S = 0.25  # so often the driver may look up while it waits for a program in its own process

# None: nothing was reported for a while; only a program inside the driver says that.
Reports = Generator[Report | None, None, None]


class Trainee(Protocol):
    """Trains one attempt after another."""

    def train(self, order: Order, mark: Mark) -> Reports:
        """Begin with the first ``next``; closing the generator stops the training at its report.

        Args:
            order: What to train.
            mark: Hears of the regions that it measures; from any thread.
        """

    def active(self) -> AbstractContextManager[None]:
        """Keep what this process prints inside in the trial's files."""

    def imported(self) -> tuple[str, ...]:
        """Return the project's files that were executed, of a program in its last training."""

    def opened(self) -> tuple[str, ...]:
        """Return the project's files that the last training read and had not written itself."""

    def ended(self) -> None:
        """Let go of what the last training held."""

    def close(self) -> None:
        """End what still runs, at once."""


def trainee(source: ObjectiveSource | ProgramSource, *, own_process: bool) -> Trainee:
    """Build what trains.

    Args:
        source: What to train.
        own_process: The worker is alone in its process.

    Raises:
        PoolError: If a function cannot be loaded.
    """
    if isinstance(source, ProgramSource):
        return _Program(source, tick_s=None if own_process else _TICK_S)
    return _Function(source, own_process=own_process)


class _Function:
    """A Python function in this process."""

    def __init__(self, source: ObjectiveSource, *, own_process: bool) -> None:
        self._root = source.root
        self._mirror = source.mirror
        self._folder = ""
        self._before = code_files()
        with contextlib.redirect_stdout(sys.stderr):  # the driver's output is the result alone
            self._objective = load(source)
        self._seeder = Seeder()
        self._capture = ProcessCapture() if own_process else PythonCapture()

    def train(self, order: Order, mark: Mark) -> Reports:
        folder = Path(order.folder)
        with contextlib.suppress(OSError):  # a full disk costs the logs, not the training
            write_params(folder, order.params)
            self._capture.open(folder)
        self._seeder.seed(order.seed)
        self._folder = os.path.realpath(folder)
        watch().begin()
        return self._reports(order, folder, mark)

    def _reports(self, order: Order, folder: Path, mark: Mark) -> Reports:
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
            yield from reports(self._objective, make_trial)
        finally:
            set_running(None)

    def active(self) -> AbstractContextManager[None]:
        return self._capture.active()

    def imported(self) -> tuple[str, ...]:
        return project_files(self._root, code_files() - self._before, self._mirror)

    def opened(self) -> tuple[str, ...]:
        seen = watch()
        names = frozenset(seen.opened) - frozenset(seen.written)
        return opened_files(self._root, names, mirror=self._mirror, without=(self._folder,))

    def ended(self) -> None:
        self._capture.close()

    def close(self) -> None:
        pass


class _Program:
    """A program in processes of its own."""

    def __init__(self, source: ProgramSource, *, tick_s: float | None) -> None:
        self._source = source
        self._tick_s = tick_s
        self._leash = Leash()
        self._run: ProgramRun | None = None
        self._executed: frozenset[str] = frozenset()
        self._opened: frozenset[str] = frozenset()
        self._folder = ""

    def train(self, order: Order, mark: Mark) -> Reports:
        self._executed = self._opened = frozenset()
        self._folder = os.path.realpath(order.folder)
        with private_folder() as name:
            private = Path(name)
            self._run = ProgramRun(self._source, order, private, leash=self._leash, mark=mark)
            try:
                yield from self._run.reports(self._tick_s)
            finally:
                self._run = None
                self._executed = _noted(private / "executed")
                self._opened = _noted(private / "opened") - _noted(private / "written")

    def active(self) -> AbstractContextManager[None]:
        return contextlib.nullcontext()

    def imported(self) -> tuple[str, ...]:
        return project_files(self._source.root, self._executed, self._source.mirror)

    def opened(self) -> tuple[str, ...]:
        mirror, own = self._source.mirror, (self._folder,)
        return opened_files(self._source.root, self._opened, mirror=mirror, without=own)

    def ended(self) -> None:
        pass

    def close(self) -> None:
        if self._run is not None:
            self._run.kill()
        self._leash.close()


def _noted(file: Path) -> frozenset[str]:
    """Read what the program's Python processes have executed; other languages note nothing."""
    try:
        names = file.read_bytes().decode("utf-8", "surrogateescape").split("\0")
    except OSError:
        return frozenset()
    return frozenset(filter(None, names))
