"""The tables of the store, once, for every engine.

Owns: names, types, checks, keys and indexes of all tables, the store's clock as one expression, and
the insert that skips what is there. Knows no rule about what a row means. Imports SQLAlchemy at
the top: the room is loaded lazily by whoever composes a sweep.

Facts (component, config, record, verdict, use) are only ever inserted; claim, sweep and trial
change. Times are seconds since 1970 UTC by the store's clock, so that clocks of nodes cannot
disagree; JSON is plain text, because its bytes are hashed.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from sqlalchemy import (
    REAL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement

from sweeper.model import RecordStatus, Source, SweepState, TrialState
from sweeper.store.key import SECTION_NAMES

SCHEMA_VERSION = 4  # upgrade.py says what each version added
MIN_CLIENT = 1
KEY_VERSION = 1

metadata = MetaData()

_REAL: Double[float] = Double().with_variant(REAL(), "sqlite")
_SECONDS = _REAL
# SQLite numbers rows by itself only where the column is exactly INTEGER PRIMARY KEY.
_SERIAL = BigInteger().with_variant(Integer(), "sqlite")


class VerdictKind(Enum):
    """What was said about a record after it was stored; the last word counts."""

    REVOKED = "revoked"
    SUSPECT = "suspect"
    CONFIRMED = "confirmed"
    RESTORED = "restored"


class Now(FunctionElement[float]):
    """The store's clock: seconds since 1970 UTC, taken when the statement runs."""

    name = "store_now"
    type = _REAL
    inherit_cache = True


@compiles(Now, "sqlite")
def _now_on_sqlite(_element: Now, _compiler: Any, **_options: Any) -> str:
    """Write the clock for SQLite; 2440587.5 is the Julian day of 1970-01-01T00:00Z."""
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(Now, "postgresql")
def _now_on_postgresql(_element: Now, _compiler: Any, **_options: Any) -> str:
    """Write the clock for PostgreSQL: of the statement, not of the transaction's beginning."""
    return "extract(epoch from clock_timestamp())::float8"


NOW = Now()


def insert_into(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Start an INSERT that knows ON CONFLICT, which SQLAlchemy keeps per dialect."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def _one_of(column: str, *values: Enum) -> CheckConstraint:
    """Allow only the values of an enum; NULL passes where the column allows it."""
    allowed = ", ".join(f"'{value.value}'" for value in values)
    return CheckConstraint(f"{column} IN ({allowed})")


def _digest(column: str) -> CheckConstraint:
    """Require 64 characters: a SHA-256 in hex digits."""
    return CheckConstraint(f"length({column}) = 64")


def _section(name: str) -> Column[str]:
    """Make the column of a config that names one section's text."""
    return Column(f"{name}_h", Text, ForeignKey("component.digest"), nullable=False)


meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

component = Table(
    "component",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("doc", Text, nullable=False),
    _digest("digest"),
)

config = Table(
    "config",
    metadata,
    Column("config_key", Text, primary_key=True),
    Column("key_version", SmallInteger, nullable=False),
    *(_section(name) for name in SECTION_NAMES),
    Column("created_at", _SECONDS, nullable=False),
    _digest("config_key"),
    Index("config_params", "namespace_h", "objective_h", "params_h"),
    Index("config_code", "namespace_h", "objective_h", "code_h", "created_at"),
)

sweep = Table(
    "sweep",
    metadata,
    Column("uid", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("config", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("stopped_by", Text),
    Column("who", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("proc_id", Text, nullable=False),
    Column("holder", Uuid, nullable=False),
    Column("heartbeat_at", _SECONDS, nullable=False),
    Column("stop_at", _SECONDS),
    Column("overhead_j", _REAL),
    Column("elapsed_s", _REAL, nullable=False, server_default=text("0")),
    Column("started_at", _SECONDS, nullable=False),
    Column("ended_at", _SECONDS),
    Column("overhead", Text),
    _one_of("state", *SweepState),
    Index("sweep_resume", "digest", "who", "started_at"),
)

claim = Table(
    "claim",
    metadata,
    Column("fence", _SERIAL, Identity(always=True), primary_key=True),
    Column("run_key", Text, nullable=False, unique=True),
    Column("config_key", Text, ForeignKey("config.config_key"), nullable=False),
    Column("holder", Uuid, nullable=False),
    Column("sweep_uid", Uuid, nullable=False),
    Column("trial_no", Integer, nullable=False),
    Column("who", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("granted_at", _SECONDS, nullable=False),
    Column("expires_at", _SECONDS, nullable=False),
    Column("steps", BigInteger, nullable=False, server_default=text("0")),
    Column("steps_total", BigInteger),
    _digest("run_key"),
    Index("claim_holder", "holder"),
    # A fence must never be given twice, and SQLite reuses plain row numbers.
    sqlite_autoincrement=True,
    postgresql_with={"fillfactor": 70},
)

record = Table(
    "record",
    metadata,
    Column("seq", _SERIAL, Identity(always=True), primary_key=True),
    Column("uid", Uuid, nullable=False, unique=True),
    Column("run_key", Text, nullable=False),
    Column("config_key", Text, ForeignKey("config.config_key"), nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("fence", BigInteger),
    Column("late", Boolean, nullable=False),
    Column("status", Text, nullable=False),
    Column("steps_done", BigInteger, nullable=False),
    Column("curve", Text, nullable=False),
    Column("final", Text),
    Column("energy_j", _REAL),
    Column("elapsed_s", _REAL, nullable=False),
    Column("energy", Text, nullable=False),
    Column("hw", Text, nullable=False),
    Column("tainted", Text),
    Column("cause", Text),
    Column("who", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("prov", Text, nullable=False),
    Column("started_at", _SECONDS, nullable=False),
    Column("ended_at", _SECONDS, nullable=False),
    Column("stored_at", _SECONDS, nullable=False),
    Column("origin", Uuid),
    Column("doc_sha", Text, nullable=False),
    _one_of("status", *RecordStatus),
    CheckConstraint("steps_done >= 0"),
    _digest("doc_sha"),
    Index("record_run", "run_key", "seq"),
    Index("record_config", "config_key"),
    Index("record_stored", "stored_at"),
    sqlite_autoincrement=True,
)

verdict = Table(
    "verdict",
    metadata,
    Column("id", _SERIAL, Identity(always=True), primary_key=True),
    Column("record_uid", Uuid, ForeignKey("record.uid"), nullable=False),
    Column("verdict", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("at", _SECONDS, nullable=False),
    _one_of("verdict", *VerdictKind),
    Index("verdict_record", "record_uid", "id"),
    sqlite_autoincrement=True,
)

trial = Table(
    "trial",
    metadata,
    Column("sweep_uid", Uuid, ForeignKey("sweep.uid"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("replicate", Integer, primary_key=True, autoincrement=False, server_default=text("0")),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("holder", Uuid, nullable=False),
    Column("params", Text, nullable=False),
    Column("config_key", Text),
    Column("run_key", Text),
    Column("uncached", Text),
    Column("state", Text, nullable=False),
    Column("asked", BigInteger, nullable=False),
    Column("told", BigInteger),
    Column("source", Text),
    Column("record_uid", Uuid, ForeignKey("record.uid")),
    Column("steps", BigInteger, nullable=False, server_default=text("0")),
    Column("curve", Text),
    Column("final", Text),
    Column("energy_j", _REAL),
    Column("energy", Text),
    Column("elapsed_s", _REAL),
    Column("node", Text),
    Column("gpus", Text),
    Column("cause", Text),
    Column("started_at", _SECONDS, nullable=False),
    Column("ended_at", _SECONDS),
    Column("decisions", Text),
    _one_of("state", *TrialState),
    _one_of("source", *Source),
)
Index(
    "trial_told",
    trial.c.sweep_uid,
    trial.c.told,
    unique=True,
    sqlite_where=trial.c.told.is_not(None),
    postgresql_where=trial.c.told.is_not(None),
)

use = Table(
    "use",
    metadata,
    Column("sweep_uid", Uuid, ForeignKey("sweep.uid"), primary_key=True),
    Column("trial_no", Integer, primary_key=True, autoincrement=False),
    Column("replicate", Integer, primary_key=True, autoincrement=False, server_default=text("0")),
    Column("record_uid", Uuid, ForeignKey("record.uid"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("steps_used", BigInteger, nullable=False),
    Column("avoided_j", _REAL),
    Column("comparable", Boolean, nullable=False),
    Column("who", Text, nullable=False),
    Column("at", _SECONDS, nullable=False),
    _one_of("kind", Source.CACHE, Source.DUPLICATE, Source.ATTACHED),
    Index("use_record", "record_uid"),
)
