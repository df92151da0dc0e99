"""The kind of hardware that a trial uses: joules of different kinds are not comparable.

Must not import other rooms or Ray.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path

from sweeper.energy.board import Assigned, AssignedBoard
from sweeper.energy.nvml import Nvml
from sweeper.model import Value

__all__ = ["KIND", "gpu_kinds", "hardware_class"]

_CPU_INFO = Path("/proc/cpuinfo")
_MIB = 2**20

# What of a class tells two kinds of hardware apart; how many of them is another matter.
KIND = ("gpu", "memory_mib", "power_cap_w", "mig", "cpu")


def hardware_class(gpus: float | None, booked: Sequence[str] = ()) -> dict[str, Value]:
    """Describe what one worker trains on, for the section ``hw`` of the cache key.

    Args:
        gpus: GPUs of one worker, a fraction shares one; None: one each where there are any.
        booked: Those that it was given, as NVML indices or UUIDs; empty: not known yet, and all of
            this machine are looked at.

    Returns:
        GPU name, memory in MiB, power cap in W, MIG slices and number; without a GPU the CPU model.
        Nothing that tells two equal machines apart. GPUs of several kinds have their names joined
        by ``+``.
    """
    nvml = Nvml()
    count = gpus if gpus is not None else min(nvml.count(), 1)
    if not count:
        return {"policy": "class", "gpu": None, "count": 0, "cpu": _cpu_model()}
    found = nvml.assigned(booked) if booked else Assigned(tuple(map(AssignedBoard, nvml.boards())))
    boards = found.boards
    return {
        "policy": "class",
        "gpu": "+".join(sorted({each.board.name for each in boards})) or "unknown",
        "memory_mib": _same([_whole(each.board.memory_bytes(), _MIB) for each in boards]),
        "power_cap_w": _same([_whole(each.board.limit_w(), 1) for each in boards]),
        "mig": _same([each.slices for each in boards]),
        "count": count,
        "cpu": None,
    }


def gpu_kinds() -> tuple[str, ...]:
    """Return the names of the kinds of GPU that this machine shows, ascending."""
    return tuple(sorted({board.name for board in Nvml().boards()}))


def _whole(value: float | None, unit: float) -> int | None:
    return None if value is None else round(value / unit)


def _same(values: Sequence[int | None]) -> Value:
    """Return what all have in common, the ascending list where they differ; None: unknown."""
    known = sorted({value for value in values if value is not None})
    if len(known) <= 1:
        return known[0] if known and None not in values else None
    return list(known)


def _cpu_model() -> str:
    try:
        text = _CPU_INFO.read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return " ".join(value.split())
    return platform.machine()
