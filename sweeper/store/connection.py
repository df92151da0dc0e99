"""What an open store is, whichever database it is in.

Owns: the contract of reading and writing, the retry of a whole transaction, and the rule that no
exception of SQLAlchemy or a driver leaves this folder. Knows no database and no table.
"""

from __future__ import annotations

import os
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from sweeper.errors import CacheError

__all__ = ["Again", "Store"]

_T = TypeVar("_T")
_TRIES = 5


class Again(CacheError):
    """A transaction lost against another one, and nothing of it was written: repeat it."""


class Store(ABC):
    """An open store. Safe for threads; not to be carried across a fork.

    Attributes:
        url: Opens the same store again; without its password.
        kind: ``sqlite`` or ``postgresql``.
        folder: Where the database file is; None: a server.
        who: Who the server says that we are; None: there is no server, the user of this machine.
    """

    kind: str
    _raises: tuple[type[BaseException], ...] = (
        *(SQLAlchemyError, OSError),
        *(OverflowError, ValueError),  # drivers refuse values with those
    )

    def __init__(self, url: str, *, folder: Path | None, who: str | None) -> None:
        self.url = url
        self.folder = folder
        self.who = who
        self._pid = os.getpid()
        self._up_to_date = False

    @abstractmethod
    def write(self) -> AbstractContextManager[Connection]:
        """Hold a transaction that writes; committed at the end, rolled back by an exception.

        The first one makes the tables, or adds what an older version did not know. A body that
        returns after ``connection.rollback()`` leaves nothing behind.

        Raises:
            Again: When another transaction was in the way; ``transact`` repeats it.
            CacheError: When the store cannot be written.
        """

    @abstractmethod
    def read(self) -> AbstractContextManager[Connection]:
        """Hold a connection that reads; each statement sees the newest commit.

        Raises:
            CacheError: When the store cannot be read.
        """

    @abstractmethod
    def reachable(self, timeout_s: float) -> bool:
        """Tell whether the store could be written now; waits no longer than ``timeout_s``."""

    @abstractmethod
    def close(self) -> None:
        """Close every connection. May be called twice."""

    def transact(self, body: Callable[[Connection], _T]) -> _T:
        """Run a body that writes in a transaction, again where it lost against another one.

        Raises:
            CacheError: When the store cannot be written.
        """
        for attempt in range(_TRIES):
            try:
                with self.write() as connection:
                    return body(connection)
            except Again:
                if attempt + 1 == _TRIES:
                    raise
                time.sleep(random.Random().uniform(0.005, 0.02) * 2**attempt)
        raise AssertionError("the last try returns or raises")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn what databases and files raise into one readable error."""
        if os.getpid() != self._pid:
            raise self._unavailable("was opened before this process was forked; open it again")
        try:
            yield
        except self._raises as error:
            raise self._said(error) from error

    @abstractmethod
    def _said(self, error: BaseException) -> CacheError:
        """Say what a database or a file raised: where, what, cure."""

    @abstractmethod
    def _unavailable(self, what: str) -> CacheError:
        """Make an error that begins with the store's name."""
