"""How busy the GPUs were, and how many trials one would have carried.

Owns: these figures and the rule of the hint. Imports ``sweeper.model`` only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.model import GpuEnergy, TrialRow, Value
from sweeper.reporting.clean import jsonable
from sweeper.reporting.physical import physical

__all__ = ["GpuUse", "Packing", "gpu_use", "packing"]

_MOSTLY_IDLE = 0.5  # of the time without a kernel
_FULL = 0.9  # of the time, and of the memory: the means hide peaks, and a context needs room
_TRIALS_PER_GPU = (2, 3, 4, 5, 8, 10)  # shares that can be written exactly, or nearly


@dataclass(frozen=True, slots=True)
class GpuUse:
    """How much of its GPUs a trial used.

    Attributes:
        busy: Mean share of the time with one of its kernels, over its boards; None: unknown.
        memory_peak_bytes: The most that it held of one board; None: unknown.
        memory_bytes: The size of the smallest of those boards; None: unknown.
    """

    busy: float | None = None
    memory_peak_bytes: int | None = None
    memory_bytes: int | None = None

    def to_json(self) -> dict[str, Value]:
        """Return the documented fields of a trial."""
        return {
            "gpu_utilisation": jsonable(self.busy),
            "gpu_memory_peak_bytes": self.memory_peak_bytes,
        }


@dataclass(frozen=True, slots=True)
class Packing:
    """GPUs that did nothing most of the time, and how many trials one would have carried.

    Attributes:
        busy: Share of the time with a kernel, over all trials.
        trials: So many at a time might have fitted on one GPU.
        memory_peak_bytes: The most that one trial held.
        memory_bytes: Of the smallest GPU.
    """

    busy: float
    trials: int
    memory_peak_bytes: int
    memory_bytes: int

    @property
    def gpus(self) -> float:
        """Return the ``resources.gpus`` that this is, rounded down so that so many fit."""
        return math.floor(1000 / self.trials) / 1000

    def to_json(self) -> dict[str, Value]:
        """Return the documented object."""
        return {
            "utilisation": self.busy,
            "trials_per_gpu": self.trials,
            "gpus": self.gpus,
            "memory_peak_bytes": self.memory_peak_bytes,
            "memory_bytes": self.memory_bytes,
        }


def gpu_use(rows: Sequence[TrialRow]) -> GpuUse:
    """Put together how much of its GPUs a trial used, over its replicates."""
    lines = [line for row in rows for line in _lines(row)]
    peaks = [line.memory_peak_bytes for line in lines if line.memory_peak_bytes is not None]
    sizes = [line.memory_bytes for line in lines if line.memory_bytes is not None]
    busy, _ = _mean_busy(rows)
    return GpuUse(busy, max(peaks, default=None), min(sizes, default=None))


def packing(trained: Sequence[TrialRow], gpus_each: float | None) -> Packing | None:
    """Say how many trials one GPU would have carried, where GPUs were mostly idle.

    Args:
        trained: All attempts that workers of the sweep trained.
        gpus_each: GPUs of one worker, a fraction for a shared one; None: one each.

    Returns:
        The most that would have kept time and memory of a GPU below 90 %. None: the GPUs were busy,
        a trial had several, no more would have fitted, or too little is known: the utilisation of
        less than half of the time, or the memory of some trial.
    """
    each = 1.0 if gpus_each is None else gpus_each
    rows = [row for row in trained if _lines(row)]
    busy, known = _mean_busy(rows)
    use = gpu_use(rows)
    peak, size = use.memory_peak_bytes, use.memory_bytes
    if busy is None or peak is None or size is None or known < 0.5 or not 0 < each <= 1:
        return None
    if any(line.memory_peak_bytes is None for row in rows for line in _lines(row)):
        return None
    now = max(1, math.floor(1 / each + 1e-9))
    if busy * now >= _MOSTLY_IDLE:
        return None
    fitting = [
        trials
        for trials in _TRIALS_PER_GPU
        if trials > now and trials * busy <= _FULL and trials * peak <= _FULL * size
    ]
    return Packing(busy, fitting[-1], peak, size) if fitting else None


def _lines(row: TrialRow) -> tuple[GpuEnergy, ...]:
    return () if row.energy is None else row.energy.gpus


def _mean_busy(rows: Sequence[TrialRow]) -> tuple[float | None, float]:
    """Return the mean utilisation weighted by seconds, and the share of the seconds it is of."""
    seconds, known_s, busy_s = 0.0, 0.0, 0.0
    for row in rows:
        elapsed_s = physical(row.elapsed_s) or 0.0
        for line in _lines(row):
            seconds += elapsed_s
            utilisation = physical(line.utilisation)
            if utilisation is not None:
                known_s += elapsed_s
                busy_s += elapsed_s * min(1.0, utilisation)
    return (busy_s / known_s, known_s / seconds) if known_s > 0 else (None, 0.0)
