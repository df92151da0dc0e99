"""What somebody who only looks asks of a sweep that runs: signs of life, and how far trials are.

Owns: these statements. They read a few columns of the attempts in flight, for they are asked again
every other second.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, func, select

from sweeper.errors import CacheError
from sweeper.model import Params, SweepRow, SweepState, TrialState
from sweeper.store.engine import Store
from sweeper.store.process import is_gone
from sweeper.store.rows import sweep_of
from sweeper.store.schema import NOW, sweep, trial
from sweeper.store.shared_writes import OPEN
from sweeper.store.upgrade import columns_of

__all__ = ["InFlight", "Pulse", "newest_running", "pulse"]


@dataclass(frozen=True, slots=True)
class InFlight:
    """An attempt that has not ended, as its driver last wrote it.

    Attributes:
        parked: It waits for somebody else's training.
        steps: The last step that the driver wrote; it does so every few seconds.
        energy_j: Joules up to then; None: unknown.
        running_s: Seconds since it was started, by the store's clock.
    """

    number: int
    replicate: int
    params: Params
    parked: bool
    steps: int
    energy_j: float | None
    running_s: float


@dataclass(frozen=True, slots=True)
class Pulse:
    """How a sweep stands now.

    Attributes:
        silent_s: Seconds since its driver was last heard of, by the store's clock.
        gone: The driver is provably over, as seen from this machine.
        since_start_s: Seconds since the sweep began.
        stopping: It was asked to stop.
        continued: An earlier driver of it has written attempts.
        version: Changes whenever an attempt begins or ends.
    """

    sweep: SweepRow
    silent_s: float
    gone: bool
    since_start_s: float
    stopping: bool
    continued: bool
    version: tuple[int, int, int]
    in_flight: tuple[InFlight, ...]


def pulse(store: Store, uid: UUID) -> Pulse:
    """Look at a sweep.

    Raises:
        CacheError: If there is no such sweep, or the store cannot be read.
    """
    with store.read() as connection:
        columns = columns_of(connection, sweep)
        wanted: Select[Any] = select(*columns, NOW.label("now")).where(sweep.c.uid == uid)
        found = connection.execute(wanted).one_or_none()
        if found is None:
            raise CacheError(f"store: there is no sweep {uid}; `sweeper ls --all` lists all")
        rows, told, ended, foreign = _counts(connection, uid, found.holder)
        in_flight = _in_flight(connection, uid, found.now)
    return Pulse(
        sweep=sweep_of(found),
        silent_s=max(0.0, found.now - found.heartbeat_at),
        gone=is_gone(found.pid, found.proc_id),
        since_start_s=max(0.0, found.now - found.started_at),
        stopping=found.stop_at is not None,
        continued=foreign > 0,
        version=(rows, told, ended),
        in_flight=in_flight,
    )


def _counts(connection: Connection, uid: UUID, holder: UUID) -> tuple[int, int, int, int]:
    mine = trial.c.sweep_uid == uid
    foreign = func.count().filter(trial.c.holder != holder)
    counts = select(
        func.count(), func.count(trial.c.told), func.count(trial.c.ended_at), foreign
    ).where(mine)
    rows, told, ended, others = connection.execute(counts).one()
    return rows, told, ended, others


def _in_flight(connection: Connection, uid: UUID, now: float) -> tuple[InFlight, ...]:
    columns: Select[Any] = (
        select(
            trial.c.number,
            trial.c.replicate,
            trial.c.params,
            trial.c.state,
            trial.c.steps,
            trial.c.energy_j,
            trial.c.started_at,
        )
        .where(trial.c.sweep_uid == uid, trial.c.state.in_(OPEN))
        .order_by(trial.c.number, trial.c.replicate)
    )
    return tuple(_flight(row, now) for row in connection.execute(columns))


def _flight(row: Row[Any], now: float) -> InFlight:
    params: Mapping[str, Any] = json.loads(row.params)
    return InFlight(
        number=row.number,
        replicate=row.replicate,
        params=params,
        parked=row.state == TrialState.PARKED.value,
        steps=row.steps,
        energy_j=row.energy_j,
        running_s=max(0.0, now - row.started_at),
    )


def newest_running(store: Store, who: str) -> UUID | None:
    """Find the newest sweep of a user that runs; None: none does.

    Raises:
        CacheError: When the store cannot be read.
    """
    newest = (
        select(sweep.c.uid)
        .where(sweep.c.who == who, sweep.c.state == SweepState.RUNNING.value)
        .order_by(sweep.c.started_at.desc())
        .limit(1)
    )
    with store.read() as connection:
        found: UUID | None = connection.execute(newest).scalar()
    return found
