"""Running totals of one device each: every account is the difference of two of them.

Each book reads its counter when it is told to and adds what was used since the last reading.
Accounts are differences of running totals, so that they cannot claim the same joule twice: closed
accounts and overhead sum to the worker's share of the device, however they are cut.
Knows no device: it reads what ``Board`` and its subclasses in other modules read.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import astuple, dataclass
from enum import Enum
from typing import Generic, Protocol, TypeVar

from sweeper.energy.board import AssignedBoard, GpuLost

__all__ = ["SLICES", "At", "Book", "CounterBook", "GpuBook", "Used"]

MEASURED_COUNTER = "measured:counter"

# Compute slices of a whole board that MIG can cut (NVIDIA, Multi-Instance GPU user guide).
SLICES = 7


class At(Enum):
    """Where a reading lies."""

    EDGE = "edge"  # an account begins or ends here
    INSIDE = "inside"  # somewhere in an account: may be skipped


@dataclass(frozen=True, slots=True)
class Used:
    """What one device used, as running totals or, being subtracted, in a window.

    Attributes:
        share_j: What was booked to this worker.
        device_j: What the whole device used.
        seen_s: Seconds of which this is known.
        gaps: Intervals of which nothing is known, because the device could not be read.
        resets: Intervals of which nothing is known, because the counter went down.
        wraps: Intervals so long that the counter may have wrapped more than once.
    """

    share_j: float = 0.0
    device_j: float = 0.0
    seen_s: float = 0.0
    gaps: int = 0
    resets: int = 0
    wraps: int = 0

    def __add__(self, other: Used) -> Used:
        return Used(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: Used) -> Used:
        return Used(*(a - b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def complete(self) -> bool:
        """Tell whether every interval of the window is known."""
        return not self.gaps and not self.resets


class Book(Protocol):
    """The running totals of one device."""

    source: str
    used: Used
    dram: Used | None  # the same of memory, where the device counts it apart

    def tick(self, now_s: float, at: At) -> None:
        """Read the device and book what was used since the last reading."""


Reading = TypeVar("Reading")


class CounterBook(ABC, Generic[Reading]):
    """Books the difference of each two readings; what lies around a failed edge stays unknown.

    Args:
        now_s: The clock at the first reading.
    """

    source: str
    dram: Used | None = None
    min_tick_s = 0.0  # readings inside an account that come sooner than this are skipped

    def __init__(self, now_s: float) -> None:
        self.used = Used()
        self._last = self._read(At.EDGE)
        self._last_s = now_s

    def tick(self, now_s: float, at: At) -> None:
        """Read the device and book what was used since the last reading.

        A failed reading inside an account is made up for by the next one. At an edge it is not:
        nobody knows on which side of the edge the joules lie, so both sides get a gap.
        """
        elapsed_s = now_s - self._last_s
        if at is At.INSIDE and elapsed_s < self.min_tick_s:
            return
        reading = self._read(at)
        if reading is None:
            if at is At.EDGE:
                self.used += Used(gaps=1)
                self._last = None
            return
        if self._last is None:
            self.used += Used(gaps=1)
        else:
            self.used += self._between(self._last, reading, elapsed_s)
        self._last, self._last_s = reading, now_s

    @abstractmethod
    def _read(self, at: At) -> Reading | None:
        """Read the device; None: cannot be read now."""

    @abstractmethod
    def _between(self, last: Reading, now: Reading, elapsed_s: float) -> Used:
        """Return what was used between two readings."""


class GpuBook(CounterBook[float]):
    """One board's energy counter and the part of it that is this worker's.

    Args:
        assigned: Read at once: a counter that cannot be read now counts as unsupported.
        share: The part of the board that is this worker's, 0 < share <= 1.
        now_s: The clock at the first reading.
    """

    source = MEASURED_COUNTER

    def __init__(self, assigned: AssignedBoard, share: float, now_s: float) -> None:
        self.board = assigned.board
        self.mig = assigned.slices is not None
        # NVML counts the parent board: a MIG slice has its part of it by compute slices.
        self.share = share if assigned.slices is None else assigned.slices / SLICES
        self.limit_w = self._limit_w()
        super().__init__(now_s)
        self.supported = self._last is not None

    def _limit_w(self) -> float | None:
        try:
            return self.board.limit_w()
        except GpuLost:
            return None

    def _read(self, at: At) -> float | None:
        try:
            return self.board.counter_j()
        except GpuLost:
            return None

    def _between(self, last: float, now: float, elapsed_s: float) -> Used:
        if now < last:
            return Used(resets=1)
        device_j = now - last
        return Used(share_j=self.share * device_j, device_j=device_j, seen_s=elapsed_s)
