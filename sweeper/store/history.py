"""Reading the ledger: one sweep with its attempts and what its hits avoided."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import Connection, func, select

from sweeper.errors import CacheError
from sweeper.model import NOTHING, UNAVAILABLE, Energy, SweepHistory, SweepRow, TrialRow
from sweeper.store.rows import sweep_of, trial_of, use_of
from sweeper.store.schema import record, sweep, trial, use
from sweeper.store.upgrade import columns_of

__all__ = ["leader_of", "overhead_before", "read_attempts", "read_history"]


def read_history(connection: Connection, uid: UUID) -> SweepHistory:
    """Read everything about a sweep.

    Raises:
        CacheError: If there is no such sweep.
    """
    wanted = select(*columns_of(connection, sweep)).where(sweep.c.uid == uid)
    row = connection.execute(wanted).one_or_none()
    if row is None:
        raise CacheError(f"store: there is no sweep {uid}; `sweeper ls --all` lists what there is")
    uses = (
        select(
            use,
            record.c.who.label("producer"),
            record.c.host.label("producer_host"),
            record.c.stored_at,
            record.c.hw,
            record.c.prov,
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
        select(*columns_of(connection, trial))
        .where(trial.c.sweep_uid == uid)
        .order_by(trial.c.asked, trial.c.number, trial.c.replicate, trial.c.attempt)
    )
    return tuple(trial_of(row) for row in connection.execute(rows))


def overhead_before(row: SweepRow, own: Iterable[TrialRow]) -> Energy:
    """Return what the workers of a sweep that goes on had used outside attempts.

    Args:
        row: The sweep, as its last driver left it.
        own: Its attempts.

    Returns:
        The account; an older store has only its joules, from a source that nobody wrote down.
    """
    if row.overhead is not None:
        return row.overhead
    if not row.overhead_j and not any(attempt.trained for attempt in own):
        return NOTHING  # no worker was started
    if row.overhead_j is None:
        return UNAVAILABLE
    return Energy(row.overhead_j, source="unknown", scope="none", attribution="none")


def leader_of(connection: Connection, digest: str) -> SweepRow | None:
    """Find the sweep of a digest, anybody's, that told most trials; None: none told any.

    Of equal ones the oldest leads, so that all who follow agree.
    """
    told = func.count(trial.c.told)
    most = (
        select(*columns_of(connection, sweep))
        .select_from(sweep)
        .join(trial, trial.c.sweep_uid == sweep.c.uid)
        .where(sweep.c.digest == digest)
        .group_by(sweep.c.uid)
        .having(told > 0)
        .order_by(told.desc(), sweep.c.started_at, sweep.c.uid)
        .limit(1)
    )
    row = connection.execute(most).one_or_none()
    return None if row is None else sweep_of(row)
