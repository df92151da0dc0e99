"""What only a server has: roles, attribution, other people's transactions, its end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import pytest
from sqlalchemy import Connection, delete, event, insert, select, text, update
from sqlalchemy.engine import Engine

from sweeper.errors import CacheError
from sweeper.model import Hit, Mine
from sweeper.store.connection import Again, Store
from sweeper.store.engine import open_store
from sweeper.store.migrate import migrate
from sweeper.store.process import proc_id
from sweeper.store.roles import FACTS, STAMPED, WRITER
from sweeper.store.schema import claim, metadata, record, sweep
from sweeper.store.sql_cache import SqlCache
from sweeper.store.sql_ledger import SqlLedger
from sweeper.testing.store_bench import TTL_S, driver, identity, key_of
from tests.postgres import PostgresServer
from tests.store.conftest import SqlBench

pytestmark = pytest.mark.postgres


class Lab:
    """A migrated store with a login for each person."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self.database = server.database()
        self.owner = open_store(server.url(self.database), env={})
        self.done = migrate(self.owner)
        self._opened: list[Store] = [self.owner]

    def login(self, role: str | None = WRITER, name: str = "") -> Store:
        """Open the store as a person who is a member of a role."""
        name = name or f"p{uuid4().hex[:8]}"
        self.server.sql(f'CREATE ROLE "{name}" LOGIN' + (f' IN ROLE "{role}"' if role else ""))
        store = open_store(self.server.url(self.database, user=name), env={})
        self._opened.append(store)
        return store

    def close(self) -> None:
        """Close what was opened."""
        for store in self._opened:
            store.close()


@pytest.fixture
def lab(postgres_server: PostgresServer) -> Iterator[Lab]:
    with closing(Lab(postgres_server)) as made:
        yield made


def ledger_of(store: Store, who: str = "forged") -> SqlLedger:
    """Open a ledger that says it is somebody's."""
    return SqlLedger(
        store,
        holder=uuid4(),
        who=who,
        host="n1",
        pid=os.getpid(),
        proc_id=proc_id(),
        ttl_s=TTL_S,
    )


def test_a_person_may_run_sweeps(lab: Lab) -> None:
    """With sweeper_rw all that a driver does is allowed: claim, train, settle, be answered."""
    ann, bob = lab.login(), lab.login()
    first = driver(SqlBench(ann), who=str(ann.who))
    first.train(0, key_of(0.1))
    second = driver(SqlBench(bob), who=str(bob.who))
    answer = second.cache.acquire(key_of(0.1), second.attempt(0, key_of(0.1)))
    assert isinstance(answer, Hit)
    assert answer.who == ann.who


@pytest.mark.parametrize("table", FACTS)
def test_facts_are_for_good(lab: Lab, table: str) -> None:
    """Nobody who runs sweeps can change or remove what was stored."""
    ann = lab.login()
    driver(SqlBench(ann), who=str(ann.who)).train(0, key_of(0.1))
    facts = metadata.tables[table]
    column = next(column for column in facts.columns if not column.identity)
    for statement in (delete(facts), update(facts).values({column: column})):
        with pytest.raises(CacheError, match="does not allow that"), ann.write() as connection:
            connection.execute(statement)


@pytest.mark.parametrize("table", STAMPED)
def test_nobody_is_somebody_else(lab: Lab, table: str) -> None:
    """Whatever a client says, the server writes the name of its login."""
    ann = lab.login()
    one = driver(SqlBench(ann), who="somebody else")
    one.train(0, key_of(0.1))
    one.claim(1, key_of(0.2))
    with ann.write() as connection:
        connection.execute(text("INSERT INTO verdict (record_uid, verdict, reason, who, at) "
            "SELECT uid, 'confirmed', 'x', 'forged', 0 FROM record"))  # fmt: skip
        connection.execute(text("INSERT INTO use SELECT sweep_uid, number, 0, record_uid, 'cache', "
            "1, 1.0, true, 'forged', 0 FROM trial WHERE record_uid IS NOT NULL"))  # fmt: skip
    stamped = metadata.tables[table]
    with lab.owner.read() as connection:
        assert set(connection.execute(select(stamped.c.who)).scalars()) == {ann.who}


def test_imported_records_keep_their_author(lab: Lab) -> None:
    """An administrator may bring somebody else's facts; who runs sweeps may not."""
    ann, admin = lab.login(), lab.login("sweeper_admin")
    driver(SqlBench(ann), who=str(ann.who)).train(0, key_of(0.1))
    with ann.read() as connection:
        row = dict(connection.execute(select(record)).mappings().one())
    foreign = {**row, "who": "carol", "origin": uuid4()}
    del foreign["seq"]
    with pytest.raises(CacheError, match="does not allow that"), ann.write() as connection:
        connection.execute(insert(record).values({**foreign, "uid": uuid4()}))
    with admin.write() as connection:
        connection.execute(insert(record).values({**foreign, "uid": uuid4()}))
    with ann.read() as connection:
        assert set(connection.execute(select(record.c.who)).scalars()) == {"carol", ann.who}


def test_a_reader_reads(lab: Lab) -> None:
    """With sweeper_ro nothing can be written, and the message says which role can."""
    ann, reader = lab.login(), lab.login("sweeper_ro")
    one = driver(SqlBench(ann), who=str(ann.who))
    one.train(0, key_of(0.1))
    with reader.read() as connection:
        assert connection.execute(select(record.c.who)).scalar_one() == ann.who
    with pytest.raises(CacheError, match="sweeper_rw"):
        ledger_of(reader).begin(identity())


def test_a_stranger_sees_nothing(lab: Lab) -> None:
    """A login without any of the roles cannot even read."""
    with pytest.raises(CacheError, match="does not allow that"):
        lab.login(None)


def test_who_may_not_make_tables_is_told_who_does(postgres_server: PostgresServer) -> None:
    """The first user of an empty database that is not theirs learns about migrate."""
    name = f"p{uuid4().hex[:8]}"
    postgres_server.sql(f"CREATE ROLE {name} LOGIN")
    url = postgres_server.url(postgres_server.database(), user=name)
    with pytest.raises(CacheError, match=r"no tables yet.*sweeper cache migrate"):
        open_store(url, env={})


def test_migrate_may_be_repeated(lab: Lab) -> None:
    """And brings grants that were changed by hand back."""
    lab.server.sql(f"GRANT DELETE ON record TO {WRITER}", lab.database)
    ann = lab.login()
    migrate(lab.owner)
    with pytest.raises(CacheError, match="does not allow"), ann.write() as connection:
        connection.execute(delete(record))


def test_the_second_look_needs_read_committed(lab: Lab) -> None:
    """An answer that arrives between claim and look is seen; REPEATABLE READ would not see it."""
    ann, bob = lab.login(), lab.login()
    key = key_of(0.1)
    trainer = driver(SqlBench(ann), who=str(ann.who))
    attempt, held = trainer.claim(0, key)
    counts: dict[str, int] = {}
    for level in ("READ COMMITTED", "REPEATABLE READ"):
        with bob.write() as connection:
            connection.rollback()
            connection.execution_options(isolation_level=level)
            connection.execute(select(claim.c.fence)).all()  # the snapshot of REPEATABLE READ
            before = connection.execute(select(record.c.seq)).all()
            trainer.train(len(counts) + 1, key_of(0.2 + len(counts)))
            counts[level] = len(connection.execute(select(record.c.seq)).all()) - len(before)
            connection.rollback()
            connection.execution_options(isolation_level="READ COMMITTED")
    assert counts == {"READ COMMITTED": 1, "REPEATABLE READ": 0}
    with bob.write() as connection:
        shown = connection.execute(text("SHOW transaction_isolation")).scalar_one()
    assert shown == "read committed"
    trainer.cache.release(held)
    assert isinstance(trainer.cache.acquire(key, attempt), Mine)


def test_a_lost_race_is_run_again(lab: Lab) -> None:
    """A deadlock undoes one transaction; it is repeated whole, and both are written."""
    ann = lab.login()
    ledger = ledger_of(ann)
    ledger.begin(identity())
    tries = []

    def body(connection: Connection) -> int:
        tries.append(1)
        connection.execute(update(sweep).values(pid=len(tries)))
        if len(tries) < 3:
            connection.execute(
                text("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE='40P01'; END $$")
            )
        return len(tries)

    assert ann.transact(body) == 3
    with ann.read() as connection:
        assert connection.execute(select(sweep.c.pid)).scalar_one() == 3


def test_a_race_that_is_always_lost_is_an_error(lab: Lab) -> None:
    """After five tries it is told."""
    with pytest.raises(Again):
        lab.owner.transact(
            lambda c: c.execute(
                text("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE='40001'; END $$")
            )
        )


def test_nothing_depends_on_a_session(lab: Lab) -> None:
    """A small sweep uses no statement that a pooler of transactions would break."""
    seen: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement.upper())

    ann = lab.login()
    event.listen(Engine, "before_cursor_execute", note)
    try:
        one = driver(SqlBench(ann), who=str(ann.who))
        one.train(0, key_of(0.1))
        one.cache.acquire(key_of(0.1), one.attempt(1, key_of(0.1)))
        _, held = one.claim(2, key_of(0.2))
        one.cache.release(held)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert len(seen) > 10
    for statement in seen:
        first = statement.split()[0]
        assert first in ("SELECT", "INSERT", "UPDATE", "DELETE"), statement
        assert "ADVISORY" not in statement


def test_a_server_that_goes_and_comes_back() -> None:
    """The error says that it cannot be reached; the same store works when it is back."""
    server = PostgresServer()
    try:
        store = open_store(server.url(server.database()), env={})
        one = driver(SqlBench(store), who="owner")
        one.train(0, key_of(0.1))
        server.stop("immediate")
        assert not store.reachable(1)
        with pytest.raises(CacheError, match="cannot be reached"):
            one.cache.lookup([key_of(0.1)])
        server.start()
        assert store.reachable(1)
        assert one.cache.lookup([key_of(0.1)])
        one.train(1, key_of(0.2))
        store.close()
    finally:
        server.destroy()


def test_no_password_is_shown(postgres_server: PostgresServer) -> None:
    """Neither the store's URL nor an error holds the password that was given."""
    url = postgres_server.url(postgres_server.database(), password="hunter2")
    with closing(open_store(url, env={})) as store:
        assert "hunter2" not in store.url
        with pytest.raises(CacheError) as caught, store.write() as connection:
            connection.execute(text("SELECT 1 / 0"))
    assert "hunter2" not in str(caught.value)
    wrong = postgres_server.url("nowhere", password="hunter2")
    with pytest.raises(CacheError, match="does not exist") as caught:
        open_store(wrong, env={})
    assert "hunter2" not in str(caught.value)


def test_claims_of_two_people_meet(lab: Lab) -> None:
    """Whoever asks second hears who trains, by the name of their login."""
    ann, bob = lab.login(), lab.login()
    one, two = (driver(SqlBench(s), who=str(s.who)) for s in (ann, bob))
    one.claim(0, key_of(0.1))
    busy = two.cache.acquire(key_of(0.1), two.attempt(0, key_of(0.1)))
    assert getattr(busy, "who", None) == ann.who
    assert isinstance(two.cache, SqlCache)
