"""A command in processes of its own, of which nothing is left when it has ended.

A small process beside each command keeps it (``keeper_process.py``): it ends the command's whole
process tree with the command, and the command with whoever started it, even after SIGKILL.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from sweeper.workers.keeper_process import descendants

__all__ = ["Kept"]

_SCRIPT = Path(__file__).with_name("keeper_process.py")
_HELPER = b"multiprocessing.resource_tracker"
_START_S = 60.0  # the machine may be busy; a keeper answers in 20 ms


class Kept:
    """A running command and its keeper. Safe for threads; one of them waits for the end.

    Args:
        argv: The command line.
        cwd: Where it runs.
        env: Its whole environment; None: this process's.
        stdout: File descriptor that it writes to; the caller closes its own copy.
        stderr: The same.
        fds: Further descriptors that it inherits, under their numbers.

    Attributes:
        pid: The command's process, the leader of its group.
        keeper: The process above it.

    Raises:
        OSError: If the command cannot be started.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        env: Mapping[str, str] | None,
        stdout: int,
        stderr: int,
        fds: Sequence[int] = (),
    ) -> None:
        self._link, theirs = socket.socketpair()
        self._heard = b""
        self._status: int | None = None
        self._lock = threading.Lock()
        try:
            # -I -S keep the user's environment and packages out of the keeper.
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_SCRIPT), str(theirs.fileno()), *argv],
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                pass_fds=(theirs.fileno(), *fds),
                start_new_session=True,
            )
            theirs.close()
            self.keeper = self._process.pid
            self.pid = self._started(argv)
        except BaseException:
            theirs.close()
            self._link.close()
            raise

    def fileno(self) -> int:
        """Return what becomes readable when the command has ended."""
        return self._link.fileno()

    def status(self, timeout_s: float | None = 0.0) -> int | None:
        """Return the exit status once the whole tree is gone, below zero a signal; else None.

        Args:
            timeout_s: How long to wait for it; None: for ever.
        """
        while self._status is None:
            ready, _, _ = select.select([self._link], [], [], timeout_s)
            if not ready:
                return None
            line = self._line()
            if not line:  # somebody killed the keeper, and the command died with it
                self._over(-signal.SIGKILL)
            elif line.startswith("end "):
                self._over(int(line[4:]))
        return self._status

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every process of the command's group; nothing if it has ended."""
        self._say(str(int(number)))

    def kill(self) -> None:
        """Kill the whole tree; nothing if it has ended."""
        self._say("kill")

    def close(self) -> None:
        """Kill what still runs and wait until it is gone. May be called twice."""
        self.kill()
        self.status(None)

    def others(self) -> frozenset[int]:
        """Return the living processes of the tree but the command itself; empty off Linux."""
        others = descendants(self.keeper) - {self.pid}
        return frozenset(pid for pid in others if not _is_harmless(pid))

    def _started(self, argv: Sequence[str]) -> int:
        ready, _, _ = select.select([self._link], [], [], _START_S)
        word, _, number = (self._line() if ready else "").partition(" ")
        if word == "pid":
            return int(number)
        self._process.kill()
        self._process.wait()
        if word == "error":
            raise OSError(int(number), os.strerror(int(number)), argv[0])
        raise OSError(f"the process that keeps {argv[0]} did not start")

    def _line(self) -> str:
        """Return what the keeper says next; empty: it is gone."""
        while b"\n" not in self._heard:
            data = b""
            with contextlib.suppress(OSError):
                data = self._link.recv(4096)
            if not data:
                return ""
            self._heard += data
        line, _, self._heard = self._heard.partition(b"\n")
        return line.decode("ascii")

    def _say(self, text: str) -> None:
        with self._lock:
            if self._status is None:
                with contextlib.suppress(OSError):  # it has just ended
                    self._link.sendall(text.encode("ascii") + b"\n")

    def _over(self, status: int) -> None:
        self._process.wait()
        with self._lock:
            self._status = status
            self._link.close()


def _is_harmless(pid: int) -> bool:
    """Tell whether a process has ended, or is one of Python's own helpers."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True
    return stat.rpartition(b")")[2].split()[0] in (b"Z", b"X") or _HELPER in command
