from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from sweeper.errors import CacheError
from sweeper.model import Mine
from sweeper.store.engine import Store, open_store
from sweeper.store.mode import CacheMode
from sweeper.store.rows import DOC_COLUMNS
from sweeper.store.schema import claim, component, config, record, trial, verdict
from sweeper.testing.cache_cases import CacheCases
from sweeper.testing.store_bench import StoreBench, driver, key_of, record_of

from .conftest import SqlBench

# What a column could hold after damage; none is what record_of writes.
DAMAGED: dict[str, object] = {
    "uid": "0" * 32,
    "run_key": None,  # another key: then the index does not find it, or it is not what was asked
    "config_key": None,
    "seed": 7,
    "fence": 12345,
    "status": "pruned",
    "steps_done": 2,
    "curve": "[[1,[0.5,0.5],1.0,0.1]]",
    "final": "[0.30000000000000005,-0.3333333333333333]",
    "energy_j": 7.500000000000001,
    "elapsed_s": 0.5,
    "energy": "{}",
    "hw": '{"gpu":"Test GPT","memory_mib":81920}',
    "tainted": None,
    "cause": "x",
    "host": "n2",
    "prov": "{}",
    "started_at": 1_700_000_000.5,
    "ended_at": 1_700_000_001.25,
}
PLAIN = [name for name in DOC_COLUMNS if DAMAGED[name] is not None]

RACER = """
import os, sys, time
from pathlib import Path
from uuid import uuid4
from sweeper.model import SweepIdentity
from sweeper.store.engine import open_store
from sweeper.store.process import proc_id
from sweeper.store.sql_cache import SqlCache
from sweeper.store.sql_ledger import SqlLedger
from sweeper.testing.store_bench import attempt_on, key_of

url, folder, who = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
store, holder = open_store(url, env={}), uuid4()
me = {"holder": holder, "who": who, "host": "n1", "ttl_s": 60.0}
ledger = SqlLedger(store, pid=os.getpid(), proc_id=proc_id(), **me)
begun = ledger.begin(SweepIdentity("race", "{}", "0" * 64))
cache = SqlCache(store, sweep=begun.uid, **me)
(folder / who).touch()
while not (folder / "go").exists():
    time.sleep(0.001)
print(*(type(cache.acquire(key_of(n / 8), attempt_on(n, key_of(n / 8), asked=n))).__name__
        for n in range(8)))
"""


class TestSqlCache(CacheCases):
    @pytest.fixture
    def bench(self, sql_bench: SqlBench) -> StoreBench:
        """Run the shipped cases on this store."""
        return sql_bench


@pytest.mark.parametrize("column", PLAIN)
def test_a_damaged_record_is_never_served(sqlite_bench: SqlBench, column: str) -> None:
    """Whichever column of a record changed, it is a miss that may be trained again."""
    ann, key = driver(sqlite_bench), key_of(0.1)
    ann.train(0, key)
    _overwrite(sqlite_bench.store, column, DAMAGED[column])
    assert ann.cache.lookup([key]) == {}
    assert isinstance(ann.cache.acquire(key, ann.attempt(1, key)), Mine)


def test_bytes_that_are_no_text_are_a_miss(sqlite_bench: SqlBench) -> None:
    """Damage that cannot even be decoded is found like any other, and stops nothing."""
    ann, key = driver(sqlite_bench), key_of(0.1)
    ann.train(0, key)
    with sqlite_bench.store.write() as connection:
        connection.exec_driver_sql("UPDATE record SET host = CAST(x'6eff' AS TEXT)")
    assert ann.cache.lookup([key]) == {}


def test_damage_cannot_wash_a_record_clean(sqlite_bench: SqlBench) -> None:
    """A tainted record that lost its taint is not served either."""
    ann, key = driver(sqlite_bench), key_of(0.1)
    ann.train(0, key, tainted="a file changed while it ran")
    _overwrite(sqlite_bench.store, "tainted", None)
    assert ann.cache.lookup([key]) == {}


def test_damage_is_told_to_everybody(sqlite_bench: SqlBench) -> None:
    """A record whose checksum fails gets one verdict, and the next record answers."""
    ann, bob, key = driver(sqlite_bench), driver(sqlite_bench, who="bob"), key_of(0.1)
    damaged = ann.train(0, key)
    _overwrite(sqlite_bench.store, "curve", "[]")
    second = ann.train(1, key)
    for cache in (ann.cache, bob.cache, bob.cache):
        assert cache.lookup([key])[key.run_key].record == second
    with sqlite_bench.store.read() as connection:
        rows = connection.execute(select(verdict.c.record_uid, verdict.c.verdict)).all()
    assert [tuple(row) for row in rows] == [(damaged.uid, "suspect")]


@pytest.mark.parametrize(
    ("verdicts", "served"),
    [
        (["revoked"], False),
        (["suspect"], False),
        (["revoked", "restored"], True),
        (["confirmed"], True),
        (["confirmed", "revoked"], False),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else str(value),
)
def test_the_last_verdict_counts(sql_bench: SqlBench, verdicts: list[str], served: bool) -> None:
    """A record is served unless the last word about it disowns it."""
    ann, key = driver(sql_bench), key_of(0.1)
    uid = ann.train(0, key).uid
    with sql_bench.store.write() as connection:
        for said in verdicts:
            connection.execute(
                verdict.insert().values(
                    record_uid=uid, verdict=said, reason="test", who="ann", at=1.0
                )
            )
    assert (key.run_key in ann.cache.lookup([key])) is served


def test_flipped_bytes_of_the_file_give_no_wrong_answer(tmp_path: Path) -> None:
    """Whichever byte of the database changes: the true record, a miss, or a readable error."""
    path = tmp_path / "store.db"
    store = open_store(f"sqlite:///{path}", env={})
    ann, key = driver(SqlBench(store)), key_of(0.1)
    truth = ann.train(0, key)
    store.close()
    sound = path.read_bytes()
    draw = random.Random(4)
    outcomes = {"true": 0, "miss": 0, "error": 0}
    for _ in range(1000):
        broken = bytearray(sound)
        broken[_place(draw, sound)] ^= 1 << draw.randrange(8)
        path.write_bytes(broken)
        outcomes[_outcome(path, key_of(0.1).run_key, truth)] += 1
    assert min(outcomes["true"], outcomes["miss"]) > 0


def test_of_many_processes_one_may_train(store: Store, tmp_path: Path) -> None:
    """Four drivers that ask for eight keys at once: each key is granted exactly once."""
    names = ["ann", "bob", "cat", "dan"]
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, store.url, str(tmp_path), name],
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    deadline = time.monotonic() + 60
    while not all((tmp_path / name).exists() for name in names) and time.monotonic() < deadline:
        time.sleep(0.01)
    (tmp_path / "go").touch()
    answers = [racer.communicate(timeout=60)[0].split() for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0, 0, 0]
    assert [sorted(answer) for answer in zip(*answers, strict=True)] == [
        ["Busy", "Busy", "Busy", "Mine"]
    ] * 8
    with store.read() as connection:
        assert connection.execute(select(func.count()).select_from(claim)).scalar_one() == 8
        assert connection.execute(select(func.count()).select_from(trial)).scalar_one() == 8


def test_a_record_that_arrives_before_the_second_look_answers(sql_bench: SqlBench) -> None:
    """A claim that is granted after an answer came in between is given up for the answer."""
    ann, bob, key = driver(sql_bench), driver(sql_bench, who="bob"), key_of(0.1)
    attempt, lease = ann.claim(0, key)
    late = ann.trained(attempt, record_of(key, claim=lease), lease)
    ann.ledger.settle(late)
    granted = bob.cache._grant(key, bob.attempt(0, key), -1)  # type: ignore[attr-defined]
    assert granted is None
    assert bob.rows() == []
    with sql_bench.store.read() as connection:
        assert connection.execute(select(func.count()).select_from(claim)).scalar_one() == 0


def test_sections_are_stored_once(sql_bench: SqlBench) -> None:
    """Configurations share the text of the sections that they have in common."""
    ann, keys = driver(sql_bench), [key_of(0.1), key_of(0.2)]
    for number, key in enumerate(keys):
        ann.train(number, key)
    with sql_bench.store.read() as connection:
        stored = connection.execute(
            select(config.c.config_key, component.c.doc)
            .join(component, component.c.digest == config.c.params_h)
            .order_by(config.c.created_at)
        ).all()
        kinds = connection.execute(select(component.c.kind)).scalars().all()
    assert [tuple(row) for row in stored] == [
        (key.config_key, dict(key.sections)["params"]) for key in keys
    ]
    assert len(kinds) == 8 + 2


def test_one_lookup_takes_more_keys_than_a_statement(sql_bench: SqlBench) -> None:
    """A whole grid can be looked up at once."""
    ann = driver(sql_bench)
    keys = [key_of(n / 1000) for n in range(1100)]
    for number in (0, 600, 1099):
        ann.train(number, keys[number])
    assert set(ann.cache.lookup(keys)) == {keys[n].run_key for n in (0, 600, 1099)}


def test_an_endless_curve_is_kept_but_not_served(sql_bench: SqlBench) -> None:
    """A curve of more than 1 MiB is tainted, with the cure."""
    ann, key = driver(sql_bench), key_of(0.1)
    ann.train(0, key, steps=16_000)
    assert ann.cache.lookup([key]) == {}
    with sql_bench.store.read() as connection:
        tainted = connection.execute(select(record.c.tainted)).scalar_one()
    assert "report less often" in tainted


def test_mode_off_is_another_class(sql_bench: SqlBench) -> None:
    """The SQL cache refuses a mode in which it would have nothing to do."""
    ann = driver(sql_bench)
    with pytest.raises(ValueError, match="NoCache"):
        sql_bench.cache(ann.sweep, holder=ann.sweep, who="ann", host="n1", mode=CacheMode.OFF)


def _overwrite(store: Store, column: str, value: object) -> None:
    """Damage a column of every record, behind the checksum's back."""
    with store.write() as connection:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        if column == "uid":
            connection.execute(update(trial).values(record_uid=None))
        connection.exec_driver_sql(f"UPDATE record SET {column} = ?", (value,))


def _place(draw: random.Random, sound: bytes) -> int:
    """Choose a byte: often in the record, which is a small part of the file."""
    start = sound.index(b"[[1,[")
    return draw.choice((draw.randrange(start - 200, start + 900), draw.randrange(len(sound))))


def _outcome(path: Path, run_key: str, truth: object) -> str:
    """Open a damaged file and ask; anything but the truth or a readable error fails."""
    try:
        store = open_store(f"sqlite:///{path}", env={}, busy_timeout_s=0.2)
    except CacheError:
        return "error"
    try:
        ann = driver(SqlBench(store), who="eve")
        hits = ann.cache.lookup([key_of(0.1)])
    except CacheError:
        return "error"
    finally:
        store.close()
    if run_key not in hits:
        return "miss"
    assert hits[run_key].record == truth
    return "true"
