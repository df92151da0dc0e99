"""One sweep, one set of numbers: whatever a figure is read from, it is the same figure.

A reader of an exact format gives back every figure; a reader of a page for people gives back a text
in which each figure must stand as ``figures`` writes it. Further formats are added to ``EXACT`` and
``WRITTEN``.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from sweeper.compose.exporting import ExportFormat, export_file, export_text
from sweeper.compose.reading import SweepView
from sweeper.model import Goals, SweepHistory
from sweeper.reporting import figures
from sweeper.reporting.documents import sweep_json
from sweeper.reporting.tables import page_console, sweep_page
from tests.reporting.random_ledgers import ledgers
from tests.reporting.samples import FRONT, GOALS, constrained, summary_of

ALL_GOALS = {
    "one": GOALS,
    "two": FRONT,
    "constrained": constrained("cost <= 1", names=["cost"]),
}


# What of a trial is a figure, under its names in JSON and in a row.
FIGURES = ("energy_j", "spent_j", "elapsed_s", "steps", "gpu_utilisation")


def of_json(document: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    """Return the figures of each trial, what is unknown left out."""
    return {
        trial["number"]: {
            **{name: trial[name] for name in FIGURES if trial[name] is not None},
            **{f"metrics.{name}": value for name, value in trial["metrics"].items()},
        }
        for trial in document["trial_list"]
    }


def from_csv(seen: SweepView, _folder: Path) -> dict[int, dict[str, Any]]:
    """Read the figures back from CSV."""
    rows = csv.DictReader(io.StringIO(export_text(seen, ExportFormat.CSV), newline=""))
    return {
        int(row["number"]): {
            name: float(cell)
            for name, cell in row.items()
            if cell and (name in FIGURES or name.startswith("metrics."))
        }
        for row in rows
    }


def from_parquet(seen: SweepView, folder: Path) -> dict[int, dict[str, Any]]:
    """Read the figures back from Parquet."""
    export_file(seen, ExportFormat.PARQUET, folder / "a.parquet")
    rows = parquet.read_table(folder / "a.parquet").to_pylist()
    return {row["number"]: _figures(row) for row in rows}


def from_optuna(seen: SweepView, folder: Path) -> dict[int, dict[str, Any]]:
    """Read the figures back from a study: values where Optuna has a place, else attributes."""
    export_file(seen, ExportFormat.OPTUNA, folder / "a.db")
    storage = optuna.storages.RDBStorage(f"sqlite:///{folder}/a.db")
    try:
        study = optuna.load_study(study_name=seen.summary.handle, storage=storage)
        names = [f"metrics.{metric.name}" for metric in seen.summary.goals.metrics]
        return {
            trial.number: {
                **_figures(trial.user_attrs),
                **dict(zip(names, trial.values or (), strict=False)),
            }
            for trial in study.trials
        }
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _figures(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: cell
        for name, cell in row.items()
        if cell is not None and (name in FIGURES or name.startswith("metrics."))
    }


EXACT: Mapping[str, Callable[[SweepView, Path], dict[int, dict[str, Any]]]] = {
    "csv": from_csv,
    "parquet": from_parquet,
    "optuna": from_optuna,
}


@pytest.mark.parametrize("goals", ALL_GOALS.values(), ids=ALL_GOALS)
@pytest.mark.parametrize("form", EXACT)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_an_export_has_the_numbers_of_show(form: str, goals: Goals, data: st.DataObject) -> None:
    """Every figure of every trial is, bit by bit, that of ``show --json``, the unknown too."""
    history = data.draw(ledgers(goals))
    seen = SweepView(history, summary_of(history, goals=goals))
    with tempfile.TemporaryDirectory() as folder:
        found = EXACT[form](seen, Path(folder))
    assert found == of_json(sweep_json(history, seen.summary))


@settings(max_examples=30, deadline=None)
@given(history=ledgers(FRONT))
def test_the_json_is_that_of_show_with_curves(history: SweepHistory) -> None:
    """Taking curves and decisions away gives ``show --json`` to the letter."""
    seen = SweepView(history, summary_of(history, goals=FRONT))
    document = json.loads(export_text(seen, ExportFormat.JSON))
    for trial in document["trial_list"]:
        assert {trial.pop("curve") is None, trial.pop("decisions") is None} == {False}
    assert document == json.loads(json.dumps(sweep_json(history, seen.summary)))


@settings(max_examples=20, deadline=None)
@given(history=ledgers(FRONT))
def test_parquet_has_every_point_of_every_curve(history: SweepHistory) -> None:
    """The nested list has the points of ``show SWEEP/TRIAL --json``; times are times."""
    seen = SweepView(history, summary_of(history, goals=FRONT))
    document = sweep_json(history, seen.summary, curves=True)
    with tempfile.TemporaryDirectory() as folder:
        export_file(seen, ExportFormat.PARQUET, Path(folder, "a.parquet"))
        rows = parquet.read_table(Path(folder, "a.parquet")).to_pylist()
    names = dict.fromkeys(FRONT.names)
    for row, trial in zip(rows, document["trial_list"], strict=True):
        points = [{**it, "metrics": {**names, **it["metrics"]}} for it in trial["curve"]]
        assert row["curve"] == points
        assert isinstance(row["started_at"], datetime)


def terminal(seen: SweepView) -> str:
    """Print the page of a sweep as a file gets it."""
    stream = io.StringIO()
    page_console(stream, is_terminal=False).print(sweep_page(seen.history, seen.summary))
    return stream.getvalue()


# A reader of a page for people: the lines of each trial, by number.
WRITTEN: Mapping[str, Callable[[SweepView], str]] = {"terminal": terminal}


@pytest.mark.parametrize("form", WRITTEN)
@settings(max_examples=40, deadline=None)
@given(history=ledgers(FRONT))
def test_a_page_has_the_numbers_of_show(form: str, history: SweepHistory) -> None:
    """What a page says of the sweep and of each trial are the figures of JSON, rounded."""
    seen = SweepView(history, summary_of(history, goals=FRONT))
    text, document = WRITTEN[form](seen), sweep_json(history, seen.summary)
    assert figures.energy(document["energy"]["spent_j"]) in text
    lines = {
        line.split()[0]: line for line in text.rpartition("\ntrial ")[2].splitlines()[1:] if line
    }
    for trial in document["trial_list"]:
        line = lines[str(trial["number"])]
        assert trial["state"] in line
        assert figures.energy(trial["spent_j"]) in line
        for value in trial["metrics"].values():
            assert figures.metric(value) in line
