"""Is the store well, and would it hold a lab? One line per check, with what to do.

Owns: the checks of the database itself and of its place. Repairs nothing but, for an administrator
who asks, numbers that fell behind their rows after a failover.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, func, select, text

from sweeper.errors import CacheError
from sweeper.store.connection import Store
from sweeper.store.filesystem import mounts, refuse_network
from sweeper.store.overview import role_of
from sweeper.store.roles import ADMIN, FACTS, READER, STAMPED, TIMEOUTS, WRITER
from sweeper.store.schema import KEY_VERSION, NOW, SCHEMA_VERSION, claim, meta, record, verdict
from sweeper.store.spool import spools
from sweeper.store.sqlite_engine import journal_mode

__all__ = ["Check", "Health", "examine"]

_LEAST_FREE_BYTES = 2**30
_OLDEST_POSTGRES = 140000
_SLOW_S = 0.05
_CLOCK_S = 5.0


class Health(Enum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What.
        health: How it is.
        found: What was found, in words.
        cure: What to do; empty where nothing is.
    """

    name: str
    health: Health
    found: str
    cure: str = ""


def examine(store: Store, state: Path, *, mend: bool = False) -> list[Check]:
    """Look at everything that can be seen from here.

    Args:
        store: Open.
        state: This user's state folder, with what waits for the store.
        mend: Advance numbers that fell behind; for an administrator.

    Raises:
        CacheError: When the store cannot be read at all.
    """
    checks: list[Check] = []
    with store.read() as connection:
        checks += _version(connection)
        if store.kind == "sqlite":
            checks += _sqlite(connection, store)
        else:
            checks += _postgres(connection)
        checks += _clock(connection)
        checks.append(_identities(connection, store, mend=False))
    if mend and checks[-1].health is Health.FAIL:
        checks[-1] = store.transact(lambda c: _identities(c, store, mend=True))
    checks.append(_writing(store))
    checks += _waiting(state)
    return checks


def _version(connection: Connection) -> Iterator[Check]:
    facts = {row.key: row.value for row in connection.execute(select(meta))}
    schema, key = facts.get("schema_version"), facts.get("key_version")
    if schema == str(SCHEMA_VERSION):
        yield Check("schema", Health.OK, f"schema {schema}")
    else:
        cure = "sweeper cache migrate" if str(schema) < str(SCHEMA_VERSION) else "update sweeper"
        yield Check("schema", Health.WARN, f"schema {schema}, not {SCHEMA_VERSION}", cure)
    if key != str(KEY_VERSION):
        yield Check("keys", Health.WARN, f"key version {key}, not {KEY_VERSION}", "update sweeper")


def _sqlite(connection: Connection, store: Store) -> Iterator[Check]:
    folder = store.folder or Path()
    try:
        refuse_network(folder, mounts())
        yield Check("file system", Health.OK, f"{folder} is local")
    except CacheError as error:
        yield Check("file system", Health.FAIL, str(error), "move the store to a local disk")
    yield Check("sqlite", Health.OK, f"SQLite {sqlite3.sqlite_version}, journal {journal_mode()}")
    damage = [row[0] for row in connection.execute(text("PRAGMA integrity_check(3)"))]
    if damage == ["ok"]:
        yield Check("integrity", Health.OK, "every page is in order")
    else:
        cure = "put a copy in its place; `sweeper cache verify` says which records are sound"
        yield Check("integrity", Health.FAIL, "; ".join(map(str, damage)), cure)
    free = shutil.disk_usage(folder).free
    enough = free >= _LEAST_FREE_BYTES
    yield Check(
        "disk",
        Health.OK if enough else Health.WARN,
        f"{free / 2**30:.1f} GiB free",
        "" if enough else "free some space: a million records of 30 steps need 6 GB",
    )
    mode_bits = folder.stat().st_mode & 0o077
    if mode_bits:
        yield Check(
            "permissions",
            Health.WARN,
            f"others can enter {folder} (mode {folder.stat().st_mode & 0o777:03o})",
            f"chmod 700 {folder}, unless that is meant",
        )
    else:
        yield Check("permissions", Health.OK, "yours alone")


def _postgres(connection: Connection) -> Iterator[Check]:
    version = int(_one(connection, "SHOW server_version_num"))
    yield Check(
        "server",
        Health.OK if version >= _OLDEST_POSTGRES else Health.FAIL,
        f"PostgreSQL {_one(connection, 'SHOW server_version')}",
        "" if version >= _OLDEST_POSTGRES else "14 or later is needed",
    )
    replica = bool(_one(connection, "SELECT pg_is_in_recovery()"))
    yield Check(
        "primary",
        Health.FAIL if replica else Health.OK,
        "a replica" if replica else "the primary",
        "give the primary's address: a replica answers late and takes no results"
        if replica
        else "",
    )
    yield _role(connection)
    yield from _grants(connection)
    yield _triggers(connection)
    yield from _timeouts(connection)
    yield _tls(connection)
    yield _pooler(connection)


def _role(connection: Connection) -> Check:
    who, role = _one(connection, "SELECT current_user"), role_of(connection)
    if role is None:
        cure = f"GRANT {WRITER} TO {who}; first `sweeper cache migrate` if there is no such role"
        return Check("role", Health.FAIL, f"{who} has none of the store's roles", cure)
    if role == READER:
        cure = f"to run sweeps, GRANT {WRITER} TO {who}"
        return Check("role", Health.WARN, f"{who} is {role}: may read, not run sweeps here", cure)
    return Check("role", Health.OK, f"{who} is {role}")


def _grants(connection: Connection) -> Iterator[Check]:
    there = set(
        connection.execute(
            text("SELECT rolname FROM pg_roles WHERE rolname IN (:a, :b, :c)"),
            {"a": READER, "b": WRITER, "c": ADMIN},
        ).scalars()
    )
    if len(there) < 3:
        missing = ", ".join(sorted({READER, WRITER, ADMIN} - there))
        yield Check("grants", Health.FAIL, f"no role {missing}", "sweeper cache migrate")
        return
    loose = [
        fact
        for fact in FACTS
        for right in ("UPDATE", "DELETE")
        if connection.execute(select(func.has_table_privilege(WRITER, fact, right))).scalar_one()
    ]
    if loose:
        what = f"{WRITER} may change {', '.join(sorted(set(loose)))}"
        yield Check("grants", Health.FAIL, what, "sweeper cache migrate takes that back")
    else:
        yield Check("grants", Health.OK, f"{WRITER} cannot change what is stored")


def _triggers(connection: Connection) -> Check:
    there = set(
        connection.execute(
            text(
                "SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
                "WHERE t.tgname = 'sweeper_stamp' AND t.tgenabled <> 'D'"
            )
        ).scalars()
    )
    missing = sorted(set(STAMPED) - there)
    if missing:
        what = f"{', '.join(missing)}: `who` is what the client says"
        return Check("attribution", Health.WARN, what, "sweeper cache migrate")
    return Check("attribution", Health.OK, "the server says who stored what")


def _timeouts(connection: Connection) -> Iterator[Check]:
    off = [name for name in TIMEOUTS if _one(connection, f"SHOW {name}") in ("0", "0ms")]
    who = _one(connection, "SELECT current_user")
    if off:
        cure = "; ".join(f"ALTER ROLE {who} SET {name} = '{TIMEOUTS[name]}'" for name in off)
        yield Check("timeouts", Health.WARN, f"none for {', '.join(off)}", cure)
    else:
        yield Check("timeouts", Health.OK, "locks, statements and idle transactions end")


def _tls(connection: Connection) -> Check:
    row = connection.execute(
        text(
            "SELECT inet_server_addr() IS NULL AS is_socket, "
            "coalesce(inet_server_addr() <<= '127.0.0.0/8' OR inet_server_addr() = '::1', false) "
            "AS is_near, "
            "coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS is_tls"
        )
    ).one()
    if row.is_tls:
        return Check("tls", Health.OK, "the connection is encrypted")
    if row.is_socket or row.is_near:
        return Check("tls", Health.OK, "on this machine, not needed")
    cure = "ssl = on at the server, ?sslmode=verify-full in the URL"
    return Check("tls", Health.FAIL, "the connection crosses the network in the clear", cure)


def _pooler(connection: Connection) -> Check:
    """See whether every statement may come to another backend; nothing here minds."""
    seen = {_one(connection, "SELECT pg_backend_pid()") for _ in range(5)}
    if len(seen) > 1:
        return Check("pooler", Health.OK, "transactions are pooled, which nothing here minds")
    return Check("pooler", Health.OK, "one backend per connection, or a pooler of sessions")


def _clock(connection: Connection) -> Iterator[Check]:
    began = time.monotonic()
    theirs = float(connection.execute(select(NOW)).scalar_one())
    took_s = time.monotonic() - began
    apart_s = abs(theirs - time.time())
    yield Check(
        "clock",
        Health.OK if apart_s <= _CLOCK_S else Health.WARN,
        f"{apart_s:.1f} s apart from this machine's",
        "" if apart_s <= _CLOCK_S else "set this machine's clock: times in reports are confusing",
    )
    if took_s > _SLOW_S:
        yield Check("distance", Health.WARN, f"{took_s * 1000:.0f} ms per statement", "be nearer")
    else:
        yield Check("distance", Health.OK, f"{took_s * 1000:.1f} ms per statement")


def _identities(connection: Connection, store: Store, *, mend: bool) -> Check:
    """See whether a number that the store gives out next was given out before."""
    if store.kind == "sqlite":
        return Check("numbers", Health.OK, "SQLite counts them with their rows")
    behind = []
    for table, column in ((claim, "fence"), (record, "seq"), (verdict, "id")):
        highest = connection.execute(select(func.max(table.c[column]))).scalar_one() or 0
        sequence = _one(connection, f"SELECT pg_get_serial_sequence('{table.name}', '{column}')")
        if not _one(connection, f"SELECT has_sequence_privilege('{sequence}', 'SELECT')"):
            return Check("numbers", Health.WARN, "this login may not see them",
                         "sweeper cache migrate")  # fmt: skip
        last = _one(connection, f"SELECT last_value FROM {sequence}")
        if int(last) < highest:
            behind.append(table.name)
            if mend:
                connection.execute(select(func.setval(sequence, highest + 1000)))
    if not behind:
        return Check("numbers", Health.OK, "ahead of every row")
    names = ", ".join(behind)
    if mend:
        return Check("numbers", Health.OK, f"{names}: advanced past every row")
    cure = f"sweeper cache doctor --mend, as {ADMIN}"
    return Check("numbers", Health.FAIL, f"{names}: behind their rows (a failover?)", cure)


def _writing(store: Store) -> Check:
    try:
        with store.write() as connection:
            connection.execute(delete(claim).where(claim.c.fence < 0))  # there is none
    except CacheError as error:
        return Check("writing", Health.FAIL, str(error), "see above")
    if not store.reachable(5.0):
        return Check("writing", Health.FAIL, "no transaction that writes can begin", "see above")
    return Check("writing", Health.OK, "a transaction that writes can be made")


def _waiting(state: Path) -> Iterator[Check]:
    for file in spools(state):
        yield Check(
            "spool",
            Health.WARN,
            f"{file.results} result(s) of sweep {file.sweep} wait in {file.path}",
            "run that sweep again: it delivers them first",
        )


def _one(connection: Connection, statement: str) -> Any:
    return connection.execute(text(statement)).scalar_one()
