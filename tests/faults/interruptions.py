"""One sweep whose driver is killed or asked to end at random moments, again and again.

``scripts/interruptions`` runs it for as many rounds as one likes. Afterwards the sweep must be what
it is without any interruption, trial for trial: that is the promise, and this the judge of it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cli.project import Project
from tests.faults.processes import processes_of

__all__ = ["KILL", "Interruptions", "Report"]

TRAIN = """
import random, time

def train(params, trial):
    noise = random.Random(trial.seed)
    for step in range(1, 10):
        time.sleep(0.01)
        loss = params["x"] ** 2 + params["y"] + noise.random() / step
        trial.report(step, loss=loss)
"""
SWEEP = """
name: interrupted
objective: train.py:train
method: bayes
metric: {name: loss, goal: minimize}
parameters:
  x: {min: -1.0, max: 1.0}
  y: {values: [0.0, 0.5, 1.0]}
early_terminate: {type: hyperband, min_iter: 1, eta: 3}
max_steps: 9
resources: {workers: 1}
"""
KILL = "kill -9"
# What is done to the driver, and the exit codes that may follow. 0: it was done before that.
WAYS: dict[str, tuple[tuple[signal.Signals, ...], tuple[int, ...]]] = {
    KILL: ((signal.SIGKILL,), (-9, 0)),
    "SIGINT once": ((signal.SIGINT,), (130, 0)),
    "SIGINT twice": ((signal.SIGINT,) * 2, (130, 0)),
    "SIGINT three times": ((signal.SIGINT,) * 3, (130, 0)),
    "SIGTERM": ((signal.SIGTERM,), (130, 0)),
}
_LEFT_S = 10.0
_END_S = 60.0


@dataclass
class Report:
    """What came of it."""

    rounds: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    attempts_lost: int = 0
    trials: int = 0
    slowest_clean_s: float = 0.0

    def __str__(self) -> str:
        done = ", ".join(f"{number} x {way}" for way, number in self.rounds.items())
        return (
            f"{self.rounds.total()} interruptions ({done}) of a sweep of {self.trials} trials: "
            f"{self.attempts_lost} attempts in flight were lost and ran again; nothing was left "
            f"after {self.slowest_clean_s:.1f} s; {len(self.wrong)} promises broken"
        )


class Interruptions:
    """Interrupts one sweep.

    Args:
        folder: For the projects.
        trials: How long the sweep is.
        local: Train inside the driver, without Ray: more rounds in the same time.
        seed: Of the moments.
    """

    def __init__(self, folder: Path, *, trials: int, local: bool, seed: int) -> None:
        self._random = random.Random(seed)
        self._flags = ["--local"] if local else []
        self._longest_s = 2.5 if local else 9.0
        self._budget = f"budget.trials={trials}"
        self._folder = folder
        self.report = Report(trials=trials)
        self.project = self._made("interrupted")

    def _made(self, name: str) -> Project:
        project = Project(self._folder / name / "project", self._folder / name / "state")
        project.write("train.py", TRAIN)
        project.write("sweep.yaml", SWEEP)
        return project

    def interrupt(self, way: str) -> int:
        """Run the sweep and interrupt it at a random moment; return the exit code."""
        signals, allowed = WAYS[way]
        command = ["run", "sweep.yaml", "--json", self._budget, *self._flags]
        log = self._folder / f"{self.report.rounds.total()}.err"
        with log.open("wb") as errors:
            process = subprocess.Popen(
                self.project.command(*command),
                cwd=self.project.folder,
                env=self.project.env,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
            # Python's own start is not ours: until the first line runs, SIGINT ends any process.
            time.sleep(self._random.uniform(0.6, self._longest_s))
            for number in signals:
                if process.poll() is None:
                    process.send_signal(number)
                    time.sleep(self._random.uniform(0.0, 0.3))
            code = process.wait(_END_S)
        self.report.rounds[way] += code != 0
        if code not in allowed:
            self._wrong(f"{way}: exit code {code}, and not {allowed}; see {log}")
        text = log.read_text(encoding="utf-8", errors="replace")
        if "Traceback" in text or "unexpected" in text:
            self._wrong(f"{way}: it says what is for nobody's eyes; see {log}")
        self._look_for_what_is_left(way)
        return code

    def _look_for_what_is_left(self, way: str) -> None:
        began_s = time.monotonic()
        while left := processes_of(self.project.state):
            if time.monotonic() - began_s > _LEFT_S:
                self._wrong(f"{way}: processes are left after {_LEFT_S:.0f} s: {left}")
                return
            time.sleep(0.05)
        took_s = time.monotonic() - began_s
        self.report.slowest_clean_s = max(self.report.slowest_clean_s, took_s)

    def judge(self) -> Report:
        """Finish the sweep, and hold it against one that nobody interrupted."""
        shown = self._finished(self.project)
        calm = self._finished(self._made("calm"))
        keys = ("number", "params", "state", "steps", "metrics", "cause")
        for mine, theirs in zip(shown["trial_list"], calm["trial_list"], strict=True):
            for key in keys:
                if mine[key] != theirs[key]:
                    said = f"{key} is {mine[key]}, and {theirs[key]} without interruptions"
                    self._wrong(f"trial {theirs['number']}: {said}")
        attempts = self._attempts()
        for trial in shown["trial_list"]:
            ends = attempts[trial["number"]]
            if [state for state in ends if state != "lost"] != [trial["state"]]:
                self._wrong(f"trial {trial['number']} ended as {ends}: it was trained again")
            self.report.attempts_lost += ends.count("lost")
        return self.report

    def _attempts(self) -> dict[int, list[str]]:
        """Return how each attempt of each trial ended."""
        ends: dict[int, list[str]] = {}
        with closing(sqlite3.connect(self.project.state / "sweeper" / "store.db")) as store:
            for number, state in store.execute("SELECT number, state FROM trial ORDER BY attempt"):
                ends.setdefault(number, []).append(state)
        return ends

    def _finished(self, project: Project) -> Any:
        done = project.run("run", "sweep.yaml", "--json", self._budget, "--local")
        if done.code != 0:
            self._wrong(f"it could not be finished: {done.code} {done.err[-500:]}")
        return project.run("show", "last", "--json").json

    def _wrong(self, what: str) -> None:
        self.report.wrong.append(what)


def main() -> int:
    """Run the rounds; the exit code is 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="interruptions", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=[KILL], metavar="WAY")
    parser.add_argument("--trials", type=int, default=3000)
    parser.add_argument("--local", action="store_true")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="interruptions-") as folder:
        sweep = Interruptions(Path(folder), trials=given.trials, local=given.local, seed=given.seed)
        while (number := sweep.report.rounds.total()) < given.rounds:
            way = given.ways[number % len(given.ways)]
            code = sweep.interrupt(way)
            print(f"{number + 1:3}  {way}: exit code {code}", flush=True)
            if code == 0:
                print("the sweep was done before: give it more --trials")
                break
        report = sweep.judge()
    for what in report.wrong:
        print(f"BROKEN  {what}")
    print(report)
    print(json.dumps({"wrong": len(report.wrong), "rounds": report.rounds}))
    return 1 if report.wrong else 0


if __name__ == "__main__":
    os.chdir(Path(__file__).parents[2])
    sys.exit(main())
