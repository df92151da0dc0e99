"""How many workers fit, and what each gets: plain arithmetic."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from sweeper.errors import PoolError

__all__ = ["Resources", "Slots", "fit", "usable_cpus"]


@dataclass(frozen=True, slots=True)
class Resources:
    """What the sweep file asks for.

    Attributes:
        cpus: CPUs of one worker; None: one, or an even share where each worker has a GPU.
        gpus: GPUs of one worker, a fraction shares one; None: one each where there are any.
        memory_bytes: Host memory of one worker; None: no limit is asked.
        workers: How many; None: as many as fit.
    """

    cpus: float | None = None
    gpus: float | None = None
    memory_bytes: int | None = None
    workers: int | None = None


@dataclass(frozen=True, slots=True)
class Slots:
    """What there will be: ``workers`` of them, each with so many CPUs and GPUs."""

    workers: int
    cpus: float
    gpus: float

    def __str__(self) -> str:
        gpus = f"{self.gpus:g} GPU" if self.gpus else "no GPU"
        workers = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        return f"{workers}, {self.cpus:g} CPU and {gpus} each"


def fit(resources: Resources, *, cpus: float, gpus: float) -> Slots:
    """Work out the workers for a machine or cluster with so many CPUs and GPUs.

    Raises:
        PoolError: If not even one worker fits.
    """
    gpus_each = resources.gpus if resources.gpus is not None else (1.0 if gpus >= 1 else 0.0)
    cpus_each = resources.cpus
    if cpus_each is None:
        shared = resources.gpus is None and gpus_each
        cpus_each = max(1.0, math.floor(cpus / gpus)) if shared else 1.0
    by_gpu = _by_gpu(gpus_each, gpus)
    if resources.workers is not None:
        if resources.workers > by_gpu:
            raise PoolError(
                f"resources: {resources.workers} workers with {gpus_each:g} GPU each do not fit on "
                f"{gpus:g} GPUs; at most {by_gpu:g} do"
            )
        return Slots(resources.workers, cpus_each, gpus_each)
    workers = int(min(math.floor(cpus / cpus_each), by_gpu))
    if workers < 1:
        raise PoolError(
            f"resources: a worker asks for {cpus_each:g} CPU and {gpus_each:g} GPU, but there are "
            f"{cpus:g} CPUs and {gpus:g} GPUs; ask for less, or set resources.workers"
        )
    return Slots(workers, cpus_each, gpus_each)


def _by_gpu(gpus_each: float, gpus: float) -> float:
    if not gpus_each:
        return math.inf
    if gpus_each >= 1:
        return math.floor(gpus / gpus_each)
    return math.floor(gpus) * math.floor(1 / gpus_each + 1e-9)


def usable_cpus() -> int:
    """Count the CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
