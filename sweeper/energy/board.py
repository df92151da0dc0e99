"""What can be asked of one physical GPU, in SI units: the line between NVML and everything else.

Owns: the words for raw readings. Values only; reads nothing itself. ``nvml.py`` has real boards,
``sweeper.testing.fake_board`` one of pure Python.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

__all__ = ["Assigned", "AssignedBoard", "Board", "Finder", "GpuLost", "GpuProcess", "ProcessSample"]


class GpuLost(Exception):
    """The board fell off the bus; it cannot be read any more until the machine is restarted."""


class GpuProcess(NamedTuple):
    """A process with a context on the board."""

    pid: int  # as the driver counts: the host's
    memory_bytes: int | None


class ProcessSample(NamedTuple):
    """How busy a process kept the board, by the driver's own sampling."""

    pid: int
    at_us: int  # of the sample's end, microseconds since 1970 by the node's wall clock
    sm: float  # share of the sample's time with at least one resident kernel, 0 to 1


class Board(Protocol):
    """A physical GPU. Every reading may be None: this board, driver or container has it not.

    Attributes:
        uuid: Of the board.
        name: Of the product.
        scope: What its readings cover: ``gpu``, or ``module`` where GPU and CPU are one.

    Raises:
        GpuLost: From any method, when the board is gone.
    """

    uuid: str
    name: str
    scope: str

    def counter_j(self) -> float | None:
        """Return joules since the driver was loaded; may fall when it is loaded again."""

    def average_w(self) -> float | None:
        """Return the power averaged over the last second."""

    def instant_w(self) -> float | None:
        """Return the power now, which some boards average over 25 ms of every 100 ms."""

    def legacy_w(self) -> float | None:
        """Return the power of ``nvmlDeviceGetPowerUsage``: 1 s average or instant, by board."""

    def limit_w(self) -> float | None:
        """Return the power limit that the driver enforces."""

    def utilisation(self) -> float | None:
        """Return the share of the last sample period with a resident kernel, 0 to 1."""

    def processes(self) -> tuple[GpuProcess, ...] | None:
        """Return the processes with a compute context; None: cannot be listed here."""

    def process_utilisation(self, since_us: int) -> tuple[ProcessSample, ...] | None:
        """Return samples that are newer than ``since_us``; None: not available here (MIG, WSL)."""

    def temperature_c(self) -> float | None:
        """Return the temperature of the chip in degrees Celsius."""

    def memory_bytes(self) -> int | None:
        """Return the size of the board's memory."""


@dataclass(frozen=True, slots=True)
class AssignedBoard:
    """A board that was given to a worker.

    Attributes:
        board: The physical board, the parent of a MIG slice.
        slices: Compute slices of a MIG instance, out of seven; None: the board itself was given.
    """

    board: Board
    slices: int | None = None


@dataclass(frozen=True, slots=True)
class Assigned:
    """The boards behind what a worker was given, and what was odd about the list."""

    boards: tuple[AssignedBoard, ...] = ()
    flags: tuple[str, ...] = ()


# Finds the boards behind NVML indices, UUIDs in full or abbreviated, or MIG UUIDs.
Finder = Callable[[Sequence[str]], Assigned]
