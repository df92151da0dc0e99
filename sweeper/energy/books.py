"""Running totals of one device each: every account is the difference of two of them.

Each book reads its counter when it is told to and adds what was used since the last reading.
Accounts are differences of running totals, so that they cannot claim the same joule twice: closed
accounts and overhead sum to the worker's share of the device, however they are cut.
Imports nothing but the standard library.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import astuple, dataclass
from enum import Enum
from typing import Generic, Protocol, TypeVar

__all__ = ["Assigned", "At", "Board", "Book", "CounterBook", "GpuBook", "Used"]

MEASURED_COUNTER = "measured:counter"


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


@dataclass(frozen=True, slots=True)
class Board:
    """A physical GPU that was assigned to this worker.

    Attributes:
        uuid: The board's UUID.
        name: The product's name.
        power_limit_w: The limit that the driver enforces; None: unknown.
        counter_j: Reads joules since the driver was loaded; None: cannot be read.
        whole: False: only a MIG slice was assigned, the counter is that of the whole board.
    """

    uuid: str
    name: str
    power_limit_w: float | None
    counter_j: Callable[[], float | None]
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Assigned:
    """The boards behind what a worker was given, and what was odd about the list."""

    boards: tuple[Board, ...] = ()
    flags: tuple[str, ...] = ()


class Book(Protocol):
    """The running totals of one device."""

    source: str
    used: Used

    def tick(self, now_s: float, at: At) -> None:
        """Read the device and book what was used since the last reading."""


Reading = TypeVar("Reading")


class CounterBook(ABC, Generic[Reading]):
    """Books the difference of each two readings; what lies around a failed edge stays unknown.

    Args:
        now_s: The clock at the first reading.
    """

    source: str
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
        board: Read at once: a counter that cannot be read now counts as unsupported.
        share: The part of the board that is this worker's, 0 < share <= 1.
        now_s: The clock at the first reading.
    """

    source = MEASURED_COUNTER

    def __init__(self, board: Board, share: float, now_s: float) -> None:
        self.board = board
        # NVML counts the parent board: which part of it a MIG slice used is not known.
        self.share = share if board.whole else None
        super().__init__(now_s)
        self.supported = self._last is not None

    @property
    def readable(self) -> bool:
        """Tell whether this worker's part of the board can be read."""
        return self.supported and self.share is not None

    def _read(self, at: At) -> float | None:
        return self.board.counter_j()

    def _between(self, last: float, now: float, elapsed_s: float) -> Used:
        if now < last:
            return Used(resets=1)
        device_j = now - last
        return Used(share_j=(self.share or 0.0) * device_j, device_j=device_j, seen_s=elapsed_s)
