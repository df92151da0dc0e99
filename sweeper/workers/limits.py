"""What one training may use of its machine, and what it must have given back at its end.

Must not import other rooms.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from sweeper.model import Cause, CauseKind

__all__ = ["Limits", "oom_kills", "tree_memory_bytes"]

_TICK_S = 0.2  # a training that allocates 5 GB/s is one gigabyte past its limit by then
_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Limits:
    """What a sweep file says about one training; picklable.

    Attributes:
        memory_bytes: The most host memory that its processes may use together; None: no limit.
        grace_s: Between asking it to end at its report and SIGKILL.
        gpu_bytes: Returns how much memory of the worker's GPUs some processes hold; None: unknown.
    """

    memory_bytes: int | None = None
    grace_s: float = 30.0
    gpu_bytes: Callable[[Collection[int]], int | None] | None = None

    def watch(self, root: int, kill: Callable[[Cause], None]) -> AbstractContextManager[None]:
        """Hold a process tree to the limits while inside.

        Args:
            root: The process above all of them; its own memory does not count.
            kill: Told why, once, from another thread.
        """
        if self.memory_bytes is None:
            return contextlib.nullcontext()
        return _watch(root, self.memory_bytes, kill)


@contextlib.contextmanager
def _watch(root: int, most_bytes: int, kill: Callable[[Cause], None]) -> Iterator[None]:
    over = threading.Event()

    def look() -> None:
        while not over.wait(_TICK_S):
            used = tree_memory_bytes(root, most_bytes)
            if used > most_bytes:
                text = f"used {used / _GIB:.2f} GiB of host memory; resources.memory allows "
                kill(Cause(CauseKind.MEMORY, f"{text}{most_bytes / _GIB:.2f} GiB"))
                return

    thread = threading.Thread(target=look, name="memory-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def tree_memory_bytes(root: int, enough: int = 0) -> int:
    """Return the host memory of a process's descendants; what they share counts once.

    Args:
        root: The process.
        enough: Below this the sum of the resident sizes is returned, which is quicker and counts
            shared pages several times.
    """
    import psutil  # a worker without a limit does not need it

    tree = []
    with contextlib.suppress(psutil.Error):
        tree = psutil.Process(root).children(recursive=True)
    resident = sum(_bytes_of(process, exact=False) for process in tree)
    if resident <= enough:
        return resident
    return sum(_bytes_of(process, exact=True) for process in tree)


def _bytes_of(process: object, *, exact: bool) -> int:
    import psutil

    assert isinstance(process, psutil.Process)
    with contextlib.suppress(psutil.Error):
        if exact and hasattr(psutil.Process, "memory_full_info"):
            full = process.memory_full_info()
            return int(getattr(full, "pss", full.rss))
        return int(process.memory_info().rss)
    return 0


def oom_kills() -> int:
    """Return a count that grows when the system kills processes for want of memory."""
    return sum(map(_oom_kills_in, ("/proc/vmstat", *_cgroup_files())))


def _cgroup_files() -> Iterator[str]:
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines():
            number, _, place = line.split(":", 2)
            if number == "0":
                yield os.path.join("/sys/fs/cgroup", place.lstrip("/"), "memory.events")


def _oom_kills_in(file: str) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path(file).read_text(encoding="ascii").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0
