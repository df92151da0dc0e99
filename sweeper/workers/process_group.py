"""A program as a process group of its own: started, listened to, signalled, ended as a whole.

Owns: the processes and what they print. Nothing of the group outlives its first process. Must not
import other rooms.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from sweeper.workers.capture import STDERR, STDOUT
from sweeper.workers.leash import Leash
from sweeper.workers.stdout_metrics import Lines

__all__ = ["ProcessGroup"]

_CHUNK_BYTES = 2**16
_LAST_WORDS_S = 2.0  # somebody outside of the group may hold the pipe open


class ProcessGroup:
    """Starts a program; its output goes to the logs of a folder, line by line to ``printed`` too.

    Args:
        argv: The command line.
        cwd: Where it runs.
        env: Its whole environment.
        logs: The folder of ``stdout.log`` and ``stderr.log``.
        leash: Kills the group if this process dies.
        printed: Told each line of standard output.
        exited: Told the exit status, below zero a signal, after the last line was told.

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
        leash: Leash,
        printed: Callable[[str], None],
        exited: Callable[[int], None],
    ) -> None:
        self._leash = leash
        self._printed = printed
        self._exited = exited
        self._lock = threading.Lock()
        self._over = False
        leash.start()  # first: from the moment that there is a program, it is held
        with contextlib.ExitStack() as stack:
            self._stdout_log = stack.enter_context(_log(logs / STDOUT))
            with _log(logs / STDERR) as stderr_log:
                self._process = subprocess.Popen(
                    argv,
                    cwd=cwd,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=stderr_log,
                    start_new_session=True,
                )
            leash.hold(self._process.pid)
            stack.pop_all()  # the log is the reader's now
        self._pump = threading.Thread(target=self._read, daemon=True)
        self._pump.start()
        threading.Thread(target=self._wait, daemon=True).start()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every process of the group; one that has ended is left alone."""
        with self._lock:  # once the first process is waited for, its number may be another's
            if not self._over:
                _signal_group(self._process.pid, number)

    def _read(self) -> None:
        assert self._process.stdout is not None  # it is a pipe
        lines = Lines()
        with self._stdout_log as log, self._process.stdout as stdout:
            while data := os.read(stdout.fileno(), _CHUNK_BYTES):
                with contextlib.suppress(OSError):  # a full disk costs the log, not the training
                    log.write(data)
                for line in lines.feed(data):
                    self._printed(line)
            for line in lines.end():
                self._printed(line)

    def _wait(self) -> None:
        """Wait for the first process; end the others before its number is free again."""
        pid = self._process.pid
        if hasattr(os, "waitid"):  # not on macOS
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        else:
            self._process.wait()
        with self._lock:
            _signal_group(pid, signal.SIGKILL)
            status = self._process.wait()
            self._over = True
        self._leash.let_go(pid)
        self._pump.join(_LAST_WORDS_S)
        self._exited(status)


def _log(path: Path) -> IO[bytes]:
    """Open a log to append to; where that fails, what is printed is lost and the training goes on.

    Unbuffered: what was printed before a crash is there.
    """
    try:
        return path.open("ab", buffering=0)
    except OSError:
        return open(os.devnull, "ab", buffering=0)


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # only zombies are left
        os.killpg(group, number)
