"""A pool that starts its workers only when something has to be trained."""

from __future__ import annotations

import time
from collections.abc import Callable

from sweeper.model import NOTHING, AttemptId, Cause, Energy, Order, PoolEvent
from sweeper.seams import Pool

__all__ = ["LazyPool"]


class LazyPool:
    """Builds the real pool at the first ``start``; until then it has room for one attempt.

    Args:
        build: Makes the real pool; may take seconds and raise ``PoolError``.
    """

    def __init__(self, build: Callable[[], Pool]) -> None:
        self._build = build
        self._pool: Pool | None = None

    @property
    def started(self) -> bool:
        """Tell whether anything had to be trained."""
        return self._pool is not None

    def room(self) -> int:
        """Return the room of the real pool; 1 before it exists."""
        return 1 if self._pool is None else self._pool.room()

    def start(self, order: Order) -> None:
        """Start the workers if this is the first attempt, and hand it over."""
        if self._pool is None:
            self._pool = self._build()
        self._pool.start(order)

    def go_on(self, attempt: AttemptId) -> None:
        """Let an attempt train on."""
        if self._pool is not None:
            self._pool.go_on(attempt)

    def stop(self, attempt: AttemptId, cause: Cause, *, now: bool = False) -> None:
        """End an attempt."""
        if self._pool is not None:
            self._pool.stop(attempt, cause, now=now)

    def next_event(self, timeout_s: float) -> PoolEvent | None:
        """Wait for the next event; there is none before the first start."""
        if self._pool is None:
            time.sleep(timeout_s)
            return None
        return self._pool.next_event(timeout_s)

    def close(self, *, kill: bool = False) -> Energy:
        """Close the real pool if there is one."""
        return NOTHING if self._pool is None else self._pool.close(kill=kill)
