"""What runs in the process of a worker: a Ray actor that trains in one call at a time.

Imported by ``ray_pool.py`` only, and with it the owner of ray.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, replace
from pathlib import Path

import ray

from sweeper.errors import PoolError
from sweeper.model import AttemptId, Ended, Energy, Order, PoolEvent
from sweeper.workers.ray_agent import RemoteAgent
from sweeper.workers.ray_team import Group, Team
from sweeper.workers.worker import Post, Worker, WorkerSetup

__all__ = ["Place", "WorkerActor"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an actor sits: Ray's id of the node, its GPUs, the name of the machine."""

    node: str
    gpus: tuple[str, ...]
    host: str = ""


class WorkerActor:
    """One worker, warm between its attempts."""

    def __init__(self) -> None:
        self._worker: Worker | Team | None = None

    def place(self) -> Place:
        """Say where this process sits."""
        context = ray.get_runtime_context()
        gpus = tuple(context.get_accelerator_ids()["GPU"])
        return Place(context.get_node_id(), gpus, socket.gethostname())

    def prepare(
        self,
        setup: WorkerSetup,
        post: Post,
        agent: RemoteAgent | None,
        group: Group | None,
        *,
        shipped: bool,
    ) -> str | None:
        """Load the objective; return what is wrong with it, or None."""
        try:
            if shipped:
                setup = replace(setup, objective=setup.objective.moved(Path.cwd()))
                post = replace(post, away=True)
            else:
                os.chdir(setup.objective.root)
            if agent is not None:
                post = replace(post, meter=agent.meter(post.name, os.getpid()))
            if group is None:
                self._worker = Worker(setup, post)
            else:
                self._worker = Team(setup, post, group, shipped=shipped)
        except PoolError as error:
            return str(error)
        return None

    def start(self, order: Order) -> PoolEvent | None:
        """Begin an attempt and train to its first report."""
        return self._ready().start(order)

    def go_on(self) -> PoolEvent | None:
        """Train to the next report."""
        return self._ready().go_on()

    def stop(self) -> Ended:
        """End the attempt at its report."""
        return self._ready().stop()

    def kill(self, attempt: AttemptId) -> None:
        """End an attempt wherever it is; the call under way returns its end."""
        self._ready().kill(attempt)

    def overhead(self) -> Energy:
        """Return what was used outside attempts so far."""
        return self._ready().overhead()

    def _ready(self) -> Worker | Team:
        assert self._worker is not None  # the pool calls prepare first
        return self._worker
