"""``sweeper retry``: failed trials run again under their numbers, and what was spent stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.project import Project

TRAIN = """
def train(params, trial):
    number = trial.number
    if number in BROKEN:
        trial.report(1, loss=9.0)
        raise KeyError(f"column {number}") if number % 2 else ValueError(number)
    for step in range(1, 4):
        trial.report(step, loss=params["x"] ** 2 + 1 / step)
"""
SWEEP = """
name: parabola
objective: train.py:train
method: bayes
metric: {name: loss, goal: minimize}
parameters:
  x: {min: -1.0, max: 1.0}
budget: {trials: 8}
"""


@pytest.fixture
def broken(tmp_path: Path) -> Project:
    """Return a project in which trials 2, 3 and 5 of its sweep have failed."""
    project = Project(tmp_path / "project", tmp_path / "state")
    project.write("train.py", "BROKEN = (2, 3, 5)\n" + TRAIN)
    project.write("sweep.yaml", SWEEP)
    done = project.run("run", "sweep.yaml", "--local")
    assert done.code == 0, done.err
    assert "sweeper retry parabola-" in done.out
    assert "2 x error: KeyError: 'column 3' (train.py:7)" in done.out
    assert "1 x error: ValueError: 2 (train.py:7)" in done.out
    return project


def states(project: Project) -> dict[int, str]:
    """Return how each trial of the last sweep stands."""
    shown = project.run("show", "last", "--json").json
    return {trial["number"]: trial["state"] for trial in shown["trial_list"]}


def test_mended_trials_run_again(broken: Project) -> None:
    """The failed ones alone, by the mended code; their first attempts stay paid for."""
    before = broken.run("show", "last", "--json").json
    broken.write("train.py", "BROKEN = ()\n" + TRAIN)
    done = broken.run("retry", "last", "--local", "--json")
    assert done.code == 0, done.err
    assert "3 failed trials run again (3 error)" in done.err
    trained = {line.split()[1] for line in done.err.splitlines() if line.startswith("trial ")}
    assert trained == {"2", "3", "5"}
    after = done.json
    assert after["uid"] == before["uid"]
    assert (after["trials"]["complete"], after["trials"]["failed"]) == (8, 0)
    assert after["trials"]["retried"] == {"error": 3}
    assert after["energy"]["spent_j"] > before["energy"]["spent_j"]
    assert set(states(broken).values()) == {"complete"}
    attempts = broken.run("show", "last/3").out
    assert "0.0" in attempts
    assert "0.1" in attempts
    assert "KeyError" in attempts
    again = broken.run("run", "sweep.yaml", "--local", "--json", "--resume", after["uid"])
    assert again.json["trials"] == after["trials"], "what was mended is not told as failed again"
    nothing = broken.run("retry", "last", "--local")
    assert (nothing.code, "has no failed trials" in nothing.out) == (0, True)


def test_what_fails_again_stays_failed(broken: Project) -> None:
    """A retry is no promise; the last attempt counts."""
    broken.write("train.py", "BROKEN = (3,)\n" + TRAIN)
    done = broken.run("retry", "last", "--local", "--json")
    assert done.code == 0
    assert states(broken)[3] == "failed"
    assert states(broken)[5] == "complete"


def test_retry_by_cause(broken: Project) -> None:
    """Only the classes that are named; a name that is none is told with the known ones."""
    other = broken.run("retry", "last", "--local", "--cause", "oom")
    assert (other.code, "no failed trials of oom" in other.out) == (0, True)
    wrong = broken.run("retry", "last", "--cause", "eror")
    assert wrong.code == 2
    assert "did you mean error?" in wrong.err
    broken.write("train.py", "BROKEN = ()\n" + TRAIN)
    assert broken.run("retry", "last", "--local", "--cause", "error").code == 0
    assert set(states(broken).values()) == {"complete"}
