"""Two people start one grid at the same moment: each point is trained once, by one of them."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.cli.lab import Lab, Person

# A training notes when it begins and when it has ended, in a file that both people append to.
NOTED = """
import os, time

def note(word, params):
    with open(os.environ["JOURNAL"], "a") as file:
        file.write(f"{word} {params['a']} {params['b']}\\n")

def train(params, trial):
    note("begin", params)
    for step in range(1, 4):
        time.sleep(0.02)
        trial.report(step, loss=params["a"] * step + params["b"])
    note("end", params)
"""
GRID = """
name: grid64
objective: train.py:train
method: grid
metric: {name: loss, goal: minimize}
parameters:
  a: {values: [0, 1, 2, 3, 4, 5, 6, 7]}
  b: {values: [0, 1, 2, 3, 4, 5, 6, 7]}
max_steps: 3
"""


def begin(person: Person, *args: str) -> subprocess.Popen[str]:
    """Start a person's sweep and let it run."""
    return subprocess.Popen(
        person.command("run", "sweep.yaml", "--local", "--json", *args),
        cwd=person.folder,
        env=person.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def result(process: subprocess.Popen[str]) -> Any:
    """Wait for a sweep and return what it says."""
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    return json.loads(out.strip().splitlines()[-1])


def prepared(lab: Lab, tmp_path: Path) -> Path:
    """Give both the same project; return where its trainings are noted."""
    journal = tmp_path / "journal"
    journal.touch()
    for person in (lab.ann, lab.bob):
        person.write("train.py", NOTED)
        person.write("sweep.yaml", GRID)
        # Not in the key: it decides nothing. A short lease shortens the wait for the dead.
        person.more.update({"JOURNAL": str(journal), "SWEEPER_LEASE_TTL_S": "4"})
    return journal


def noted(journal: Path) -> tuple[Counter[str], Counter[str]]:
    """Return how often each point's training began, and ended."""
    words = [line.split(" ", 1) for line in journal.read_text().splitlines()]
    return (
        Counter(point for word, point in words if word == "begin"),
        Counter(point for word, point in words if word == "end"),
    )


def test_together_they_train_each_point_once(lab: Lab, tmp_path: Path) -> None:
    """64 trainings in all, 64 answers for the other; both sweeps are complete and agree."""
    journal = prepared(lab, tmp_path)
    ann, bob = (result(process) for process in [begin(lab.ann), begin(lab.bob)])
    began, ended = noted(journal)
    assert len(ended) == 64
    assert set(began.values()) == set(ended.values()) == {1}
    for one in (ann, bob):
        assert (one["state"], one["trials"]["complete"]) == ("complete", 64)
    trained = [one["trials"]["trained"] for one in (ann, bob)]
    answered = [one["trials"]["cached"] + one["trials"]["attached"] for one in (ann, bob)]
    assert sum(trained) == sum(answered) == 64
    assert min(trained) > 0, "they shared the work"
    assert ann["best"]["params"] == bob["best"]["params"]
    assert ann["best"]["metrics"] == bob["best"]["metrics"]


def test_one_is_killed_and_no_finished_point_is_trained_again(lab: Lab, tmp_path: Path) -> None:
    """The other takes over what was in flight; the first goes on where it was."""
    journal = prepared(lab, tmp_path)
    first, second = begin(lab.ann), begin(lab.bob)
    deadline = time.monotonic() + 60
    while noted(journal)[1].total() < 32 and time.monotonic() < deadline:
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    finished_then = noted(journal)[1]
    bob = result(second)
    assert (bob["state"], bob["trials"]["complete"]) == ("complete", 64)
    ann = result(begin(lab.ann))
    assert (ann["state"], ann["trials"]["complete"]) == ("complete", 64)
    began, ended = noted(journal)
    assert len(ended) == 64
    again = {point for point, times in began.items() if times > 1}
    # One worker each: at most the point that Ann had in her hands. If she died between its end and
    # the store's receipt, it had ended, but nobody knew.
    assert len(again) <= 1
    assert began.total() <= 65
    assert all(finished_then[point] <= 1 for point in finished_then)
