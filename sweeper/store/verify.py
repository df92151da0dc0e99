"""Looking for damage: is every record what was written, and does each key follow from its parts?

Finds, never repairs. Reads in batches: a store of a million records must not be in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, String, cast, func, select, text

from sweeper.store.connection import Store
from sweeper.store.key import SECTION_NAMES, NotCanonical, combine, section_digest
from sweeper.store.rows import DOC_COLUMNS, doc_sha
from sweeper.store.schema import component, config, record, trial, use

__all__ = ["Problem", "Verified", "verify"]

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it was written.

    Attributes:
        what: ``record 1f0c...``, ``config ...``, ``component ...``, ``database``.
        why: One line.
    """

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at.

    Attributes:
        records: How many records.
        configs: How many configurations.
        problems: What was found.
    """

    records: int
    configs: int
    problems: tuple[Problem, ...]


def verify(store: Store, *, sample: int | None = None) -> Verified:
    """Check records, keys, references and, on SQLite, the file.

    Args:
        store: Open.
        sample: So many records, and their configurations, chosen at random; None: everything.

    Raises:
        CacheError: When the store cannot be read at all.
    """
    problems: list[Problem] = []
    with store.read() as connection:
        if store.kind == "sqlite":
            problems += _file(connection)
        records, keys = 0, set()
        for rows in _records(connection, sample):
            records += len(rows)
            for row in rows:
                problems += _record(row)
                keys.add(row.config_key)
        configs = 0
        for key_rows in _configs(connection, None if sample is None else keys):
            configs += len(key_rows)
            problems += _config_problems(connection, key_rows)
        problems += _references(connection)
    return Verified(records, configs, tuple(problems))


def _file(connection: Connection) -> Iterator[Problem]:
    for row in connection.execute(text("PRAGMA integrity_check(20)")):
        if row[0] != "ok":
            yield Problem("database", str(row[0]))


def _records(connection: Connection, sample: int | None) -> Iterator[Sequence[Row[Any]]]:
    uid = cast(record.c.uid, String).label("uid")
    own = [uid if name == "uid" else record.c[name] for name in DOC_COLUMNS]
    columns: Select[Any] = select(*own, record.c.seq, record.c.doc_sha)
    if sample is not None:
        yield list(connection.execute(columns.order_by(func.random()).limit(sample)))
        return
    after = -(2**62)
    while rows := list(
        connection.execute(columns.where(record.c.seq > after).order_by(record.c.seq).limit(_BATCH))
    ):
        yield rows
        after = rows[-1].seq


def _record(row: Row[Any]) -> Iterator[Problem]:
    name = f"record {row.uid}"
    try:
        sound = doc_sha(row._asdict()) == row.doc_sha
    except NotCanonical:
        sound = False
    if not sound:
        yield Problem(name, "its checksum does not match: it is not what was written")
        return
    config_key, seed = str(row.config_key), row.seed
    if _run_key(config_key, seed) != row.run_key:
        yield Problem(name, "its run_key does not follow from its configuration and its seed")


def _run_key(config_key: str, seed: object) -> str | None:
    """Derive a run_key as ``key.combine`` does; None: the parts are none."""
    if not isinstance(seed, int) or not 0 <= seed < 2**64:
        return None
    try:
        body = b"sweeper/key/1\0run\0" + bytes.fromhex(config_key) + seed.to_bytes(8, "big")
    except ValueError:
        return None
    return hashlib.sha256(body).hexdigest()


def _configs(connection: Connection, keys: set[str] | None) -> Iterator[Sequence[Row[Any]]]:
    if keys is not None:
        ordered = sorted(keys)
        for start in range(0, len(ordered), _BATCH):
            part = ordered[start : start + _BATCH]
            yield list(
                connection.execute(select(config).where(config.c.config_key.in_(part))).all()
            )
        return
    after = ""
    while rows := list(
        connection.execute(
            select(config)
            .where(config.c.config_key > after)
            .order_by(config.c.config_key)
            .limit(_BATCH)
        )
    ):
        yield rows
        after = rows[-1].config_key


def _config_problems(connection: Connection, rows: Sequence[Row[Any]]) -> Iterator[Problem]:
    wanted = {getattr(row, f"{name}_h") for row in rows for name in SECTION_NAMES}
    docs: dict[str, tuple[str, str]] = {}
    ordered = sorted(wanted)
    for start in range(0, len(ordered), _BATCH):
        part = select(component).where(component.c.digest.in_(ordered[start : start + _BATCH]))
        docs.update({one.digest: (one.kind, one.doc) for one in connection.execute(part)})
    for row in rows:
        why = _wrong_config(row, docs)
        if why is not None:
            yield Problem(f"config {row.config_key}", why)


def _wrong_config(row: Row[Any], docs: dict[str, tuple[str, str]]) -> str | None:
    """Say why a configuration's key does not follow from its documents."""
    sections, digests = [], []
    for name in SECTION_NAMES:
        digest = getattr(row, f"{name}_h")
        kind, doc = docs.get(digest, ("", ""))
        if kind != name or not doc.isascii() or section_digest(name, doc).hex() != digest:
            return f"its section {name} is missing or is not what was written"
        sections.append((name, doc))
        digests.append(bytes.fromhex(digest))
    key = combine(sections, digests, seed=0)
    if getattr(key, "config_key", None) != row.config_key:
        return "its key does not follow from its sections"
    return None


def _references(connection: Connection) -> Iterator[Problem]:
    """Find rows that name what is not there; engines refuse to write such."""
    lost = [
        (record, record.c.config_key, config.c.config_key, "records without a configuration"),
        (trial, trial.c.record_uid, record.c.uid, "trials without their record"),
        (use, use.c.record_uid, record.c.uid, "uses without their record"),
    ]
    for table, reference, target, what in lost:
        rows = (
            select(func.count())
            .select_from(table)
            .where(reference.is_not(None), ~select(target).where(target == reference).exists())
        )
        number = connection.execute(rows).scalar_one()
        if number:
            yield Problem("database", f"{number} {what}")
