"""Reading the ledger: one sweep with its attempts and what its hits avoided."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, inspect, null, select

from sweeper.errors import CacheError
from sweeper.model import SweepHistory, SweepRow, TrialRow
from sweeper.store.rows import sweep_of, trial_of, use_of
from sweeper.store.schema import record, sweep, trial, use

__all__ = ["leader_of", "read_attempts", "read_history"]


def read_history(connection: Connection, uid: UUID) -> SweepHistory:
    """Read everything about a sweep.

    Raises:
        CacheError: If there is no such sweep.
    """
    row = connection.execute(select(sweep).where(sweep.c.uid == uid)).one_or_none()
    if row is None:
        raise CacheError(f"store: there is no sweep {uid}; `sweeper ls --all` lists what there is")
    uses = (
        select(
            use,
            record.c.who.label("producer"),
            record.c.host.label("producer_host"),
            record.c.stored_at,
        )
        .join(record, record.c.uid == use.c.record_uid)
        .where(use.c.sweep_uid == uid)
        .order_by(use.c.trial_no, use.c.replicate)
    )
    return SweepHistory(
        sweep_of(row),
        read_attempts(connection, uid),
        tuple(use_of(found) for found in connection.execute(uses)),
    )


def read_attempts(connection: Connection, uid: UUID) -> tuple[TrialRow, ...]:
    """Read a sweep's attempts in the order in which they were asked."""
    rows = (
        select(*_columns_of_trial(connection))
        .where(trial.c.sweep_uid == uid)
        .order_by(trial.c.asked, trial.c.number, trial.c.replicate, trial.c.attempt)
    )
    return tuple(trial_of(row) for row in connection.execute(rows))


def _columns_of_trial(connection: Connection) -> list[ColumnElement[Any]]:
    """Name the columns; what an older store lacks that nobody has written since is NULL."""
    there = {column["name"] for column in inspect(connection).get_columns(trial.name)}
    return [one if one.name in there else null().label(one.name) for one in trial.c]


def leader_of(connection: Connection, digest: str) -> SweepRow | None:
    """Find the sweep of a digest, anybody's, that told most trials; None: none told any.

    Of equal ones the oldest leads, so that all who follow agree.
    """
    told = func.count(trial.c.told)
    most = (
        select(sweep)
        .join(trial, trial.c.sweep_uid == sweep.c.uid)
        .where(sweep.c.digest == digest)
        .group_by(sweep.c.uid)
        .having(told > 0)
        .order_by(told.desc(), sweep.c.started_at, sweep.c.uid)
        .limit(1)
    )
    row = connection.execute(most).one_or_none()
    return None if row is None else sweep_of(row)
