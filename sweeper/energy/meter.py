"""The meter that lives in each worker process: its part of the node's boards, and its own CPU.

Load this module in workers only: it brings psutil and pynvml. Must not import Ray or other rooms.
"""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock, Thread
from typing import TypeVar

from sweeper.energy import cuda
from sweeper.energy.accounts import Accounts, GpuSide, Parts
from sweeper.energy.board import Finder
from sweeper.energy.books import Book, GpuBook
from sweeper.energy.cpu_load import CPU_W_PER_CORE, LoadBook, ProcessTree, machine_busy_s
from sweeper.energy.gpu_statement import unique
from sweeper.energy.nvml import Nvml
from sweeper.energy.rapl import (
    MEASURED_RAPL,
    POWERCAP,
    RaplBook,
    readable_memory,
    readable_packages,
)
from sweeper.energy.statement import apart, together
from sweeper.errors import MeterError
from sweeper.model import UNAVAILABLE, Energy, known_sum
from sweeper.seams import Meter

__all__ = ["MeterSettings", "Sources", "WorkerMeter", "build_meter"]

_LOG = logging.getLogger(__name__)

Answer = TypeVar("Answer")

# RAPL's smallest counters go round after about two minutes (docs/energy.md, "CPU and memory").
KEEP_S = 30.0


@dataclass(frozen=True, slots=True)
class MeterSettings:
    """What the sweep file says about measuring.

    Attributes:
        cpu_w_per_core: Watts of one busy core, for the estimate where RAPL cannot be read.
    """

    cpu_w_per_core: float = CPU_W_PER_CORE


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a worker's own readings come from.

    Attributes:
        gpus: Finds the boards behind what a worker was given; not called when that is nothing.
        cpu: Opens the CPU's book; called with the clock at each ``begin``.
    """

    gpus: Finder
    cpu: Callable[[float], Book]


def build_meter(
    settings: MeterSettings,
    gpus: Meter | None = None,
    *,
    powercap: Path = POWERCAP,
    clock: Callable[[], float] = time.monotonic,
) -> WorkerMeter:
    """Build the meter of this worker process from what can be read here.

    Call it in the process whose trials are to be measured.

    Args:
        settings: From the sweep file.
        gpus: The agent's meter of this worker; None: there is no agent.
        powercap: The folder of the RAPL zones.
        clock: Seconds, monotonic.

    Returns:
        A meter of its GPUs, and of its CPU by RAPL or else by the estimate.
    """
    packages, memory = readable_packages(powercap), readable_memory(powercap)
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
            return RaplBook(packages, tree, machine_busy_s, now_s, memory=memory)
        return LoadBook(tree, settings.cpu_w_per_core, now_s)

    meter = WorkerMeter(Sources(gpus=Nvml().assigned, cpu=cpu), clock, gpus)
    if packages:
        keeper = Thread(target=_keep, args=(weakref.ref(meter),), name="sweeper-rapl", daemon=True)
        keeper.start()
    return meter


def _keep(meter: weakref.ref[WorkerMeter]) -> None:
    """Read the CPU's counters now and then: in a long trial without reports they may go round."""
    while True:
        time.sleep(KEEP_S)
        there = meter()
        if there is None:
            return
        there.keep()
        del there


class AgentSilent(Exception):
    """The agent answered that it knows nothing of this worker."""


class WorkerMeter:
    """Measures one worker's trials; implements ``seams.Meter``.

    The agent's figures are used as long as it answers. The worker reads the counters of its boards
    itself too, at the edges of each trial, and goes on with these when the agent does not. Nothing
    that goes wrong here reaches a trial: it is logged once, and from then on everything is
    unavailable, because books with a hole in them prove nothing.

    The scope is fixed at ``begin`` for all accounts, so that the trials compare: ``cpu`` without
    GPUs, ``gpu+cpu`` with readable GPUs and measured packages, else ``gpu`` with the CPU apart.

    Args:
        sources: Where its own readings come from.
        clock: Seconds, monotonic.
        agent: The agent's meter of this worker; None: there is none.
    """

    def __init__(
        self,
        sources: Sources,
        clock: Callable[[], float] = time.monotonic,
        agent: Meter | None = None,
    ) -> None:
        self._sources = sources
        self._clock = clock
        self._agent = agent
        self._asks = False  # the agent answers, and there are GPUs
        self._lost = False
        self._joint = False
        self._accounts: Accounts | None = None
        self._lock = Lock()

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
            self._safely(lambda: self._open(accounts), None)

    def read(self) -> float | None:
        """Return joules of the open account so far; None: unknown."""
        accounts = self._accounts
        return None if accounts is None else self._safely(lambda: self._read(accounts), None)

    def close(self) -> Energy:
        """Close the open account, after what torch launched on a device is done."""
        accounts = self._accounts
        if accounts is None:
            return UNAVAILABLE
        return self._safely(lambda: self._close(accounts), UNAVAILABLE)

    def keep(self) -> None:
        """Book what was used since the last reading; from any thread."""
        accounts = self._accounts
        if accounts is not None:
            self._safely(accounts.keep, None)

    def overhead(self) -> Energy:
        """Return what was used since ``begin`` outside closed accounts."""
        accounts = self._accounts
        if accounts is None:
            return UNAVAILABLE
        return self._safely(lambda: self._overhead(accounts), UNAVAILABLE)

    def _begin(self, gpus: Sequence[str], share: float) -> Accounts:
        if not 0 < share <= 1:
            raise MeterError(f"a worker's share of its GPUs must be in (0, 1], got {share!r}")
        now_s = self._clock()
        side = None
        if gpus:
            assigned = self._sources.gpus(gpus)
            books = tuple(GpuBook(board, share, now_s) for board in assigned.boards)
            side = GpuSide(books, assigned.flags)
        cpu = self._sources.cpu(now_s)
        accounts = Accounts(side, cpu, self._clock, now_s)
        self._asks = self._agent is not None and not self._lost and side is not None
        self._ask(lambda agent: agent.begin(gpus, share))
        gpu = self._ask(_overhead_of) or accounts.overhead().gpu
        self._joint = (
            gpu is not None and gpu.source != "unavailable" and cpu.source == MEASURED_RAPL
        )
        return accounts

    def _open(self, accounts: Accounts) -> None:
        self._ask(lambda agent: agent.open())
        accounts.open()

    def _read(self, accounts: Accounts) -> float | None:
        own = accounts.read()
        if own is None:
            return None
        if own.gpu is None:
            return own.cpu.total_j
        gpu_j = self._ask(lambda agent: agent.read())
        if not self._asks:
            gpu_j = own.gpu.total_j
        return known_sum([gpu_j, own.cpu.total_j]) if self._joint else gpu_j

    def _close(self, accounts: Accounts) -> Energy:
        synced = cuda.synchronise() if accounts.has_gpus else None
        own = accounts.close()
        if own is None:
            return UNAVAILABLE
        energy = self._joined(Parts(self._ask(_account_of) or own.gpu, own.cpu))
        accounts.give(energy.gpus)
        if not accounts.has_gpus:
            return energy
        flags = [*energy.flags, *(["gpu_mismatch"] if _elsewhere(energy) else [])]
        return replace(energy, synced=synced, flags=unique(flags))

    def _overhead(self, accounts: Accounts) -> Energy:
        gpu = self._ask(_overhead_of)
        own = accounts.overhead()
        return self._joined(Parts(gpu or own.gpu, own.cpu))

    def _joined(self, parts: Parts) -> Energy:
        """Put the parts together in the worker's scope."""
        if parts.gpu is None:
            return parts.cpu
        energy = together(parts.gpu, parts.cpu) if self._joint else apart(parts.gpu, parts.cpu)
        flags = [*energy.flags, "agent_lost"] if self._lost else energy.flags
        return replace(energy, flags=unique(flags))

    def _ask(self, act: Callable[[Meter], Answer]) -> Answer | None:
        """Ask the agent; one that fails to answer is not asked again."""
        agent = self._agent
        if agent is None or not self._asks:
            return None
        try:
            return act(agent)
        except Exception as error:  # whatever the way to the agent raises: it cannot be relied on
            self._asks, self._lost = False, True
            _LOG.warning(
                "the node's energy agent is lost (%s: %s); this worker reads the counters itself,"
                " exactly where it has its GPUs for itself, else by its share of them",
                type(error).__name__,
                error,
            )
            return None

    def _safely(self, act: Callable[[], Answer], otherwise: Answer) -> Answer:
        """Measure; the one place where an error of measuring ends."""
        try:
            with self._lock:
                return act()
        except Exception:  # measuring must never cost a training run (seams.py, Meter)
            self._accounts = None
            _LOG.warning("this worker's energy is no longer measured", exc_info=True)
            return otherwise


def _account_of(agent: Meter) -> Energy:
    return _told(agent.close())


def _overhead_of(agent: Meter) -> Energy:
    return _told(agent.overhead())


def _told(energy: Energy) -> Energy:
    """Return what the agent said; one that has forgotten this worker is as good as dead."""
    if energy == UNAVAILABLE:
        raise AgentSilent("it knows nothing of this worker")
    return energy


def _elsewhere(energy: Energy) -> bool:
    """Tell whether torch runs on boards that were not given to this worker."""
    if not energy.gpus or energy.attribution == "mig_slice":  # torch names slices, not boards
        return False
    return not cuda.used_uuids() <= {gpu.uuid for gpu in energy.gpus}
