from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select, update

from sweeper.errors import CacheError
from sweeper.store.engine import Store, open_store
from sweeper.store.schema import NOW, insert_into, meta, metadata

LATER = "INSERT INTO meta VALUES ('later', 'x')"


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


class TestPlace:
    def test_a_url_wins_over_the_environment(self, tmp_path: Path) -> None:
        """The sweep file's URL is taken first, then SWEEPER_STORE, then the state folder."""
        env = {"SWEEPER_STORE": url_of(tmp_path / "env.db"), "XDG_STATE_HOME": f"{tmp_path}/state"}
        for url, given, name in [
            (url_of(tmp_path / "url.db"), env, "url.db"),
            (None, env, "env.db"),
            (None, env | {"SWEEPER_STORE": ""}, "state/sweeper/store.db"),
        ]:
            store = open_store(url, env=given)
            store.close()
            assert store.url == url_of(tmp_path / name)
            assert (tmp_path / name).is_file()

    def test_the_state_folder_is_private(self, tmp_path: Path) -> None:
        """Nobody else may look into the default folder, which is made on first use."""
        open_store(None, env={"HOME": str(tmp_path)}).close()
        folder = tmp_path / ".local/state/sweeper"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    def test_the_folder_of_the_store_is_known(self, store: Store, tmp_path: Path) -> None:
        """What belongs to a store can be put beside it."""
        assert store.folder == tmp_path

    def test_opening_again_finds_the_same_store(self, tmp_path: Path) -> None:
        """The tables are made once; the store keeps its uuid."""
        uuids = set()
        for _ in range(2):
            store = open_store(url_of(tmp_path / "store.db"), env={})
            uuids.add(_meta(store)["store_uuid"])
            store.close()
        assert len(uuids) == 1

    def test_a_new_store_says_what_it_is(self, store: Store) -> None:
        """Versions of schema, key and oldest client are in the store from the start."""
        found = _meta(store)
        assert found.pop("store_uuid")
        assert found == {"schema_version": "4", "min_client": "1", "key_version": "1"}

    @pytest.mark.parametrize(
        "url",
        ["postgresql+asyncpg://ann:hunter2@lab-db/sweeper", "mysql://ann:hunter2@lab-db/sweeper"],
        ids=["asyncpg", "mysql"],
    )
    def test_other_databases_are_refused(self, url: str) -> None:
        """The message says what can be used, and shows no password."""
        with pytest.raises(CacheError, match=r"PostgreSQL.*sqlite:////.*SWEEPER_STORE") as caught:
            open_store(url, env={})
        assert "hunter2" not in str(caught.value)

    @pytest.mark.parametrize(
        "url",
        ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=ro", "sqlite:///a.db?mode=ro"],
    )
    def test_only_plain_files_are_stores(self, url: str) -> None:
        """A store in memory would be lost, and URI options would weaken its locks."""
        with pytest.raises(CacheError, match="no plain database file"):
            open_store(url, env={})

    def test_nonsense_is_no_url(self) -> None:
        """What SQLAlchemy cannot parse is a readable error that repeats no secret."""
        with pytest.raises(CacheError, match="cannot be understood") as caught:
            open_store("ann:hunter2@lab", env={})
        assert "hunter2" not in str(caught.value)


class TestTroubles:
    def test_a_file_that_is_no_database(self, tmp_path: Path) -> None:
        """Somebody's notes are left as they are."""
        path = tmp_path / "store.db"
        path.write_text("just my notes\n" * 100)
        with pytest.raises(CacheError, match=r"store\.db is not a SQLite database; move it away"):
            open_store(url_of(path), env={})
        assert path.read_text() == "just my notes\n" * 100

    def test_another_programs_database(self, tmp_path: Path) -> None:
        """No tables are made in a database that is not ours."""
        path = tmp_path / "store.db"
        with closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TABLE meta (key TEXT, value TEXT)")
        with pytest.raises(CacheError, match="another program's database"):
            open_store(url_of(path), env={})

    @pytest.mark.parametrize(("oldest", "writes"), [("1", True), ("99", False), ("x", False)])
    def test_a_newer_schema(self, any_store: Store, oldest: str, writes: bool) -> None:
        """An old sweeper reads it, and writes it where the newer one says that it may."""
        newer = {"schema_version": "99", "min_client": oldest}
        with any_store.write() as connection:
            for key, value in newer.items():
                connection.execute(update(meta).where(meta.c.key == key).values(value=value))
        again = open_store(any_store.url, env={})
        assert _meta(again)["schema_version"] == "99"
        if writes:
            with again.write():
                pass
        else:
            with (
                pytest.raises(CacheError, match=r"schema 99.*newer.*update sweeper"),
                again.write(),
            ):
                pass
        again.close()

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        """The message has the folder, the reason and the cure."""
        (tmp_path / "file").touch()
        with pytest.raises(CacheError, match=r"file/sub cannot be made: .*; .*SWEEPER_STORE"):
            open_store(url_of(tmp_path / "file" / "sub" / "store.db"), env={})

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
    def test_a_folder_where_no_file_can_be_made(self) -> None:
        """Where nobody may write, the message says so; /proc is such a place even for root."""
        with pytest.raises(CacheError, match=r"/proc/store\.db cannot be opened.*SWEEPER_STORE"):
            open_store("sqlite:////proc/store.db", env={})

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write every file")
    def test_a_file_that_may_not_be_written(self, tmp_path: Path) -> None:
        """Writing is refused with a cure; reading goes on."""
        open_store(url_of(tmp_path / "store.db"), env={}).close()
        (tmp_path / "store.db").chmod(0o400)
        store = open_store(url_of(tmp_path / "store.db"), env={})
        with pytest.raises(CacheError, match="may not be written"), store.write() as connection:
            connection.exec_driver_sql(LATER)
        assert "later" not in _meta(store)
        store.close()

    def test_a_disk_that_is_full(self, store: Store) -> None:
        """What does not fit is rolled back with a readable error, and reading goes on."""
        with store.write() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1")
        with pytest.raises(CacheError, match="the disk is full"), store.write() as connection:
            connection.execute(meta.insert().values(key="big", value="x" * 1_000_000))
        assert "big" not in _meta(store)

    def test_a_store_that_another_program_locks(self, tmp_path: Path) -> None:
        """Waiting ends; the message says who is in the way."""
        store = open_store(url_of(tmp_path / "store.db"), env={}, busy_timeout_s=0.02)
        with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(CacheError, match="locked by another program"), store.write():
                pass
            other.execute("ROLLBACK")
            with store.write() as connection:
                connection.exec_driver_sql(LATER)
        assert "later" in _meta(store)
        store.close()

    def test_a_process_that_never_stops_writing(self, tmp_path: Path) -> None:
        """Another sweeper process that holds the store does not hang this one for ever."""
        first, second = (
            open_store(url_of(tmp_path / "store.db"), env={}, busy_timeout_s=0.05) for _ in range(2)
        )
        with (
            first.write(),
            pytest.raises(CacheError, match="by another process"),
            second.write(),
        ):
            pass
        first.close()
        second.close()

    def test_a_statement_that_is_wrong(self, store: Store) -> None:
        """No exception of SQLAlchemy leaves the store, and nothing is left of the transaction."""
        twice = f"{LATER}, ('later', 'y')"
        with pytest.raises(CacheError, match="UNIQUE constraint"), store.write() as connection:
            connection.exec_driver_sql(twice)
        assert "later" not in _meta(store)

    def test_a_number_that_no_database_holds(self, store: Store) -> None:
        """Whole numbers of more than 64 bits are an error that can be read."""
        with pytest.raises(CacheError, match="store"), store.read() as connection:
            connection.execute(select(meta.c.key).where(meta.c.key == 2**70))

    def test_a_fork_may_not_use_its_parents_store(self, store: Store) -> None:
        """SQLite's locks would be lost, so the child is told to open its own."""
        child = os.fork()
        if child == 0:
            try:
                with store.read():
                    os._exit(1)
            except CacheError:
                os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


class TestTransactions:
    def test_an_exception_leaves_nothing_behind(self, store: Store) -> None:
        """What the body raises comes out as it is, and the transaction is undone."""

        def change_and_fail() -> None:
            with store.write() as connection:
                connection.exec_driver_sql(LATER)
                raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            change_and_fail()
        assert "later" not in _meta(store)

    def test_a_rolled_back_body_leaves_nothing_behind(self, store: Store) -> None:
        """A body may change its mind."""
        with store.write() as connection:
            connection.exec_driver_sql(LATER)
            connection.rollback()
        assert "later" not in _meta(store)

    def test_readers_cannot_write(self, store: Store) -> None:
        """A connection for reading refuses to change anything."""
        with pytest.raises(CacheError, match="may not be written"), store.read() as connection:
            connection.exec_driver_sql(LATER)

    def test_a_reader_sees_what_was_committed_before(self, store: Store) -> None:
        """While one transaction writes, readers see the state before it."""
        with store.write() as connection:
            connection.exec_driver_sql(LATER)
            assert "later" not in _meta(store)
        assert "later" in _meta(store)

    @pytest.mark.parametrize("stores", [1, 2], ids=["one store", "two stores"])
    def test_threads_write_one_after_the_other(self, tmp_path: Path, stores: int) -> None:
        """No update is lost between threads, whether they share a store or not."""
        opened = [open_store(url_of(tmp_path / "store.db"), env={}) for _ in range(stores)]
        with opened[0].write() as connection:
            connection.exec_driver_sql("INSERT INTO meta VALUES ('count', '0')")

        def count(store: Store) -> None:
            for _ in range(10):
                with store.write() as connection:
                    value = connection.execute(_COUNT).scalar_one()
                    connection.execute(
                        update(meta).where(meta.c.key == "count").values(value=str(int(value) + 1))
                    )

        _together([partial(count, opened[i % stores]) for i in range(4)])
        assert _meta(opened[0])["count"] == "40"
        for store in opened:
            store.close()

    def test_settings_that_durability_rests_on(self, store: Store) -> None:
        """Full synchronisation, foreign keys, and no log that this SQLite could corrupt."""
        wal = sqlite3.sqlite_version_info >= (3, 51, 3)
        for begin in (store.read, store.write):
            with begin() as connection:
                assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
                assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
        with store.write() as connection:
            mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
        assert mode == ("wal" if wal else "truncate")

    def test_the_clock_is_utc_in_seconds(self, store: Store) -> None:
        """The store's clock agrees with SQLite's own seconds since 1970."""
        with store.read() as connection:
            ours = connection.execute(select(NOW)).scalar_one()
            unix = connection.exec_driver_sql("SELECT strftime('%s', 'now')").scalar_one()
        assert abs(ours - float(unix)) < 5.0


class TestFirstOpening:
    def test_threads_may_open_a_new_store_together(self, tmp_path: Path) -> None:
        """Whoever comes first makes the tables, and all get the same store."""
        uuids: list[str] = []

        def open_it() -> None:
            store = open_store(url_of(tmp_path / "store.db"), env={})
            uuids.append(_meta(store)["store_uuid"])
            store.close()

        _together([open_it] * 6)
        assert (len(uuids), len(set(uuids))) == (6, 1)

    def test_processes_may_open_a_new_store_together(self, tmp_path: Path) -> None:
        """The same between processes."""
        code = (
            "import sys; from sweeper.store.engine import open_store; "
            "from sweeper.store.schema import meta; s = open_store(sys.argv[1], env={}); "
            "c = s.read(); print(dict(map(tuple, c.__enter__().execute(meta.select())))"
            "['store_uuid']); c.__exit__(None, None, None); s.close()"
        )
        url = url_of(tmp_path / "store.db")
        started = [
            subprocess.Popen([sys.executable, "-c", code, url], stdout=subprocess.PIPE, text=True)
            for _ in range(3)
        ]
        uuids = [process.communicate(timeout=60)[0].strip() for process in started]
        assert [process.returncode for process in started] == [0, 0, 0]
        assert len(set(uuids)) == 1

    def test_the_tables_are_those_of_the_schema(self, store: Store) -> None:
        """Every table is made."""
        with store.read() as connection:
            found = connection.exec_driver_sql(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            ).scalars()
            assert set(found) == set(metadata.tables)

    def test_a_repeated_insert_is_skipped(self, store: Store) -> None:
        """The insert of the schema knows what to do about what is there."""
        with store.write() as connection:
            row = insert_into(connection, meta).values(key="schema_version", value="9")
            connection.execute(row.on_conflict_do_nothing())
        assert _meta(store)["schema_version"] == "4"


_COUNT = select(meta.c.value).where(meta.c.key == "count")


def _meta(store: Store) -> dict[str, str]:
    """Read the store's facts about itself."""
    with store.read() as connection:
        return {row.key: row.value for row in connection.execute(select(meta))}


def _together(jobs: list[Callable[[], None]]) -> None:
    """Run jobs in threads, and let a failure of any of them fail the test."""
    failures: list[BaseException] = []

    def run(job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
