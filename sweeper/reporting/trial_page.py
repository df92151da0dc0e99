"""The page of one trial: how it stands, what was tried, its curve, what early stopping decided.

Owns: its layout. Imports rich at the top: only the reading commands import this module.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from sweeper.model import Curve, Decision, SweepHistory
from sweeper.reporting import figures
from sweeper.reporting.documents import find_trial
from sweeper.reporting.grid import table_of, text_of
from sweeper.reporting.outcomes import TrialView
from sweeper.reporting.summary import Summary
from sweeper.reporting.trial_energy import region_rows
from sweeper.reporting.trial_files import TrialFolder
from sweeper.reporting.trial_words import file_lines, rest_of_curve, trial_lines
from sweeper.reporting.worth import worth_of

__all__ = ["trial_page"]

_CURVE_ROWS = 20


def trial_page(
    history: SweepHistory,
    number: int,
    summary: Summary,
    folders: Sequence[TrialFolder],
    *,
    more: Sequence[str] = (),
) -> RenderableType:
    """Lay out ``sweeper show SWEEP/TRIAL``.

    Args:
        history: The sweep's.
        number: The trial's.
        summary: Of the sweep.
        folders: Of its replicates, in their order; at least one.
        more: Further lines about the trial.

    Raises:
        SweeperError: If the sweep has no such trial.
    """
    trial = find_trial(history, number)
    row = trial.first
    parts: list[RenderableType] = [text_of([*trial_lines(trial, history, summary), *more])]
    if len(trial.attempts) > 1:
        parts += [Text(), _attempts(trial, summary)]
    if row.curve:
        parts += [Text(), _curve(row.curve, summary)]
    if len(row.curve) > _CURVE_ROWS:
        parts.append(Text(rest_of_curve(row.curve, _CURVE_ROWS, summary.goals)))
    regions = region_rows([it.energy for it in trial.replicates if it.energy is not None])
    if regions:
        header = ["region", "energy", "time", "passages"]
        parts += [Text(), table_of(header, regions, right={1, 2, 3})]
    if row.decisions:
        parts += [Text(), _decisions(row.decisions)]
    parts += [Text(), text_of(file_lines(folders))]
    return Group(*parts)


def _attempts(trial: TrialView, summary: Summary) -> RenderableType:
    goals, factors = summary.goals, summary.factors
    worths = [worth_of([row], goals, factors) for row in trial.attempts]
    rows = [
        (
            f"{row.id.replicate}.{row.id.attempt}",
            row.state.value,
            "" if row.source is None else row.source.value,
            figures.count(row.steps),
            "" if worth is None else worth.figure(),
            figures.energy(row.energy_j),
            figures.duration(row.elapsed_s),
            row.cause or "",
        )
        for row, worth in zip(trial.attempts, worths, strict=True)
    ]
    name = goals.first.name
    header = ["attempt", "state", "source", "steps", name, "energy", "time", "cause"]
    return table_of(header, rows, right={0, 3, 4, 5, 6})


def _curve(curve: Curve, summary: Summary) -> RenderableType:
    """Lay out the first points with all their metrics."""
    goals, factors = summary.goals, summary.factors
    rows = []
    for point in curve[:_CURVE_ROWS]:
        values = [goals.value_at(point, column, factors) for column in range(len(goals.names))]
        rows.append(
            (
                figures.count(point.step),
                *("" if value is None else figures.metric(value) for value in values),
                figures.energy(point.energy_j),
                figures.duration(point.elapsed_s),
            )
        )
    header = ["step", *goals.names, "energy", "time"]
    return table_of(header, rows, right=set(range(len(header))))


def _decisions(decisions: Sequence[Decision]) -> RenderableType:
    """Lay out everything that early stopping decided, the reasons in numbers."""
    rows = [
        (
            figures.count(it.step),
            it.verdict.rule,
            "" if it.verdict.rung is None else figures.count(it.verdict.rung),
            "" if it.verdict.value is None else figures.metric(it.verdict.value),
            "" if it.verdict.threshold is None else figures.metric(it.verdict.threshold),
            "prune" if it.verdict.prune else "go on",
        )
        for it in decisions
    ]
    header = ["step", "rule", "rung", "value", "threshold", "early stopping"]
    return table_of(header, rows, right={0, 2, 3, 4})
