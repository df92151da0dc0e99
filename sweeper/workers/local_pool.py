"""The pool inside the driver: one trial at a time, for the debugger and for ``--local``."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from sweeper.errors import PoolError
from sweeper.model import NOTHING, AttemptId, Cause, Ended, Energy, Order, PoolEvent
from sweeper.workers.worker import Worker, WorkerSetup

__all__ = ["LocalPool"]


class LocalPool:
    """Trains in this process, between two calls of ``next_event``.

    Args:
        setup: What the worker is built from, at the first start.
        gpus: What the worker may measure: UUIDs or indices as text.
    """

    def __init__(self, setup: WorkerSetup, gpus: Sequence[str] = ()) -> None:
        self._setup = setup
        self._gpus = gpus
        self._worker: Worker | None = None
        self._flying: AttemptId | None = None
        self._step: Callable[[], PoolEvent | None] | None = None

    def room(self) -> int:
        """Return 1 when no attempt is in flight."""
        return 0 if self._flying is not None else 1

    def start(self, order: Order) -> None:
        """Take an attempt; training begins with the next ``next_event``."""
        if self._flying is not None:
            raise PoolError("the local pool trains one attempt at a time")
        if self._worker is None:
            self._worker = Worker(self._setup, self._gpus)
        worker = self._worker
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
        if self._worker is None:
            return NOTHING
        self._worker.close()
        return self._worker.overhead()
