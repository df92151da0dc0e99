"""What a search found, in words: the best trial, the front, the nearest miss.

Owns: these lines, none of them wider than a terminal of 80 columns where the names allow it.
Standard library only.
"""

from __future__ import annotations

from collections.abc import Sequence

from sweeper.model import Params
from sweeper.reporting import figures
from sweeper.reporting.clean import one_line
from sweeper.reporting.finds import Find
from sweeper.reporting.summary import Summary

__all__ = ["find_lines"]

_MOST_PARAMS = 8
_MOST_ROWS = 12
_WIDTH = 70  # 80 columns without the titles of the sections
_LONGEST_NAME = 24
_NARROWEST = 10  # params that are cut shorter say nothing


def find_lines(summary: Summary) -> list[str]:
    """Word the best trial or the front; if there is none, why, and what came nearest."""
    finds = summary.finds
    if finds.best is not None:
        return _best(finds.best, summary)
    if finds.front:
        return _front(finds.front, summary)
    if finds.nearest is not None:
        return ["none: no trial met the constraints", *_nearest(finds.nearest, summary)]
    return ["none: no trial completed"]


def _best(best: Find, summary: Summary) -> list[str]:
    """Word the best trial, its params in full and one per line."""
    return [_score(best), *_params(best, summary)]


def _score(it: Find) -> str:
    others = range(1, len(it.worth.names))
    values = [it.worth.written(column) for column in others if it.worth.figure(column)]
    by = "" if it.producer is None else f" ({one_line(it.producer, _LONGEST_NAME)})"
    store = [f"from the store{by}"] if it.from_cache else []
    score = f"trial {it.number}, {it.worth.written()} at step {figures.count(it.worth.step)}"
    return ", ".join([score, *values, *store])


def _params(it: Find, summary: Summary) -> list[str]:
    named = list(figures.dotted(it.params))
    lines = [f"  {name} = {figures.exact(value)}" for name, value in named[:_MOST_PARAMS]]
    hidden = len(named) - len(lines)
    if hidden:
        where = f"sweeper show {one_line(summary.handle)}/{it.number}"
        lines.append(f"  and {figures.count(hidden)} more: {where}")
    return lines


def _nearest(nearest: Find, summary: Summary) -> list[str]:
    broken = "; ".join(one_line(text) for text in nearest.broken)
    return [f"nearest: {_score(nearest)}", f"  breaks {broken}", *_params(nearest, summary)]


def _front(front: Sequence[Find], summary: Summary) -> list[str]:
    """Word the front as a table, the best in the first objective first."""
    metrics = summary.goals.metrics
    descending = metrics[0].direction.better(1.0, 0.0)
    ordered = sorted(front, key=lambda it: it.value, reverse=descending)
    aims = ", ".join(f"{it.direction.value} {one_line(it.name)}" for it in metrics)
    widest = max(_NARROWEST, 48 // len(metrics))
    names = [one_line(it.name, widest) for it in metrics]
    shown = ordered[:_MOST_ROWS]
    rows = [
        [str(it.number), *(it.worth.cell(column) for column in range(len(metrics)))] for it in shown
    ]
    if any(it.worth.seeds > 1 for it in shown):
        names.append("seeds")
        rows = [[*row, str(it.worth.seeds)] for row, it in zip(rows, shown, strict=True)]
    params = [it.params for it in shown]
    lines = [f"{figures.count(len(front), 'trial')} that no other one beats: {aims}"]
    if len(lines[0]) > _WIDTH:
        lines = [lines[0].removesuffix(f" {aims}"), f"  {aims}"]
    lines += _table([["trial", *names], *rows], params)
    hidden = len(front) - len(rows)
    if hidden:
        where = f"sweeper show {one_line(summary.handle)}"
        lines.append(f"  and {figures.count(hidden)} more: {where}")
    return lines


def _table(rows: Sequence[Sequence[str]], params: Sequence[Params]) -> list[str]:
    """Lay out numbers to the right, and as much of the params as fits."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = [
        "  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    room = _WIDTH - 2 - len(lines[0])
    if room < _NARROWEST:
        below = [one_line(f"      {figures.params(it)}", _WIDTH) for it in params]
        pairs = zip(lines[1:], below, strict=True)
        return [lines[0], *(line for pair in pairs for line in pair)]
    last = ["params", *(one_line(figures.params(it), room) for it in params)]
    return [f"{line}  {cell}" for line, cell in zip(lines, last, strict=True)]
