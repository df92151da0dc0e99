"""The kind of hardware that a trial uses: joules of different kinds are not comparable.

Must not import other rooms or Ray.
"""

from __future__ import annotations

import platform
from pathlib import Path

from sweeper.energy.nvml import Nvml
from sweeper.model import Value

__all__ = ["hardware_class"]

_CPU_INFO = Path("/proc/cpuinfo")


def hardware_class(gpus: float | None) -> dict[str, Value]:
    """Describe what one worker trains on, for the section ``hw`` of the cache key.

    Args:
        gpus: GPUs of one worker, a fraction shares one; None: one each where there are any.

    Returns:
        GPU name and number; without a GPU the CPU model. Nothing that tells two equal machines
        apart.
    """
    nvml = Nvml()
    count = gpus if gpus is not None else min(nvml.count(), 1)
    if not count:
        return {"policy": "class", "gpu": None, "count": 0, "cpu": _cpu_model()}
    names = sorted({board.name for board in nvml.boards()})
    return {"policy": "class", "gpu": "+".join(names) or "unknown", "count": count, "cpu": None}


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
