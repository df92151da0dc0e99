"""Why a trial was trained although the store knows so much: the nearest record, and what differs.

Owns: which configurations are candidates, how they are ranked, and why a known configuration did
not answer. Reads only. Candidates share namespace and objective, and parameters (the newest 50) or
code (the newest 500), so two indexes find them in a store of any size.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, select

from sweeper.errors import CacheError
from sweeper.model import Key, RecordStatus, Source
from sweeper.store.connection import Store
from sweeper.store.key import SECTION_NAMES, section_digest
from sweeper.store.key_text import Difference, NotAKeyText, differences, leaves
from sweeper.store.listing import RecordFilter, StoredRecord, find_record, list_records
from sweeper.store.schema import NOW, claim, component, config, record, trial

__all__ = [
    "Explanation",
    "compare",
    "explain_key",
    "explain_trial",
    "key_of_record",
    "key_of_trial",
]

_SAME_PARAMS, _SAME_CODE, _ANY = 50, 500, 200
_SHOWN = 50  # candidates whose leaves are compared


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a question had no answer, or whose it got.

    Attributes:
        run_key: What was asked.
        uncached: Why there was no key at all; None: there was one.
        answered_by: The record that answered; None: none did.
        known: What the store knew of the very configuration, and why that was no answer.
        nearest: The record of the nearest other configuration; None: there is none.
        differs: What differs from it, by section.
        equal: The sections that are the same.
        notes: What is odd about the parameters.
    """

    run_key: str | None
    uncached: str | None = None
    answered_by: StoredRecord | None = None
    known: tuple[str, ...] = ()
    nearest: StoredRecord | None = None
    differs: tuple[tuple[str, tuple[Difference, ...]], ...] = ()
    equal: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def explain_trial(store: Store, sweep: UUID, number: int, replicate: int = 0) -> Explanation:
    """Explain the last attempt at a trial.

    Raises:
        CacheError: If the sweep has no such trial, or the store cannot be read.
    """
    with store.read() as connection:
        row = _attempt(connection, sweep, number, replicate)
    if row.uncached is not None or row.config_key is None:
        return Explanation(None, uncached=row.uncached or "the sweep was run with the cache off")
    if row.source in _ANSWERED and row.record_uid is not None:
        found = list_records(store, RecordFilter(uids=(row.record_uid,)), limit=1)
        return Explanation(row.run_key, answered_by=found[0] if found else None)
    sections = _texts(store, row.config_key)
    own = row.record_uid
    return _explained(store, row.config_key, row.run_key, sections, own, before=row.started_at)


def explain_key(store: Store, key: Key) -> Explanation:
    """Explain why a question has no answer now."""
    return _explained(store, key.config_key, key.run_key, dict(key.sections), None, before=None)


def key_of_trial(store: Store, sweep: UUID, number: int) -> Mapping[str, str]:
    """Return the canonical texts of a trial's key.

    Raises:
        CacheError: If it has none.
    """
    with store.read() as connection:
        row = _attempt(connection, sweep, number, 0)
    if row.config_key is None:
        raise CacheError(f"store: trial {number} has no key: {row.uncached or 'the cache was off'}")
    return _texts(store, row.config_key)


def key_of_record(store: Store, text: str) -> Mapping[str, str]:
    """Return the canonical texts of the key of a record, or of a configuration.

    Args:
        store: Open.
        text: The first hex digits of a record's uid or of a configuration's key.

    Raises:
        CacheError: If nothing answers to it.
    """
    digits = text.lower().replace("-", "")
    with store.read() as connection:
        begins = config.c.config_key.startswith(digits, autoescape=True)
        keys = connection.execute(select(config.c.config_key).where(begins).limit(2)).scalars()
        found = list(keys) if len(digits) >= 6 else []
    if len(found) == 1:
        return _texts(store, found[0])
    return _texts(store, find_record(store, text).record.config_key)


def compare(
    here: Mapping[str, str], there: Mapping[str, str]
) -> tuple[tuple[tuple[str, tuple[Difference, ...]], ...], tuple[str, ...]]:
    """Return what differs between two keys by section, and the sections that are equal."""
    differing: list[tuple[str, tuple[Difference, ...]]] = []
    equal: list[str] = []
    for name in SECTION_NAMES:
        one, other = here.get(name, ""), there.get(name, "")
        if one == other:
            equal.append(name)
            continue
        try:
            found = differences(name, one, other)
        except NotAKeyText:
            found = (Difference(name, "unreadable", "unreadable"),)
        differing.append((name, found))
    return tuple(differing), tuple(equal)


_ANSWERED = (Source.CACHE.value, Source.ATTACHED.value, Source.DUPLICATE.value)


def _attempt(connection: Connection, sweep: UUID, number: int, replicate: int) -> Row[Any]:
    rows = (
        select(trial)
        .where(
            trial.c.sweep_uid == sweep,
            trial.c.number == number,
            trial.c.replicate == replicate,
        )
        .order_by(trial.c.attempt.desc())
        .limit(1)
    )
    row = connection.execute(rows).one_or_none()
    if row is None:
        raise CacheError(f"store: the sweep has no trial {number}")
    return row


def _texts(store: Store, config_key: str) -> dict[str, str]:
    from sweeper.store.listing import sections_of

    found = sections_of(store, config_key)
    if not found:
        raise CacheError(f"store: the key {config_key[:12]} was never stored: nothing claimed it")
    return found


def _explained(
    store: Store,
    config_key: str,
    run_key: str,
    sections: Mapping[str, str],
    own: UUID | None,
    *,
    before: float | None,
) -> Explanation:
    known = tuple(_known(store, config_key, run_key, own, before))
    with store.read() as connection:
        best = _nearest(connection, config_key, sections, before)
    notes = tuple(_notes(sections.get("params", "")))
    if best is None:
        return Explanation(run_key, known=known, notes=notes)
    there = _texts(store, best)
    differs, equal = compare(sections, there)
    records = list_records(store, RecordFilter(config_key=best), limit=1)
    nearest = records[0] if records else None
    return Explanation(run_key, None, None, known, nearest, differs, equal, notes)


def _known(
    store: Store, config_key: str, run_key: str, own: UUID | None, before: float | None
) -> Iterator[str]:
    """Say what the store knew of the very same configuration."""
    wanted = RecordFilter(config_key=config_key, until=before)
    for found in list_records(store, wanted, limit=20):
        if found.record.uid != own:
            yield f"record {found.record.uid.hex[:12]} of {found.who}: {_why_not(found, run_key)}"
    with store.read() as connection:
        live = select(claim.c.who, claim.c.host).where(
            claim.c.run_key == run_key, claim.c.expires_at > NOW
        )
        for row in connection.execute(live):
            yield f"{row.who} on {row.host} trains it now"


def _why_not(found: StoredRecord, run_key: str) -> str:
    """Say why a record of the same configuration is no answer, or not the whole one."""
    one = found.record
    if not found.sound:
        return "damaged"
    if one.tainted is not None:
        return f"tainted: {one.tainted}"
    if not found.is_served and found.verdict is not None:
        return found.verdict.value
    if one.run_key != run_key:
        return f"another seed ({one.seed})"
    if one.status in (RecordStatus.ERROR, RecordStatus.OOM):
        return f"failed: {one.cause or one.status.value}"
    if one.status is not RecordStatus.COMPLETE:
        return f"only {one.steps_done} steps ({one.status.value})"
    return "complete: it answers who asks now"


def _nearest(
    connection: Connection,
    config_key: str,
    sections: Mapping[str, str],
    before: float | None,
) -> str | None:
    """Find the configuration with a record that differs in the fewest sections, then leaves."""
    digests = {
        name: section_digest(name, text).hex() for name, text in sections.items() if text.isascii()
    }
    candidates = _candidates(connection, config_key, digests, before)
    if not candidates:
        return None
    ranked = sorted(candidates, key=lambda row: (_apart(row, digests), -row.created_at))
    fewest = _apart(ranked[0], digests)
    close = [row for row in ranked if _apart(row, digests) == fewest][:_SHOWN]
    if len(close) == 1:
        return str(close[0].config_key)
    docs = _docs(connection, close, digests)
    best = min(close, key=lambda row: _leaves_apart(row, digests, sections, docs))
    return str(best.config_key)


def _candidates(
    connection: Connection, config_key: str, digests: Mapping[str, str], before: float | None
) -> Sequence[Row[Any]]:
    """Return those of the same params; where there are none of the same code, or at last any."""
    ours = (config.c.namespace_h == digests.get("namespace")) & (
        config.c.objective_h == digests.get("objective")
    )
    tries: list[tuple[ColumnElement[bool], int]] = [
        (ours & (config.c.params_h == digests.get("params")), _SAME_PARAMS),
        (ours & (config.c.code_h == digests.get("code")), _SAME_CODE),
        (config.c.namespace_h == digests.get("namespace"), _ANY),
    ]
    for condition, most in tries:
        rows = (
            select(config)
            .where(condition, config.c.config_key != config_key, _has_record(before))
            .order_by(config.c.created_at.desc())
            .limit(most)
        )
        found = connection.execute(rows).all()
        if found:
            return found
    return ()


def _has_record(before: float | None) -> ColumnElement[bool]:
    own = select(record.c.seq).where(record.c.config_key == config.c.config_key)
    if before is not None:
        own = own.where(record.c.stored_at < before)
    return own.exists()


def _apart(row: Row[Any], digests: Mapping[str, str]) -> int:
    return sum(getattr(row, f"{name}_h") != digests.get(name) for name in SECTION_NAMES)


def _docs(
    connection: Connection, rows: Iterable[Row[Any]], digests: Mapping[str, str]
) -> dict[str, str]:
    wanted = {
        getattr(row, f"{name}_h")
        for row in rows
        for name in SECTION_NAMES
        if getattr(row, f"{name}_h") != digests.get(name)
    }
    found = select(component.c.digest, component.c.doc).where(
        component.c.digest.in_(sorted(wanted))
    )
    return {one.digest: one.doc for one in connection.execute(found)}


def _leaves_apart(
    row: Row[Any], digests: Mapping[str, str], sections: Mapping[str, str], docs: Mapping[str, str]
) -> int:
    apart = 0
    for name in SECTION_NAMES:
        digest = getattr(row, f"{name}_h")
        if digest == digests.get(name):
            continue
        try:
            apart += len(differences(name, sections.get(name, ""), docs.get(digest, "")))
        except NotAKeyText:
            apart += 1000
    return apart


def _notes(params: str) -> Iterator[str]:
    """Say which parameters look as if they had lost digits on their way."""
    try:
        found: Sequence[tuple[str, object]] = tuple(leaves("params", params).items())
    except NotAKeyText:
        return
    for path, value in found:
        if isinstance(value, float) and value == value and abs(value) not in (0.0, float("inf")):
            short = float(f"{value:.7g}")
            if short != value and _through_float32(short) == value:
                yield f"{path} is {value!r}, that is {short!r} rounded through float32"


def _through_float32(value: float) -> float | None:
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return None
