"""Which schema a store has: reading its version, making the tables, and bringing older ones up.

Owns: the table ``meta`` and the statements that lead from one version to the next. Each function is
a part of its caller's transaction.

A step adds nullable columns and indexes only, so a driver of an older version that has the store
open meanwhile goes on writing correctly (its statements name their columns), and who may not write
a store reads it as it is. That is why the oldest client that may write, ``MIN_CLIENT``, stays where
it was; a client that is older than what the store says only reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Table, func, inspect, null, select, update
from sqlalchemy.exc import ProgrammingError

from sweeper.errors import CacheError
from sweeper.store.schema import (
    KEY_VERSION,
    MIN_CLIENT,
    SCHEMA_VERSION,
    insert_into,
    meta,
    metadata,
    record,
)
from sweeper.store.troubles import ELSEWHERE

__all__ = ["bring_up_to_date", "columns_of", "found_version"]

# What each version added to the one before.
_STEPS: Mapping[int, tuple[str, ...]] = {
    2: ("ALTER TABLE trial ADD COLUMN decisions TEXT",),
    3: ("ALTER TABLE sweep ADD COLUMN overhead TEXT",),
    4: ("CREATE INDEX record_stored ON record (stored_at)",),
}
# Any number that no other program's advisory lock is likely to have.
_ONE_AT_A_TIME = 0x5357_4545_5045_5201
_NOT_ALLOWED = "42501"  # https://www.postgresql.org/docs/current/errcodes-appendix.html


def found_version(connection: Connection, url: str) -> int | None:
    """Return the version of a store's tables; None: there are none yet.

    Args:
        connection: Any; nothing is written.
        url: For the message.

    Raises:
        CacheError: If the database is another program's.
    """
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    said = _meta(connection) if {meta.name, record.name} <= set(tables) else {}
    found = said.get("schema_version", "")
    if not found.isdecimal() or int(found) < 1:
        raise CacheError(f"store: {url} is another program's database; {ELSEWHERE}")
    return int(found)


def bring_up_to_date(connection: Connection, url: str) -> None:
    """Make the tables where there are none, and add what an older version did not know.

    Args:
        connection: With a transaction. On SQLite it keeps every other writer out; on a server a
            lock does, for as long as the transaction lasts, where there is something to do.
        url: For the message.

    Raises:
        CacheError: If the database is another program's, or one that only newer versions write, or
            this login may not change its tables.
    """
    if found_version(connection, url) == SCHEMA_VERSION:
        _refuse_newer(connection, url)
        return
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
    found = found_version(connection, url)  # somebody may have been faster
    if found is not None:
        _refuse_newer(connection, url)
    try:
        _change(connection, found)
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != _NOT_ALLOWED:
            raise
        raise CacheError(
            f"store: {url} {_lacks(found)}, and this login may not change that; its administrator "
            "runs `sweeper cache migrate` (docs/lab.md)"
        ) from error


def _lacks(found: int | None) -> str:
    if found is None:
        return "has no tables yet"
    return f"has schema {found}, and this version needs {SCHEMA_VERSION}"


def _change(connection: Connection, found: int | None) -> None:
    """Lead the tables from one version to this one."""
    if found is None:
        _create(connection)
        return
    for version in range(found + 1, SCHEMA_VERSION + 1):
        for statement in _STEPS[version]:
            connection.exec_driver_sql(statement)
    if found < SCHEMA_VERSION:
        ours = update(meta).where(meta.c.key == "schema_version")
        connection.execute(ours.values(value=str(SCHEMA_VERSION)))


def _refuse_newer(connection: Connection, url: str) -> None:
    """Leave a store alone that a newer version does not let us write."""
    said = _meta(connection)
    oldest = said.get("min_client", "")
    if not oldest.isdecimal() or int(oldest) > SCHEMA_VERSION:
        raise CacheError(
            f"store: {url} has schema {said.get('schema_version')} and is written by newer versions"
            f" only; this one, of schema {SCHEMA_VERSION}, may read it: update sweeper, or "
            f"{ELSEWHERE}"
        )


def columns_of(connection: Connection, table: Table) -> list[ColumnElement[Any]]:
    """Name a table's columns; what an older store lacks that nobody has written since is NULL."""
    there = {column["name"] for column in inspect(connection).get_columns(table.name)}
    return [one if one.name in there else null().label(one.name) for one in table.c]


def _meta(connection: Connection) -> dict[str, str]:
    rows = connection.execute(select(meta.c.key, meta.c.value))
    return {row.key: row.value for row in rows}


def _create(connection: Connection) -> None:
    """Make all tables, and say whose they are."""
    metadata.create_all(connection)
    born = {
        "store_uuid": str(uuid4()),
        "schema_version": str(SCHEMA_VERSION),
        "min_client": str(MIN_CLIENT),
        "key_version": str(KEY_VERSION),
    }
    rows = [{"key": key, "value": value} for key, value in born.items()]
    connection.execute(insert_into(connection, meta).on_conflict_do_nothing(), rows)
