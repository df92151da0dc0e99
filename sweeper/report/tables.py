"""The pages of the reading commands: a list of sweeps, one sweep, one trial.

Owns: their layout. Imports rich at the top: only the reading commands import this module. Every
text becomes a ``Text``, so that nobody's parameter or error message is taken for markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from sweeper.model import Curve, Metric, SweepHistory
from sweeper.report import figures
from sweeper.report.clean import one_line
from sweeper.report.closing import headline, summary_lines
from sweeper.report.documents import ListedSweep, find_trial
from sweeper.report.outcomes import TrialView, trials_of, worth
from sweeper.report.summary import Summary
from sweeper.report.trial_words import file_lines, rest_of_curve, spent_figure, trial_lines

__all__ = ["page_console", "sweep_page", "sweeps_table", "trial_page"]

_CURVE_ROWS = 20
_UNWRAPPED = 100_000  # columns: a file has no right margin


def page_console(stream: TextIO, *, is_terminal: bool) -> Console:
    """Return a console for pages: wrapped on a terminal, neither colour nor wrapping elsewhere.

    Args:
        stream: Where to, normally stdout.
        is_terminal: Whether a person sees it.
    """
    return Console(
        file=stream,
        force_terminal=is_terminal,
        width=None if is_terminal else _UNWRAPPED,
        markup=False,
        emoji=False,
        highlight=False,
    )


def sweeps_table(listings: Iterable[ListedSweep], *, now: float) -> RenderableType:
    """Lay out ``sweeper ls``.

    Args:
        listings: In the order in which they are shown.
        now: Seconds since 1970 UTC by the clock that ``started_at`` comes from.
    """
    rows = [
        (
            listed.handle,
            listed.state.value,
            figures.count(listed.settled),
            figures.ago(now - listed.started_at),
            listed.who,
            listed.host,
        )
        for listed in listings
    ]
    if not rows:
        return Text("no sweeps")
    return _table(["sweep", "state", "trials", "started", "who", "host"], rows, right={"trials"})


def sweep_page(history: SweepHistory, summary: Summary) -> RenderableType:
    """Lay out ``sweeper show SWEEP``: what the end of ``run`` says, and every trial."""
    sweep = history.sweep
    who = f"{one_line(sweep.who)} on {one_line(sweep.host)}"
    head = [
        headline(summary),
        f"run by    {who}, started {figures.moment(sweep.started_at)}, uid {sweep.uid}",
        *summary_lines(summary),
    ]
    trials = trials_of(history)
    if not trials:
        return _lines(head)
    metric = summary.metric
    header = [
        "trial",
        "state",
        "source",
        metric.name,
        "steps",
        "energy",
        "time",
        "params and cause",
    ]
    table = _table(
        header,
        [_trial_cells(trial, metric) for trial in trials],
        right={"trial", metric.name, "steps", "energy", "time"},
    )
    return Group(_lines(head), Text(), table)


def _trial_cells(trial: TrialView, metric: Metric) -> tuple[str, ...]:
    row = trial.outcome
    score = worth(row.curve, row.final, metric)
    why = "" if row.cause is None else f"  ({row.cause})"
    return (
        str(trial.number),
        row.state.value,
        "" if row.source is None else row.source.value,
        "" if score is None else figures.metric(score.value),
        figures.count(row.steps),
        spent_figure(trial),
        "" if row.elapsed_s is None else figures.duration(row.elapsed_s),
        figures.params(row.params) + why,
    )


def trial_page(
    history: SweepHistory,
    number: int,
    summary: Summary,
    folder: str,
    files: Mapping[str, Sequence[str]],
) -> RenderableType:
    """Lay out ``sweeper show SWEEP/TRIAL``.

    Args:
        history: The sweep's.
        number: The trial's.
        summary: Of the sweep.
        folder: Where the trial's files are.
        files: Last lines by name, as ``read_trial_files`` returns them.

    Raises:
        SweeperError: If the sweep has no such trial.
    """
    trial = find_trial(history, number)
    row = trial.outcome
    parts: list[RenderableType] = [_lines(trial_lines(trial, history, summary))]
    if len(trial.attempts) > 1:
        parts += [Text(), _attempts(trial)]
    if row.curve:
        parts += [Text(), _curve(row.curve, summary.metric)]
    if len(row.curve) > _CURVE_ROWS:
        parts.append(Text(rest_of_curve(row.curve, _CURVE_ROWS)))
    parts += [Text(), _lines(file_lines(folder, files))]
    return Group(*parts)


def _attempts(trial: TrialView) -> RenderableType:
    rows = [
        (
            f"{row.id.replicate}.{row.id.attempt}",
            row.state.value,
            "" if row.source is None else row.source.value,
            figures.count(row.steps),
            figures.energy(row.energy_j),
            figures.duration(row.elapsed_s),
            row.cause or "",
        )
        for row in trial.attempts
    ]
    header = ["attempt", "state", "source", "steps", "energy", "time", "cause"]
    return _table(header, rows, right={"attempt", "steps", "energy", "time"})


def _curve(curve: Curve, metric: Metric) -> RenderableType:
    rows = [
        (
            figures.count(point.step),
            figures.metric(point.values[0]),
            figures.energy(point.energy_j),
            figures.duration(point.elapsed_s),
        )
        for point in curve[:_CURVE_ROWS]
    ]
    header = ["step", metric.name, "energy", "time"]
    return _table(header, rows, right=set(header))


def _lines(lines: Sequence[str]) -> Text:
    return Text("\n".join(lines))


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], *, right: set[str]) -> Table:
    """Make a table without frames; its last column takes what is too long for the screen."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for n, name in enumerate(header):
        table.add_column(
            Text(one_line(name)),
            justify="right" if name in right else "left",
            no_wrap=n < len(header) - 1,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    return table
