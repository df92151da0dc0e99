"""What a worker's own books say about a window, and how GPU and CPU are put together.

The rules of docs/energy.md about what a figure says live here. Pure functions of values; must not
read a device or a clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sweeper.energy.books import MEASURED_COUNTER, Book, GpuBook, Used
from sweeper.energy.gpu_statement import (
    GpuAccount,
    attribution_of,
    coverage_of,
    source_of,
    unique,
)
from sweeper.energy.ledger import Share
from sweeper.energy.rapl import MEASURED_RAPL
from sweeper.energy.uncertainty import combined, relative
from sweeper.model import Energy, known_sum

__all__ = ["CpuPart", "Window", "apart", "booked", "cpu_energy", "together"]


@dataclass(frozen=True, slots=True)
class Window:
    """The time that a statement is about.

    Attributes:
        elapsed_s: Its length.
        bounded: False: a sum of many windows (overhead), which gets no bounds.
    """

    elapsed_s: float
    bounded: bool = True


def booked(book: GpuBook, used: Used, elapsed_s: float) -> GpuAccount:
    """State what a worker's own readings say: its share of the counter, whatever others did."""
    own = book.share == 1 and not book.mig
    odd = {"counter_reset": used.resets > 0, "counter_gap": used.gaps > 0 and book.supported}
    method = "exclusive" if own else "mig_slice" if book.mig else "lease"
    share = Share(
        energy_j=used.share_j,
        exclusive_j=used.share_j if own else 0.0,
        device_j=used.device_j,
        elapsed_s=elapsed_s,
        seen_s=used.seen_s,
        busy_s=None,
        gaps=used.gaps + used.resets,
        methods=frozenset([method]),
        flags=tuple(flag for flag, holds in odd.items() if holds),
    )
    return GpuAccount(
        uuid=book.board.uuid,
        name=book.board.name,
        share=share,
        source=MEASURED_COUNTER if book.supported else "unavailable",
        limit_w=book.limit_w,
        flags=() if book.supported else ("counter_unsupported",),
    )


@dataclass(frozen=True, slots=True)
class CpuPart:
    """One CPU book's share of a window.

    Attributes:
        book: Where from.
        used: What it booked in the window.
        silent: The counter did not advance although time went by: what was used is not known yet.
        dram: What it booked for memory; None: not counted.
    """

    book: Book
    used: Used
    silent: bool
    dram: Used | None = None


def cpu_energy(part: CpuPart, window: Window) -> Energy:
    """State what this worker's process tree used of the CPU, and of memory where it is counted.

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
    total_j = used.share_j if known else None
    coverage = coverage_of(used.seen_s, window.elapsed_s)
    return Energy(
        total_j=total_j,
        source=part.book.source,
        scope="cpu",
        attribution="cpu_time",
        hi_j=used.device_j if measured and known and window.bounded and not used.wraps else None,
        coverage=coverage,
        flags=tuple(flag for flag, holds in odd.items() if holds),
        u_rel=relative(total_j, part.book.source, span_j=0.0, coverage=coverage),
        dram_j=part.dram.share_j if part.dram is not None and part.dram.complete else None,
        dram_source=None if part.dram is None else MEASURED_RAPL,
    )


def apart(gpu: Energy, cpu: Energy) -> Energy:
    """Keep the CPU's joules beside those of the GPUs: an estimate is not added to a measurement."""
    return replace(
        gpu,
        cpu_j=cpu.total_j,
        cpu_source=cpu.source,
        dram_j=cpu.dram_j,
        dram_source=cpu.dram_source,
        flags=unique([*gpu.flags, *cpu.flags]),
    )


def together(gpu: Energy, cpu: Energy) -> Energy:
    """Add the measured CPU to the GPUs; the sum has the weaker source of the two.

    Where the sum is not known, the CPU's joules are still told in ``cpu_j``.
    """
    total_j = known_sum([gpu.total_j, cpu.total_j])
    return replace(
        apart(gpu, cpu),
        total_j=total_j,
        source=source_of([gpu.source, cpu.source]),
        scope="gpu+cpu",
        attribution=attribution_of("", [gpu.attribution, cpu.attribution]),
        hi_j=known_sum([gpu.hi_j, cpu.hi_j]),
        coverage=min(gpu.coverage, cpu.coverage),
        cpu_j=cpu.total_j if total_j is None else None,
        u_rel=combined((gpu.total_j, gpu.u_rel), (cpu.total_j, cpu.u_rel)),
    )
