"""Trains with a program: one more generator of reports whose ``close`` stops it.

Owns: the life of one program run, and which of its two voices counts, its channel or what it
prints. Must not import other rooms.
"""

from __future__ import annotations

import queue
import signal
import time
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sweeper.model import Cause, CauseKind, Order
from sweeper.trial import Mark, Report
from sweeper.workers.channel import Asked, Channel
from sweeper.workers.failures import TEXT_LENGTH, TrainingFailed, program_failed
from sweeper.workers.limits import oom_kills
from sweeper.workers.logs import STDERR
from sweeper.workers.macros import expand
from sweeper.workers.process_group import ProcessGroup
from sweeper.workers.program import ProgramSource
from sweeper.workers.program_environment import program_environment, write_params
from sweeper.workers.stdout_metrics import LineReader

__all__ = ["ProgramRun"]

_KILLED_S = 10.0  # a killed process that is not gone by then hangs in the kernel


@dataclass(frozen=True, slots=True)
class _Printed:
    report: Report


@dataclass(frozen=True, slots=True)
class _Exited:
    status: int


class ProgramRun:
    """One program that trains one trial.

    Args:
        source: The program.
        order: The trial; its folder exists.
        private: A folder that only this user can enter, for as long as it runs.
        mark: Hears of the regions that it measures.

    Raises:
        TrainingFailed: If it cannot be started.
    """

    def __init__(self, source: ProgramSource, order: Order, private: Path, *, mark: Mark) -> None:
        self._events: queue.SimpleQueue[Asked | _Printed | _Exited] = queue.SimpleQueue()
        self._grace_s = source.grace_s
        self._stderr = Path(order.folder, STDERR)
        self._reader = LineReader(source.metric_names, source.output)
        self._printed_step: int | None = None
        self._gone = False
        self._why: Cause | None = None
        self._oom_kills = oom_kills()
        try:
            params_file = write_params(Path(order.folder).resolve(), order.params)
            env = program_environment(order, private=private)
            roots = [root for root in (source.root, source.mirror) if root is not None]
            (private / "roots").write_text("\0".join(roots), encoding="utf-8")
            argv = expand(
                source.command,
                order.params,
                program=source.program,
                params_file=str(params_file),
                env=env,
            )
            self._channel = Channel(
                env["SWEEPER_CHANNEL"], source.metric_names, self._events.put, mark
            )
            self._start(argv, source.root, env)
        except (OSError, ValueError) as error:  # ValueError: a null byte in an argument
            raise TrainingFailed(
                Cause(CauseKind.ERROR, f"the program could not be started: {error}"), ""
            ) from error

    def _start(self, argv: list[str], root: str, env: dict[str, str]) -> None:
        try:
            self._group = ProcessGroup(
                argv,
                cwd=root,
                env=env,
                logs=self._stderr.parent,
                printed=self._print,
                exited=lambda status: self._events.put(_Exited(status)),
            )
        except (OSError, ValueError):
            self._channel.close()
            raise

    def reports(self, tick_s: float | None) -> Generator[Report | None, None, None]:
        """Yield its reports to the end; closing the generator stops it.

        Args:
            tick_s: Yield None whenever it was silent for so long; None: wait for ever.

        Raises:
            TrainingFailed: If it ends with an error.
        """
        waiting: Asked | None = None
        try:
            while True:
                event = self._next(tick_s)
                if isinstance(event, _Exited):
                    self._judge(event.status)
                    return
                waiting = event if isinstance(event, Asked) else None
                if event is None:
                    yield None
                elif self._counts(event):
                    yield event.report
                if waiting is not None:
                    waiting.answer(True)
        except GeneratorExit:
            self._stop(waiting)
            raise
        finally:
            self.kill()
            self._channel.close()

    @property
    def keeper(self) -> int:
        """Return the process above all of the program's."""
        return self._group.keeper

    def kill(self) -> None:
        """End it at once."""
        if not self._gone:
            self._group.kill()
            self._await_exit(_KILLED_S)

    def kill_now(self) -> None:
        """End it at once, from another thread: ``reports`` raises then."""
        self._group.kill()

    def kill_for(self, cause: Cause) -> None:
        """The same, and ``reports`` says why."""
        self._why = self._why or cause
        self._group.kill()

    def _print(self, line: str) -> None:
        report = self._reader.read(line)
        if report is not None:
            self._events.put(_Printed(report))

    def _counts(self, event: Asked | _Printed) -> bool:
        """Tell whether a report is the trial's: once it uses the channel, its prints are not.

        The print before the first report through the channel may have said the same already.
        """
        step = event.report[0]
        if isinstance(event, _Printed):
            if not self._channel.claimed:
                self._printed_step = step
            return not self._channel.claimed
        said = self._printed_step
        return said is None or not isinstance(step, int) or step > said

    def _next(self, tick_s: float | None) -> Asked | _Printed | _Exited | None:
        try:
            event = self._events.get(timeout=tick_s)
        except queue.Empty:
            return None
        if isinstance(event, _Exited):
            self._gone = True
        return event

    def _judge(self, status: int) -> None:
        if status == 0 and self._why is None:
            return
        stderr = ""
        with suppress(OSError), self._stderr.open("rb") as file:
            file.seek(max(0, self._stderr.stat().st_size - TEXT_LENGTH))
            stderr = file.read().decode("utf-8", "replace")
        if self._why is not None:
            raise TrainingFailed(self._why, stderr)
        raise program_failed(status, stderr, memory=oom_kills() > self._oom_kills)

    def _stop(self, waiting: Asked | None) -> None:
        """Ask it to end: at its report if it waits there, else by SIGTERM; then make it.

        What was told at its report and still runs, such as the script that started the one that
        reported, gets SIGTERM after half of the grace time.
        """
        self._channel.stop()
        if self._gone:
            return
        patience_s = self._grace_s
        if waiting is not None:
            waiting.answer(False)
            patience_s /= 2
            if self._await_exit(patience_s):
                return
        self._group.signal(signal.SIGTERM)
        self._await_exit(patience_s)

    def _await_exit(self, patience_s: float) -> bool:
        """Wait for the end; whoever reports meanwhile is told to stop. False: it goes on."""
        deadline = time.monotonic() + patience_s
        while not self._gone and (left_s := deadline - time.monotonic()) > 0:
            event = self._next(left_s)
            if isinstance(event, Asked):
                event.answer(False)
        return self._gone
