"""Sweeps on Ray's workers that share what they found: several workers, edits, files, nodes."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.lab import Person
from tests.cli.project import SWEEP, Project

pytestmark = pytest.mark.ray

SLOW = """
import time
import helper

def train(params, trial):
    for step in range(1, 6):
        time.sleep(0.05)
        trial.report(step, loss=helper.square(params["x"]) + 1 / step)
"""


def person(project: Project, tmp_path: Path, name: str) -> Person:
    """Return somebody who works on the one project and store."""
    url = f"sqlite:///{tmp_path}/store.db"
    return Person(project.folder, tmp_path / f"state-{name}", name, url)


def test_what_four_workers_found_answers_one_and_four(project: Project, tmp_path: Path) -> None:
    """The order of results is an accident with several workers; the colleague follows it."""
    ann, bob = person(project, tmp_path, "ann"), person(project, tmp_path, "bob")
    project.write("sweep.yaml", SWEEP.replace("random", "bayes").replace("trials: 4", "trials: 12"))
    sweep = ("run", "sweep.yaml", "--json", "early_terminate={type: median, warmup_trials: 2}")
    cold = ann.run(*sweep, "resources.workers=4").json
    assert cold["ray_started"] is True
    for who, workers in ((bob, "4"), (person(project, tmp_path, "cat"), "1")):
        warm = who.run(*sweep, f"resources.workers={workers}").json
        assert warm["trials"]["trained"] == 0
        assert warm["trials"]["complete"] == cold["trials"]["complete"]
        assert warm["ray_started"] is False, "nothing to train, so no cluster"
        assert warm["energy"]["spent_j"] == 0
        assert warm["best"]["params"] == cold["best"]["params"]
        assert warm["best"]["metrics"] == cold["best"]["metrics"]
        assert [one["who"] for one in warm["producers"]] == ["ann"]


def test_an_edit_while_a_sweep_runs_does_not_reach_it(project: Project, tmp_path: Path) -> None:
    """What was hashed is what runs: all trials have the old code's loss and are shared."""
    ann = person(project, tmp_path, "ann")
    project.write("train.py", SLOW)
    before = (project.folder / "helper.py").read_text()
    process = subprocess.Popen(
        ann.command("run", "sweep.yaml", "--json", "budget.trials=10", "resources.workers=1"),
        cwd=ann.folder, env=ann.env, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not (listed := ann.run("ls", "--json").json) or not listed[0]["settled"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    project.write("helper.py", "def square(x):\n    return 1000.0\n")
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    result = json.loads(out.strip().splitlines()[-1])
    assert result["trials"]["complete"] == 10
    shown = ann.run("show", "last", "--json").json
    for trial in shown["trial_list"]:
        assert trial["metrics"]["loss"] == pytest.approx(trial["params"]["x"] ** 2 + 0.2)
    assert ann.cache("status", "--json").json["tainted"] == 0

    edited = ann.run("run", "sweep.yaml", "--json", "--local", "--fresh", "budget.trials=2")
    assert edited.json["trials"]["trained"] == 2, "the edited code is another question"
    project.write("helper.py", before)
    again = ann.run("run", "sweep.yaml", "--json", "--fresh", "budget.trials=10")
    assert again.json["trials"]["trained"] == 0


READING = """
from pathlib import Path

def train(params):
    offset = float((Path(__file__).parent / "offset.txt").read_text())
    with open("notes.log", "a") as file:
        file.write("what a trial itself writes does not matter\\n")
    Path("notes.log").read_text()
    yield 1, {"loss": params["x"] + offset}
"""


@pytest.mark.parametrize("pool", [("--local",), ()], ids=["here", "on-ray"])
def test_a_file_that_was_read_and_is_not_declared_taints(
    project: Project, tmp_path: Path, pool: tuple[str, ...]
) -> None:
    """The result depends on it, the key does not; the mend is named and works."""
    ann = person(project, tmp_path, "ann")
    project.write("train.py", READING)
    project.write("offset.txt", "0.5")
    sweep = ["run", "sweep.yaml", "--json", "--fresh", "budget.trials=2", *pool]
    first = ann.run(*sweep)
    assert "offset.txt was read but is not in the key; add it to cache.data" in first.err
    assert ann.run(*sweep).json["trials"]["trained"] == 2
    declared = [*sweep, "cache.data=[offset.txt]"]
    told = ann.run(*declared)
    assert "was read but" not in told.err
    assert ann.run(*declared).json["trials"]["trained"] == 0
    project.write("offset.txt", "0.75")
    assert ann.run(*declared).json["trials"]["trained"] == 2
