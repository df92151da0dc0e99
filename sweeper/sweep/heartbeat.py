"""Keeps leases and the sweep's ownership alive while trials train.

Owns: the one thread beside the loop. It reads a snapshot that the loop publishes and leaves its
findings for the loop to pick up; it decides nothing.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Mapping
from types import TracebackType

from sweeper.errors import CacheError, Deposed
from sweeper.model import AttemptId, Claim, Energy, Progress
from sweeper.seams import Cache, Ledger

__all__ = ["Heartbeat", "Snapshot"]

log = logging.getLogger(__name__)

# What runs now: its lease, if it has one, and how far it is.
Snapshot = Mapping[AttemptId, tuple[Claim | None, Progress]]


class Heartbeat:
    """Renews every ``interval_s``, jittered by a fifth so that drivers do not march in step.

    Args:
        cache: For the leases.
        ledger: For the sweep.
        snapshot: Returns what runs now; called from the thread.
        books: Returns elapsed seconds and the overhead of the sweep.
        interval_s: A sixth of the lease's time to live.
    """

    def __init__(
        self,
        cache: Cache,
        ledger: Ledger,
        *,
        snapshot: Callable[[], Snapshot],
        books: Callable[[], tuple[float, Energy]],
        interval_s: float,
    ) -> None:
        self._cache = cache
        self._ledger = ledger
        self._snapshot = snapshot
        self._books = books
        self._interval_s = interval_s
        self._over = threading.Event()
        self._random = random.Random()  # with --local the global one is the objective's
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self.stop_asked = False
        self.deposed: Deposed | None = None
        self.lost: frozenset[Claim] = frozenset()

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join(timeout=self._interval_s)

    def _run(self) -> None:
        while not self._over.wait(self._interval_s * self._random.uniform(0.8, 1.2)):
            try:
                self._beat()
            except Deposed as error:
                self.deposed = error
                return
            except CacheError as error:
                log.warning("the store did not take a heartbeat: %s", error)
            except Exception:  # the thread must live as long as the leases
                log.exception("a heartbeat failed")

    def _beat(self) -> None:
        running = self._snapshot()
        claims = {claim: progress for claim, progress in running.values() if claim is not None}
        if claims:
            self.lost |= self._cache.renew(claims)
        elapsed_s, overhead = self._books()
        progress = {attempt: progress for attempt, (_, progress) in running.items()}
        if self._ledger.flush(progress, elapsed_s=elapsed_s, overhead=overhead):
            self.stop_asked = True
