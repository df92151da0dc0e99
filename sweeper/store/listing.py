"""What a store holds, row by row, for people: records, claims, uses, verdicts.

Owns: the selection of records by who, where, when and how they ended. Writes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, String, cast, func, select, true

from sweeper.errors import CacheError
from sweeper.model import Record, RecordStatus, Source, sweep_handle
from sweeper.store.answers import last_verdict
from sweeper.store.connection import Store
from sweeper.store.key import NotCanonical
from sweeper.store.rows import DOC_COLUMNS, doc_sha, record_of
from sweeper.store.schema import NOW, VerdictKind, claim, config, record, sweep, use, verdict

__all__ = [
    "ClaimRow",
    "RecordFilter",
    "RecordUse",
    "Said",
    "StoredRecord",
    "chosen",
    "claims_of",
    "find_record",
    "list_records",
    "sections_of",
    "stored_of",
    "stored_rows",
    "uses_of",
    "verdicts_of",
]

_SHORTEST = 6
_DIGITS = re.compile(rf"[0-9a-f]{{{_SHORTEST},32}}")


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Which records are meant; what is None or empty does not matter.

    Attributes:
        uids: These.
        who: Of this user.
        host: Trained there.
        statuses: That ended so.
        since: Stored at or after, seconds since 1970 UTC by the store's clock.
        until: Stored before.
        config_key: Of the configurations whose key begins so.
        code: Trained with code whose digest begins so.
        sweep: That this sweep stored.
    """

    uids: tuple[UUID, ...] = ()
    who: str | None = None
    host: str | None = None
    statuses: tuple[RecordStatus, ...] = ()
    since: float | None = None
    until: float | None = None
    config_key: str | None = None
    code: str | None = None
    sweep: UUID | None = None

    @property
    def is_empty(self) -> bool:
        """Tell whether it means every record."""
        return self == RecordFilter()


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as the store knows it.

    Attributes:
        seq: Order of arrival.
        record: The fact; what it says may be damaged, unless ``sound``.
        who: Whose it is.
        stored_at: By the store's clock, seconds since 1970 UTC.
        origin: The store that it was imported from; None: it was stored here.
        verdict: The last one; None: nobody said anything.
        uses: How many trials it answered.
        sound: It is what its writer wrote.
    """

    seq: int
    record: Record
    who: str
    stored_at: float
    origin: UUID | None
    verdict: VerdictKind | None
    uses: int
    sound: bool

    @property
    def is_served(self) -> bool:
        """Tell whether it may answer."""
        trusted = (None, VerdictKind.CONFIRMED, VerdictKind.RESTORED)
        return self.sound and self.record.tainted is None and self.verdict in trusted


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """Who trains what."""

    run_key: str
    config_key: str
    holder: UUID
    who: str
    host: str
    sweep: str | None
    number: int
    steps: int
    steps_total: int | None
    granted_at: float
    expires_in_s: float


@dataclass(frozen=True, slots=True)
class RecordUse:
    """A trial that a record answered."""

    sweep: str
    number: int
    replicate: int
    kind: Source
    who: str
    at: float
    avoided_j: float | None
    comparable: bool


@dataclass(frozen=True, slots=True)
class Said:
    """A verdict."""

    kind: VerdictKind
    reason: str
    who: str
    at: float


def chosen(wanted: RecordFilter) -> ColumnElement[bool]:
    """Build the condition on ``record`` that a filter stands for."""
    conditions: list[ColumnElement[bool]] = [true()]
    if wanted.uids:
        conditions.append(record.c.uid.in_(wanted.uids))
    if wanted.who is not None:
        conditions.append(record.c.who == wanted.who)
    if wanted.host is not None:
        conditions.append(record.c.host == wanted.host)
    if wanted.statuses:
        conditions.append(record.c.status.in_([status.value for status in wanted.statuses]))
    if wanted.since is not None:
        conditions.append(record.c.stored_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(record.c.stored_at < wanted.until)
    if wanted.config_key is not None and len(wanted.config_key) == 64:
        conditions.append(record.c.config_key == wanted.config_key)  # by its index
    elif wanted.config_key is not None:
        conditions.append(record.c.config_key.startswith(wanted.config_key, autoescape=True))
    if wanted.code is not None:
        same = select(config.c.config_key).where(
            config.c.code_h.startswith(wanted.code, autoescape=True)
        )
        conditions.append(record.c.config_key.in_(same))
    if wanted.sweep is not None:
        from sweeper.store.schema import trial

        made = select(trial.c.record_uid).where(
            trial.c.sweep_uid == wanted.sweep, trial.c.source == Source.RUN.value
        )
        conditions.append(record.c.uid.in_(made))
    condition = conditions[0]
    for further in conditions[1:]:
        condition = condition & further
    return condition


def list_records(
    store: Store, wanted: RecordFilter, *, limit: int | None = None
) -> list[StoredRecord]:
    """List records, newest first.

    Raises:
        CacheError: When the store cannot be read.
    """
    rows = stored_rows().where(chosen(wanted)).order_by(record.c.seq.desc())
    if limit is not None:
        rows = rows.limit(limit)
    with store.read() as connection:
        return [found for row in connection.execute(rows) if (found := stored_of(row)) is not None]


def find_record(store: Store, text: str) -> StoredRecord:
    """Find the record that the first hex digits of a uid mean.

    Raises:
        CacheError: If none or several begin so.
    """
    digits = text.lower().replace("-", "")
    if not _DIGITS.fullmatch(digits):
        raise CacheError(
            f"store: {text!r} names no record; give the {_SHORTEST} or more first hex digits of "
            "its uid, as `sweeper cache ls` prints them"
        )
    begins = func.replace(cast(record.c.uid, String), "-", "").startswith(digits)
    with store.read() as connection:
        rows = connection.execute(stored_rows().where(begins).limit(3)).all()
    if not rows:
        raise CacheError(
            f"store: there is no record {text}; `sweeper cache ls` lists what there is"
        )
    if len(rows) > 1:
        raise CacheError(f"store: {text} may be any of several records; give more digits")
    found = stored_of(rows[0])
    if found is None:
        raise CacheError(f"store: record {text} is damaged; `sweeper cache verify` says how")
    return found


def stored_rows() -> Any:
    """Select records with their last verdict and the number of their uses."""
    uses = select(func.count()).where(use.c.record_uid == record.c.uid).scalar_subquery()
    own = [record.c[name] for name in DOC_COLUMNS]
    return select(
        *own,
        record.c.seq,
        record.c.who,
        record.c.stored_at,
        record.c.origin,
        record.c.doc_sha,
        last_verdict().label("said"),
        uses.label("uses"),
    )


def stored_of(row: Row[Any]) -> StoredRecord | None:
    """Read a row of ``stored_rows``; None: it is damaged beyond reading."""
    try:
        found = record_of(row)
        sound = doc_sha(row._asdict()) == str(row.doc_sha)
    except (CacheError, NotCanonical):
        return None
    kind = None if row.said is None else VerdictKind(row.said)
    return StoredRecord(
        row.seq, found, row.who, row.stored_at, row.origin, kind, int(row.uses), sound
    )


def claims_of(store: Store, *, expired: bool | None = None) -> list[ClaimRow]:
    """List who trains what, the newest first.

    Args:
        store: Open.
        expired: Only those whose lease is over, or only live ones; None: both.
    """
    left_s = (claim.c.expires_at - NOW).label("left_s")
    rows = (
        select(claim, left_s, sweep.c.name, sweep.c.uid)
        .join(sweep, sweep.c.uid == claim.c.sweep_uid, isouter=True)
        .order_by(claim.c.fence.desc())
    )
    with store.read() as connection:
        found = [_claim(row) for row in connection.execute(rows)]
    return [one for one in found if expired is None or (one.expires_in_s <= 0) == expired]


def _claim(row: Row[Any]) -> ClaimRow:
    return ClaimRow(
        run_key=row.run_key,
        config_key=row.config_key,
        holder=row.holder,
        who=row.who,
        host=row.host,
        sweep=None if row.uid is None else sweep_handle(row.name, row.uid),
        number=row.trial_no,
        steps=row.steps,
        steps_total=row.steps_total,
        granted_at=row.granted_at,
        expires_in_s=row.left_s,
    )


def uses_of(store: Store, uids: Sequence[UUID]) -> Iterator[tuple[UUID, RecordUse]]:
    """Yield which trials these records answered, oldest first."""
    with store.read() as connection:
        for start in range(0, len(uids), 500):
            yield from _uses(connection, uids[start : start + 500])


def _uses(connection: Connection, uids: Sequence[UUID]) -> Iterator[tuple[UUID, RecordUse]]:
    rows = (
        select(use, sweep.c.name)
        .join(sweep, sweep.c.uid == use.c.sweep_uid)
        .where(use.c.record_uid.in_(uids))
        .order_by(use.c.at, use.c.sweep_uid, use.c.trial_no, use.c.replicate)
    )
    for row in connection.execute(rows).all():
        yield (
            row.record_uid,
            RecordUse(
                sweep=sweep_handle(row.name, row.sweep_uid),
                number=row.trial_no,
                replicate=row.replicate,
                kind=Source(row.kind),
                who=row.who,
                at=row.at,
                avoided_j=row.avoided_j,
                comparable=row.comparable,
            ),
        )


def verdicts_of(store: Store, uid: UUID) -> list[Said]:
    """List what was said about a record, oldest first."""
    rows = select(verdict).where(verdict.c.record_uid == uid).order_by(verdict.c.id)
    with store.read() as connection:
        found = connection.execute(rows).all()
    return [Said(VerdictKind(row.verdict), row.reason, row.who, row.at) for row in found]


def sections_of(store: Store, config_key: str) -> dict[str, str]:
    """Return the canonical text of each section of a configuration; empty: it is not known."""
    from sweeper.store.schema import component

    found: dict[str, str] = {}
    with store.read() as connection:
        row = connection.execute(
            select(config).where(config.c.config_key == config_key)
        ).one_or_none()
        if row is None:
            return {}
        digests = {
            name.removesuffix("_h"): value
            for name, value in row._asdict().items()
            if name.endswith("_h")
        }
        docs = select(component.c.digest, component.c.doc).where(
            component.c.digest.in_(list(digests.values()))
        )
        by_digest = {one.digest: one.doc for one in connection.execute(docs)}
    for name, digest in digests.items():
        if digest in by_digest:
            found[name] = by_digest[digest]
    return found
