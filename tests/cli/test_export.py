"""``sweeper export``: files that other programs open, and what is refused."""

from __future__ import annotations

import csv
import io
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages.journal import JournalFileBackend
from pyarrow import parquet

from tests.cli.project import Project

TRAIN = """
def train(params, trial):
    if params["kind"] == "bad":
        raise RuntimeError("no such kind")
    for step in range(1, 6):
        trial.report(step, loss=params["x"] ** 2 + 1 / step, size=3.0)
"""
SWEEP = """
name: parabola
objective: train.py:train
method: random
metric: {name: loss, goal: minimize}
constraints: ["size <= 4"]
parameters:
  x: {min: -1.0, max: 1.0}
  kind: {values: [good, fine, bad]}
  layers: {values: [[8], [8, 8]]}
early_terminate: {type: threshold, upper: 0.9, min_iter: 4}
max_steps: 5
budget: {trials: 10}
resources: {gpus: 0}
"""


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project with a sweep that has complete, pruned and failed trials."""
    folder = tmp_path_factory.mktemp("swept")
    made = Project(folder / "project", folder / "state")
    made.write("train.py", TRAIN)
    made.write("sweep.yaml", SWEEP)
    done = made.run("run", "sweep.yaml", "--local", "--json")
    assert done.code == 0, done.err
    counts = done.json["trials"]
    assert min(counts["complete"], counts["pruned"], counts["failed"]) > 0
    return made


@pytest.fixture(scope="module")
def shown(swept: Project) -> Any:
    """Return what ``show --json`` says of it."""
    return swept.run("show", "last", "--json").json


def exported(swept: Project, name: str, *args: str) -> Path:
    """Export the sweep into a file; nothing is printed."""
    done = swept.run("export", "last", "-o", name, *args)
    assert (done.code, done.out, done.err) == (0, "", "")
    return swept.folder / name


def test_csv_and_json_on_standard_output_are_those_of_a_file(swept: Project, shown: Any) -> None:
    """The ending says the format; the numbers are those of ``show``."""
    printed = swept.run("export", "last", "--format", "csv").out
    assert exported(swept, "a.csv").read_text(encoding="utf-8") == printed
    rows = list(csv.DictReader(io.StringIO(printed)))
    assert [float(row["spent_j"]) for row in rows] == [it["spent_j"] for it in shown["trial_list"]]
    document = json.loads(exported(swept, "a.JSON").read_text(encoding="utf-8"))
    assert document == swept.run("export", "last", "--format", "json").json
    assert {key for key in document["trial_list"][0]} - {*shown["trial_list"][0]} == {
        *("curve", "decisions"),
    }


def test_parquet(swept: Project, shown: Any) -> None:
    """A row per trial with its curve."""
    rows = parquet.read_table(exported(swept, "a.parquet")).to_pylist()
    assert [row["number"] for row in rows] == [it["number"] for it in shown["trial_list"]]
    assert [len(row["curve"]) for row in rows] == [it["steps"] for it in shown["trial_list"]]


@pytest.mark.parametrize("name", ["a.db", "a.optuna", "a.log"])
def test_optuna_opens_what_it_is_given(swept: Project, shown: Any, name: str) -> None:
    """``load_study`` finds the handle, the best trial, its params and constraints."""
    file = exported(swept, name)
    storage: Any = f"sqlite:///{file}"
    if name.endswith(".log"):
        storage = optuna.storages.JournalStorage(JournalFileBackend(str(file)))
    study = optuna.load_study(study_name=shown["sweep"], storage=storage)
    best = study.best_trial
    assert (best.number, best.value) == (shown["best"]["number"], shown["best"]["metrics"]["loss"])
    assert best.params["x"] == shown["best"]["params"]["x"]
    assert json.loads(best.params["layers"]) == shown["best"]["params"]["layers"]
    assert best.constraints == {"size <= 4": -1.0}
    states = [it.state.name.lower().replace("fail", "failed") for it in study.trials]
    assert states == [it["state"] for it in shown["trial_list"]]
    assert study.user_attrs["spent_j"] == shown["energy"]["spent_j"]


def test_optuna_dashboard_shows_it(swept: Project, shown: Any) -> None:
    """The dashboard starts on the file and lists the study with its trials."""
    file = exported(swept, "dashboard.db")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("optuna-dashboard")
    address = f"http://127.0.0.1:{port}/api/studies"
    server = subprocess.Popen(
        [program, f"sqlite:///{file}", "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    try:
        (study,) = _answer(address)["study_summaries"]
        assert study["study_name"] == shown["sweep"]
        trials = _answer(f"{address}/{study['study_id']}?after=0")["trials"]
        assert [trial["number"] for trial in trials] == list(range(10))
        assert {trial["state"] for trial in trials} == {"Complete", "Pruned", "Fail"}
    finally:
        server.kill()
        server.wait()


def _answer(address: str) -> Any:
    """Ask a server that may still be starting."""
    for _ in range(300):
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                return json.load(answer)
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{address} does not answer")


def test_nothing_is_replaced_unasked(swept: Project) -> None:
    """An existing file stays as it is; with --force it is replaced, and nothing else is left."""
    file = swept.folder / "mine" / "a.db"
    file.parent.mkdir()
    file.write_text("precious", encoding="utf-8")
    refused = swept.run("export", "last", "-o", "mine/a.db")
    assert (refused.code, refused.out) == (1, "")
    assert "mine/a.db: is there already; --force replaces it" in refused.err
    assert file.read_text(encoding="utf-8") == "precious"
    exported(swept, "mine/a.db", "--force")
    assert file.read_bytes().startswith(b"SQLite format 3")
    assert os.listdir(file.parent) == ["a.db"]


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        pytest.param(["nosuch", "--format", "csv"], 1, "nosuch", id="no-such-sweep"),
        pytest.param(["last"], 2, "--format csv|json|parquet|optuna", id="no-format"),
        pytest.param(["last", "-o", "a.xls"], 2, ".parquet", id="unknown-ending"),
        pytest.param(["last", "--format", "xls"], 2, "parquet", id="unknown-format"),
        pytest.param(["last", "--format", "optuna"], 2, "give -o FILE", id="binary-to-stdout"),
        pytest.param(["last", "--format", "parquet"], 2, "give -o FILE", id="parquet-to-stdout"),
        pytest.param(
            ["last", "-o", "no/such/folder.csv"],
            1,
            "no/such/folder.csv: cannot be written: No such file or directory",
            id="unwritable",
        ),
        pytest.param(
            ["last", "-o", "no/such/folder.db"],
            1,
            "no/such/folder.db: cannot be",
            id="unwritable-db",
        ),
        pytest.param(
            ["last", "--format", "csv", "-o", ".", "--force"], 1, "no regular file", id="a-folder"
        ),
        pytest.param(
            ["last", "--format", "csv", "-o", "/dev/null", "--force"],
            1,
            "no regular file",
            id="a-device",
        ),
    ],
)
def test_what_cannot_be_exported_is_said(
    swept: Project, args: list[str], code: int, told: str
) -> None:
    """A readable error, the right exit code, nothing on standard output, no file left."""
    before = sorted(os.listdir(swept.folder))
    done = swept.run("export", *args)
    assert (done.code, done.out) == (code, "")
    assert told in done.err
    assert sorted(os.listdir(swept.folder)) == before
