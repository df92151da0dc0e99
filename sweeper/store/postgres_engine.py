"""The store on a PostgreSQL server: its connections, its transactions, its errors in words.

Knows no table. The driver (psycopg 3) is loaded by the URL alone. Imports SQLAlchemy at the top.

Nothing here depends on a session: no SET, no session locks, no LISTEN, no temporary tables, no
prepared statements. So a pooler that hands every transaction to another backend may stand between
(https://www.pgbouncer.org/features.html). Isolation is READ COMMITTED, named in each BEGIN: the
look after a claim needs a fresh snapshot per statement.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from sweeper.errors import CacheError
from sweeper.store.connection import Again, Store
from sweeper.store.postgres_troubles import is_lost_race, say_postgres
from sweeper.store.upgrade import bring_up_to_date

__all__ = ["PostgresStore"]

_CONNECT_TIMEOUT_S = 10


class PostgresStore(Store):
    """A store in a PostgreSQL database.

    Args:
        url: Whole, with its password if it has one.
    """

    kind = "postgresql"

    def __init__(self, url: URL) -> None:
        self._given = url
        super().__init__(url.set(password=None).render_as_string(), folder=None, who=None)
        self._schema_lock = threading.Lock()
        self._engine = self._new_engine()
        self._reader = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        with self.read() as connection:
            self.who = str(connection.execute(text("SELECT current_user")).scalar_one())

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Hold a transaction that writes."""
        with self._translated():
            self._bring_up_to_date()
            with self._engine.connect() as connection:
                yield connection
                connection.commit()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Hold a connection that reads; each statement sees the newest commit."""
        with self._translated(), self._reader.connect() as connection:
            yield connection

    def reachable(self, timeout_s: float) -> bool:
        """Tell whether the server answers and takes writes."""
        host = self._given.set(query={**self._given.query, "connect_timeout": _whole(timeout_s)})
        engine = create_engine(host, poolclass=None, pool_size=1, connect_args=_ARGUMENTS)
        try:
            with engine.connect() as connection:
                return not connection.execute(text("SELECT pg_is_in_recovery()")).scalar_one()
        except (SQLAlchemyError, OSError):
            return False
        finally:
            engine.dispose()

    def close(self) -> None:
        """Close every connection. May be called twice."""
        self._engine.dispose()

    def _new_engine(self) -> Engine:
        timeout = {"connect_timeout": str(_CONNECT_TIMEOUT_S)}
        query = {**timeout, **self._given.query}
        return create_engine(
            self._given.set(query=query),
            isolation_level="READ COMMITTED",
            pool_size=2,  # the loop's and the heartbeat's
            max_overflow=2,
            pool_pre_ping=True,
            connect_args=_ARGUMENTS,
        )

    def _bring_up_to_date(self) -> None:
        """Make or upgrade the tables before the first write, in a transaction of its own."""
        with self._schema_lock:
            if self._up_to_date:
                return
            with self._engine.connect() as connection:
                bring_up_to_date(connection, self.url)
                connection.commit()
            self._up_to_date = True

    def _said(self, error: BaseException) -> CacheError:
        """Say what the server or the way to it raised."""
        raced = isinstance(error, DBAPIError) and is_lost_race(error)
        return self._unavailable(say_postgres(error), Again if raced else CacheError)

    def _unavailable(self, what: str, kind: type[CacheError] = CacheError) -> CacheError:
        """Make the error: where, what, cure."""
        return kind(f"store: {self.url} {what}")


# What every connection says: its name for `pg_stat_activity`, and nothing that stays in a session.
_ARGUMENTS = {
    "application_name": f"sweeper@{socket.gethostname()}"[:63],
    "prepare_threshold": None,
}


def _whole(timeout_s: float) -> str:
    """Return whole seconds; libpq takes no fractions, and 0 would mean for ever."""
    return str(max(1, round(timeout_s)))
