"""Sweeps, one per line: what ``sweeper ls`` says.

Owns: these lines, as JSON and as a table of any width. Imports rich at the top: only the reading
commands import this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from sweeper.model import SweepState, Value
from sweeper.reporting import figures
from sweeper.reporting.clean import jsonable, one_line
from sweeper.reporting.columns import Column, laid_out, narrowed
from sweeper.reporting.physical import Total

__all__ = ["ListedBest", "ListedSweep", "SweepsTable", "sweeps_json"]

_LONGEST_METRIC = 24


@dataclass(frozen=True, slots=True)
class ListedBest:
    """The best feasible trial of a sweep with one objective, and its value."""

    number: int
    value: float


@dataclass(frozen=True, slots=True)
class ListedSweep:
    """One line of ``sweeper ls``.

    Attributes:
        settled: Trials that have ended.
        started_at: Seconds since 1970 UTC.
        ended_at: The same; None: it has not ended.
        elapsed_s: Time with a driver.
        stopped_by: Why it ended; None: it has not, or its driver died.
        method: How the space is searched.
        metrics: The names of the objectives.
        best: None: no trial is complete and feasible, or there are several objectives.
        front: How many trials no other one beats; None: there is one objective.
        spent: What all its attempts and the overhead used.
    """

    handle: str
    uid: UUID
    state: SweepState
    settled: int
    started_at: float
    who: str
    host: str
    ended_at: float | None = None
    elapsed_s: float | None = None
    stopped_by: str | None = None
    method: str | None = None
    metrics: tuple[str, ...] = ()
    best: ListedBest | None = None
    front: int | None = None
    spent: Total = field(default_factory=lambda: Total(None))


def sweeps_json(listings: Sequence[ListedSweep]) -> list[dict[str, Value]]:
    """Return ``sweeper ls --json``."""
    return [
        {
            "sweep": listed.handle,
            "uid": str(listed.uid),
            "state": listed.state.value,
            "settled": listed.settled,
            "started_at": jsonable(listed.started_at),
            "who": listed.who,
            "host": listed.host,
            "ended_at": jsonable(listed.ended_at),
            "elapsed_s": jsonable(listed.elapsed_s),
            "stopped_by": listed.stopped_by,
            "method": listed.method,
            "metrics": list(listed.metrics),
            "best": _best_json(listed.best),
            "front": listed.front,
            "spent_j": listed.spent.energy_j,
            "spent_missing": listed.spent.missing,
        }
        for listed in listings
    ]


def _best_json(best: ListedBest | None) -> Value:
    return None if best is None else {"number": best.number, "value": jsonable(best.value)}


class SweepsTable:
    """Lays out ``sweeper ls``; on a narrow terminal some columns are left out.

    Args:
        listings: In the order in which they are shown.
        now: Seconds since 1970 UTC by the clock that ``started_at`` comes from.
    """

    def __init__(self, listings: Sequence[ListedSweep], *, now: float) -> None:
        self._listings = listings
        self._now = now

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the table as it fits."""
        if not self._listings:
            yield Text("no sweeps")
            return
        columns = [column for column in self._columns() if any(column.cells)]
        yield laid_out(narrowed(columns, options.max_width))

    def _columns(self) -> list[Column]:
        rows = self._listings
        return [
            Column("sweep", tuple(it.handle for it in rows), right=False),
            Column("state", tuple(it.state.value for it in rows), right=False),
            Column("ended by", tuple(it.stopped_by or "" for it in rows), right=False, spare=5),
            Column("method", tuple(it.method or "" for it in rows), right=False, spare=6),
            Column("trials", tuple(figures.count(it.settled) for it in rows)),
            Column("best", tuple(_found(it) for it in rows), right=False, spare=1),
            Column("energy", tuple(_spent(it) for it in rows), spare=2),
            Column("time", tuple(_time(it) for it in rows), spare=4),
            Column("started", tuple(figures.ago(self._now - it.started_at) for it in rows)),
            Column("who", tuple(it.who for it in rows), right=False, spare=3),
            Column("host", tuple(it.host for it in rows), right=False, spare=7),
        ]


def _found(listed: ListedSweep) -> str:
    """Write the best value with its metric, or how many trials are on the front."""
    if listed.front is not None:
        return f"front of {figures.count(listed.front)}"
    if listed.best is None:
        return ""
    name = one_line(listed.metrics[0], _LONGEST_METRIC) if listed.metrics else ""
    return f"{name} {figures.metric(listed.best.value)}".strip()


def _spent(listed: ListedSweep) -> str:
    if listed.spent.energy_j is None:
        return figures.UNKNOWN if listed.spent.missing else ""
    return figures.at_least(figures.energy(listed.spent.energy_j), listed.spent.missing)


def _time(listed: ListedSweep) -> str:
    return "" if listed.elapsed_s is None else figures.duration(listed.elapsed_s)
