"""A program with what it prints: started, listened to, signalled, ended as a whole.

Owns: the threads that read its output and wait for its end. Must not import other rooms.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sweeper.workers.keeper import Kept
from sweeper.workers.logs import STDERR, STDOUT, BoundedLog
from sweeper.workers.stdout_metrics import Lines

__all__ = ["ProcessGroup"]

_CHUNK_BYTES = 2**16
_LAST_WORDS_S = 2.0  # off Linux a process that has left the group may hold the pipe open


class ProcessGroup:
    """Starts a program; its output goes to the logs of a folder, line by line to ``printed`` too.

    Args:
        argv: The command line.
        cwd: Where it runs.
        env: Its whole environment.
        logs: The folder of ``stdout.log`` and ``stderr.log``.
        printed: Told each line of standard output.
        exited: Told the exit status, below zero a signal, after the last line was told and when
            nothing of its process tree is left.

    Raises:
        OSError: If it cannot be started.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        env: Mapping[str, str],
        logs: Path,
        printed: Callable[[str], None],
        exited: Callable[[int], None],
    ) -> None:
        self._printed = printed
        self._exited = exited
        with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
            out, stdout = _pipe(ours, theirs)
            err, stderr = _pipe(ours, theirs)
            self._kept = Kept(argv, cwd=cwd, env=env, stdout=stdout, stderr=stderr)
            ours.pop_all()  # the readers' now
        self._readers = [
            threading.Thread(target=self._read, args=(out, logs / STDOUT, Lines()), daemon=True),
            threading.Thread(target=self._read, args=(err, logs / STDERR, None), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        threading.Thread(target=self._wait, daemon=True).start()

    @property
    def keeper(self) -> int:
        """Return the process above all of the program's."""
        return self._kept.keeper

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every process of the group; one that has ended is left alone."""
        self._kept.signal(number)

    def kill(self) -> None:
        """Kill the whole process tree."""
        self._kept.kill()

    def _read(self, pipe: int, file: Path, lines: Lines | None) -> None:
        """Keep what comes out of a pipe, to its end."""
        log = BoundedLog(file)
        with contextlib.closing(log), open(pipe, "rb", buffering=0) as output:
            while data := output.read(_CHUNK_BYTES):
                log.write(data)
                for line in () if lines is None else lines.feed(data):
                    self._printed(line)
            for line in () if lines is None else lines.end():
                self._printed(line)

    def _wait(self) -> None:
        status = self._kept.status(None)
        assert status is not None  # it waited for ever
        for reader in self._readers:
            reader.join(_LAST_WORDS_S)
        self._exited(status)


def _pipe(ours: contextlib.ExitStack, theirs: contextlib.ExitStack) -> tuple[int, int]:
    """Make a pipe whose two ends are closed by their stacks."""
    read, write = os.pipe()
    ours.callback(os.close, read)
    theirs.callback(os.close, write)
    return read, write
