"""One worker's accounts: trials one after the other, and overhead for everything else.

Must not import pynvml or psutil: it sees books and a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sweeper.energy.books import At, Book, GpuBook, Used
from sweeper.energy.rapl import MEASURED_RAPL
from sweeper.energy.statement import (
    CpuPart,
    GpuPart,
    Window,
    apart,
    cpu_energy,
    gpu_energy,
    together,
)
from sweeper.model import UNAVAILABLE, Energy

__all__ = ["Accounts", "GpuSide"]


@dataclass(frozen=True, slots=True)
class GpuSide:
    """The boards of a worker that was given GPUs; no books if none of them could be found."""

    books: tuple[GpuBook, ...]
    flags: tuple[str, ...] = ()

    @property
    def readable(self) -> bool:
        """Tell whether what the worker uses of every board can be read."""
        return bool(self.books) and all(book.readable for book in self.books)


@dataclass(frozen=True, slots=True)
class _Totals:
    """Time and running totals, one per book."""

    now_s: float
    used: tuple[Used, ...]

    def __sub__(self, other: _Totals) -> _Totals:
        pairs = zip(self.used, other.used, strict=True)
        return _Totals(self.now_s - other.now_s, tuple(a - b for a, b in pairs))

    def __add__(self, other: _Totals) -> _Totals:
        pairs = zip(self.used, other.used, strict=True)
        return _Totals(self.now_s + other.now_s, tuple(a + b for a, b in pairs))


class Accounts:
    """The books of one worker, cut into trials and overhead.

    The scope is fixed here for all accounts, so that the trials compare: ``cpu`` without GPUs,
    ``gpu+cpu`` with readable GPUs and measured packages, else ``gpu`` with the CPU apart.

    Args:
        gpus: None: the worker was given no GPU.
        cpu: The CPU's book.
        clock: Seconds, monotonic.
        begun_s: The clock when the books were opened.
    """

    def __init__(
        self, gpus: GpuSide | None, cpu: Book, clock: Callable[[], float], begun_s: float
    ) -> None:
        self._gpus = gpus
        self._cpu = cpu
        self._clock = clock
        gpu_books = () if gpus is None else gpus.books
        self._books: tuple[Book, ...] = (*gpu_books, cpu)
        nothing = tuple(Used() for _ in self._books)
        self._begun = _Totals(begun_s, nothing)
        self._closed = _Totals(0.0, nothing)
        self._opened: _Totals | None = None

    def open(self) -> None:
        """Open an account; one that is open and was never closed becomes overhead."""
        self._opened = self._totals(At.EDGE)

    def read(self) -> float | None:
        """Return joules of the open account so far; None: unknown, or none is open."""
        if self._opened is None:
            return None
        return self._trial(self._totals(At.INSIDE) - self._opened).total_j

    def close(self) -> Energy:
        """Close the open account; unavailable if none is open."""
        if self._opened is None:
            return UNAVAILABLE
        spent = self._totals(At.EDGE) - self._opened
        self._opened = None
        self._closed += spent
        return self._trial(spent)

    def overhead(self) -> Energy:
        """Return what was used outside closed accounts: the rest, without bounds."""
        since_begin = self._totals(At.EDGE) - self._begun
        rest = since_begin - self._closed
        # The rest of floating-point sums may be a hair below zero.
        clean = tuple(
            replace(used, share_j=max(0.0, used.share_j), device_j=max(0.0, used.device_j))
            for used in rest.used
        )
        # All may have been used in trials: the rest is unknown only if a counter never moved.
        silent = _silent(since_begin)
        return self._state(_Totals(rest.now_s, clean), silent, Window(rest.now_s, bounded=False))

    def _totals(self, at: At) -> _Totals:
        now_s = self._clock()
        for book in self._books:
            book.tick(now_s, at)
        return _Totals(now_s, tuple(book.used for book in self._books))

    def _trial(self, spent: _Totals) -> Energy:
        return self._state(spent, _silent(spent), Window(spent.now_s))

    def _state(self, spent: _Totals, silent: Sequence[bool], window: Window) -> Energy:
        """Put the parts together in the worker's scope."""
        cpu = cpu_energy(CpuPart(self._cpu, spent.used[-1], silent[-1]), window)
        if self._gpus is None:
            return cpu
        parts = [
            GpuPart(book, used, still)
            for book, used, still in zip(self._gpus.books, spent.used, silent, strict=False)
        ]
        gpu = gpu_energy(parts, window, self._gpus.flags)
        joint = self._gpus.readable and self._cpu.source == MEASURED_RAPL
        return together(gpu, cpu) if joint else apart(gpu, cpu)


def _silent(spent: _Totals) -> tuple[bool, ...]:
    """Tell per book whether its device's counter stood still although time went by."""
    return tuple(spent.now_s > 0 and used.complete and used.device_j <= 0 for used in spent.used)
