"""The doctor sees what is wrong, and says what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text, update

from sweeper.store.connection import Store
from sweeper.store.doctor import Check, Health, examine
from sweeper.store.engine import open_store
from sweeper.store.roles import READER, TIMEOUTS
from sweeper.store.schema import meta
from sweeper.testing.store_bench import driver, key_of
from tests.postgres import PostgresServer
from tests.store.conftest import SqlBench
from tests.store.test_postgres import Lab


def found(store: Store, state: Path, *, mend: bool = False) -> dict[str, Check]:
    """Return the checks by name."""
    return {check.name: check for check in examine(store, state, mend=mend)}


@pytest.fixture
def lab(postgres_server: PostgresServer) -> Iterator[Lab]:
    with closing(Lab(postgres_server)) as made:
        yield made


def test_a_healthy_file(store: Store, tmp_path: Path) -> None:
    """All is well, and nothing was changed by looking."""
    driver(SqlBench(store)).train(0, key_of(0.1))
    tmp_path.chmod(0o700)
    checks = found(store, tmp_path)
    assert {check.health for check in checks.values()} == {Health.OK}, checks
    assert set(checks) == {
        "schema", "file system", "sqlite", "integrity", "disk", "permissions", "clock",
        "distance", "numbers", "writing",
    }  # fmt: skip
    assert all(check.cure == "" for check in checks.values())


def test_a_folder_that_others_can_enter(store: Store, tmp_path: Path) -> None:
    """Said, not changed: it may be meant."""
    tmp_path.chmod(0o755)
    check = found(store, tmp_path)["permissions"]
    assert check.health is Health.WARN
    assert "mode 755" in check.found
    assert tmp_path.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(("version", "cure"), [("3", "migrate"), ("5", "update sweeper")])
def test_another_schema(any_store: Store, tmp_path: Path, version: str, cure: str) -> None:
    """An older store is brought up to date, with a newer one it is the program's turn."""
    with any_store.write() as connection:
        connection.execute(update(meta).where(meta.c.key == "schema_version").values(value=version))
    with any_store.read() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    check = found(any_store, tmp_path)["schema"]
    assert check.health is Health.WARN
    assert cure in check.cure


def test_results_that_wait(store: Store, tmp_path: Path) -> None:
    """A spool is named with its sweep: running that delivers it."""
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "7f3a0000-0000-4000-8000-000000000001.jsonl").write_text("torn")
    (spool / "notes.jsonl").write_text("somebody else's")
    check = found(store, tmp_path)["spool"]
    assert check.health is Health.WARN
    assert "7f3a0000" in check.found
    assert "run that sweep again" in check.cure


@pytest.mark.postgres
def test_a_healthy_server(lab: Lab, tmp_path: Path) -> None:
    """A login with the role and its timeouts."""
    ann = lab.login()
    for name, value in TIMEOUTS.items():
        lab.server.sql(f"ALTER ROLE \"{ann.who}\" SET {name} = '{value}'")
    ann.close()
    again = open_store(lab.server.url(lab.database, user=str(ann.who)), env={})
    checks = found(again, tmp_path)
    again.close()
    assert {check.health for check in checks.values()} == {Health.OK}, checks
    assert checks["role"].found.endswith("is sweeper_rw")


@pytest.mark.postgres
def test_logins_without_what_they_need(lab: Lab, tmp_path: Path) -> None:
    """A reader is told what a sweep needs; a login without timeouts is told the commands."""
    checks = found(lab.login(READER), tmp_path)
    assert checks["role"].health is Health.WARN
    assert "GRANT sweeper_rw TO" in checks["role"].cure
    assert checks["writing"].health is Health.FAIL
    assert checks["timeouts"].health is Health.WARN
    assert checks["timeouts"].cure.count("ALTER ROLE") == 3


@pytest.mark.postgres
def test_rights_that_somebody_loosened(lab: Lab, tmp_path: Path) -> None:
    """Facts that can be changed and authors that can be forged; ``migrate`` mends both."""
    from sweeper.store.migrate import migrate

    lab.server.sql("GRANT UPDATE ON record TO sweeper_rw", lab.database)
    lab.server.sql("ALTER TABLE record DISABLE TRIGGER sweeper_stamp", lab.database)
    checks = found(lab.owner, tmp_path)
    assert checks["grants"].health is Health.FAIL
    assert "may change record" in checks["grants"].found
    assert checks["attribution"].health is Health.WARN
    assert "record" in checks["attribution"].found
    migrate(lab.owner)
    checks = found(lab.owner, tmp_path)
    assert checks["grants"].health is checks["attribution"].health is Health.OK


@pytest.mark.postgres
def test_numbers_that_fell_behind(lab: Lab, tmp_path: Path) -> None:
    """After a failover the next fence was given out before; mended, it is past every row."""
    ann = driver(SqlBench(lab.owner))
    for number in range(5):
        ann.train(number, key_of(0.1 * number))
    lab.server.sql("SELECT setval(pg_get_serial_sequence('record', 'seq'), 2)", lab.database)
    checks = found(lab.owner, tmp_path)
    assert checks["numbers"].health is Health.FAIL
    assert "record" in checks["numbers"].found
    assert "--mend" in checks["numbers"].cure
    assert found(lab.owner, tmp_path, mend=True)["numbers"].health is Health.OK
    assert found(lab.owner, tmp_path)["numbers"].health is Health.OK
    ann.train(9, key_of(0.99))
