"""Who a process is, so that another one can prove that it is gone.

Owns: the ``proc_id`` of the ledger: boot, pid namespace and start time. A pid alone proves nothing:
numbers are reused, and containers count their own. Imports neither SQLAlchemy nor the store.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["is_gone", "proc_id"]

_PROC = Path("/proc")
_ENDED = ("Z", "X")  # a zombie keeps its pid until its parent asks, and does nothing any more


def proc_id(pid: int | None = None) -> str:
    """Name a process for good: boot, pid namespace and start time; this one by default.

    Returns:
        Three parts with ``|`` between them; the last is empty when there is no such process.
    """
    return "|".join((_boot(), _pid_namespace(), _started(os.getpid() if pid is None else pid)))


def is_gone(pid: int, named: str) -> bool:
    """Tell whether the process that ``proc_id`` named ``named`` is provably over.

    False where it cannot be seen from here: another boot, another machine, another container.
    """
    boot, namespace, started = named.split("|") if named.count("|") == 2 else ("", "", "")
    if not started or (boot, namespace) != (_boot(), _pid_namespace()):
        return False
    return _started(pid) != started


def _boot() -> str:
    """Name this boot of this machine."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        import psutil  # only where the kernel has no boot id

        return f"{os.uname().nodename}@{psutil.boot_time():.0f}"


def _pid_namespace() -> str:
    """Name the namespace that pids are counted in; empty where there is only one."""
    try:
        return str((_PROC / "self/ns/pid").readlink())
    except OSError:
        return ""


def _started(pid: int) -> str:
    """Return when a process began, in the kernel's own unit; empty: it is over.

    Clock ticks since boot are used where there are any: seconds since 1970 move with the clock.
    """
    if not (_PROC / "self/stat").exists():
        return _started_by_psutil(pid)
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The name in brackets may hold spaces and brackets; proc(5) counts state as 3, starttime as 22.
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in _ENDED else fields[19]


def _started_by_psutil(pid: int) -> str:
    """Return when a process began, where there is no /proc."""
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return ""
        return f"{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return ""
