"""Sweeps in a list: which there are, and their attempts as far as a list needs them.

Owns: these statements. Two for any number of sweeps, for a list must be quick in a store that holds
years of them.
"""

from __future__ import annotations

import fnmatch
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    and_,
    case,
    null,
    or_,
    select,
    true,
    type_coerce,
)

from sweeper.model import CUT_SHORT, NOTHING, Source, SweepRow, SweepState, TrialRow, TrialState
from sweeper.store.engine import Store
from sweeper.store.rows import sweep_of, trial_of
from sweeper.store.schema import sweep, trial
from sweeper.store.upgrade import columns_of

__all__ = ["ListedAttempt", "SweepFilter", "SweepListing", "list_sweeps", "read_outlines"]

_T = TypeVar("_T")
_AT_A_TIME = 500  # uids in one statement; databases limit them
_HEAVY = frozenset({"curve", "energy", "decisions"})


@dataclass(frozen=True, slots=True)
class SweepFilter:
    """Which sweeps are listed.

    Attributes:
        who: Whose; None: everybody's.
        states: None: any.
        name: A glob over name and handle; None: any.
        most: At most so many, the newest; None: all.
    """

    who: str | None = None
    states: frozenset[SweepState] | None = None
    name: str | None = None
    most: int | None = None

    def names(self, row: SweepRow) -> bool:
        """Tell whether the glob means a sweep."""
        glob = self.name
        return glob is None or any(fnmatch.fnmatchcase(it, glob) for it in (row.name, row.handle))


class ListedAttempt(NamedTuple):
    """One attempt, as far as a list needs it; states and sources are the store's texts.

    Attributes:
        final: Its values as JSON; None: it has none.
        partly: 1 if its joules are only those of its last report or heartbeat, else 0.
        never: 1 if it never reached a worker, else 0.
    """

    number: int
    replicate: int
    state: str
    told: int | None
    source: str | None
    final: str | None
    energy_j: float | None
    partly: int
    never: int

    @property
    def trained(self) -> bool:
        """Tell whether a worker of its sweep trained it, however it ended."""
        return self.source == Source.RUN.value and not self.never


@dataclass(frozen=True, slots=True)
class SweepListing:
    """One sweep in a list.

    Attributes:
        attempts: All of them, by number, replicate and attempt.
    """

    sweep: SweepRow
    attempts: tuple[ListedAttempt, ...]

    @property
    def settled(self) -> int:
        """Return how many trials were told."""
        return sum(it.told is not None for it in self.attempts)

    @property
    def trained(self) -> int:
        """Return how many told trials this sweep trained, or one of whose replicates it did.

        The replicates of a trial have rows of their own, and only the last of them tells.
        """
        told = {it.number for it in self.attempts if it.told is not None}
        complete = TrialState.COMPLETE.value
        own = {
            it.number
            for it in self.attempts
            if it.source == Source.RUN.value and (it.told is not None or it.state == complete)
        }
        return len(told & own)


def list_sweeps(store: Store, wanted: SweepFilter) -> list[SweepListing]:
    """List sweeps, newest first.

    Raises:
        CacheError: When the store cannot be read.
    """
    chosen = _condition(wanted)
    newest = sweep.c.started_at.desc(), sweep.c.uid
    with store.read() as connection:
        listed = select(*columns_of(connection, sweep)).where(chosen).order_by(*newest)
        if wanted.name is None:
            listed = listed.limit(wanted.most)
        rows = [sweep_of(row) for row in connection.execute(listed)]
        rows = [row for row in rows if wanted.names(row)][: wanted.most]
        attempts = _attempts(connection, rows, chosen)
    return [SweepListing(row, tuple(attempts.get(row.uid.hex, ()))) for row in rows]


def _condition(wanted: SweepFilter) -> ColumnElement[bool]:
    parts: list[ColumnElement[bool]] = [true()]
    if wanted.who is not None:
        parts.append(sweep.c.who == wanted.who)
    if wanted.states is not None:
        parts.append(sweep.c.state.in_([state.value for state in wanted.states]))
    return and_(*parts)


def _attempts(
    connection: Connection, rows: Sequence[SweepRow], chosen: ColumnElement[bool]
) -> Mapping[str, list[ListedAttempt]]:
    """Read the attempts of some sweeps, by the hex digits of their uids."""
    cut_short = trial.c.energy.like(f'%"{CUT_SHORT}"%')
    unclosed = and_(trial.c.energy.is_(None), trial.c.state == TrialState.LOST.value)
    columns: Select[Any] = select(
        # A UUID of each row would take longer than all the rest.
        type_coerce(trial.c.sweep_uid, String()).label("sweep_uid")
        if connection.dialect.name == "sqlite"
        else trial.c.sweep_uid,
        trial.c.number,
        trial.c.replicate,
        trial.c.state,
        trial.c.told,
        trial.c.source,
        trial.c.final,
        trial.c.energy_j,
        case((or_(unclosed, cut_short), 1), else_=0),
        case((trial.c.energy.like(f'%"source":"{NOTHING.source}","scope"%'), 1), else_=0),
    ).order_by(trial.c.sweep_uid, trial.c.number, trial.c.replicate, trial.c.attempt)
    if len(rows) <= _AT_A_TIME:
        columns = columns.where(trial.c.sweep_uid.in_([row.uid for row in rows]))
    else:
        columns = columns.join(sweep, sweep.c.uid == trial.c.sweep_uid).where(chosen)
    found: defaultdict[str, list[ListedAttempt]] = defaultdict(list)
    for uid, *cells in connection.execute(columns):
        found[uid.hex if isinstance(uid, UUID) else uid].append(ListedAttempt(*cells))
    return found


def read_outlines(store: Store, uids: Collection[UUID]) -> Mapping[UUID, tuple[TrialRow, ...]]:
    """Read the attempts of some sweeps without their curves, decisions and energy accounts.

    Raises:
        CacheError: When the store cannot be read.
    """
    found: defaultdict[UUID, list[TrialRow]] = defaultdict(list)
    with store.read() as connection:
        columns = [
            null().label(one.name) if one.name in _HEAVY else one
            for one in columns_of(connection, trial)
        ]
        for part in _parts(list(uids)):
            rows = (
                select(*columns)
                .where(trial.c.sweep_uid.in_(part))
                .order_by(trial.c.asked, trial.c.number, trial.c.replicate, trial.c.attempt)
            )
            for row in connection.execute(rows):
                found[row.sweep_uid].append(trial_of(row))
    return {uid: tuple(rows) for uid, rows in found.items()}


def _parts(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    return (items[start : start + _AT_A_TIME] for start in range(0, len(items), _AT_A_TIME))
