"""The trials of a sweep, one after the other, on a terminal of any width.

Owns: which columns there are, and which go first where there is no room. Imports rich at the top:
only the reading commands import this module.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.text import Text

from sweeper.reporting import figures
from sweeper.reporting.clean import one_line
from sweeper.reporting.columns import GAP, Column, laid_out, narrowed, width_of
from sweeper.reporting.outcomes import TrialView
from sweeper.reporting.summary import Summary
from sweeper.reporting.trial_energy import spent_figure
from sweeper.reporting.utilisation import gpu_use
from sweeper.reporting.worth import broken, worth_of

__all__ = ["TrialTable"]

_ROOM = 24  # columns for the params below which they get lines of their own
_INDENT = 7  # below the state


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
        if width_of(self._columns) + GAP + _ROOM <= options.max_width:
            yield laid_out([*self._columns, Column("params and cause", self._params, right=False)])
            return
        table = laid_out(narrowed(self._columns, options.max_width))
        lines = console.render_lines(table, options.update(no_wrap=True), pad=False)
        for line, params in zip(lines, ("", *self._params), strict=True):
            yield from line
            yield Text()
            if params:
                yield Padding(Text(one_line(params), overflow="fold"), (0, 0, 0, _INDENT))


def _columns(trials: Sequence[TrialView], summary: Summary) -> list[Column]:
    goals = summary.goals
    worths = [worth_of(trial.trainings, goals, summary.factors) for trial in trials]
    values = [
        Column(name, tuple("" if it is None else it.cell(column) for it in worths))
        for column, name in enumerate(goals.names)
    ]
    seeds = tuple("" if it is None else str(it.seeds) for it in worths)
    sources = tuple("" if it.source is None else it.source.value for it in trials)
    times = tuple("" if it.elapsed_s is None else figures.duration(it.elapsed_s) for it in trials)
    return [
        Column("trial", tuple(str(trial.number) for trial in trials)),
        Column("state", tuple(trial.state.value for trial in trials), right=False),
        Column("source", sources, right=False, spare=3),
        *values,
        *([Column("seeds", seeds)] if any(it and it.seeds > 1 for it in worths) else []),
        Column("steps", tuple(figures.count(it.first.steps) for it in trials), spare=2),
        Column("energy", tuple(spent_figure(trial) for trial in trials), spare=1),
        *_gpu_columns(trials),
        Column("time", times, spare=4),
    ]


def _gpu_columns(trials: Sequence[TrialView]) -> list[Column]:
    """Show how busy the GPUs were and the memory that was needed, where anything is known of it."""
    uses = [gpu_use(trial.replicates) for trial in trials]
    busy = tuple("" if it.busy is None else figures.percent(it.busy) for it in uses)
    memory = tuple(
        "" if it.memory_peak_bytes is None else figures.memory(it.memory_peak_bytes) for it in uses
    )
    columns = (Column("GPU busy", busy, spare=5), Column("GPU memory", memory, spare=6))
    return [column for column in columns if any(column.cells)]


def _params(trial: TrialView, summary: Summary) -> str:
    """Write a trial's params, why it did not complete, and what it breaks."""
    params, goals = trial.first.params, summary.goals
    worth = worth_of(trial.trainings, goals, summary.factors)
    why = [] if trial.cause is None else [f"({trial.cause})"]
    if worth is not None and trial.complete:
        why += [f"(breaks {text})" for text in broken(worth, params, goals)]
    return "  ".join([figures.params(params), *why])
