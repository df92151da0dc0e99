"""CPU time of this process tree and of the machine, and the CPU estimate made from it.

Must not import other rooms, Ray or pynvml.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable

import psutil

from sweeper.energy.books import At, CounterBook, Used

__all__ = ["CPU_W_PER_CORE", "CpuClock", "LoadBook", "ProcessTree", "machine_busy_s"]

ESTIMATED_CPU_LOAD = "estimated:cpu_load"

# Watts per busy core where nobody gave a figure: the row "Any" of the CPU table of the Green
# Algorithms calculator (TDP_cpu.csv, the same in v1.0 to v3.0; CC BY 4.0), Lannelongue et al. 2021,
# Advanced Science, doi 10.1002/advs.202100707. The CPUs of v3.0 lie between 1.6 and 23.8 W.
CPU_W_PER_CORE = 12.0

# Shortest distance of two readings inside a trial: Linux counts other processes in ticks of 10 ms.
MIN_TICK_S = 0.05

# Looking for new children walks all processes of the machine (milliseconds), so reports do it
# rarely. A child found late is not lost: its CPU time is there from its start.
RESCAN_S = 1.0

# Returns CPU seconds so far; at an edge the answer must be up to date.
CpuClock = Callable[[At], float]


class ProcessTree:
    """CPU seconds of this process, its living descendants, and its dead ones that were waited for.

    When a child ends, its time moves into its parent's "children" figure, so the sum goes on
    smoothly. It falls when a descendant is orphaned or not waited for.

    Args:
        clock: Seconds; decides when to look for new children again.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._root = psutil.Process()
        self._descendants: list[psutil.Process] = []
        self._scanned_s = float("-inf")

    def __call__(self, at: At) -> float:
        """Return the CPU seconds of the tree so far."""
        if at is At.EDGE or self._clock() - self._scanned_s >= RESCAN_S:
            self._scan()
        try:
            return self._sum()
        except psutil.NoSuchProcess:
            # One ended since the scan, and its time may be in a figure that was read before it
            # did: a sum without it would book its time again later.
            self._scan()
            return self._sum(skip_dead=True)

    def _scan(self) -> None:
        self._descendants = self._root.children(recursive=True)  # parents before children
        self._scanned_s = self._clock()

    def _sum(self, *, skip_dead: bool = False) -> float:
        own = resource.getrusage(resource.RUSAGE_SELF)
        waited_for = resource.getrusage(resource.RUSAGE_CHILDREN)
        total_s = own.ru_utime + own.ru_stime + waited_for.ru_utime + waited_for.ru_stime
        for process in self._descendants:
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                if not skip_dead:
                    raise
            except psutil.AccessDenied:
                continue
            else:
                total_s += times.children_user + times.children_system
                total_s += _fine_cpu_s(process.pid) or times.user + times.system
        return float(total_s)


def _fine_cpu_s(pid: int) -> float | None:
    """Return the CPU seconds of another process from its clock; None: it has none here.

    Its figures in /proc are ticks of 10 ms, as long as a short trial. The number of the clock is
    what clock_getcpuclockid(3) of Linux's C libraries makes of a process.
    """
    if not sys.platform.startswith("linux"):
        return None
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return None


def machine_busy_s(at: At = At.EDGE) -> float:
    """Return the CPU seconds that the whole machine was not idle and not waiting for I/O.

    The time of guests is not added: Linux has it in ``user`` and ``nice`` already.
    """
    times = psutil.cpu_times()
    not_busy = ("idle", "iowait", "guest", "guest_nice")
    return float(sum(s for name, s in times._asdict().items() if name not in not_busy))


class LoadBook(CounterBook[float]):
    """The CPU estimate: CPU seconds of the process tree times watts per busy core.

    Args:
        cpu_s: CPU seconds of the tree so far.
        w_per_core: Watts of one busy core.
        now_s: The clock at the first reading.
    """

    source = ESTIMATED_CPU_LOAD
    min_tick_s = (
        0.001  # this process's own time has microseconds, and a reading takes a fifth of it
    )

    def __init__(self, cpu_s: CpuClock, w_per_core: float, now_s: float) -> None:
        self._cpu_s = cpu_s
        self._w_per_core = w_per_core
        super().__init__(now_s)

    def _read(self, at: At) -> float | None:
        return self._cpu_s(at)

    def _between(self, last: float, now: float, elapsed_s: float) -> Used:
        return Used(share_j=max(0.0, now - last) * self._w_per_core, seen_s=elapsed_s)
