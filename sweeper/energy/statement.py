"""Turns what books say about a window into an ``Energy`` with its source, bounds and flags.

The rules of docs/energy.md, "What an account says", live here. Pure functions of values; must not
read a device or a clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sweeper.energy.books import MEASURED_COUNTER, Book, GpuBook, Used
from sweeper.energy.rapl import MEASURED_RAPL
from sweeper.model import Energy, GpuEnergy

__all__ = ["CpuPart", "GpuPart", "Window", "apart", "cpu_energy", "gpu_energy", "together"]

# NVML's energy counter advances in steps of about 100 ms on the boards that Yang et al. 2024 (SC24,
# arXiv 2312.02741) looked at, so each edge of a window may misplace what was drawn in one step.
UPDATE_S = 0.1

# Of a steady draw over this time the misplaced 0.1 s is less than 0.2 %: not spoken of.
SETTLED_S = 60.0


@dataclass(frozen=True, slots=True)
class Window:
    """The time that a statement is about.

    Attributes:
        elapsed_s: Its length.
        bounded: False: a sum of many windows (overhead), which gets no bounds.
    """

    elapsed_s: float
    bounded: bool = True

    @property
    def unsettled(self) -> bool:
        """Tell whether what was misplaced at the edges matters."""
        return self.bounded and self.elapsed_s < SETTLED_S


@dataclass(frozen=True, slots=True)
class CpuPart:
    """One CPU book's share of a window.

    Attributes:
        book: Where from.
        used: What it booked in the window.
        silent: The counter did not advance although time went by: what was used is not known yet.
    """

    book: Book
    used: Used
    silent: bool


@dataclass(frozen=True, slots=True)
class GpuPart:
    """One board's share of a window; see ``CpuPart``."""

    book: GpuBook
    used: Used
    silent: bool

    @property
    def known(self) -> bool:
        """Tell whether the board's joules in the window are known."""
        return self.book.supported and self.used.complete and not self.silent

    def edge_j(self, window: Window) -> float | None:
        """Return what may lie on the wrong side of the window's edges; None: unknown."""
        if not window.unsettled:
            return 0.0
        limit_w = self.book.board.power_limit_w
        return None if limit_w is None else UPDATE_S * limit_w

    def lo_j(self, window: Window) -> float | None:
        """Return the least that this worker can have used: only known of a board of its own."""
        edge_j = self.edge_j(window)
        if edge_j is None or self.book.share != 1 or not self.book.supported or self.silent:
            return None
        return max(0.0, self.used.share_j - edge_j)

    def hi_j(self, window: Window) -> float | None:
        """Return the most that this worker can have used: all that the board can have used."""
        limit_w = self.book.board.power_limit_w
        if self.book.supported and self.silent and limit_w is not None:
            return max(UPDATE_S, window.elapsed_s) * limit_w
        edge_j = self.edge_j(window)
        return None if edge_j is None or not self.known else self.used.device_j + edge_j

    def coverage(self, window: Window) -> float:
        """Return the share of the window that is known."""
        return _coverage(self.used, window) if self.book.supported else 0.0

    def energy(self) -> GpuEnergy:
        """Return the board's line."""
        whole = self.known and self.book.share is not None
        return GpuEnergy(
            uuid=self.book.board.uuid,
            name=self.book.board.name,
            energy_j=self.used.share_j if whole else None,
            device_j=self.used.device_j if self.known else None,
            power_limit_w=self.book.board.power_limit_w,
        )

    def flags(self, window: Window) -> list[str]:
        """Name what was odd."""
        if not self.book.supported:
            return ["counter_unsupported"]
        odd = {
            "mig_slice": self.book.share is None,
            "counter_reset": self.used.resets > 0,
            "counter_gap": self.used.gaps > 0,
            "counter_unchanged": self.silent,
            "unsettled": window.unsettled,
        }
        return [flag for flag, holds in odd.items() if holds]


def gpu_energy(parts: Sequence[GpuPart], window: Window, flags: Sequence[str] = ()) -> Energy:
    """State what this worker's part of its boards used.

    Args:
        parts: One per board; none when what was assigned could not be found.
        window: The time.
        flags: What was odd about the assignment.

    Returns:
        Scope ``gpu``; a total only if it is known of every board.
    """
    measurable = bool(parts) and all(part.book.readable for part in parts)
    gpus = tuple(part.energy() for part in parts)
    own = all(part.book.share == 1 for part in parts)
    bounds = window.bounded and bool(parts)
    return Energy(
        total_j=_sum([gpu.energy_j for gpu in gpus]) if parts else None,
        source=MEASURED_COUNTER if measurable else "unavailable",
        scope="gpu",
        attribution=("exclusive" if own else "lease") if measurable else "none",
        lo_j=_sum([part.lo_j(window) for part in parts]) if bounds else None,
        hi_j=_sum([part.hi_j(window) for part in parts]) if bounds else None,
        coverage=min((part.coverage(window) for part in parts), default=0.0),
        gpus=gpus,
        flags=_unique([*flags, *(flag for part in parts for flag in part.flags(window))]),
    )


def cpu_energy(part: CpuPart, window: Window) -> Energy:
    """State what this worker's process tree used of the CPU.

    Returns:
        Scope ``cpu``. Measured packages bound it from above, an estimate is bounded by nothing.
    """
    used = part.used
    measured = part.book.source == MEASURED_RAPL
    known = used.complete and not (measured and part.silent)
    odd = {
        "rapl_gap": used.gaps > 0,
        "rapl_unchanged": measured and part.silent,
        "rapl_wrap_possible": used.wraps > 0,
    }
    return Energy(
        total_j=used.share_j if known else None,
        source=part.book.source,
        scope="cpu",
        attribution="cpu_time",
        hi_j=used.device_j if measured and known and window.bounded and not used.wraps else None,
        coverage=_coverage(used, window),
        flags=tuple(flag for flag, holds in odd.items() if holds),
    )


def apart(gpu: Energy, cpu: Energy) -> Energy:
    """Keep the CPU's joules beside those of the GPUs: an estimate is not added to a measurement."""
    return replace(
        gpu, cpu_j=cpu.total_j, cpu_source=cpu.source, flags=_unique([*gpu.flags, *cpu.flags])
    )


def together(gpu: Energy, cpu: Energy) -> Energy:
    """Add the measured CPU to the measured GPUs; the sum has the weaker source of the two.

    Where the sum is not known, the CPU's joules are still told in ``cpu_j``.
    """
    total_j = _sum([gpu.total_j, cpu.total_j])
    return replace(
        gpu,
        total_j=total_j,
        source=cpu.source,
        scope="gpu+cpu",
        attribution=cpu.attribution,
        hi_j=_sum([gpu.hi_j, cpu.hi_j]),
        coverage=min(gpu.coverage, cpu.coverage),
        cpu_j=cpu.total_j if total_j is None else None,
        cpu_source=cpu.source,
        flags=_unique([*gpu.flags, *cpu.flags]),
    )


def _sum(terms: Sequence[float | None]) -> float | None:
    """Add up; one unknown term makes the sum unknown."""
    known = [term for term in terms if term is not None]
    return sum(known) if len(known) == len(terms) else None


def _coverage(used: Used, window: Window) -> float:
    if window.elapsed_s <= 0:
        return 1.0
    return max(0.0, min(1.0, used.seen_s / window.elapsed_s))


def _unique(flags: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(flags))
