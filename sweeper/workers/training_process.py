"""Trains with a function in a process of its own, which is warm between the attempts.

Whatever the function does there, the worker sees it and goes on: a crash, an exit, an endless loop
in C code, processes left behind, output without end. ``training_main.py`` is the other end. Must
not import other rooms.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import selectors
import signal
import socket
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import sweeper
from sweeper.errors import PoolError
from sweeper.model import Cause, CauseKind, Order
from sweeper.trial import Mark
from sweeper.workers.failures import TEXT_LENGTH, TrainingFailed, died
from sweeper.workers.guard import without_own_ray
from sweeper.workers.keeper import Kept
from sweeper.workers.limits import Limits, oom_kills
from sweeper.workers.logs import STDERR, STDOUT, BoundedLog
from sweeper.workers.objective import ObjectiveSource
from sweeper.workers.reports import StepRead

__all__ = ["TrainingProcess"]

_MAIN = (
    "import sys; sys.path.insert(0, sys.argv[3]); "
    "from sweeper.workers.training_main import main; main(int(sys.argv[1]), int(sys.argv[2]))"
)
_CHUNK_BYTES = 2**16
_PIPE_CHUNKS = 16  # a pipe holds one of them, and a mebibyte where its size was changed
_LONGEST_MESSAGE = 2**26  # bytes; a report of a million metrics is none
# A context of CUDA with its libraries takes about half of it; what is more was left by a trial.
_GPU_LEFT_BYTES = 2**30
_GPU_FREE_S = 10.0  # a driver gives back the memory of a killed process within that
_WHAT = "the training process"


class TrainingProcess:
    """Trains with a function; implements ``Trainee``.

    The process is replaced when it has died, was killed, or has left processes or GPU memory
    behind.

    Args:
        source: Where the function is.
        limits: What a training may use.

    Raises:
        PoolError: If the function cannot be loaded.
    """

    def __init__(self, source: ObjectiveSource, *, limits: Limits) -> None:
        self._source = source
        self._limits = limits
        self._imported: tuple[str, ...] | None = None
        self._opened: tuple[str, ...] = ()
        self._gone: set[int] = set()  # who may still hold memory of a GPU
        self._process = _Process(source)
        self._process.await_ready()

    def prepare(self) -> None:
        """Wait until the process is there, and the memory of the one before it free."""
        until_s = time.monotonic() + _GPU_FREE_S
        while self._gone and self._gpu_bytes(self._gone) and time.monotonic() < until_s:
            time.sleep(0.1)
        self._gone = set()
        try:
            self._process.await_ready()
        except PoolError as error:
            raise TrainingFailed(Cause(CauseKind.ERROR, str(error)[:300]), "") from error

    def train(self, order: Order, mark: Mark) -> Generator[StepRead, None, None]:
        """Begin with the first ``next``; closing the generator stops the training at its report."""
        self._imported, self._opened = None, ()
        process = self._process
        with process.training(order, mark), self._limits.watch(process.keeper, process.kill_for):
            yield from self._reports(process)

    def _reports(self, process: _Process) -> Generator[StepRead, None, None]:
        try:
            while (message := process.next_message()) is not None and "report" in message:
                step, metrics, unreadable = message["report"]
                yield StepRead(step, metrics, unreadable)
                process.tell(True)
        except GeneratorExit:
            self._stop(process)
            raise
        assert message is not None  # it was waited for without a limit
        self._end(message["ended"])

    def _stop(self, process: _Process) -> None:
        """End a training that waits at its report, by force if it does not unwind in time."""
        process.tell(False)
        until_s = time.monotonic() + self._limits.grace_s
        message: dict[str, Any] | None = {}
        while message is not None and "ended" not in message:
            message = process.next_message(until_s - time.monotonic())
        if message is None:
            process.close()
        else:
            self._end(message["ended"])

    def _end(self, end: dict[str, Any]) -> None:
        self._imported, self._opened = tuple(end["imported"]), tuple(end["opened"])
        if end["cause"] is not None:
            kind, text = end["cause"]
            raise TrainingFailed(Cause(CauseKind(kind), text), end["text"])

    def active(self) -> AbstractContextManager[None]:
        """Do nothing: what is trained prints elsewhere."""
        return contextlib.nullcontext()

    def imported(self) -> tuple[str, ...] | None:
        """Return the project's files that were executed; None: the process died before that."""
        return self._imported

    def opened(self) -> tuple[str, ...]:
        """Return the project's files that the last training read and had not written itself."""
        return self._opened

    def ended(self) -> None:
        """Put a new process in the place of one that is not as it was before the training."""
        process = self._process
        if process.alive and not process.left_behind() and self._gpu_bytes() <= _GPU_LEFT_BYTES:
            return
        self._gone |= {process.pid, *process.left_behind()}
        process.close()
        self._process = _Process(self._source)

    def _gpu_bytes(self, pids: set[int] | None = None) -> int:
        if self._limits.gpu_bytes is None:
            return 0
        return self._limits.gpu_bytes(pids or {self._process.pid}) or 0

    def kill(self) -> None:
        """End the training wherever it is."""
        self._process.kill()

    def close(self) -> None:
        """End the process."""
        self._process.close()


class _Process:
    """One life of the process: its lines, its output, its end."""

    def __init__(self, source: ObjectiveSource) -> None:
        self._why: Cause | None = None
        self._ready = False
        self._at_ready: frozenset[int] = frozenset()
        self._heard = {"link": b"", "marks": b""}
        self._messages: list[dict[str, Any]] = []
        self._logs: dict[str, BoundedLog] = {}
        self._tail = b""
        self._mark: Mark | None = None
        self._oom_kills = 0
        self._selector = selectors.DefaultSelector()
        with contextlib.ExitStack() as theirs:
            self._link, link = _pair(theirs)
            self._marks, marks = _pair(theirs)
            self._out, stdout = _pipe(theirs)
            self._err, stderr = _pipe(theirs)
            package = str(Path(sweeper.__file__).parents[1])
            argv = [sys.executable, "-P", "-c", _MAIN, str(link), str(marks), package]
            try:
                self._kept = Kept(
                    argv,
                    cwd=os.getcwd(),
                    env=without_own_ray(os.environ),
                    stdout=stdout,
                    stderr=stderr,
                    fds=(link, marks),
                )
            except OSError as error:
                raise PoolError(f"no process could be started to train in: {error}") from error
        for name in ("link", "marks", "out", "err", "kept"):
            self._selector.register(getattr(self, f"_{name}"), selectors.EVENT_READ, name)
        self.tell((source, sys.path))

    @property
    def pid(self) -> int:
        """Return the process that trains."""
        return self._kept.pid

    @property
    def keeper(self) -> int:
        """Return the process above all of the training's."""
        return self._kept.keeper

    @property
    def alive(self) -> bool:
        """Tell whether it may train once more."""
        return self._why is None and self._kept.status() is None

    def left_behind(self) -> frozenset[int]:
        """Return the processes that a training has started and not ended."""
        return self._kept.others() - self._at_ready

    def await_ready(self) -> None:
        """Wait until the function is loaded.

        Raises:
            PoolError: If it cannot be.
        """
        if self._ready:
            return
        try:
            message = self.next_message()
        except TrainingFailed as failed:
            raise PoolError(f"the objective could not be loaded: {failed.cause.text}") from failed
        if message is None or "ready" not in message:
            raise PoolError((message or {}).get("refused", "the objective could not be loaded"))
        self._ready = True
        self._at_ready = self._kept.others()

    @contextlib.contextmanager
    def training(self, order: Order, mark: Mark) -> Iterator[None]:
        """Keep what it prints inside in the order's folder."""
        folder = Path(order.folder)
        self._logs = {"out": BoundedLog(folder / STDOUT), "err": BoundedLog(folder / STDERR)}
        self._tail = b""
        self._mark = mark
        self._oom_kills = oom_kills()
        self.tell(order)
        try:
            yield
        finally:
            for log in self._logs.values():
                log.close()
            self._logs = {}
            self._mark = None

    def tell(self, message: object) -> None:
        """Send a message; a process that is gone says so when it is listened to."""
        with contextlib.suppress(OSError):
            self._link.sendall(pickle.dumps(message))

    def next_message(self, timeout_s: float | None = None) -> dict[str, Any] | None:
        """Wait for what the process says, and keep what it prints meanwhile.

        Args:
            timeout_s: For how long; None: until it speaks or dies.

        Returns:
            A message; None: there was none in time.

        Raises:
            TrainingFailed: If the process is gone.
        """
        until_s = None if timeout_s is None else time.monotonic() + max(0.0, timeout_s)
        while not self._messages:
            left_s = None if until_s is None else until_s - time.monotonic()
            if left_s is not None and left_s <= 0:
                return None
            ready = {key.data for key, _ in self._selector.select(left_s)}
            for name in ready & {"out", "err"}:
                self._keep_output(name)
            for name in ready & {"link", "marks"}:
                self._hear(name)
            if not self._messages and "kept" in ready and self._kept.status() is not None:
                self._hear("link")  # what it said just before
                if not self._messages:
                    raise self._death()
        for name in ("out", "err"):
            self._drain(name)
        return self._messages.pop(0)

    def kill(self) -> None:
        """Kill it; from any thread."""
        self._kept.kill()

    def kill_for(self, cause: Cause) -> None:
        """Kill it and say why; from any thread."""
        self._why = self._why or cause
        self._kept.kill()

    def close(self) -> None:
        """Kill it and let go of everything."""
        self._kept.close()
        self._why = self._why or Cause(CauseKind.STOPPED, "it was ended")
        self._selector.close()
        for end in (self._link, self._marks, self._out, self._err):
            end.close()

    def _hear(self, name: str) -> None:
        """Take in what came over a line."""
        line: socket.socket = getattr(self, f"_{name}")
        data = b""
        with contextlib.suppress(ConnectionError):
            try:
                data = line.recv(_CHUNK_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
        if not data:
            self._forget(line)
        *messages, rest = (self._heard[name] + data).split(b"\n")
        if len(rest) > _LONGEST_MESSAGE:
            self.kill_for(Cause(CauseKind.ERROR, "a report was larger than 64 MiB"))
            rest = b""
        self._heard[name] = rest
        for message in map(json.loads, messages):
            if name == "link":
                self._messages.append(message)
            else:
                self._note(message)

    def _forget(self, end: Any) -> None:
        """Wait no more for what will say nothing more."""
        with contextlib.suppress(KeyError):
            self._selector.unregister(end)

    def _note(self, edge: dict[str, Any]) -> None:
        wrong = None
        try:
            if self._mark is not None:
                self._mark(edge["region"], edge["enters"])
        except ValueError as error:
            wrong = str(error)
        with contextlib.suppress(OSError):
            self._marks.sendall(json.dumps(wrong).encode() + b"\n")

    def _keep_output(self, name: str) -> bool:
        """Keep what is there of one stream; False: there is nothing."""
        pipe = getattr(self, f"_{name}")
        data = pipe.read(_CHUNK_BYTES)
        if not data:
            if data == b"":  # every process that could write to it is gone
                self._forget(pipe)
            return False
        if name == "err":
            self._tail = (self._tail + data)[-TEXT_LENGTH:]
        if name in self._logs:
            self._logs[name].write(data)
        return True

    def _drain(self, name: str) -> None:
        """Keep what was printed before now, and not what a thread prints on and on."""
        for _ in range(_PIPE_CHUNKS):
            if not self._keep_output(name):
                return

    def _death(self) -> TrainingFailed:
        for name in ("out", "err"):
            self._drain(name)
        text = self._tail.decode("utf-8", "replace")
        if self._why is not None:
            return TrainingFailed(self._why, text)
        status = self._kept.status() or 0
        memory = status == -signal.SIGKILL and oom_kills() > self._oom_kills
        return died(status, text, memory=memory, what=_WHAT)


def _pair(theirs: contextlib.ExitStack) -> tuple[socket.socket, int]:
    ours, other = socket.socketpair()
    theirs.callback(other.close)
    return ours, other.fileno()


def _pipe(theirs: contextlib.ExitStack) -> tuple[Any, int]:
    read, write = os.pipe()
    theirs.callback(os.close, write)
    os.set_blocking(read, False)
    return open(read, "rb", buffering=0), write
