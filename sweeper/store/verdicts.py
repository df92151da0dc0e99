"""Disowning records and taking that back: one verdict per record, and who had used it.

Facts are never changed: a verdict is one more fact, and the last one counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, insert, literal, select

from sweeper.errors import CacheError
from sweeper.store.answers import last_verdict
from sweeper.store.connection import Store
from sweeper.store.listing import RecordFilter, RecordUse, chosen, uses_of
from sweeper.store.schema import NOW, VerdictKind, record, verdict

__all__ = ["Judged", "matching", "say_verdict"]


@dataclass(frozen=True, slots=True)
class Judged:
    """What a verdict met.

    Attributes:
        changed: Records that it was said about.
        unchanged: Records of which it was the last word already.
        uses: Trials that one of them answered, with the record's uid.
    """

    changed: tuple[UUID, ...]
    unchanged: tuple[UUID, ...]
    uses: tuple[tuple[UUID, RecordUse], ...]


def matching(store: Store, wanted: RecordFilter) -> list[UUID]:
    """Return the uids of the records that are meant, oldest first."""
    with store.read() as connection:
        return list(
            connection.execute(
                select(record.c.uid).where(chosen(wanted)).order_by(record.c.seq)
            ).scalars()
        )


def say_verdict(
    store: Store, wanted: RecordFilter, kind: VerdictKind, *, reason: str, who: str
) -> Judged:
    """Say something about every record that is meant; harmless to repeat.

    Args:
        store: Open.
        wanted: Which.
        kind: REVOKED or RESTORED, say.
        reason: Why, one line.
        who: The user; a server knows better.

    Raises:
        CacheError: If there is no reason, or the store cannot be written.
    """
    if not reason.strip():
        raise CacheError("store: a verdict needs a reason, for those who relied on the record")

    def write(connection: Connection) -> tuple[list[UUID], list[UUID]]:
        rows = connection.execute(
            select(record.c.uid, last_verdict().label("said"))
            .where(chosen(wanted))
            .order_by(record.c.seq)
        ).all()
        changed = [row.uid for row in rows if row.said != kind.value]
        if kind is VerdictKind.RESTORED:  # nothing to take back where nothing was said
            changed = [row.uid for row in rows if row.said in _DISOWNED]
        for uid in changed:
            connection.execute(
                insert(verdict).values(
                    record_uid=uid,
                    verdict=kind.value,
                    reason=" ".join(reason.split()),
                    who=literal(who),
                    at=NOW,
                )
            )
        return changed, [row.uid for row in rows if row.uid not in set(changed)]

    changed, unchanged = store.transact(write)
    return Judged(tuple(changed), tuple(unchanged), tuple(uses_of(store, changed)))


_DISOWNED = (VerdictKind.REVOKED.value, VerdictKind.SUSPECT.value)
