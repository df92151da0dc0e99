"""How many workers fit, and what each gets: plain arithmetic."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sweeper.errors import PoolError

__all__ = ["Node", "Resources", "Slots", "fit", "fit_nodes", "usable_cpus"]


@dataclass(frozen=True, slots=True)
class Resources:
    """What the sweep file asks for.

    Attributes:
        cpus: CPUs of one worker; None: one, or an even share where each worker has a GPU.
        gpus: GPUs of one worker, a fraction shares one; None: one each where there are any.
        memory_bytes: Host memory of one worker; None: no limit is asked.
        workers: How many; None: as many as fit.
        labels: What the nodes of workers must be labelled with.
        nodes: Machines of one worker; each gets the CPUs and GPUs.
    """

    cpus: float | None = None
    gpus: float | None = None
    memory_bytes: int | None = None
    workers: int | None = None
    labels: tuple[tuple[str, str], ...] = ()
    nodes: int = 1


@dataclass(frozen=True, slots=True)
class Node:
    """What one machine of a cluster has.

    Attributes:
        name: Ray's id of it.
        cpus: CPUs.
        gpus: GPUs.
        memory_bytes: Host memory that may be booked.
    """

    name: str
    cpus: float
    gpus: float
    memory_bytes: float = math.inf


@dataclass(frozen=True, slots=True)
class Slots:
    """What there will be: ``workers``, each with so many CPUs and GPUs on each of its machines."""

    workers: int
    cpus: float
    gpus: float
    nodes: int = 1

    def __str__(self) -> str:
        gpus = f"{self.gpus:g} GPU" if self.gpus else "no GPU"
        workers = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        on = f" on each of {self.nodes} nodes" if self.nodes > 1 else " each"
        return f"{workers}, {self.cpus:g} CPU and {gpus}{on}"


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


def fit_nodes(resources: Resources, nodes: Sequence[Node]) -> Slots:
    """Work out the workers for the machines of a cluster; one worker sits on one machine.

    Raises:
        PoolError: If not even one worker fits.
    """
    cpus, gpus = sum(node.cpus for node in nodes), sum(node.gpus for node in nodes)
    slots = replace(fit(resources, cpus=cpus, gpus=gpus), nodes=resources.nodes)
    if resources.workers is not None:
        return slots
    on_each = [_on(node, slots, resources.memory_bytes or 0) for node in nodes]
    if sum(map(bool, on_each)) < resources.nodes:
        if resources.nodes > 1:
            raise PoolError(
                f"resources.nodes: a trial asks for {resources.nodes} nodes with {slots.cpus:g} "
                f"CPU and {slots.gpus:g} GPU free on each, and {sum(map(bool, on_each))} have that"
            )
        best = max(nodes, key=lambda node: (node.gpus, node.cpus))
        raise PoolError(
            f"resources: a worker asks for {slots}, and no node has that: the largest of "
            f"{len(nodes)} has {best.cpus:g} CPUs and {best.gpus:g} GPUs; ask for less"
        )
    return replace(slots, workers=_teams(on_each, resources.nodes))


def _teams(on_each: Sequence[int], nodes: int) -> int:
    """Count the teams that fit, each on so many different machines."""
    most = sum(on_each) // nodes
    fits = (n for n in range(most, 0, -1) if sum(min(each, n) for each in on_each) >= n * nodes)
    return next(fits, 0)


def _on(node: Node, slots: Slots, memory_bytes: int) -> int:
    """Count the workers that fit on one machine."""
    by_cpu = math.floor(node.cpus / slots.cpus + 1e-9)
    by_memory = node.memory_bytes // memory_bytes if memory_bytes else math.inf
    return int(min(by_cpu, _by_gpu(slots.gpus, node.gpus), by_memory))


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
