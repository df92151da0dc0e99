"""The meter that lives in each worker process, and the choice of its sources.

Load this module in workers only: it brings psutil and pynvml. Must not import Ray or other rooms.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sweeper.energy.accounts import Accounts, GpuSide
from sweeper.energy.books import Assigned, Book, GpuBook
from sweeper.energy.cpu_load import CPU_W_PER_CORE, LoadBook, ProcessTree, machine_busy_s
from sweeper.energy.nvml import Nvml
from sweeper.energy.rapl import POWERCAP, RaplBook, readable_packages
from sweeper.errors import MeterError
from sweeper.model import UNAVAILABLE, Energy

__all__ = ["MeterSettings", "Sources", "WorkerMeter", "build_meter"]

_LOG = logging.getLogger(__name__)

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class MeterSettings:
    """What the sweep file says about measuring.

    Attributes:
        cpu_w_per_core: Watts of one busy core, for the estimate where RAPL cannot be read.
    """

    cpu_w_per_core: float = CPU_W_PER_CORE


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a worker's joules come from.

    Attributes:
        gpus: Finds the boards behind what a worker was given; not called when that is nothing.
        cpu: Opens the CPU's book; called with the clock at each ``begin``.
    """

    gpus: Callable[[Sequence[str]], Assigned]
    cpu: Callable[[float], Book]


def build_meter(
    settings: MeterSettings,
    *,
    powercap: Path = POWERCAP,
    clock: Callable[[], float] = time.monotonic,
) -> WorkerMeter:
    """Build the meter of this worker process from what can be read here.

    Call it in the process whose trials are to be measured.

    Args:
        settings: From the sweep file.
        powercap: The folder of the RAPL zones.
        clock: Seconds, monotonic.

    Returns:
        A meter on the energy counters of assigned GPUs, and on RAPL or else the CPU estimate.
    """
    packages = readable_packages(powercap)
    if not packages:
        _LOG.info(
            "CPU energy is estimated at %g W per busy core: %s holds no CPU package that this"
            " process may read",
            settings.cpu_w_per_core,
            powercap,
        )

    def cpu(now_s: float) -> Book:
        tree = ProcessTree(clock)
        if packages:
            return RaplBook(packages, tree, machine_busy_s, now_s)
        return LoadBook(tree, settings.cpu_w_per_core, now_s)

    return WorkerMeter(Sources(gpus=Nvml().assigned, cpu=cpu), clock)


class WorkerMeter:
    """Measures one worker's trials; implements ``seams.Meter``.

    Nothing that goes wrong here reaches a trial: it is logged once, and from then on everything
    is unavailable, because books with a hole in them prove nothing.

    Args:
        sources: Where the joules come from.
        clock: Seconds, monotonic.
    """

    def __init__(self, sources: Sources, clock: Callable[[], float] = time.monotonic) -> None:
        self._sources = sources
        self._clock = clock
        self._accounts: Accounts | None = None

    def begin(self, gpus: Sequence[str], share: float) -> None:
        """Start the worker's books; a second call starts them anew.

        Args:
            gpus: What this worker was given: NVML indices, UUIDs or MIG UUIDs; empty: none, even
                if this process could see some.
            share: The part of those devices that is this worker's, 0 < share <= 1.
        """
        self._accounts = None
        self._accounts = self._safely(lambda: self._begin(gpus, share), None)

    def open(self) -> None:
        """Open the account of the next trial."""
        accounts = self._accounts
        if accounts is not None:
            self._safely(accounts.open, None)

    def read(self) -> float | None:
        """Return joules of the open account so far; None: unknown."""
        accounts = self._accounts
        return None if accounts is None else self._safely(accounts.read, None)

    def close(self) -> Energy:
        """Close the open account."""
        accounts = self._accounts
        return UNAVAILABLE if accounts is None else self._safely(accounts.close, UNAVAILABLE)

    def overhead(self) -> Energy:
        """Return what was used since ``begin`` outside closed accounts."""
        accounts = self._accounts
        return UNAVAILABLE if accounts is None else self._safely(accounts.overhead, UNAVAILABLE)

    def _begin(self, gpus: Sequence[str], share: float) -> Accounts:
        if not 0 < share <= 1:
            raise MeterError(f"a worker's share of its GPUs must be in (0, 1], got {share!r}")
        now_s = self._clock()
        side = None
        if gpus:
            assigned = self._sources.gpus(gpus)
            books = tuple(GpuBook(board, share, now_s) for board in assigned.boards)
            side = GpuSide(books, assigned.flags)
        return Accounts(side, self._sources.cpu(now_s), self._clock, now_s)

    def _safely(self, act: Callable[[], Answer], otherwise: Answer) -> Answer:
        """Measure; the one place where an error of measuring ends."""
        try:
            return act()
        except Exception:  # measuring must never cost a training run (seams.py, Meter)
            self._accounts = None
            _LOG.warning("this worker's energy is no longer measured", exc_info=True)
            return otherwise
