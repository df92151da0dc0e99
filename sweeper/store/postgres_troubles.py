"""What went wrong with a PostgreSQL server, in words, and what a person can do about it.

Owns: the sentence for each class of failure. Connects to nothing and needs no driver.
"""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, TimeoutError

__all__ = ["is_lost_race", "say_postgres"]

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_LOST_RACE = ("40001", "40P01")
# By the names of DB-API 2.0 (PEP 249): psycopg is not loaded here.
_CONNECTION_ERRORS = {"OperationalError", "InterfaceError"}
_SENTENCES = {
    "28P01": "does not accept the password; put it in ~/.pgpass, or in PGPASSWORD",
    "28000": "does not accept this user from here; ask its administrator (pg_hba.conf)",
    "3D000": "does not exist; its administrator makes it with `createdb`",
    "42501": (
        "does not allow that to this login; its administrator can grant it the role sweeper_rw, "
        "or sweeper_admin for administration (docs/lab.md)"
    ),
    "25006": "is read-only; use the primary server, not a replica",
    "53100": "cannot grow, its disk is full; tell its administrator",
    "53300": "has no connection left; put a pooler before it, or raise max_connections",
    "55P03": "waited too long for somebody else's lock; try again later",
    "57014": "took too long to answer; try again later",
    "57P01": "was shut down; start it again",
    "57P02": "has crashed; start it again",
    "57P03": "is starting up or shutting down; try again later",
}


def say_postgres(error: BaseException) -> str:
    """Finish the sentence that begins with the URL."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    sentence = _SENTENCES.get(_code(cause))
    if sentence is not None:
        return sentence
    said = " ".join(str(cause).split()) or type(cause).__name__
    if _is_unreachable(cause):
        return f"cannot be reached: {_short(said)}; is the server running, and the URL right?"
    return f"refused what was asked of it: {_short(said)}"


def is_lost_race(error: DBAPIError) -> bool:
    """Tell whether a transaction was undone because of another one, and may be repeated."""
    return error.orig is not None and _code(error.orig) in _LOST_RACE


def _is_unreachable(cause: BaseException) -> bool:
    """Tell whether the connection was never made or is gone: such errors carry no code."""
    code = _code(cause)
    kinds = {kind.__name__ for kind in type(cause).__mro__}
    gone = isinstance(cause, TimeoutError) or bool(kinds & _CONNECTION_ERRORS)
    return isinstance(cause, OSError) or code.startswith("08") or (gone and not code)


def _code(cause: BaseException) -> str:
    """Return the five characters of SQLSTATE; empty: the server never said one."""
    return str(getattr(cause, "sqlstate", None) or "")


def _short(said: str, length: int = 300) -> str:
    return said if len(said) <= length else f"{said[:length]}..."
