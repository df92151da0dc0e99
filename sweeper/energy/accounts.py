"""One worker's own readings: trials one after the other, and overhead for everything else.

Must not import pynvml or psutil: it sees books and a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sweeper.energy.books import At, Book, GpuBook, Used
from sweeper.energy.gpu_statement import gpu_energy, gpu_rest
from sweeper.energy.statement import CpuPart, Window, booked, cpu_energy
from sweeper.model import Energy, GpuEnergy

__all__ = ["Accounts", "GpuSide", "Parts"]


@dataclass(frozen=True, slots=True)
class GpuSide:
    """The boards of a worker that was given GPUs; no books if none of them could be found."""

    books: tuple[GpuBook, ...]
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Parts:
    """The two sides of an account; no ``gpu`` without GPUs."""

    gpu: Energy | None
    cpu: Energy


@dataclass(frozen=True, slots=True)
class _Totals:
    """Time and running totals, one per GPU book, then the CPU's and memory's."""

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
        self.has_gpus = gpus is not None
        self._gpu_books = () if gpus is None else gpus.books
        nothing = tuple(Used() for _ in range(len(self._gpu_books) + 2))
        self._begun = _Totals(begun_s, nothing)
        self._closed = _Totals(0.0, nothing)
        self._opened: _Totals | None = None
        self._given_j: dict[str, float] = {}

    def keep(self) -> None:
        """Read all books, so that no counter goes round unseen."""
        self._totals(At.INSIDE)

    def open(self) -> None:
        """Open an account; one that is open and was never closed becomes overhead."""
        self._opened = self._totals(At.EDGE)

    def read(self) -> Parts | None:
        """Return the open account so far; None: none is open."""
        if self._opened is None:
            return None
        return self._trial(self._totals(At.INSIDE) - self._opened)

    def close(self) -> Parts | None:
        """Close the open account; None: none is open."""
        if self._opened is None:
            return None
        spent = self._totals(At.EDGE) - self._opened
        self._opened = None
        self._closed += spent
        return self._trial(spent)

    def give(self, lines: Sequence[GpuEnergy]) -> None:
        """Take down what the last account has of each board, whoever worked it out."""
        for line in lines:
            if line.energy_j is not None:
                self._given_j[line.uuid] = self._given_j.get(line.uuid, 0.0) + line.energy_j

    def overhead(self) -> Parts:
        """Return what was used outside the accounts that were given out: the rest."""
        since = self._totals(At.EDGE, At.INSIDE) - self._begun
        rest = since - self._closed
        # All may have been used in trials: the rest is unknown only if a counter never moved.
        silent = _silent(since)
        window = Window(rest.now_s, bounded=False)
        lines = [
            self._rest_of(book, total, left, still)
            for book, total, left, still in zip(
                self._gpu_books, since.used, rest.used, silent, strict=False
            )
        ]
        return Parts(self._gpu_rest(lines), self._cpu_side(rest, window, silent))

    def _rest_of(self, book: GpuBook, since: Used, rest: Used, silent: bool) -> GpuEnergy:
        # The rest of floating-point sums may be a hair below zero.
        left_j = max(0.0, since.share_j - self._given_j.get(book.board.uuid, 0.0))
        unknown = silent or not rest.complete
        line = booked(book, rest, 0.0).line()
        return replace(line, energy_j=None if unknown else left_j, device_j=None, idle_j=None)

    def _gpu_rest(self, lines: Sequence[GpuEnergy]) -> Energy | None:
        if self._gpus is None:
            return None
        own = all(book.share == 1 for book in self._gpu_books)
        return gpu_rest(lines, self._gpus.flags, own=own)

    def _totals(self, at: At, cpu: At | None = None) -> _Totals:
        """Read all books; the CPU's less often where no account begins or ends."""
        now_s = self._clock()
        for book in self._gpu_books:
            book.tick(now_s, at)
        self._cpu.tick(now_s, cpu or at)
        memory = self._cpu.dram or Used()
        return _Totals(now_s, (*(book.used for book in self._gpu_books), self._cpu.used, memory))

    def _trial(self, spent: _Totals) -> Parts:
        gpu = None
        if self._gpus is not None:
            accounts = [
                booked(book, used, spent.now_s)
                for book, used in zip(self._gpu_books, spent.used, strict=False)
            ]
            gpu = gpu_energy(accounts, self._gpus.flags)
        return Parts(gpu, self._cpu_side(spent, Window(spent.now_s), _silent(spent)))

    def _cpu_side(self, spent: _Totals, window: Window, silent: Sequence[bool]) -> Energy:
        *_, used, memory = spent.used
        dram = None if self._cpu.dram is None else memory
        return cpu_energy(CpuPart(self._cpu, used, silent[-2], dram), window)


def _silent(spent: _Totals) -> tuple[bool, ...]:
    """Tell per book whether its device's counter stood still although time went by."""
    return tuple(spent.now_s > 0 and used.complete and used.device_j <= 0 for used in spent.used)
