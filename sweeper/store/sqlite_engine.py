"""The store in a SQLite file: its settings, its locks, its transactions.

Knows no table. Imports SQLAlchemy at the top: the room is loaded lazily.

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
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import QueuePool

from sweeper.errors import CacheError
from sweeper.store.connection import Store
from sweeper.store.troubles import is_busy, say
from sweeper.store.upgrade import bring_up_to_date

__all__ = ["SqliteStore", "journal_mode"]

# The write-ahead log before this version can corrupt a database when a checkpoint races with a
# reset (https://www.sqlite.org/wal.html, "The WAL-reset bug"; fixed in 3.51.3).
_WAL_SINCE = (3, 51, 3)
_ATTEMPTS = 5


class SqliteStore(Store):
    """A store in a file.

    Args:
        path: The database file, absolute.
        busy_timeout_s: How long to wait for other writers.
    """

    kind = "sqlite"
    _raises = (*Store._raises, sqlite3.Error)

    def __init__(self, path: Path, *, busy_timeout_s: float) -> None:
        super().__init__(f"sqlite:///{path}", folder=path.parent, who=None)
        self._path = path
        self._timeout_s = busy_timeout_s
        # flock does not keep threads apart that share its descriptor.
        self._thread_lock = threading.Lock()
        self._lock_fd: int | None = None
        self._writer = self._engine(readonly=False)
        self._reader = self._engine(readonly=True)
        event.listen(self._writer, "begin", _begin_immediate)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Hold a transaction that writes; it waits for other writers first."""
        with self._translated(), self._alone(), self._writer.connect() as connection:
            self._bring_up_to_date(connection)
            _begin(connection)
            yield connection
            connection.commit()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Hold a connection that reads; each statement sees the newest commit."""
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

    def reachable(self, timeout_s: float) -> bool:
        """Tell whether the file could be written now."""
        try:
            with closing(self._connect(readonly=False)) as connection:
                connection.execute(f"PRAGMA busy_timeout = {round(timeout_s * 1000)}")
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
        except (sqlite3.Error, OSError):
            return False
        return True

    def copy_to(self, path: Path) -> None:
        """Write a whole copy of the store, also while others use it.

        Copying the file itself would drop SQLite's locks on it
        (https://www.sqlite.org/howtocorrupt.html, section 2.2).

        Raises:
            CacheError: If it cannot be written, or ``path`` exists.
        """
        with self.read() as connection:
            connection.exec_driver_sql("PRAGMA query_only = OFF")
            try:
                connection.exec_driver_sql("VACUUM INTO ?", (str(path),))
            finally:
                connection.exec_driver_sql("PRAGMA query_only = ON")

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
                connection.execute(f"PRAGMA journal_mode = {journal_mode()}")
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

    def _said(self, error: BaseException) -> CacheError:
        """Finish the sentence that begins with the file's name."""
        return self._unavailable(say(error))

    def _unavailable(self, what: str) -> CacheError:
        """Make the error: where, what, cure."""
        return CacheError(f"store: {self._path} {what}")


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


def journal_mode() -> str:
    """Return how writers keep their journal: WAL only where its race is mended."""
    return "WAL" if sqlite3.sqlite_version_info >= _WAL_SINCE else "TRUNCATE"
