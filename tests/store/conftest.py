from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import update

from sweeper.seams import Cache, Ledger
from sweeper.store.admin import request_stop
from sweeper.store.engine import Store, open_store
from sweeper.store.mode import PLAIN, CacheMode, CachePolicy
from sweeper.store.process import proc_id
from sweeper.store.schema import claim, sweep
from sweeper.store.sql_cache import SqlCache
from sweeper.store.sql_ledger import SqlLedger
from sweeper.testing.memory_store import MemoryStore
from sweeper.testing.store_bench import TTL_S


class SqlBench:
    """A store whose time passes by moving everything in it into the past."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def ledger(self, *, holder: UUID, who: str, host: str, mode: CacheMode) -> Ledger:
        """Open a ledger."""
        return SqlLedger(
            self.store,
            holder=holder,
            who=who,
            host=host,
            pid=os.getpid(),
            proc_id=proc_id(),
            ttl_s=TTL_S,
            mode=mode,
        )

    def cache(
        self,
        sweep: UUID,
        *,
        holder: UUID,
        who: str,
        host: str,
        mode: CacheMode,
        policy: CachePolicy = PLAIN,
    ) -> Cache:
        """Open a cache."""
        return SqlCache(
            self.store,
            sweep=sweep,
            holder=holder,
            who=who,
            host=host,
            ttl_s=TTL_S,
            mode=mode,
            policy=policy,
        )

    def request_stop(self, sweep: UUID) -> None:
        """Ask a sweep to stop."""
        request_stop(self.store, sweep)

    def advance(self, elapsed_s: float) -> None:
        """Let time pass."""
        moved = {
            claim: (claim.c.granted_at, claim.c.expires_at),
            sweep: (sweep.c.heartbeat_at, sweep.c.started_at),
        }
        with self.store.write() as connection:
            for table, columns in moved.items():
                past = {column.name: column - elapsed_s for column in columns}
                connection.execute(update(table).values(past))


class MemoryBench:
    """A memory store with a clock of its own."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.store = MemoryStore(lambda: self.now_s)

    def ledger(self, *, holder: UUID, who: str, host: str, mode: CacheMode) -> Ledger:
        """Open a ledger."""
        return self.store.ledger(holder=holder, who=who, host=host, ttl_s=TTL_S, mode=mode)

    def cache(
        self,
        sweep: UUID,
        *,
        holder: UUID,
        who: str,
        host: str,
        mode: CacheMode,
        policy: CachePolicy = PLAIN,
    ) -> Cache:
        """Open a cache."""
        return self.store.cache(
            sweep, holder=holder, who=who, host=host, ttl_s=TTL_S, mode=mode, policy=policy
        )

    def request_stop(self, sweep: UUID) -> None:
        """Ask a sweep to stop."""
        self.store.request_stop(sweep)

    def advance(self, elapsed_s: float) -> None:
        """Let time pass."""
        self.now_s += elapsed_s


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/store.db", env={}, busy_timeout_s=2.0)
    yield opened
    opened.close()


@pytest.fixture
def sql_bench(any_store: Store) -> SqlBench:
    return SqlBench(any_store)


@pytest.fixture
def memory_bench() -> MemoryBench:
    return MemoryBench()


@pytest.fixture
def sqlite_bench(store: Store) -> SqlBench:
    return SqlBench(store)
