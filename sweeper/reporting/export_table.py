"""A sweep's trials as rows and columns, for spreadsheets and data frames.

Owns: which columns there are, of which kind, and that their numbers are those of
``sweeper show --json``. Standard library only.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from sweeper.model import Params, SweepHistory, TrialRow, Value, weakest
from sweeper.reporting.clean import jsonable
from sweeper.reporting.documents import course_json, trial_facts
from sweeper.reporting.outcomes import TrialView, trials_of
from sweeper.reporting.physical import physical
from sweeper.reporting.summary import Summary

__all__ = ["Column", "ColumnKind", "ExportTable", "export_table", "flat_params"]

_LARGEST_WHOLE = 2**63  # what a column of whole numbers holds
_YEAR_10000_S = 253_402_300_800.0
_LARGEST_EXACT = 2**53  # what a float still tells from its neighbours


class ColumnKind(Enum):
    """What the cells of a column are; every cell may also be unknown."""

    WHOLE = "whole"
    REAL = "real"
    TRUTH = "truth"
    TEXT = "text"
    MOMENT = "moment"  # seconds since 1970 UTC
    JSON = "json"  # lists, mappings, null, or values of several kinds: their JSON text


@dataclass(frozen=True, slots=True)
class Column:
    """One column; a cell that is None is unknown, or is not there in this trial.

    Attributes:
        cells: One per trial, of the kind; of ``JSON`` its text.
    """

    name: str
    kind: ColumnKind
    cells: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class ExportTable:
    """All trials of a sweep.

    Attributes:
        columns: All of the same length.
        curves: Of each trial, its points as ``sweeper show SWEEP/TRIAL --json`` has them.
        metrics: The names that a point may have a value for.
    """

    columns: tuple[Column, ...]
    curves: tuple[Sequence[Mapping[str, Value]], ...]
    metrics: tuple[str, ...]

    def rows(self) -> Iterator[dict[str, Value]]:
        """Yield each trial's cells by column."""
        for place in range(len(self.curves)):
            yield {column.name: column.cells[place] for column in self.columns}


def export_table(history: SweepHistory, summary: Summary) -> ExportTable:
    """Lay a sweep's trials out as rows, by number."""
    trials = trials_of(history)
    facts = [trial_facts(trial, history, summary) for trial in trials]
    names = summary.goals.names
    own = [_own_cells(trial, fact) for trial, fact in zip(trials, facts, strict=True)]
    several = any("replicates" in fact for fact in facts)
    columns = [
        *(_column(name, own) for name in ("number", "state", "source", "from_cache")),
        *_param_columns([trial.first.params for trial in trials]),
        *_metric_columns("metrics", names, facts),
        *(_metric_columns("spread", names, facts) if several else ()),
        *([_column("replicates", own)] if several else []),
        *([_column("broken", own)] if summary.goals.constraints else []),
        *(_column(name, own) for name in _KINDS if name not in _PLACED),
    ]
    curves = tuple(course_json(trial.first, summary)["curve"] for trial in trials)
    return ExportTable(tuple(columns), curves, names)


_KINDS: Mapping[str, ColumnKind] = {
    "number": ColumnKind.WHOLE,
    "state": ColumnKind.TEXT,
    "source": ColumnKind.TEXT,
    "from_cache": ColumnKind.TRUTH,
    "replicates": ColumnKind.WHOLE,
    "broken": ColumnKind.JSON,
    "steps": ColumnKind.WHOLE,
    "energy_j": ColumnKind.REAL,
    "spent_j": ColumnKind.REAL,
    "elapsed_s": ColumnKind.REAL,
    "energy_source": ColumnKind.TEXT,
    "gpu_utilisation": ColumnKind.REAL,
    "gpu_memory_peak_bytes": ColumnKind.WHOLE,
    "cause": ColumnKind.TEXT,
    "uncached": ColumnKind.TEXT,
    "attempts": ColumnKind.WHOLE,
    "node": ColumnKind.TEXT,
    "gpus": ColumnKind.JSON,
    "record": ColumnKind.TEXT,
    "producer": ColumnKind.TEXT,
    "producer_host": ColumnKind.TEXT,
    "producer_trial": ColumnKind.TEXT,
    "avoided_j": ColumnKind.REAL,
    "started_at": ColumnKind.MOMENT,
    "ended_at": ColumnKind.MOMENT,
}
_PLACED = frozenset({"number", "state", "source", "from_cache", "replicates", "broken"})


def _own_cells(trial: TrialView, fact: Mapping[str, Value]) -> dict[str, Value]:
    """Return what a trial has whatever its params and metrics are."""
    row, producer = trial.first, fact["producer"] or {}
    return {
        **{name: fact.get(name) for name in _KINDS},
        "energy_source": _source(trial.replicates),
        "attempts": len(trial.attempts),
        "node": row.node,
        "gpus": list(row.gpus) or None,
        "record": None if row.record_uid is None else str(row.record_uid),
        "producer": producer.get("who"),
        "producer_host": producer.get("host"),
        "producer_trial": producer.get("trial"),
        "avoided_j": producer.get("avoided_j"),
        "started_at": _moment(min(it.started_at for it in trial.attempts)),
        "ended_at": _ended_at(trial),
    }


def _source(rows: Sequence[TrialRow]) -> str | None:
    return weakest(row.energy.source for row in rows if row.energy is not None)


def _moment(at: float | None) -> float | None:
    """Return a time that a calendar has; None: unknown."""
    known = physical(at)
    return known if known is not None and known < _YEAR_10000_S else None


def _ended_at(trial: TrialView) -> float | None:
    """Return when the last attempt ended; None: one is still going on."""
    ends = [_moment(row.ended_at) for row in trial.replicates]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None


def _column(name: str, cells: Sequence[Mapping[str, Value]]) -> Column:
    kind = _KINDS[name]
    found = tuple(cell[name] for cell in cells)
    return Column(name, kind, _as_text(found) if kind is ColumnKind.JSON else found)


def _metric_columns(
    key: str, names: Sequence[str], facts: Sequence[Mapping[str, Value]]
) -> list[Column]:
    """Make the columns of the metrics, or of their spread over the replicates."""
    return [
        Column(
            f"{key}.{name}",
            ColumnKind.REAL,
            tuple(_real(fact.get(key, {}).get(name)) for fact in facts),
        )
        for name in names
    ]


def _real(value: Value) -> float | None:
    known = jsonable(value)
    return None if known is None else float(known)


def _param_columns(points: Sequence[Params]) -> list[Column]:
    """Make the columns of the params, in the order in which trials have them."""
    flat = flat_params(points)
    names = sorted({name for point in flat for name in point})
    return [_param_column(name, flat) for name in names]


def flat_params(points: Sequence[Params]) -> list[dict[str, Value]]:
    """Give each param of each point a name: its dotted path.

    Where two paths read alike (``a.b`` and ``b`` below ``a``) all such are written with slashes.
    """
    by_path = [dict(_paths(point, ())) for point in points]
    paths = {path for point in by_path for path in point}
    readings = Counter(".".join(path) for path in paths)
    names = {path: ("." if readings[".".join(path)] == 1 else "/").join(path) for path in paths}
    return [{names[path]: value for path, value in point.items()} for point in by_path]


def _paths(values: Params, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Value]]:
    for name, value in values.items():
        path = (*above, str(name))
        if isinstance(value, Mapping) and value:
            yield from _paths(value, path)
        else:
            yield path, value


def _param_column(name: str, points: Sequence[Mapping[str, Value]]) -> Column:
    kind = _kind_of([point[name] for point in points if name in point])
    cells: list[Value] = []
    for point in points:
        value = jsonable(point.get(name))
        if name in point and kind is ColumnKind.JSON:
            value = _json(value)
        elif name in point and kind is ColumnKind.REAL:
            value = float(value)
        cells.append(value)
    return Column(f"params.{name}", kind, tuple(cells))


def _kind_of(values: Sequence[Value]) -> ColumnKind:
    """Say what the values of a param have in common."""
    if all(isinstance(value, bool) for value in values):
        return ColumnKind.TRUTH
    if all(isinstance(value, str) for value in values):
        return ColumnKind.TEXT
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
        return ColumnKind.JSON
    if any(value != value or abs(value) == float("inf") for value in values):
        return ColumnKind.JSON
    whole = [value for value in values if isinstance(value, int)]
    if len(whole) == len(values):
        held = all(-_LARGEST_WHOLE <= value < _LARGEST_WHOLE for value in whole)
        return ColumnKind.WHOLE if held else ColumnKind.JSON
    exact = all(abs(value) <= _LARGEST_EXACT for value in whole)
    return ColumnKind.REAL if exact else ColumnKind.JSON


def _as_text(values: Sequence[Value]) -> tuple[str | None, ...]:
    return tuple(None if value is None else _json(value) for value in values)


def _json(value: Value) -> str:
    return json.dumps(jsonable(value), ensure_ascii=False, allow_nan=False)
