"""What keeps a GPU busy, as the experiments see it: one process with one kind of kernel.

Values and a protocol only. ``load_process.py`` has the real one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Load", "LoadFactory", "LoadFailed", "Work"]

# Edge of the square bf16 matrices that are multiplied: enough to fill a large board.
LARGE, MEDIUM, SMALL = 8192, 4096, 2048


class LoadFailed(Exception):
    """The GPU cannot be kept busy; the text says why."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a load is to do.

    Attributes:
        seconds: Be busy for so long.
        kernels: If more than 0, do so many kernels instead.
        duty: Share of each period that is busy.
        period_s: Of busy and idle together; 0: busy all the time.
        size: Edge of the matrices.
    """

    seconds: float = 0.0
    kernels: int = 0
    duty: float = 1.0
    period_s: float = 0.0
    size: int = MEDIUM


class Load(Protocol):
    """A process that works on the GPU when told to. Its pid is the one that the driver knows.

    Raises:
        LoadFailed: From any method but ``kill`` and ``close``, when it has died.
    """

    pid: int
    name: str

    def start(self, work: Work) -> None:
        """Begin some work and return at once."""

    def wait(self) -> float:
        """Wait until the work is done and the device synchronised; return its length in seconds."""

    def kill(self) -> None:
        """End the process as the system does when memory runs out, in the middle of its work."""

    def close(self) -> None:
        """End the process; may be called twice."""


LoadFactory = Callable[[], Load]
