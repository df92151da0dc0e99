"""Clearing up in the tables: leases that are over, and records that were disowned long ago.

Removes what nobody can need any more; a dry run says what that is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, delete, func, select, update

from sweeper.store.answers import last_verdict
from sweeper.store.connection import Store
from sweeper.store.schema import NOW, VerdictKind, claim, record, trial, use, verdict

__all__ = ["Collected", "collect"]

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Collected:
    """What was removed, or would be.

    Attributes:
        claims: Leases that are over.
        records: Revoked records.
        unlinked: Trials of the ledger that keep their figures but name their record no more.
        uses: Notes of what those records avoided, which go with them.
    """

    claims: int
    records: int
    unlinked: int
    uses: int


def collect(store: Store, *, revoked_older_s: float | None = None, dry_run: bool) -> Collected:
    """Remove expired claims and, where that is wanted, revoked records.

    A ledger row that a revoked record had answered keeps its curve and joules; only its reference
    goes, and with it the note of what was avoided, which rested on that record.

    Args:
        store: Open; removing records needs its owner, or on a server sweeper_admin.
        revoked_older_s: Revoked records whose verdict is older; None: records stay.
        dry_run: Count only.

    Raises:
        CacheError: If this login may not, or the store cannot be written.
    """
    over = claim.c.expires_at <= NOW

    def look(connection: Connection) -> Collected:
        uids = [] if revoked_older_s is None else _revoked(connection, revoked_older_s)
        claims = connection.execute(select(func.count()).select_from(claim).where(over))
        return Collected(claims.scalar_one(), len(uids), *_counted(connection, uids))

    if dry_run:
        with store.read() as connection:
            return look(connection)

    def remove(connection: Connection) -> Collected:
        found = look(connection)
        connection.execute(delete(claim).where(over))
        uids = [] if revoked_older_s is None else _revoked(connection, revoked_older_s)
        for part in _parts(uids):
            connection.execute(delete(use).where(use.c.record_uid.in_(part)))
            connection.execute(
                update(trial).where(trial.c.record_uid.in_(part)).values(record_uid=None)
            )
            connection.execute(delete(verdict).where(verdict.c.record_uid.in_(part)))
            connection.execute(delete(record).where(record.c.uid.in_(part)))
        return found

    return store.transact(remove)


def _revoked(connection: Connection, older_s: float) -> list[UUID]:
    last = last_verdict(verdict.c.id)
    rows = (
        select(record.c.uid)
        .join(verdict, verdict.c.id == last)
        .where(
            verdict.c.verdict == VerdictKind.REVOKED.value,
            verdict.c.at <= NOW - float(older_s),
        )
        .order_by(record.c.seq)
    )
    return list(connection.execute(rows).scalars())


def _counted(connection: Connection, uids: Sequence[UUID]) -> tuple[int, int]:
    linked = uses = 0
    for part in _parts(uids):
        trials = select(func.count()).select_from(trial).where(trial.c.record_uid.in_(part))
        noted = select(func.count()).select_from(use).where(use.c.record_uid.in_(part))
        linked += connection.execute(trials).scalar_one()
        uses += connection.execute(noted).scalar_one()
    return linked, uses


def _parts(uids: Sequence[UUID]) -> list[Sequence[UUID]]:
    return [uids[start : start + _BATCH] for start in range(0, len(uids), _BATCH)]
