"""The trials of a sweep, one after the other, on a terminal of any width.

Owns: which columns there are, and which go first where there is no room. Imports rich at the top:
only the reading commands import this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sweeper.reporting import figures
from sweeper.reporting.clean import one_line
from sweeper.reporting.grid import table_of
from sweeper.reporting.outcomes import TrialView
from sweeper.reporting.summary import Summary
from sweeper.reporting.trial_energy import spent_figure
from sweeper.reporting.utilisation import gpu_use
from sweeper.reporting.worth import broken, worth_of

__all__ = ["TrialTable"]

_ROOM = 24  # columns for the params below which they get lines of their own
_GAP = 2
_INDENT = 7  # below the state


@dataclass(frozen=True, slots=True)
class _Column:
    """One column, its cells in the order of the trials.

    Attributes:
        spare: Where room is scarce the column with the highest goes first; 0: it stays.
    """

    name: str
    cells: tuple[str, ...]
    right: bool = True
    spare: int = 0

    @property
    def width(self) -> int:
        """Return how many columns of the terminal it takes."""
        return max(cell_len(one_line(cell)) for cell in (self.name, *self.cells))


class TrialTable:
    """Lays out a line per trial; on a narrow terminal its params stand below it.

    Args:
        trials: By number; at least one.
        summary: Of the sweep.
    """

    def __init__(self, trials: Sequence[TrialView], summary: Summary) -> None:
        self._columns = _columns(trials, summary)
        self._params = tuple(_params(trial, summary) for trial in trials)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the table as it fits."""
        if _width(self._columns) + _GAP + _ROOM <= options.max_width:
            yield _table([*self._columns, _Column("params and cause", self._params, right=False)])
            return
        table = _table(_narrowed(self._columns, options.max_width))
        lines = console.render_lines(table, options.update(no_wrap=True), pad=False)
        for line, params in zip(lines, ("", *self._params), strict=True):
            yield from line
            yield Text()
            if params:
                yield Padding(Text(one_line(params), overflow="fold"), (0, 0, 0, _INDENT))


def _columns(trials: Sequence[TrialView], summary: Summary) -> list[_Column]:
    goals = summary.goals
    worths = [worth_of(trial.trainings, goals, summary.factors) for trial in trials]
    values = [
        _Column(name, tuple("" if it is None else it.cell(column) for it in worths))
        for column, name in enumerate(goals.names)
    ]
    seeds = tuple("" if it is None else str(it.seeds) for it in worths)
    sources = tuple("" if it.source is None else it.source.value for it in trials)
    times = tuple("" if it.elapsed_s is None else figures.duration(it.elapsed_s) for it in trials)
    return [
        _Column("trial", tuple(str(trial.number) for trial in trials)),
        _Column("state", tuple(trial.state.value for trial in trials), right=False),
        _Column("source", sources, right=False, spare=3),
        *values,
        *([_Column("seeds", seeds)] if any(it and it.seeds > 1 for it in worths) else []),
        _Column("steps", tuple(figures.count(it.first.steps) for it in trials), spare=2),
        _Column("energy", tuple(spent_figure(trial) for trial in trials), spare=1),
        *_gpu_columns(trials),
        _Column("time", times, spare=4),
    ]


def _gpu_columns(trials: Sequence[TrialView]) -> list[_Column]:
    """Show how busy the GPUs were and the memory that was needed, where anything is known of it."""
    uses = [gpu_use(trial.replicates) for trial in trials]
    busy = tuple("" if it.busy is None else figures.percent(it.busy) for it in uses)
    memory = tuple(
        "" if it.memory_peak_bytes is None else figures.memory(it.memory_peak_bytes) for it in uses
    )
    columns = (_Column("GPU busy", busy, spare=5), _Column("GPU memory", memory, spare=6))
    return [column for column in columns if any(column.cells)]


def _params(trial: TrialView, summary: Summary) -> str:
    """Write a trial's params, why it did not complete, and what it breaks."""
    params, goals = trial.first.params, summary.goals
    worth = worth_of(trial.trainings, goals, summary.factors)
    why = [] if trial.cause is None else [f"({trial.cause})"]
    if worth is not None and trial.complete:
        why += [f"(breaks {text})" for text in broken(worth, params, goals)]
    return "  ".join([figures.params(params), *why])


def _narrowed(columns: Sequence[_Column], width: int) -> list[_Column]:
    """Leave out spare columns until the others fit."""
    kept = list(columns)
    for column in sorted(columns, key=lambda it: it.spare, reverse=True):
        if column.spare and _width(kept) > width:
            kept.remove(column)
    return kept


def _width(columns: Sequence[_Column]) -> int:
    return sum(column.width + _GAP for column in columns)


def _table(columns: Sequence[_Column]) -> Table:
    right = [place for place, column in enumerate(columns) if column.right]
    rows = zip(*(column.cells for column in columns), strict=True)
    return table_of([column.name for column in columns], rows, right=right)
