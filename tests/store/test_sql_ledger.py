from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import func, select, update

from sweeper.errors import CacheError, SweepBusy
from sweeper.model import Progress, TrialState, Use
from sweeper.store.engine import Store
from sweeper.store.mode import REAPED_AFTER
from sweeper.store.process import proc_id
from sweeper.store.schema import claim, record, trial
from sweeper.store.sql_ledger import SqlLedger
from sweeper.testing.ledger_cases import LedgerCases
from sweeper.testing.store_bench import (
    TTL_S,
    StoreBench,
    driver,
    identity,
    key_of,
    record_of,
)

from .conftest import SqlBench

DRIVER = """
import os, sys, time
from uuid import uuid4
from sweeper.model import UNAVAILABLE, Progress
from sweeper.store.engine import open_store
from sweeper.store.process import proc_id
from sweeper.store.sql_cache import SqlCache
from sweeper.store.sql_ledger import SqlLedger
from sweeper.testing.store_bench import Driver, identity, key_of

store = open_store(sys.argv[1], env={})
me = {"holder": uuid4(), "who": "ann", "host": "n1", "ttl_s": 60.0}
ledger = SqlLedger(store, pid=os.getpid(), proc_id=proc_id(), **me)
begun = ledger.begin(identity())
ann = Driver(ledger, SqlCache(store, sweep=begun.uid, **me), begun)
ann.train(0, key_of(0.1))
attempt, _ = ann.claim(1, key_of(0.2))
ledger.flush({attempt.id: Progress(4, 30, 8.25, 2.5)}, elapsed_s=2.5, overhead=UNAVAILABLE)
print("ready", flush=True)
time.sleep(60)
"""


class TestSqlLedger(LedgerCases):
    @pytest.fixture
    def bench(self, sql_bench: SqlBench) -> StoreBench:
        """Run the shipped cases on this store."""
        return sql_bench


def test_the_sweep_of_a_killed_process_goes_on_at_once(sql_bench: SqlBench) -> None:
    """A process that is provably gone need not be waited for; nothing that it wrote is missing."""
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, sql_bench.store.url], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "ready\n"
        with pytest.raises(SweepBusy, match=rf"ann on n1 \(pid {process.pid}"):
            driver(sql_bench)
        os.kill(process.pid, signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # a zombie is gone, too
        heir = driver(sql_bench)
    process.wait()
    assert [row.state for row in heir.begun.own] == [TrialState.COMPLETE, TrialState.LOST]
    assert (heir.begun.own[1].energy_j, heir.begun.own[1].elapsed_s) == (8.25, 2.5)
    heir.claim(1, key_of(0.2))


@pytest.mark.parametrize(
    "named",
    ["", "another-boot|pid:[1]|1", "rubbish"],
    ids=["nothing", "another machine", "rubbish"],
)
def test_a_process_that_cannot_be_seen_is_believed_alive(sql_bench: SqlBench, named: str) -> None:
    """A driver elsewhere is only over when its heartbeat is too old."""
    far = SqlLedger(
        sql_bench.store,
        holder=uuid4(),
        who="ann",
        host="n9",
        pid=2**22 + 1,
        proc_id=named,
        ttl_s=TTL_S,
    )
    far.begin(identity())
    with pytest.raises(SweepBusy, match="n9"):
        driver(sql_bench)
    sql_bench.advance(TTL_S + 1)
    assert driver(sql_bench).begun.resumed


def test_a_refusal_says_what_to_do(sql_bench: SqlBench) -> None:
    """The message has the handle, the age of the last sign of life, and the ways out."""
    ann = driver(sql_bench)
    sql_bench.advance(7)
    with pytest.raises(SweepBusy) as caught:
        driver(sql_bench)
    handle = ann.ledger.load(ann.sweep).sweep.handle
    for part in (handle, "7 s ago", f"`sweeper stop {handle}`", "--fresh"):
        assert part in str(caught.value)


def test_a_settlement_that_fails_leaves_nothing(sql_bench: SqlBench) -> None:
    """Record, claim, row and use are one commit: one of them refused, none is there."""
    ann, key = driver(sql_bench), key_of(0.1)
    attempt, lease = ann.claim(0, key)
    (before,) = ann.rows()
    settled = ann.trained(attempt, record_of(key, claim=lease), lease)
    nowhere = Use(uuid4(), settled.source, 1, None, comparable=True)
    with pytest.raises(CacheError):
        ann.ledger.settle(replace(settled, use=nowhere))
    assert ann.rows() == [before]
    assert _count(sql_bench.store, record) == 0
    assert ann.cache.renew({lease: Progress(1, None, None, 0.0)}) == frozenset()


def test_a_position_is_told_once(sql_bench: SqlBench) -> None:
    """Two trials cannot have the same place in the order of events."""
    ann = driver(sql_bench)
    ann.train(0, key_of(0.1))
    attempt = ann.attempt(1, key_of(0.2))
    settled = ann.trained(attempt, record_of(key_of(0.2)))
    with pytest.raises(CacheError, match=r"(?i)unique"):
        ann.ledger.settle(replace(settled, told=2))


def test_lateness_is_recorded(sql_bench: SqlBench) -> None:
    """A record that was written after its lease was lost says so."""
    ann, key = driver(sql_bench), key_of(0.1)
    ann.train(0, key)
    attempt, stale = ann.claim(1, key_of(0.2))
    ann.cache.release(stale)
    ann.ledger.settle(ann.trained(attempt, record_of(key_of(0.2)), stale))
    ann.ledger.settle(ann.trained(ann.attempt(2, key), record_of(key)))
    with sql_bench.store.read() as connection:
        late = connection.execute(select(record.c.late).order_by(record.c.seq)).scalars().all()
    assert late == [False, True, False]


def test_expired_claims_are_swept_up(sql_bench: SqlBench) -> None:
    """A sweep's start removes leases that nobody asks for any more."""
    ann = driver(sql_bench)
    ann.claim(0, key_of(0.1))
    sql_bench.advance(TTL_S + 1)
    driver(sql_bench, who="bob")
    assert _count(sql_bench.store, claim) == 1, "who only slept comes back and goes on"
    sql_bench.advance(REAPED_AFTER * TTL_S)
    driver(sql_bench, who="cat")
    assert _count(sql_bench.store, claim) == 0


def test_a_damaged_row_is_a_readable_error(sql_bench: SqlBench) -> None:
    """What cannot be decoded is named, not guessed."""
    ann = driver(sql_bench)
    ann.train(0, key_of(0.1))
    with sql_bench.store.write() as connection:
        connection.execute(update(trial).values(curve="[[1"))
    with pytest.raises(CacheError, match="an attempt in the ledger is damaged"):
        ann.rows()


def test_this_process_is_alive() -> None:
    """The bench's own drivers are believed alive because this process is."""
    assert proc_id() == proc_id(os.getpid())


def _count(store: Store, table: object) -> int:
    """Count the rows of a table."""
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()  # type: ignore[arg-type]
