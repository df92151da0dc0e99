"""Bringing a store to this version on purpose: tables, and in a lab its roles.

The first write of a store does as much for its tables, where it may; ``sweeper cache migrate`` is
for the administrator of a server, whose users may not.
"""

from __future__ import annotations

from sqlalchemy import Connection

from sweeper.store.connection import Store
from sweeper.store.roles import ADMIN, READER, WRITER, install_roles
from sweeper.store.schema import SCHEMA_VERSION
from sweeper.store.upgrade import found_version

__all__ = ["migrate"]


def migrate(store: Store) -> tuple[str, ...]:
    """Make or upgrade the tables, and on a server the roles.

    Returns:
        What was done, a line each; harmless to repeat.

    Raises:
        CacheError: If this login may not, or the store is a newer version's or another program's.
    """
    with store.read() as connection:
        before = found_version(connection, store.url)

    def roles(connection: Connection) -> None:
        if store.kind == "postgresql":
            install_roles(connection)

    store.transact(roles)  # the first write brings the tables up to date
    done = [_schema(before)]
    if store.kind == "postgresql":
        done.append(f"roles {READER}, {WRITER}, {ADMIN} and their triggers are as they should be")
    return tuple(done)


def _schema(before: int | None) -> str:
    if before is None:
        return f"made the tables (schema {SCHEMA_VERSION})"
    if before < SCHEMA_VERSION:
        return f"brought schema {before} up to {SCHEMA_VERSION}"
    return f"the tables are as they should be (schema {before})"
