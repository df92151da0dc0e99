"""Opening the store: which database, where, and whether it may be there.

Owns: the place of the store and the meaning of its URL. Imports SQLAlchemy at the top: the room is
loaded lazily.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from sweeper.errors import CacheError
from sweeper.store.connection import Store
from sweeper.store.filesystem import mounts, refuse_network, state_folder
from sweeper.store.sqlite_engine import SqliteStore
from sweeper.store.troubles import ELSEWHERE
from sweeper.store.upgrade import found_version

__all__ = ["Store", "open_store"]

_HOW = (
    "use sqlite:////absolute/path/store.db or postgresql://host/database in SWEEPER_STORE or "
    "cache.url"
)
_POSTGRES = ("postgresql", "postgresql+psycopg", "postgres")


def open_store(
    url: str | None,
    *,
    env: Mapping[str, str],
    busy_timeout_s: float = 30.0,
    existing: bool = False,
) -> Store:
    """Open the store, and make it first where there is none.

    Args:
        url: From the sweep file or the command line; None: ``SWEEPER_STORE``, else
            ``sqlite:///<state folder>/store.db``.
        env: The environment: ``SWEEPER_STORE``, ``XDG_STATE_HOME``, ``HOME``.
        busy_timeout_s: How long a statement waits for other programs.
        existing: A file that the URL names must be there: who only looks mistyped it otherwise.

    Raises:
        CacheError: If the store cannot be used, with the reason and the cure.
    """
    given = url or env.get("SWEEPER_STORE")
    parsed = _parsed(given) if given else None
    store = _server(parsed) if parsed is not None and _is_server(parsed) else None
    if store is None:
        path = _path_in(parsed) if parsed is not None else state_folder(env) / "store.db"
        path = Path(os.path.realpath(path))
        if existing and url and not path.exists():
            raise CacheError(
                f"store: there is no {path}; `sweeper run` makes a store, and so does "
                "`sweeper cache migrate`"
            )
        refuse_network(path.parent, mounts())
        _make_folder(path.parent)
        store = SqliteStore(path, busy_timeout_s=busy_timeout_s)
    try:
        _prepare(store)
    except BaseException:
        store.close()
        raise
    return store


def _parsed(url: str) -> URL:
    """Read a URL; the message never shows a password."""
    try:
        return make_url(url)
    except ArgumentError as error:
        raise CacheError(f"store: the URL cannot be understood; {_HOW}") from error


def _is_server(url: URL) -> bool:
    return url.drivername in _POSTGRES


def _server(url: URL) -> Store:
    """Open a store on a PostgreSQL server."""
    if importlib.util.find_spec("psycopg") is None:
        raise CacheError(
            f"store: {url.set(password=None)} needs PostgreSQL's driver; pip install 'sweeper[lab]'"
        )
    if not url.database:
        raise CacheError(f"store: {url.set(password=None)} names no database; {_HOW}")
    from sweeper.store.postgres_engine import PostgresStore  # who has no server needs none of it

    return PostgresStore(url.set(drivername="postgresql+psycopg"))


def _path_in(url: URL) -> Path:
    """Return the file that a SQLite URL names."""
    shown = url.render_as_string(hide_password=True)
    if url.get_backend_name() != "sqlite":
        raise CacheError(f"store: {shown} is neither SQLite nor PostgreSQL; {_HOW}")
    file = url.database or ":memory:"
    if file == ":memory:" or file.startswith("file:") or url.query or url.host:
        raise CacheError(f"store: {shown} names no plain database file; {_HOW}")
    return Path(file).expanduser()


def _make_folder(folder: Path) -> None:
    """Make the store's folder, for this user alone."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise CacheError(
            f"store: the folder {folder} cannot be made: {reason}; change its permissions, "
            f"or {ELSEWHERE}"
        ) from error


def _prepare(store: Store) -> None:
    """Make the tables where there are none, and refuse another program's database."""
    with store.read() as connection:
        empty = found_version(connection, store.url) is None
    if empty:
        with store.write():
            pass  # the first write of a store makes its tables
