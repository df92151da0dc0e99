from __future__ import annotations

import pytest

from sweeper.errors import CacheError
from sweeper.model import UNAVAILABLE
from sweeper.testing.cache_cases import CacheCases
from sweeper.testing.failing_store import FailingCache, FailingLedger
from sweeper.testing.ledger_cases import LedgerCases
from sweeper.testing.store_bench import StoreBench, driver, key_of

from .conftest import MemoryBench


class TestMemoryCache(CacheCases):
    @pytest.fixture
    def bench(self, memory_bench: MemoryBench) -> StoreBench:
        """Run the shipped cases on this store."""
        return memory_bench


class TestMemoryLedger(LedgerCases):
    @pytest.fixture
    def bench(self, memory_bench: MemoryBench) -> StoreBench:
        """Run the shipped cases on this store."""
        return memory_bench


def test_every_record_can_be_listed(memory_bench: MemoryBench) -> None:
    """Tests see what was stored, in order of arrival, with who stored it."""
    ann = driver(memory_bench)
    uids = [ann.train(number, key_of(0.1 * number)).uid for number in range(2)]
    assert [(hit.record.uid, hit.who) for hit in memory_bench.store.hits] == [
        (uid, "ann") for uid in uids
    ]


def test_a_failing_cache_fails_once(memory_bench: MemoryBench) -> None:
    """The chosen call raises and does nothing; those before and after it work."""
    ann, key = driver(memory_bench), key_of(0.1)
    cache = FailingCache(ann.cache, fail_at=2)
    assert cache.lookup([key]) == {}
    with pytest.raises(CacheError, match="call 2"):
        cache.acquire(key, ann.attempt(0, key))
    assert ann.rows() == []
    cache.acquire(key, ann.attempt(0, key))
    assert cache.renew({}) == frozenset()
    assert (cache.calls, len(ann.rows())) == (4, 1)


def test_a_failing_ledger_fails_once(memory_bench: MemoryBench) -> None:
    """The chosen call raises and does nothing; those before and after it work."""
    ann = driver(memory_bench)
    ledger = FailingLedger(ann.ledger, fail_at=1)
    with pytest.raises(CacheError, match="call 1"):
        ledger.start(ann.attempt(0))
    assert ann.rows() == []
    ledger.start(ann.attempt(0))
    assert ledger.flush({}, elapsed_s=0.0, overhead=UNAVAILABLE) is False
    assert len(ledger.load(ann.sweep).attempts) == 1
