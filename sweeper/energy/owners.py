"""Whose a process is: the way from a pid over ``/proc`` to the worker it descends from.

Owns the layout of ``/proc/<pid>/stat`` (proc(5)). Must not import psutil: the agent also runs where
only Python and nvidia-ml-py are installed.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import NamedTuple

__all__ = ["PROC", "Owners", "Whose"]

PROC = Path("/proc")

# Inode of the first PID namespace, PROC_PID_INIT_INO in Linux, include/linux/proc_ns.h.
FIRST_NAMESPACE = 0xEFFFFFFC

_DEAD = frozenset("ZX")

# More processes than ever had contexts on one node: then those that are gone are forgotten.
MOST_KNOWN = 4096


class Whose(Enum):
    """Who has a process that belongs to no worker of ours."""

    STRANGER = "stranger"
    ABSENT = "absent"  # there is no such process here, or not any more


class _Stat(NamedTuple):
    state: str
    parent: int
    started: int  # clock ticks since boot: with the pid it names a process for good


class _Known(NamedTuple):
    started: int
    owner: str | Whose


class Owners:
    """Finds the worker that a process descends from. Not safe for threads.

    A process once found keeps its owner, also when its parents die and when it does.

    Args:
        proc: The folder of the processes.
        first_namespace: The driver's pids are those of this folder; None: find out.
    """

    def __init__(self, proc: Path = PROC, *, first_namespace: bool | None = None) -> None:
        self._proc = proc
        self._roots: dict[int, tuple[int, str]] = {}  # pid -> when it started, worker
        self._known: dict[int, _Known] = {}
        self.first_namespace = (
            _in_first_namespace(proc) if first_namespace is None else first_namespace
        )

    def register(self, worker: str, pid: int) -> None:
        """Let a worker have a process and all that it starts; the last one to say so wins."""
        stat = self._stat(pid)
        if stat is not None:
            self._roots[pid] = (stat.started, worker)
        self._known = {
            child: known for child, known in self._known.items() if isinstance(known.owner, str)
        }
        self._known.pop(pid, None)

    def forget(self, worker: str) -> None:
        """Take a worker's root away; what was found of its processes stays its own."""
        self._roots = {pid: root for pid, root in self._roots.items() if root[1] != worker}

    def gone(self, worker: str) -> bool:
        """Tell whether a worker's root was there and is not any more."""
        for pid, (started, name) in self._roots.items():
            if name == worker:
                stat = self._stat(pid)
                return stat is None or stat.started != started or stat.state in _DEAD
        return False

    def of(self, pid: int) -> str | Whose:
        """Return the worker that a process belongs to."""
        stat, known = self._stat(pid), self._known.get(pid)
        if stat is None:
            return Whose.ABSENT if known is None else known.owner
        if known is None or known.started != stat.started:
            if len(self._known) >= MOST_KNOWN:
                self._known = {each: was for each, was in self._known.items() if self._stat(each)}
            known = self._known[pid] = _Known(stat.started, self._walk(pid, stat))
        return known.owner

    def here(self, pid: int) -> bool:
        """Tell whether there is such a process here, or was."""
        return pid in self._known or (self._proc / str(pid)).exists()

    def _walk(self, pid: int, stat: _Stat) -> str | Whose:
        """Go up from a process to the first one whose owner is known."""
        seen: set[int] = set()
        here: _Stat | None = stat
        while here is not None and pid not in seen:
            started, worker = self._roots.get(pid, (None, ""))
            if started == here.started:
                return worker
            known = self._known.get(pid)
            if known is not None and known.started == here.started:
                return known.owner
            seen.add(pid)
            pid = here.parent
            here = self._stat(pid)
        return Whose.STRANGER

    def _stat(self, pid: int) -> _Stat | None:
        try:
            text = (self._proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
            # The command's name, in brackets, may hold spaces and brackets of its own.
            fields = text.rpartition(")")[2].split()
            return _Stat(fields[0], int(fields[1]), int(fields[19]))
        except (OSError, ValueError, IndexError):
            return None


def _in_first_namespace(proc: Path) -> bool:
    try:
        return (proc / "self" / "ns" / "pid").stat().st_ino == FIRST_NAMESPACE
    except OSError:
        return False
