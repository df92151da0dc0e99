"""What a whole store holds and has avoided, for ``sweeper cache status``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, and_, case, func, select

from sweeper.model import RecordStatus, Source, TrialState
from sweeper.store.connection import Store
from sweeper.store.roles import ADMIN, READER, WRITER
from sweeper.store.schema import (
    NOW,
    VerdictKind,
    claim,
    meta,
    record,
    sweep,
    trial,
    use,
    verdict,
)

__all__ = ["Answers", "Joules", "Overview", "overview", "role_of"]


@dataclass(frozen=True, slots=True)
class Joules:
    """A sum and how much of it is known.

    Attributes:
        known_j: The sum of what is known.
        known: How many terms that are.
        terms: How many there are.
        comparable_j: The part from hardware like that of who was answered; for avoided ones.
    """

    known_j: float
    known: int
    terms: int
    comparable_j: float | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """How trials were answered.

    Attributes:
        days: In so many days before now.
        by_source: Trials that were told, by where their outcome came from.
        uncached: Reason and number of trials without a key, most frequent first.
    """

    days: int
    by_source: Mapping[Source, int]
    uncached: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """What a store holds."""

    url: str
    kind: str
    who: str
    role: str | None
    schema: int
    store_uuid: str
    sweeps: int
    records: Mapping[RecordStatus, int]
    tainted: int
    revoked: int
    suspect: int
    live_claims: int
    own_claims: int
    expired_claims: int
    answers: Answers
    consumed: Joules
    avoided: Joules


def overview(store: Store, *, who: str, days: int = 30) -> Overview:
    """Count what the store holds.

    Args:
        store: Open.
        who: Whose claims are one's own.
        days: How far back answers and joules are counted.

    Raises:
        CacheError: When the store cannot be read.
    """
    with store.read() as connection:
        facts = {row.key: row.value for row in connection.execute(select(meta))}
        records, tainted = _records(connection)
        revoked, suspect = _disowned(connection)
        live, own, expired = _claims(connection, who)
        since = float(connection.execute(select(NOW)).scalar_one()) - days * 86400.0
        return Overview(
            url=store.url,
            kind=store.kind,
            who=who,
            role=role_of(connection),
            schema=int(facts["schema_version"]),
            store_uuid=facts["store_uuid"],
            sweeps=connection.execute(select(func.count()).select_from(sweep)).scalar_one(),
            records=records,
            tainted=tainted,
            revoked=revoked,
            suspect=suspect,
            live_claims=live,
            own_claims=own,
            expired_claims=expired,
            answers=Answers(days, _sources(connection, since), _uncached(connection, since)),
            consumed=_consumed(connection, since),
            avoided=_avoided(connection, since),
        )


def role_of(connection: Connection) -> str | None:
    """Return the strongest of the store's roles that this login has; None: none, or a file."""
    if connection.dialect.name != "postgresql":
        return None
    for role in (ADMIN, WRITER, READER):
        there = func.count().filter(func.pg_has_role(func.to_regrole(role), "member"))
        if connection.execute(select(there)).scalar_one():
            return role
    return None


def _records(connection: Connection) -> tuple[dict[RecordStatus, int], int]:
    rows = connection.execute(
        select(record.c.status, func.count(), func.count(record.c.tainted)).group_by(
            record.c.status
        )
    ).all()
    stored = {status: number for status, number, _ in rows}
    found = {status: stored.get(status.value, 0) for status in RecordStatus}
    return found, sum(tainted for *_, tainted in rows)


def _disowned(connection: Connection) -> tuple[int, int]:
    last = select(func.max(verdict.c.id)).group_by(verdict.c.record_uid)
    rows = connection.execute(
        select(verdict.c.verdict, func.count())
        .where(verdict.c.id.in_(last))
        .group_by(verdict.c.verdict)
    ).all()
    said = {kind: number for kind, number in rows}
    return said.get(VerdictKind.REVOKED.value, 0), said.get(VerdictKind.SUSPECT.value, 0)


def _claims(connection: Connection, who: str) -> tuple[int, int, int]:
    live = claim.c.expires_at > NOW
    rows = connection.execute(
        select(
            func.count(case((live, 1))),
            func.count(case((and_(live, claim.c.who == who), 1))),
            func.count(case((~live, 1))),
        )
    ).one()
    return rows[0], rows[1], rows[2]


def _sources(connection: Connection, since: float) -> dict[Source, int]:
    rows = connection.execute(
        select(trial.c.source, func.count())
        .where(trial.c.told.is_not(None), trial.c.started_at >= since)
        .group_by(trial.c.source)
    ).all()
    told = {source: number for source, number in rows}
    return {source: told.get(source.value, 0) for source in Source}


def _uncached(connection: Connection, since: float) -> tuple[tuple[str, int], ...]:
    number = func.count().label("number")
    rows = connection.execute(
        select(trial.c.uncached, number)
        .where(trial.c.uncached.is_not(None), trial.c.started_at >= since)
        .group_by(trial.c.uncached)
        .order_by(number.desc(), trial.c.uncached)
        .limit(10)
    ).all()
    return tuple((why, count) for why, count in rows)


def _consumed(connection: Connection, since: float) -> Joules:
    ended = and_(
        trial.c.source == Source.RUN.value,
        trial.c.started_at >= since,
        trial.c.state.not_in([TrialState.PARKED.value, TrialState.RUNNING.value]),
    )
    row = connection.execute(
        select(
            func.coalesce(func.sum(trial.c.energy_j), 0.0),
            func.count(trial.c.energy_j),
            func.count(),
        ).where(ended)
    ).one()
    beside = connection.execute(
        select(func.coalesce(func.sum(sweep.c.overhead_j), 0.0)).where(sweep.c.started_at >= since)
    ).scalar_one()
    return Joules(float(row[0]) + float(beside), row[1], row[2])


def _avoided(connection: Connection, since: float) -> Joules:
    row = connection.execute(
        select(
            func.coalesce(func.sum(use.c.avoided_j), 0.0),
            func.count(use.c.avoided_j),
            func.count(),
            func.coalesce(func.sum(case((use.c.comparable, use.c.avoided_j))), 0.0),
        ).where(use.c.at >= since, use.c.kind != Source.DUPLICATE.value)
    ).one()
    return Joules(float(row[0]), row[1], row[2], float(row[3]))
