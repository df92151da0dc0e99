"""How much memory of this node's GPUs some processes hold. Must not import Ray or torch."""

from __future__ import annotations

from collections.abc import Collection

from sweeper.energy.board import GpuLost
from sweeper.energy.nvml import Nvml

__all__ = ["gpu_bytes_of"]

_NVML = Nvml()


def gpu_bytes_of(pids: Collection[int]) -> int | None:
    """Return the bytes that processes hold on all boards together; None: that cannot be told.

    In a container with process numbers of its own the driver tells other numbers, and nobody is
    found: the answer is 0.
    """
    told = False
    held = 0
    for board in _NVML.boards():
        try:
            listed = board.processes()
        except GpuLost:
            continue
        told = told or listed is not None
        held += sum(seen.memory_bytes or 0 for seen in listed or () if seen.pid in pids)
    return held if told else None
