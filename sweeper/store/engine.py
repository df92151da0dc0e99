"""Opening the store, and its transactions.

Owns: the place of the store, SQLite's settings and locks, and the translation of every database
error into a ``CacheError``: no exception of SQLAlchemy or sqlite3 leaves this folder. Knows no
table. Imports SQLAlchemy at the top: the room is loaded lazily.

Writers come one after the other: a lock between threads, an ``flock`` between processes, then
``BEGIN IMMEDIATE``, because a transaction that starts as a reader cannot wait for its turn
(https://www.sqlite.org/lang_transaction.html). Readers take no lock of ours.
"""

from __future__ import annotations

import fcntl
import os
import random
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from sweeper.errors import CacheError
from sweeper.store.filesystem import mounts, refuse_network, state_folder
from sweeper.store.troubles import ELSEWHERE, is_busy, say
from sweeper.store.upgrade import bring_up_to_date, is_empty

__all__ = ["Store", "open_store"]

# The write-ahead log before this version can corrupt a database when a checkpoint races with a
# reset (https://www.sqlite.org/wal.html, "The WAL-reset bug"; fixed in 3.51.3).
_WAL_SINCE = (3, 51, 3)
_ATTEMPTS = 5


class Store:
    """An open store. Safe for threads; not to be carried across a fork.

    Args:
        path: The database file, absolute.
        busy_timeout_s: How long to wait for other writers.

    Attributes:
        url: Opens the same store again.
        folder: Where the database file is.
    """

    def __init__(self, path: Path, *, busy_timeout_s: float) -> None:
        self.url = f"sqlite:///{path}"
        self.folder = path.parent
        self._path = path
        self._pid = os.getpid()
        self._timeout_s = busy_timeout_s
        # flock does not keep threads apart that share its descriptor.
        self._thread_lock = threading.Lock()
        self._lock_fd: int | None = None
        self._up_to_date = False
        self._writer = self._engine(readonly=False)
        self._reader = self._engine(readonly=True)
        event.listen(self._writer, "begin", _begin_immediate)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Hold a transaction that writes; committed at the end, rolled back by an exception.

        The first one makes the tables, or adds what an older version did not know.

        A body that returns after ``connection.rollback()`` leaves nothing behind.

        Raises:
            CacheError: When the store cannot be written.
        """
        with self._translated(), self._alone(), self._writer.connect() as connection:
            self._bring_up_to_date(connection)
            _begin(connection)
            yield connection
            connection.commit()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Hold a connection that reads; each statement sees the newest commit.

        Raises:
            CacheError: When the store cannot be read.
        """
        with self._translated(), self._reader.connect() as connection:
            yield connection

    def _bring_up_to_date(self, connection: Connection) -> None:
        """Upgrade the tables before the first write, in a transaction of its own.

        Not when the store is opened: who only reads leaves an older store as it is.
        """
        if self._up_to_date:
            return
        _begin(connection)
        bring_up_to_date(connection, self.url)
        connection.commit()
        self._up_to_date = True

    def close(self) -> None:
        """Close every connection. May be called twice."""
        self._reader.dispose()
        self._writer.dispose()
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None

    def _engine(self, *, readonly: bool) -> Engine:
        """Make an engine whose connections have SQLite's settings for this store."""
        return create_engine(
            "sqlite://",
            creator=lambda: self._connect(readonly=readonly),
            poolclass=QueuePool,
            isolation_level="AUTOCOMMIT" if readonly else None,
        )

    def _connect(self, *, readonly: bool) -> sqlite3.Connection:
        """Open the file; sqlite3 itself must begin nothing, so its isolation level is None."""
        connection = sqlite3.connect(
            self._path, timeout=self._timeout_s, isolation_level=None, check_same_thread=False
        )
        try:
            # A damaged byte must be found by its checksum, not stop the statement that reads it.
            connection.text_factory = _forgiving_text
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
            if readonly:
                connection.execute("PRAGMA query_only = ON")
            else:
                wal = sqlite3.sqlite_version_info >= _WAL_SINCE
                connection.execute(f"PRAGMA journal_mode = {'WAL' if wal else 'TRUNCATE'}")
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep every other thread and process from writing."""
        deadline = time.monotonic() + self._timeout_s
        if not self._thread_lock.acquire(timeout=self._timeout_s):
            raise self._unavailable("is being written by another thread; try again later")
        try:
            lock_fd = self._locked_file(deadline)
            try:
                yield
            finally:
                fcntl.flock(lock_fd, fcntl.LOCK_UN)
        finally:
            self._thread_lock.release()

    def _locked_file(self, deadline: float) -> int:
        """Take the lock between processes; a stopped process must not hold us for ever."""
        if self._lock_fd is None:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._lock_fd = os.open(f"{self._path}.wlock", flags, 0o666)
        while True:
            try:
                fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise self._unavailable(
                        "is being written by another process; end it, or try again later"
                    ) from None
                time.sleep(random.Random().uniform(0.001, 0.008))
            else:
                return self._lock_fd

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn what databases and files raise into one readable error."""
        if os.getpid() != self._pid:
            raise self._unavailable("was opened before this process was forked; open it again")
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error, OSError, OverflowError, ValueError) as error:
            raise self._unavailable(say(error)) from error

    def _unavailable(self, what: str) -> CacheError:
        """Make the error: where, what, cure."""
        return CacheError(f"store: {self._path} {what}")


def open_store(url: str | None, *, env: Mapping[str, str], busy_timeout_s: float = 30.0) -> Store:
    """Open the store, and make it first where there is none.

    Args:
        url: From the sweep file or the command line; None: ``SWEEPER_STORE``, else
            ``sqlite:///<state folder>/store.db``.
        env: The environment: ``SWEEPER_STORE``, ``XDG_STATE_HOME``, ``HOME``.
        busy_timeout_s: How long a statement waits for other programs.

    Raises:
        CacheError: If the store cannot be used, with the reason and the cure.
    """
    given = url or env.get("SWEEPER_STORE")
    path = _path_in(given) if given else state_folder(env) / "store.db"
    path = Path(os.path.realpath(path))
    refuse_network(path.parent, mounts())
    _make_folder(path.parent)
    store = Store(path, busy_timeout_s=busy_timeout_s)
    try:
        _prepare(store)
    except BaseException:
        store.close()
        raise
    return store


def _path_in(url: str) -> Path:
    """Return the file that a SQLite URL names; the message never shows a password."""
    how = "use sqlite:////absolute/path/store.db in SWEEPER_STORE or cache.url"
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise CacheError(f"store: the URL cannot be understood; {how}") from error
    shown = parsed.render_as_string(hide_password=True)
    if parsed.get_backend_name() != "sqlite":
        raise CacheError(
            f"store: {shown} is not a SQLite URL, and this version keeps its store in SQLite; {how}"
        )
    file = parsed.database or ":memory:"
    if file == ":memory:" or file.startswith("file:") or parsed.query or parsed.host:
        raise CacheError(f"store: {shown} names no plain database file; {how}")
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
    """Make the tables where there are none, and refuse what a newer version has made."""
    with store.read() as connection:
        empty = is_empty(connection, store.url)
    if empty:
        with store.write():
            pass  # the first write of a store makes its tables


def _begin(connection: Connection) -> None:
    """Begin, again where SQLite said "busy" at once instead of waiting."""
    for attempt in range(_ATTEMPTS):
        try:
            connection.begin()
        except OperationalError as error:
            if not is_busy(error) or attempt + 1 == _ATTEMPTS:
                raise
            time.sleep(0.01 * 2**attempt)
        else:
            return


def _begin_immediate(connection: Connection) -> None:
    """Take SQLite's write lock at the start, where waiting for it works."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _forgiving_text(stored: bytes) -> str:
    """Decode text so that bytes which are no UTF-8 stay visible as such."""
    return stored.decode("utf-8", errors="surrogateescape")
