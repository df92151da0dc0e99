"""From a sweep in the store to files for other programs: CSV, JSON, Parquet, Optuna."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from sweeper import __version__
from sweeper.compose.reading import SweepView
from sweeper.config.load import restore
from sweeper.model import SweepState, TrialState, Value
from sweeper.reporting.export_table import ExportTable, export_table
from sweeper.reporting.export_text import csv_text, json_text, moment_text
from sweeper.reporting.outcomes import TrialView, trials_of
from sweeper.reporting.worth import objectives, violations, worth_of

if TYPE_CHECKING:
    from sweeper.search.export import ExportedStudy, ExportedTrial

__all__ = ["ExportFormat", "export_file", "export_text", "exported_study"]


class ExportFormat(Enum):
    """What a sweep is exported as; the values are those of the command line."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"
    OPTUNA = "optuna"


def export_text(seen: SweepView, form: ExportFormat) -> str:
    """Return a sweep as CSV or JSON."""
    if form is ExportFormat.CSV:
        return csv_text(export_table(seen.history, seen.summary))
    return json_text(seen.history, seen.summary)


def export_file(seen: SweepView, form: ExportFormat, file: Path, *, journal: bool = False) -> None:
    """Write a sweep into a file that is not there yet.

    Args:
        seen: The sweep.
        form: Which format.
        file: Where to.
        journal: Of ``OPTUNA``: Optuna's journal instead of its SQLite database.

    Raises:
        SweeperError: If a library that the format needs is not installed.
        OSError: If the file cannot be written.
    """
    match form:
        case ExportFormat.PARQUET:
            from sweeper.reporting.export_parquet import write_parquet

            table = export_table(seen.history, seen.summary)
            write_parquet(table, file, about=_about(seen))
        case ExportFormat.OPTUNA:
            from sweeper.search.export import write_study

            write_study(exported_study(seen), file, journal=journal)
        case _:
            file.write_text(export_text(seen, form), encoding="utf-8", newline="")


def exported_study(seen: SweepView) -> ExportedStudy:
    """Tell a sweep in Optuna's words; the figures are those of ``sweeper show --json``."""
    from sweeper.search.export import ExportedStudy

    history, summary = seen.history, seen.summary
    table = export_table(history, summary)
    trials = trials_of(history)
    rows = zip(trials, table.rows(), range(len(trials)), strict=True)
    return ExportedStudy(
        name=summary.handle,
        space=restore(history.sweep.config).space,
        metrics=summary.goals.metrics,
        trials=[_trial(trial, row, table, place, seen) for trial, row, place in rows],
        running=history.sweep.state is SweepState.RUNNING,
        attrs=_about(seen),
    )


def _about(seen: SweepView) -> dict[str, Value]:
    """Return what a file says about the sweep as a whole."""
    summary, goals = seen.summary, seen.summary.goals
    return {
        "sweep": summary.handle,
        "uid": str(summary.uid),
        "state": summary.state.value,
        "stopped_by": summary.stopped_by,
        "metrics": list(goals.names),
        "judged_metric": goals.names[goals.judged],
        "spent_j": summary.energy.spent_j,
        "overhead_j": summary.energy.overhead_j,
        "energy_source": summary.energy.source,
        "energy_missing": summary.energy.missing,
        "elapsed_s": summary.elapsed_s,
        "who": seen.history.sweep.who,
        "host": seen.history.sweep.host,
        "sweeper_version": __version__,
    }


def _trial(
    trial: TrialView, row: Mapping[str, Value], table: ExportTable, place: int, seen: SweepView
) -> ExportedTrial:
    from sweeper.search.export import ExportedTrial

    goals, factors = seen.summary.goals, seen.summary.factors
    worth = worth_of(trial.trainings, goals, factors)
    judged = goals.names[goals.judged]
    ended = trial.complete and worth is not None
    return ExportedTrial(
        number=trial.number,
        params=trial.first.params,
        state=trial.state if trial.settled else _unsettled(trial.state),
        values=objectives(worth, goals),
        reports={
            point["step"]: value
            for point in table.curves[place]
            if (value := point["metrics"].get(judged)) is not None
        },
        violations=violations(worth, trial.first.params, goals) if ended and worth else {},
        started_at=row["started_at"] or 0.0,
        ended_at=row["ended_at"],
        attrs=_attrs(row, {metric.name for metric in goals.metrics}, complete=trial.complete),
    )


def _unsettled(state: TrialState) -> TrialState:
    """Return how a trial stands that has not ended: one that is to be tried again is lost."""
    return state if not state.settled else TrialState.LOST


def _attrs(row: Mapping[str, Value], objectives: set[str], *, complete: bool) -> dict[str, Value]:
    """Return the cells of a trial's row as user attributes; what Optuna has a place for is not."""
    attrs: dict[str, Value] = {}
    for name, cell in row.items():
        kind, _, metric = name.partition(".")
        if kind == "params" or (kind == "metrics" and complete and metric in objectives):
            continue
        moment = name in ("started_at", "ended_at") and cell is not None
        attrs[name] = moment_text(cell) if moment else cell
    return attrs
