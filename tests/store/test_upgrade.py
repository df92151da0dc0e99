"""Stores of older versions, from a dump of what version 1 wrote, and of newer ones.

Version 2 added one column: a store that it upgraded is what version 1 wrote, and that column.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import inspect, select

from sweeper.errors import CacheError
from sweeper.model import NOTHING, Energy, SweepState, TrialState
from sweeper.store.admin import store_status
from sweeper.store.engine import Store, open_store
from sweeper.store.history import leader_of, read_history
from sweeper.store.schema import SCHEMA_VERSION, meta, trial
from sweeper.store.sweep_list import SweepFilter, list_sweeps
from sweeper.testing.store_bench import DECISIONS, driver, energy_of, key_of

from .conftest import SqlBench

DUMP = Path(__file__).with_name("version_1.sql")
ANN, BOB = (UUID(f"abcd00000000400080000000000000{n}") for n in ("03", "07"))

WRITER = """
import sys
from sweeper.store.engine import open_store
store = open_store(sys.argv[1], env={})
print("open", flush=True)
sys.stdin.readline()
with store.write() as connection:
    connection.exec_driver_sql("INSERT INTO meta VALUES (?, 'x')", (sys.argv[2],))
store.close()
"""

# What a driver of version 1 does when it starts a trial, with every column that it knows.
START_IN_VERSION_1 = """
INSERT INTO trial (sweep_uid, number, replicate, attempt, holder, params, state, asked, source,
                   started_at)
VALUES ('abcd0000000040008000000000000007', 5, 0, 0, 'abcd0000000040008000000000000006', '{}',
        'running', 9, 'run', 0.0)
"""


TO_VERSION_2 = """
ALTER TABLE trial ADD COLUMN decisions TEXT;
UPDATE meta SET value = '2' WHERE key = 'schema_version';
"""


@pytest.fixture(params=["1", "2"], ids=["version 1", "version 2"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def file(tmp_path: Path, version: str) -> Path:
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path)) as old:
        old.executescript(DUMP.read_text(encoding="utf-8"))
        if version == "2":
            old.executescript(TO_VERSION_2)
    return path


@pytest.fixture
def old(file: Path) -> Iterator[Store]:
    store = open_store(f"sqlite:///{file}", env={})
    yield store
    store.close()


def version_of(store: Store) -> str:
    with store.read() as connection:
        wanted = select(meta.c.value).where(meta.c.key == "schema_version")
        return str(connection.execute(wanted).scalar_one())


def write(store: Store) -> None:
    with store.write() as connection:
        connection.exec_driver_sql("INSERT INTO meta VALUES ('later', 'x')")


def test_an_older_store_is_read_as_it_is(old: Store, file: Path, version: str) -> None:
    """Reading needs no upgrade: what was known is there, what was not is not, no byte changes."""
    before = hashlib.sha256(file.read_bytes()).digest()
    with old.read() as connection:
        ann, bob = (read_history(connection, uid) for uid in (ANN, BOB))
        leader = leader_of(connection, ann.sweep.digest)
    assert leader == ann.sweep
    assert [row.state for row in ann.attempts] == [
        TrialState.COMPLETE,
        TrialState.PRUNED,
        TrialState.LOST,
    ]
    assert ann.attempts[0].final == (0.1 + 0.2, -1 / 3)
    assert [row.decisions for row in (*ann.attempts, *bob.attempts)] == [()] * 4
    assert [(sweep.overhead_j, sweep.overhead) for sweep in (ann.sweep, bob.sweep)] == [
        (1.25, None),
        (None, None),
    ]
    assert [(use.producer, use.steps_used) for use in bob.uses] == [("ann", 1)]
    listed = list_sweeps(old, SweepFilter())
    assert [(one.settled, one.sweep.overhead) for one in listed] == [(1, None), (2, None)]
    assert sum(store_status(old).records.values()) == 2
    assert version_of(old) == version
    assert hashlib.sha256(file.read_bytes()).digest() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write every file")
def test_an_older_store_that_may_not_be_written_is_read(file: Path) -> None:
    """Who only looks at somebody else's store need not wait for its owner to upgrade it."""
    file.chmod(0o400)
    store = open_store(f"sqlite:///{file}", env={})
    with store.read() as connection:
        assert len(read_history(connection, ANN).attempts) == 3
    with pytest.raises(CacheError, match="may not be written"):
        write(store)
    store.close()


def test_the_first_write_upgrades_an_older_store(old: Store, file: Path) -> None:
    """What was there stays; what this version adds is there; older clients may go on writing."""
    with old.read() as connection:
        before = read_history(connection, ANN)
    write(old)
    assert version_of(old) == str(SCHEMA_VERSION)
    with old.read() as connection:
        assert read_history(connection, ANN) == before
        facts = {row.key: row.value for row in connection.execute(select(meta))}
    assert (facts["min_client"], facts["store_uuid"]) == (
        "1",
        "abcd0000-0000-4000-8000-000000000001",
    )
    with closing(sqlite3.connect(file)) as older:
        older.execute(START_IN_VERSION_1)
        older.commit()
    with old.read() as connection:
        assert read_history(connection, BOB).attempts[-1].decisions == ()


def test_an_upgraded_store_is_as_a_new_one(old: Store, store_of_this_version: Store) -> None:
    """Tables, columns and indexes are the same, and in the same order."""
    write(old)
    assert _structure(old) == _structure(store_of_this_version)


def test_a_sweep_of_an_older_store_goes_on(old: Store) -> None:
    """Its driver resumes it, is answered by old records, and keeps decisions from now on."""
    ann = driver(SqlBench(old))
    assert (ann.sweep, ann.begun.resumed) == (ANN, True)
    assert [row.decisions for row in ann.begun.own] == [()] * 3
    record = ann.cache.lookup([key_of(0.1)])[key_of(0.1).run_key].record
    assert record.final == (0.1 + 0.2, -1 / 3)
    assert (record.energy.idle_j, record.energy.gpus[0].external_j) == (None, None)
    ann.clock = 10
    ann.train(3, key_of(0.4))
    assert ann.rows()[-1].decisions == DECISIONS


def test_an_older_sweep_goes_on_with_the_joules_of_its_overhead(old: Store) -> None:
    """They are known, where they came from is not; who had no worker has used nothing."""
    ann, bob = (driver(SqlBench(old), who=who) for who in ("ann", "bob"))
    assert ann.begun.overhead == Energy(1.25, "unknown", scope="none", attribution="none")
    assert (bob.sweep, bob.begun.resumed, bob.begun.overhead) == (BOB, True, NOTHING)
    ann.ledger.flush({}, elapsed_s=9.0, overhead=energy_of(4.0))
    row = ann.ledger.load(ANN).sweep
    assert (row.overhead_j, row.overhead) == (4.0, energy_of(4.0))


@pytest.mark.parametrize("overhead_j", [9.5, None], ids=["known", "unknown"])
def test_a_sweep_that_version_2_went_on_with_has_its_overhead(
    old: Store, file: Path, overhead_j: float | None
) -> None:
    """Its drivers leave the account as they find it: an account of other joules is not believed."""
    ann = driver(SqlBench(old))
    ann.ledger.finish(SweepState.STOPPED, "stop", elapsed_s=9.0, overhead=energy_of(4.0))
    with closing(sqlite3.connect(file)) as older:
        older.execute("UPDATE sweep SET overhead_j = ? WHERE uid = ?", (overhead_j, ANN.hex))
        older.commit()
    row = ann.ledger.load(ANN).sweep
    assert (row.overhead_j, row.overhead) == (overhead_j, None)
    begun = driver(SqlBench(old)).begun
    expected = "unavailable" if overhead_j is None else "unknown"
    assert (begun.overhead.total_j, begun.overhead.source) == (overhead_j, expected)


def test_an_upgrade_that_fails_leaves_the_old_version(old: Store, version: str) -> None:
    """All columns and the version are one transaction: with the last taken, nothing is changed."""
    with closing(sqlite3.connect(Path(str(old.folder), "store.db"))) as other:
        other.execute("ALTER TABLE sweep ADD COLUMN overhead TEXT")
    with pytest.raises(CacheError, match="duplicate column"):
        write(old)
    assert version_of(old) == version
    assert ("decisions" in _columns(old, trial.name)) == (version == "2")


def test_processes_may_upgrade_a_store_together(file: Path) -> None:
    """Each opened version 1; one of them upgrades, all of them write."""
    url = f"sqlite:///{file}"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started: list[subprocess.Popen[str]] = [
        subprocess.Popen([sys.executable, "-c", WRITER, url, f"writer {n}"], **pipes)  # type: ignore[call-overload]
        for n in range(2)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in started:
        process.communicate(timeout=60)
    assert [process.returncode for process in started] == [0, 0]
    store = open_store(url, env={})
    with store.read() as connection:
        keys = set(connection.execute(select(meta.c.key)).scalars())
    assert keys >= {"writer 0", "writer 1"}
    assert version_of(store) == str(SCHEMA_VERSION)
    store.close()


def test_a_store_that_became_newer_meanwhile_is_not_written(old: Store) -> None:
    """Somebody's newer version upgraded it after it was opened here."""
    with closing(sqlite3.connect(Path(str(old.folder), "store.db"))) as newer:
        newer.execute("UPDATE meta SET value = '99' WHERE key IN ('schema_version', 'min_client')")
        newer.commit()
    with pytest.raises(CacheError, match=r"schema 99.*newer.*update sweeper"):
        write(old)
    with old.read() as connection:
        assert "later" not in set(connection.execute(select(meta.c.key)).scalars())


@pytest.fixture
def store_of_this_version(tmp_path: Path) -> Iterator[Store]:
    store = open_store(f"sqlite:///{tmp_path}/new.db", env={})
    yield store
    store.close()


def _structure(store: Store) -> dict[str, object]:
    """Describe the tables."""
    with store.read() as connection:
        schema = inspect(connection)
        return {
            table: (
                [(column["name"], str(column["type"])) for column in schema.get_columns(table)],
                sorted(str(index["name"]) for index in schema.get_indexes(table)),
            )
            for table in sorted(schema.get_table_names())
        }


@pytest.mark.parametrize("version", ["1"], indirect=True)
def test_the_dump_is_of_version_1(old: Store) -> None:
    """The golden file stays what version 1 wrote."""
    assert version_of(old) == "1"
    assert "decisions" not in _columns(old, trial.name)


def _columns(store: Store, table: str) -> set[str]:
    """Name the columns of a table."""
    with store.read() as connection:
        return {column["name"] for column in inspect(connection).get_columns(table)}
