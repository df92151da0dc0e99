"""The pool inside the driver: one trial at a time, for the debugger and for ``--local``."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

from sweeper.errors import PoolError
from sweeper.model import NOTHING, AttemptId, Cause, Ended, Energy, Order, PoolEvent
from sweeper.seams import Agent
from sweeper.workers.overheads import with_boards
from sweeper.workers.worker import Post, Worker, WorkerSetup

__all__ = ["LocalPool"]


class LocalPool:
    """Trains in this process, between two calls of ``next_event``.

    Args:
        setup: What the worker is built from, at the first start.
        gpus: What the worker may measure: UUIDs or indices as text.
        share: The part of each of those that it has booked, 0 < share <= 1.
    """

    def __init__(self, setup: WorkerSetup, gpus: Sequence[str] = (), *, share: float = 1.0) -> None:
        self._setup = setup
        self._gpus = gpus
        self._share = share
        self._worker: Worker | None = None
        self._agent: Agent | None = None
        self._overhead: Energy | None = None
        self._flying: AttemptId | None = None
        self._step: Callable[[], PoolEvent | None] | None = None

    def room(self) -> int:
        """Return 1 when no attempt is in flight."""
        return 0 if self._flying is not None else 1

    def start(self, order: Order) -> None:
        """Take an attempt; training begins with the next ``next_event``."""
        if self._flying is not None:
            raise PoolError("the local pool trains one attempt at a time")
        worker = self._worker = self._worker or self._make_worker()
        self._flying = order.id
        self._step = lambda: worker.start(order)

    def go_on(self, attempt: AttemptId) -> None:
        """Let the attempt train on."""
        if attempt == self._flying and self._worker is not None:
            self._step = self._worker.go_on

    def stop(self, attempt: AttemptId, cause: Cause, *, now: bool = False) -> None:
        """End the attempt at its report; a program, with ``now``, wherever it is."""
        if attempt == self._flying and self._worker is not None:
            self._step = self._worker.stop

    def next_event(self, timeout_s: float) -> PoolEvent | None:
        """Train to the next report or to the end.

        A time limit cannot interrupt a function; a program trains on while None is returned.
        """
        if self._step is None:
            time.sleep(timeout_s)
            return None
        step, self._step = self._step, None
        event = step()
        if event is None and self._worker is not None:
            self._step = self._worker.go_on
        if isinstance(event, Ended):
            self._flying = None
        return event

    def close(self, *, kill: bool = False) -> Energy:
        """End a program that still runs; return what the worker used outside attempts."""
        agent, self._agent = self._agent, None
        if self._worker is not None:
            self._worker.close()
            if self._overhead is None:
                overhead = self._worker.overhead()
                self._overhead = with_boards(overhead, () if agent is None else agent.boards())
        if agent is not None:
            agent.end()
        return self._overhead or NOTHING

    def _make_worker(self) -> Worker:
        meter = None
        if self._gpus:  # CUDA's numbers are then those of NVML
            os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
        if self._gpus and self._setup.make_agent is not None:
            self._agent = self._agent or self._setup.make_agent()
            meter = self._agent.meter("local", os.getpid())
        return Worker(self._setup, Post("local", self._gpus, self._share, meter))
