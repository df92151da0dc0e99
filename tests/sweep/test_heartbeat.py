"""The heartbeat: leases and books while trials train."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from uuid import uuid4

from sweeper.model import NOTHING, AttemptId, Claim, Energy, Progress, SweepIdentity
from sweeper.sweep.heartbeat import Heartbeat
from sweeper.testing.memory_store import MemoryLedger, MemoryStore


class StumblingLedger:
    """A ledger whose first flush fails in a way that nobody foresaw."""

    def __init__(self, inner: MemoryLedger) -> None:
        self.flushes = 0
        self.twice = threading.Event()
        self._inner = inner

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def flush(
        self, progress: Mapping[AttemptId, Progress], *, elapsed_s: float, overhead: Energy
    ) -> bool:
        """Fail once, then work."""
        self.flushes += 1
        if self.flushes == 1:
            raise OSError("unforeseen")
        self.twice.set()
        return self._inner.flush(progress, elapsed_s=elapsed_s, overhead=overhead)


def test_it_goes_on_beating_after_an_error_and_hears_of_a_stop() -> None:
    """One failed beat costs nothing but itself; `sweeper stop` arrives with the next."""
    store, holder = MemoryStore(), uuid4()
    inner = store.ledger(holder=holder)
    uid = inner.begin(SweepIdentity("test", "{}", "d" * 64)).uid
    ledger = StumblingLedger(inner)
    store.request_stop(uid)
    nothing: dict[AttemptId, tuple[Claim | None, Progress]] = {}
    heart = Heartbeat(
        store.cache(uid, holder=holder),
        ledger,  # type: ignore[arg-type] # the rest is passed on
        snapshot=lambda: nothing,
        books=lambda: (1.0, NOTHING),
        interval_s=0.01,
    )
    with heart:
        assert ledger.twice.wait(10)
        for _ in range(1000):
            if heart.stop_asked:
                break
            ledger.twice.wait(0.01)
    assert heart.stop_asked
