"""What went wrong with a database file, in words, and what a person can do about it.

Owns: the sentence for each of SQLite's and the file system's failures. Opens nothing.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError

__all__ = ["ELSEWHERE", "is_busy", "say"]

ELSEWHERE = "set SWEEPER_STORE or cache.url to another place, as in sqlite:////scratch/store.db"
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
# Primary result codes: https://www.sqlite.org/rescode.html
_SENTENCES = {
    sqlite3.SQLITE_BUSY: "is locked by another program; end it, or try again later",
    sqlite3.SQLITE_LOCKED: "is locked by another program; end it, or try again later",
    sqlite3.SQLITE_FULL: f"cannot grow, the disk is full; free some space, or {ELSEWHERE}",
    sqlite3.SQLITE_READONLY: f"may not be written; change its permissions, or {ELSEWHERE}",
    sqlite3.SQLITE_PERM: f"may not be used; change its permissions, or {ELSEWHERE}",
    sqlite3.SQLITE_CANTOPEN: f"cannot be opened; check folder and permissions, or {ELSEWHERE}",
    sqlite3.SQLITE_NOTADB: f"is not a SQLite database; move it away, or {ELSEWHERE}",
    sqlite3.SQLITE_CORRUPT: f"is damaged; put a copy in its place, or {ELSEWHERE}",
    sqlite3.SQLITE_IOERR: f"cannot be read or written; check the disk, or {ELSEWHERE}",
}


def say(error: BaseException) -> str:
    """Finish the sentence that begins with the file's name."""
    cause = _driver_error(error)
    sentence = _SENTENCES.get(_code(cause))
    if sentence is not None:
        return sentence
    if isinstance(cause, OSError):
        return f"cannot be used: {cause.strerror or cause}; check it, or {ELSEWHERE}"
    return f"refused what was asked of it: {cause}"


def is_busy(error: BaseException) -> bool:
    """Tell whether somebody else's lock was in the way."""
    return _code(_driver_error(error)) in _BUSY


def _driver_error(error: BaseException) -> BaseException:
    """Return what the driver raised, without SQLAlchemy's wrapping, which quotes parameters."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig
    return error


def _code(error: BaseException) -> int:
    """Return SQLite's primary result code, which is the last byte of the extended one."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
