"""Which record answers a key: the one definition, used before and after a claim is taken.

A record is eligible when nothing taints it, its last verdict does not disown it, and its checksum
holds. Complete records answer for good, oldest first, so that everybody hears the same; else the
longest pruned or diverged one answers up to where it ends. Failures are facts, never answers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    func,
    or_,
    select,
)

from sweeper.model import Hit, RecordStatus
from sweeper.store.key import NotCanonical
from sweeper.store.rows import DOC_COLUMNS, doc_sha, record_of
from sweeper.store.schema import VerdictKind, record, verdict

__all__ = ["Found", "eligible", "failures", "find", "last_verdict"]

_MOST_FAILURES = 20
_BATCH = 500  # keys per statement; SQLite takes at most 32,766 parameters


@dataclass(frozen=True, slots=True)
class Found:
    """What a search brought up.

    Attributes:
        hits: Verified answers by run_key.
        all_hits: All verified rows, in the order of the search.
        damaged: ``seq`` of the records whose checksum did not hold.
    """

    hits: dict[str, Hit]
    damaged: frozenset[int]
    all_hits: tuple[Hit, ...] = ()


def find(
    connection: Connection,
    run_keys: Sequence[str],
    *,
    beyond: int,
    without: Collection[int],
    whole_from: int | None = None,
    stored_from: float = 0.0,
) -> Found:
    """Find the best answer to each key, and verify it.

    Args:
        connection: Any; nothing is written.
        run_keys: What is asked.
        beyond: Only complete records, and those longer than this step, are answers.
        without: ``seq`` of records that are known to be damaged.
        whole_from: Complete records that end before this step are prefixes; None: none are.
        stored_from: Only records that were stored since then, by the store's clock.
    """
    rows: list[Row[Any]] = []
    for start in range(0, len(run_keys), _BATCH):
        asked = {
            "run_keys": run_keys[start : start + _BATCH],
            "beyond": beyond,
            "without": list(without),
            "whole_from": 0 if whole_from is None else whole_from,
            "stored_from": stored_from,
        }
        rows.extend(connection.execute(_BEST, asked))
    return _verified(rows, frozenset(run_keys))


def failures(
    connection: Connection,
    run_key: str,
    statuses: Collection[RecordStatus],
    *,
    without: Collection[int],
) -> Found:
    """Find how often a question failed, newest first.

    Returns:
        ``all_hits`` in order; ``hits`` has the newest one.
    """
    asked = {
        "run_key": run_key,
        "statuses": [status.value for status in statuses],
        "without": list(without),
    }
    rows = connection.execute(_FAILED, asked).all()
    return _verified(rows, frozenset((run_key,)))


def _verified(rows: Iterable[Row[Any]], asked: frozenset[str]) -> Found:
    """Separate the records that are as they were written from those that are not."""
    sound: list[Hit] = []
    damaged = set()
    for row in rows:
        # A damaged index can lead to a sound record of another question.
        if row.run_key in asked and _sound(row):
            sound.append(Hit(record_of(row), who=row.who, stored_at=row.stored_at))
        else:
            damaged.add(row.seq)
    hits = {hit.record.run_key: hit for hit in reversed(sound)}
    return Found(hits, frozenset(damaged), tuple(sound))


def _sound(row: Row[Any]) -> bool:
    """Tell whether a record is, byte for byte, what its writer wrote."""
    try:
        return doc_sha(row._asdict()) == str(row.doc_sha)
    except NotCanonical:
        return False


def last_verdict(column: Column[Any] = verdict.c.verdict) -> ScalarSelect[Any]:
    """Look up the last verdict on the record of the surrounding statement, or a column of it."""
    return (
        select(column)
        .where(verdict.c.record_uid == record.c.uid)
        .correlate(record)
        .order_by(verdict.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )


def eligible() -> ColumnElement[bool]:
    """Pick the records that nothing taints and whose last verdict does not disown them."""
    trusted = [VerdictKind.CONFIRMED.value, VerdictKind.RESTORED.value]
    said = func.coalesce(last_verdict(), VerdictKind.CONFIRMED.value)
    return and_(record.c.tainted.is_(None), said.in_(trusted))


def _best() -> Select[Any]:
    """Build the search: the columns of the first eligible record of each key, in one statement."""
    ended = record.c.status == RecordStatus.COMPLETE.value
    complete = and_(ended, record.c.steps_done >= bindparam("whole_from"))
    prefix = and_(
        or_(
            ended,
            record.c.status.in_([RecordStatus.PRUNED.value, RecordStatus.DIVERGED.value]),
        ),
        record.c.steps_done > bindparam("beyond"),
    )
    rank = func.row_number().over(
        partition_by=record.c.run_key,
        order_by=(complete.desc(), case((complete, 0), else_=-record.c.steps_done), record.c.seq),
    )
    ranked = (
        select(record.c.seq, rank.label("rank"))
        .where(
            record.c.run_key.in_(bindparam("run_keys", expanding=True)),
            record.c.seq.not_in(bindparam("without", expanding=True)),
            or_(complete, prefix),
            record.c.stored_at >= bindparam("stored_from"),
            eligible(),
        )
        .subquery()
    )
    return _whole().join(ranked, and_(record.c.seq == ranked.c.seq, ranked.c.rank == 1))


def _failed() -> Select[Any]:
    """Build the search for the failures of one key."""
    return (
        _whole()
        .where(
            record.c.run_key == bindparam("run_key"),
            record.c.status.in_(bindparam("statuses", expanding=True)),
            record.c.seq.not_in(bindparam("without", expanding=True)),
            eligible(),
        )
        .order_by(record.c.seq.desc())
        .limit(_MOST_FAILURES)
    )


def _whole() -> Select[Any]:
    """Select what a hit is made of."""
    # As text: a damaged uid must fail its checksum, not its conversion.
    uid = cast(record.c.uid, String).label("uid")
    document = [uid if name == "uid" else record.c[name] for name in DOC_COLUMNS]
    return select(record.c.seq, record.c.who, record.c.stored_at, record.c.doc_sha, *document)


_BEST = _best()
_FAILED = _failed()
