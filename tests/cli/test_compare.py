"""``sweeper compare``: sweeps against each other, and methods against grid search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.project import Project

GRID = """
name: parabola
objective: train.py:train
method: bayes
metric: {name: loss, goal: minimize}
parameters:
  x: {values: [-1.0, -0.5, 0.25, 0.5, 1.0]}
max_steps: 5
budget: {trials: 4}
"""

# Knows what a training would use: 10 J per step for x = 1, 20 J for x = 2, 30 J for x = 3.
KNOWING = """
def train(params, trial):
    for step in (1, 2):
        loss = params["x"] / step + trial.seed / 1000
        trial.report(step, loss=loss, energy_j=10 * params["x"] * step)
"""
KNOWN = """
name: known
objective: train.py:train
method: bayes
metric: {name: loss, goal: minimize}
parameters:
  x: {values: [1, 2, 3]}
max_steps: 2
budget: {trials: 3}
"""


@pytest.fixture(scope="module")
def raced(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Any]:
    """Return a project whose methods have raced with two seeds, and what that printed."""
    from tests.cli.project import HELPER, TRAIN

    root: Path = tmp_path_factory.mktemp("raced")
    made = Project(root / "project", root / "state")
    made.write("train.py", TRAIN)
    made.write("helper.py", HELPER)
    made.write("sweep.yaml", GRID)
    done = made.run(*_RACE)
    assert done.code == 0, done.err
    return made, done.json


_RACE = ("compare", "sweep.yaml", "--seeds", "2", "--local", "--json")


def by_method(document: Any) -> dict[str, Any]:
    """Return the standings by name."""
    return {it["method"]: it for it in document["methods"]}


def test_methods_race(raced: tuple[Project, Any]) -> None:
    """All baselines stand beside the methods; the grid reaches what it finds, with all it uses."""
    _, document = raced
    assert list(by_method(document)) == ["grid", "grid, shuffled", "random", "bayes"]
    grid = by_method(document)["grid"]
    assert (grid["success"], grid["trials"], grid["quality"]) == (1.0, 5, 0.0625 + 1 / 5)
    assert document["points"] == 5
    assert document["target"] == 0.0625 + 1 / 5
    assert document["trained"] >= 10  # every point with both seeds, by whom ever
    assert document["spent_j"] > 0
    for name, standing in by_method(document).items():
        spread = standing["energy_to_target_j"]
        assert 0 < spread["q25"] <= spread["median"] <= spread["q75"], name
        assert standing["repetitions"] == 2
    ratios = document["ratios"]
    assert {"bayes/grid", "random/grid", "bayes/grid, shuffled"} <= set(ratios)
    assert all(0 < it["low"] <= it["median"] <= it["high"] for it in ratios.values())


def test_the_same_race_trains_nothing_again(raced: tuple[Project, Any]) -> None:
    """Every training is in the store: the second time the figures are the same, for 0 J."""
    project, first = raced
    again = project.run(*_RACE)
    assert again.code == 0, again.err
    assert again.json["trained"] == 0
    assert again.json["spent_j"] == 0.0
    assert by_method(again.json)["grid"] == by_method(first)["grid"]
    assert by_method(again.json)["bayes"]["quality"] == by_method(first)["bayes"]["quality"]


def test_recorded_results_are_replayed(raced: tuple[Project, Any]) -> None:
    """Forty repetitions on what the store has, with other rules of stopping, and no training."""
    project, first = raced
    replayed = project.run(
        "compare",
        "sweep.yaml",
        "--methods",
        "grid,random,bayes,bayes:median",
        "--recorded",
        "--json",
    )
    assert replayed.code == 0, replayed.err
    document = replayed.json
    assert (document["recorded"], document["trained"], document["spent_j"]) == (True, 0, 0.0)
    assert document["repetitions"] == 40
    found = by_method(document)
    assert list(found) == ["grid", "grid, shuffled", "random", "bayes", "bayes:median"]
    # A repetition draws one of the two seeds for each point: its grid lies between theirs.
    grid_j, first_j = found["grid"]["energy_to_target_j"], by_method(first)["grid"]
    assert 0.5 < grid_j["median"] / first_j["energy_to_target_j"]["median"] < 2
    # Of a shuffled list of five points the best one comes third on average.
    assert 0.3 < document["ratios"]["grid, shuffled/grid"]["median"] < 0.9
    assert "drawn" in " ".join(document["notes"]) or "draws" in " ".join(document["notes"])


def test_sweeps_against_each_other(raced: tuple[Project, Any]) -> None:
    """Handles of sweeps that ran: quality, energy to the common one, all energy, time."""
    project, _ = raced
    listed = project.run("ls", "--name", "parabola-*-r0*", "--json").json
    handles = [it["sweep"] for it in listed]
    assert len(handles) == 3
    found = project.run("compare", *handles, "--json")
    assert found.code == 0, found.err
    document = found.json
    assert [it["sweep"] for it in document["sweeps"]] == handles
    for it in document["sweeps"]:
        shown = project.run("show", it["sweep"], "--json").json
        assert it["best"] == shown["best"]["metrics"]["loss"]
        assert it["spent_j"] == shown["energy"]["spent_j"]
        assert it["cold_j"] == pytest.approx(
            shown["energy"]["spent_j"] + shown["energy"]["avoided_cache_j"]
        )
        assert 0 < it["energy_to_quality_j"] <= it["cold_j"]
    assert document["quality"] == max(it["best"] for it in document["sweeps"])
    page = project.run("compare", *handles)
    assert all(handle in page.out for handle in handles)


def test_an_objective_that_knows_needs_no_store(project: Project) -> None:
    """It is asked for every point: the grid of three takes 20 + 40 + 60 J, and trains nothing."""
    project.write("train.py", KNOWING)
    project.write("sweep.yaml", KNOWN)
    done = project.run("compare", "sweep.yaml", "--recorded", "--seeds", "6", "--json")
    assert done.code == 0, done.err
    found = by_method(done.json)
    assert found["grid"]["energy_to_target_j"] == {"median": 120.0, "q25": 120.0, "q75": 120.0}
    assert found["bayes"]["success"] == 1.0
    assert {found[it]["energy_to_target_j"]["median"] >= 20.0 for it in found} == {True}
    assert done.json["trained"] == 0
    assert project.run("ls", "--json").json == []


def test_nothing_recorded_says_what_to_do(project: Project) -> None:
    """A real objective without results in the store: how to make them, and no training."""
    project.write("sweep.yaml", GRID)
    done = project.run("compare", "sweep.yaml", "--recorded")
    assert done.code == 1
    assert "no whole grid of results of this file (5 points)" in done.err
    assert "sweeper compare" in done.err
    assert "--seeds 5" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("sweep.yaml", "--methods", "bayes,random"), 1, "grid must be among them"),
        (("sweep.yaml", "--methods", "grid,bayse"), 1, "'bayse' is no method"),
        (("sweep.yaml", "--methods", "grid,bayes:often"), 1, "'bayes:often' is no method"),
        (("last",), 2, "give two sweeps or more"),
        (("a", "b", "--recorded"), 2, "need a sweep file"),
        (("nothing.yaml",), 2, "nothing.yaml"),
        (
            ("sweep.yaml", "parameters.x={min: 0.0, max: 1.0}", "grid.levels=30000"),
            1,
            "30,000 points",
        ),
        (("sweep.yaml", "metrics=[{name: a}, {name: b}]", "metric=null"), 1, "needs one metric"),
    ],
)
def test_what_cannot_be_compared(
    project: Project, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """The message says what is wrong; nothing was trained."""
    project.write("sweep.yaml", GRID)
    done = project.run("compare", *arguments)
    assert words in done.err
    assert done.code == code
