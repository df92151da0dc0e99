"""Rows and columns of an export: names, kinds, and cells that a spreadsheet must not run."""

from __future__ import annotations

import csv
import io
import json
import math
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from sweeper.model import Params, Source, SweepHistory, TrialState, Value
from sweeper.reporting.export_parquet import write_parquet
from sweeper.reporting.export_table import ColumnKind, ExportTable, export_table, flat_params
from sweeper.reporting.export_text import csv_text
from sweeper.testing.histories import START, history_of, trial_row
from tests.reporting.samples import MIXED, constrained, summary_of


def table_of(history: SweepHistory, **summary: Any) -> ExportTable:
    """Return the table of a sweep."""
    return export_table(history, summary_of(history, **summary))


def with_params(*points: Params) -> ExportTable:
    """Return the table of trials that have these params."""
    return table_of(history_of(*(trial_row(n, [0.5], params=it) for n, it in enumerate(points))))


def kinds(table: ExportTable) -> dict[str, ColumnKind]:
    """Return the kind of each param's column."""
    names = (column for column in table.columns if column.name.startswith("params."))
    return {column.name.removeprefix("params."): column.kind for column in names}


def cells(text: str) -> list[dict[str, str]]:
    """Read CSV."""
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_each_trial_is_a_row_with_source_cost_and_cause() -> None:
    """Hits say who had trained them, failures why, lost attempts are in what was spent."""
    rows = {int(row["number"]): row for row in cells(csv_text(table_of(MIXED)))}
    assert list(rows) == [0, 1, 2, 3, 4, 5]
    assert [row["state"] for row in rows.values()] == [
        *("complete", "pruned", "complete", "complete", "complete", "failed"),
    ]
    assert (rows[2]["attempts"], rows[2]["spent_j"], rows[2]["energy_j"]) == ("2", "25.0", "20.0")
    assert (rows[3]["source"], rows[3]["from_cache"], rows[3]["spent_j"]) == (
        "cache",
        "true",
        "0.0",
    )
    assert (rows[3]["producer"], rows[3]["producer_host"]) == ("alice", "node9")
    assert (rows[3]["producer_trial"], rows[3]["avoided_j"]) == ("vit-7f3a/12", "21.0")
    assert (rows[5]["cause"], rows[5]["spent_j"]) == ("error: ValueError: bad 3", "")
    assert (rows[0]["started_at"], rows[0]["ended_at"]) == (
        *("2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:10.000000Z"),
    )


def test_a_param_has_one_kind_in_all_rows() -> None:
    """Whole numbers, numbers, truths and texts stay so; all else is the text of its JSON."""
    first = {"i": 1, "f": 1, "t": "a", "b": True, "mixed": 1, "null": None, "list": [1], "huge": 2}
    second = {"i": 2, "f": 0.5, "t": "", "b": False, "mixed": "1", "null": 1, "huge": 2**70}
    table = with_params(first, second, {})
    assert kinds(table) == {
        "b": ColumnKind.TRUTH,
        "f": ColumnKind.REAL,
        "huge": ColumnKind.JSON,
        "i": ColumnKind.WHOLE,
        "list": ColumnKind.JSON,
        "mixed": ColumnKind.JSON,
        "null": ColumnKind.JSON,
        "t": ColumnKind.TEXT,
    }
    rows = cells(csv_text(table))
    assert [row["params.null"] for row in rows] == ["null", "1", ""]
    assert [row["params.mixed"] for row in rows] == ["1", '"1"', ""]
    assert [row["params.f"] for row in rows] == ["1.0", "0.5", ""]
    assert rows[1]["params.huge"] == str(2**70)


def test_nested_params_have_dotted_names() -> None:
    """Two paths that would read alike are written with slashes."""
    points: list[Params] = [{"net": {"width": 8, "act": {"p": 1}}}, {"a.b": 1, "a": {"b": 2}}]
    assert flat_params(points) == [{"net.width": 8, "net.act.p": 1}, {"a.b": 1, "a/b": 2}]


WIDE = "\uff1d\uff0b\uff0d\uff20"  # = + - @ as some keyboards write them
# What a user may have written, as the value of a param and in a cause.
TEXTS = st.text(max_size=12) | st.sampled_from(
    ["=1+1", "+1", "-1", "@x", "'=1", "\t=1", "-", WIDE[0] + "1"]
)


@given(text=TEXTS)
def test_no_text_begins_as_a_formula_does(text: str) -> None:
    """A spreadsheet runs nothing, and an apostrophe less is what was written."""
    table = with_params({"text": text})
    (row,) = cells(csv_text(table))
    cell = row["params.text"]
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", *WIDE))
    assert (cell[1:] if cell.startswith("'") else cell) == text


@given(number=st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**60), 2**60))
def test_a_number_is_never_protected(number: float) -> None:
    """A negative number stays a number, and reads back bit by bit."""
    row = cells(csv_text(with_params({"x": number})))[0]
    assert type(number)(row["params.x"]) == number


def test_names_and_json_need_no_trust_either() -> None:
    """A header is text like any other; JSON text begins as no formula does."""
    table = with_params({"=cmd": "x"}, {"list": ["=1"]})
    header = csv_text(table).splitlines()[0].split(",")
    assert "params.=cmd" in header
    assert '"[""=1""]"' in csv_text(table)


def test_what_a_trial_breaks_is_there_where_there_are_constraints() -> None:
    """The column holds each broken constraint and its distance, as JSON."""
    history = history_of(trial_row(0, [(0.5, 3.0)], energy=1.0))
    goals = constrained("val_loss <= 1", names=["val_loss"])
    (row,) = cells(csv_text(table_of(history, goals=goals)))
    assert json.loads(row["broken"]) == {"val_loss <= 1": 2.0}
    assert "broken" not in csv_text(table_of(MIXED)).splitlines()[0]


def test_replicates_have_a_mean_and_a_spread() -> None:
    """Only where there are several seeds."""
    rows = [trial_row(0, [value], replicate=n) for n, value in enumerate([0.25, 0.75])]
    (row,) = cells(csv_text(table_of(history_of(*rows))))
    assert (row["replicates"], row["metrics.val_accuracy"]) == ("2", "0.5")
    assert float(row["spread.val_accuracy"]) == pytest.approx(math.sqrt(0.125))
    assert "spread" not in csv_text(table_of(MIXED))


def test_a_trial_that_has_not_ended_has_no_end() -> None:
    """A running or parked trial is a row with empty cells."""
    row = trial_row(0, state=TrialState.RUNNING, elapsed_s=None)
    parked = trial_row(1, state=TrialState.PARKED, source=None, elapsed_s=None)
    running, waiting = cells(csv_text(table_of(history_of(row, parked))))
    assert (running["state"], running["ended_at"], running["elapsed_s"]) == ("running", "", "")
    assert (waiting["source"], waiting["metrics.val_accuracy"]) == ("", "")


def test_a_sweep_without_trials_has_a_header() -> None:
    """The columns that every sweep has are there."""
    text = csv_text(table_of(history_of()))
    assert text.startswith("number,state,source,from_cache,metrics.val_accuracy,")
    assert text.count("\n") == 1


def types(file: Path) -> Mapping[str, pyarrow.DataType]:
    """Return the Arrow type of each column of a file."""
    schema = parquet.read_schema(file)
    return dict(zip(schema.names, schema.types, strict=True))


def test_parquet_has_real_types(tmp_path: Path) -> None:
    """Whole numbers, numbers, truths, times and texts are what they are; a curve is a list."""
    file = tmp_path / "a.parquet"
    about: dict[str, Value] = {"sweep": "digits-mlp-7f3a"}
    write_parquet(table_of(MIXED), file, about=about)
    found = types(file)
    assert found["number"] == pyarrow.int64()
    assert found["params.lr"] == found["spent_j"] == pyarrow.float64()
    assert found["from_cache"] == pyarrow.bool_()
    assert found["started_at"] == pyarrow.timestamp("us", tz="UTC")
    assert found["cause"] == pyarrow.string()
    assert pyarrow.types.is_list(found["curve"])
    assert json.loads(parquet.read_schema(file).metadata[b"sweeper"]) == about
    rows = parquet.read_table(file).to_pylist()
    assert rows[0]["started_at"].timestamp() == START
    assert rows[3]["source"] == Source.CACHE.value
    assert [point["step"] for point in rows[0]["curve"]] == [1, 2, 3]
    assert rows[0]["curve"][2]["metrics"] == {"val_accuracy": 0.7}


def test_without_pyarrow_the_cure_is_told(tmp_path: Path) -> None:
    """The error names the format and the command that installs what it needs."""
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from pathlib import Path\n"
        "from sweeper.errors import SweeperError\n"
        "from sweeper.reporting.export_parquet import write_parquet\n"
        "from sweeper.reporting.export_table import ExportTable\n"
        "try:\n"
        f"    write_parquet(ExportTable((), (), ()), Path({str(tmp_path / 'a')!r}), about={{}})\n"
        "except SweeperError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'sweeper[parquet]'" in done.stdout
    assert not (tmp_path / "a").exists()
