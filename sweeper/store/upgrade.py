"""Which schema a store has: reading its version, making the tables, and bringing older ones up.

Owns: the table ``meta`` and the statements that lead from one version to the next. Each function is
a part of its caller's transaction.

A step adds nullable columns only, so a driver of an older version that has the store open meanwhile
goes on writing correctly (its statements name their columns), and who may not write a store reads
it as it is. That is why the oldest client that may write, ``MIN_CLIENT``, stays where it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Table, inspect, null, select, update

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

__all__ = ["bring_up_to_date", "columns_of", "is_empty"]

# What each version added to the one before.
_STEPS: Mapping[int, tuple[str, ...]] = {
    2: ("ALTER TABLE trial ADD COLUMN decisions TEXT",),
    3: ("ALTER TABLE sweep ADD COLUMN overhead TEXT",),
}


def is_empty(connection: Connection, url: str) -> bool:
    """Tell whether a database has no tables yet, and refuse what is not ours to use.

    Args:
        connection: Any; nothing is written.
        url: For the message.

    Raises:
        CacheError: If it is another program's, or a newer version's.
    """
    return _version(connection, url) is None


def bring_up_to_date(connection: Connection, url: str) -> None:
    """Make the tables where there are none, and add what an older version did not know.

    Args:
        connection: With a transaction that keeps every other writer out.
        url: For the message.

    Raises:
        CacheError: If the database is another program's, or a newer version's.
    """
    found = _version(connection, url)
    if found is None:
        _create(connection)
        return
    for version in range(found + 1, SCHEMA_VERSION + 1):
        for statement in _STEPS[version]:
            connection.exec_driver_sql(statement)
    if found < SCHEMA_VERSION:
        ours = update(meta).where(meta.c.key == "schema_version")
        connection.execute(ours.values(value=str(SCHEMA_VERSION)))


def columns_of(connection: Connection, table: Table) -> list[ColumnElement[Any]]:
    """Name a table's columns; what an older store lacks that nobody has written since is NULL."""
    there = {column["name"] for column in inspect(connection).get_columns(table.name)}
    return [one if one.name in there else null().label(one.name) for one in table.c]


def _version(connection: Connection, url: str) -> int | None:
    """Return the version of the tables; None: the database is empty."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    found = None
    if {meta.name, record.name} <= set(tables):
        wanted = select(meta.c.value).where(meta.c.key == "schema_version")
        found = connection.execute(wanted).scalar_one_or_none()
    if found is None or not found.isdecimal() or int(found) < 1:
        raise CacheError(f"store: {url} is another program's database; {ELSEWHERE}")
    if int(found) > SCHEMA_VERSION:
        raise CacheError(
            f"store: {url} has schema {found}, which is newer than this version's "
            f"{SCHEMA_VERSION}; update sweeper, or {ELSEWHERE}"
        )
    return int(found)


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
