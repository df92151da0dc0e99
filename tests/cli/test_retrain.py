"""``sweeper retrain``: the same training again, and whether its values agree."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.cli.lab import Lab
from tests.cli.project import Project

TRAIN = """
import random

FACTOR = 1.0

def train(params, trial):
    for step in range(1, 6):
        noise = random.Random(trial.seed * 31 + step).random()
        trial.report(step, loss=FACTOR * (params["net"]["x"] ** 2 + noise / step))
"""
SWEEP = """
name: parabola
objective: train.py:train
method: random
metric: {name: loss, goal: minimize}
parameters:
  net: {parameters: {x: {min: -1.0, max: 1.0}, kind: {values: [[1], [1, 2]]}}}
  gate: {values: [true, false]}
  extra: {when: gate == true, min: 0.0, max: 1.0}
max_steps: 5
budget: {trials: 5}
resources: {gpus: 0, workers: 1}
"""


@pytest.fixture
def noisy(tmp_path: Path) -> Project:
    """Return a project whose values depend on the seed of each training."""
    return made_in(tmp_path)


@pytest.fixture(scope="module")
def done_before(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return such a project whose sweep has run."""
    made = made_in(tmp_path_factory.mktemp("swept"))
    swept(made)
    return made


def made_in(folder: Path) -> Project:
    """Make the project."""
    made = Project(folder / "project", folder / "state")
    made.write("train.py", TRAIN)
    made.write("sweep.yaml", SWEEP)
    return made


def swept(project: Project, *overrides: str) -> Any:
    """Run the sweep."""
    done = project.run("run", "sweep.yaml", "--local", "--json", *overrides)
    assert done.code == 0, done.err
    return done.json


def printed_line(project: Project, what: str) -> list[str]:
    """Return the command that ``show`` prints below "again", as a shell would split it."""
    page = project.run("show", what).out
    (line,) = re.findall(r"^again {5}(.*)$", page, re.MULTILINE)
    program, *args = shlex.split(line)
    assert program == "sweeper"
    return args


@pytest.mark.ray
def test_the_printed_line_trains_the_best_trial_again(noisy: Project) -> None:
    """Typed letter by letter, on workers of Ray, it gives the values that were recorded."""
    best = swept(noisy)["best"]
    done = noisy.run(*printed_line(noisy, "last"))
    assert done.code == 0, done.err
    assert "agrees    yes" in done.out
    again = noisy.run("show", "last", "--json").json
    assert again["trials"]["trained"] == 1
    assert again["best"]["metrics"] == best["metrics"]
    assert again["best"]["params"] == best["params"]


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param((), id="as-it-is"),
        pytest.param(("trial.replicates=3",), id="replicates"),
        pytest.param(("trial.seed=7",), id="own-seed"),
        pytest.param(("cache.mode=off",), id="without-the-store"),
        pytest.param(("parameters.api_key={value: sk-0123456789abcdefABCDEF}",), id="uncacheable"),
        pytest.param(
            ("method=grid", "parameters={net: {parameters: {x: {values: [0.5, 1.0]}}}}"), id="grid"
        ),
        pytest.param(
            ("early_terminate={type: threshold, upper: 0.0, min_iter: 3}",), id="stopped-early"
        ),
    ],
)
def test_the_same_seed_gives_the_same_values(noisy: Project, overrides: tuple[str, ...]) -> None:
    """Params, seeds and the step of an early stop are those of the record, whatever the sweep."""
    sweep = swept(noisy, *overrides)["sweep"]
    done = noisy.run("retrain", f"{sweep}/1", "--local", "--json")
    assert done.code == 0, done.out + done.err
    found = done.json
    assert found["agrees"]
    assert found["points"] == found["points_equal"] > 0
    assert found["values"]["loss"]["then"] == found["values"]["loss"]["now"]
    assert found["state_now"] == found["state_then"]
    assert found["same_question"] is (None if "api_key" in str(overrides) else True)
    then = noisy.run("show", f"{sweep}/1", "--json").json
    now = noisy.run("show", found["now"], "--json").json
    assert (now["params"], now["curve"][-1]["step"]) == (then["params"], then["curve"][-1]["step"])
    assert now["source"] == "run"


def test_the_best_trial_needs_no_number(noisy: Project) -> None:
    """last/best is that trial for retrain and explain, as it is for show."""
    number = swept(noisy)["best"]["number"]
    again = noisy.run("retrain", "last/best", "--local", "--json").json
    assert again["agrees"]
    assert again["then"].endswith(f"/{number}")
    best, named = (noisy.run("cache", "explain", f"last/{it}", "--json") for it in ("best", "0"))
    assert best.code == 0, best.err
    assert best.json == named.json


def test_a_duplicate_is_trained_as_its_twin_was(noisy: Project) -> None:
    """Of two trials with equal params both lines give the one value."""
    space = "parameters={net: {parameters: {x: {values: [0.5]}}}, gate: {values: [true, false]}}"
    sweep = swept(noisy, space, "budget.trials=2", "enqueue=[{gate: true}, {gate: true}]")
    trials = noisy.run("show", sweep["sweep"], "--json").json["trial_list"]
    (copy,) = (it for it in trials if it["source"] == "duplicate")
    assert noisy.run("retrain", f"{sweep['sweep']}/{copy['number']}", "--local").code == 0


def test_changed_code_is_told(noisy: Project) -> None:
    """The question is another one then, the values differ, and the exit code says so."""
    sweep = swept(noisy)["sweep"]
    noisy.write("train.py", TRAIN.replace("FACTOR = 1.0", "FACTOR = 1.5"))
    done = noisy.run("retrain", f"{sweep}/0", "--local")
    assert done.code == 1
    assert "agrees    no" in done.out
    assert "differs by" in done.out
    (line,) = re.findall(r"^ +sweeper (cache diff .*)$", done.out, re.MULTILINE)
    assert "train.py" in noisy.run(*shlex.split(line)).out
    near = noisy.run("retrain", f"{sweep}/0", "--local", "--tolerance", "0.5")
    assert near.code == 0


def test_a_failure_fails_again(noisy: Project) -> None:
    """A failed trial that fails again agrees with what was recorded."""
    noisy.write(
        "train.py", "def train(params):\n    yield 1, {'loss': 1.0}\n    1 / params['zero']\n"
    )
    assert noisy.run("run", "sweep.yaml", "--local", "parameters={zero: {value: 0}}").code == 1
    done = noisy.run("retrain", "last/0", "--local")
    assert done.code == 0
    assert "failed then, failed now (error: ZeroDivisionError" in done.out


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (["last"], 2, "write SWEEP/TRIAL"),
        (["last/first"], 2, "must be a number or best"),
        (["last/99"], 1, "has no trial 99: it has 5"),
        (["nosuch/0"], 1, "nosuch"),
        (["last/0", "--tolerance", "2"], 2, "--tolerance"),
    ],
)
def test_what_cannot_be_trained_again_is_said(
    done_before: Project, args: list[str], code: int, told: str
) -> None:
    """A readable error, the right exit code, and nothing was trained."""
    done = done_before.run("retrain", *args)
    assert (done.code, done.out) == (code, "")
    assert told in done.err
    assert len(done_before.run("ls", "--json").json) == 1


def test_a_colleagues_result_can_be_trained_again(lab: Lab) -> None:
    """A hit's page says whose folder has its files; the line trains it here, with their seed."""
    lab.ann.sweep()
    mine = lab.bob.sweep()
    assert mine["trials"]["cached"] == 4
    number = mine["best"]["number"]
    page = lab.bob.run("show", "last").out
    theirs = lab.ann.run("ls", "--json").json[0]["sweep"]
    assert f"trial {number}: sweeps/{theirs}/{number} on " in page
    assert f"in {lab.ann.name}'s state folder" in page
    document = lab.bob.run("show", "last", "--json").json
    assert document["best_files"]["trial"] == f"{theirs}/{number}"
    assert (lab.ann.state / "sweeper" / document["best_files"]["folder"]).is_dir()
    done = lab.bob.run(*printed_line(lab.bob, f"last/{number}"), "--local", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["same_question"] is True
