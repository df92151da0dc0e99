"""A long sweep of short trials in which everything goes wrong that can, and a judge at its end.

The objective misbehaves at random, and a monkey kills what the driver has started; the driver
itself is watched. Afterwards every trial that was asked must have ended once, the accounts must
close, and nothing may have grown: processes, open files, threads, memory.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.cli.project import Project
from tests.faults.processes import processes_of

__all__ = ["Soak", "SoakReport"]

TRAIN = """
import ctypes, math, os, random, sys, time

def train(params, trial):
    dice = random.Random()
    fault = dice.choices(
        ["none", "raise", "exit", "_exit", "crash", "nan", "silent", "hang", "children", "output"],
        [86, 3, 1, 1, 1, 2, 2, 1, 2, 1],
    )[0]
    for step in range(1, 4):
        time.sleep(0.1)
        trial.report(step, loss=params["x"] ** 2 + 1 / step)
        if step == 2:
            break_down(fault, trial)

def break_down(fault, trial):
    if fault == "raise": raise ValueError("bad luck")
    if fault == "exit": sys.exit(1)
    if fault == "_exit": os._exit(1)
    if fault == "crash": ctypes.string_at(0)
    if fault == "nan": trial.report(9, loss=math.nan)
    if fault == "hang": ctypes.PyDLL(None).usleep(600_000_000)
    if fault == "children":
        for n in range(5):
            if os.fork() == 0:
                os.setsid(); time.sleep(600)
    if fault == "output": print("x" * 3_000_000)
"""
SWEEP = """
name: soak
objective: train.py:train
method: random
metric: {name: loss, goal: minimize}
parameters: {x: {min: -1.0, max: 1.0}}
resources: {workers: 2}
trial: {stall: 3 s, backoff: 0.1 s, retries: 3, same_failures: 50}
"""
_LOOK_S = 2.0
_MONKEY_S = (3.0, 12.0)
_RAY_EVERY = 25  # so many kills of trainings and workers come to one of Ray itself
# From the second quarter of the time to the last. What a search knows of a trial, its params and
# its curve, it has to remember; all else must not grow.
_MOST_GROWTH_MIB = 15.0
_TRIAL_MIB = 6 / 1024
_MOST_FILES = 20
_MOST_UNFINISHED = 5


@dataclass(frozen=True)
class _Look:
    """What the driver had at one moment."""

    rss_mib: float
    files: int
    threads: int
    processes: int


@dataclass
class SoakReport:
    """What came of it."""

    trials: int = 0
    states: Counter[str] = field(default_factory=Counter)
    classes: Counter[str] = field(default_factory=Counter)
    killed: Counter[str] = field(default_factory=Counter)
    before: _Look | None = None
    after: _Look | None = None
    elapsed_s: float = 0.0
    unfinished: int = 0
    wrong: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Say it to a person."""
        ends = ", ".join(f"{number} {state}" for state, number in self.states.most_common())
        causes = ", ".join(f"{number} {kind}" for kind, number in self.classes.most_common())
        kills = ", ".join(f"{number} x {name}" for name, number in self.killed.most_common())
        lines = [
            f"{self.trials} trials in {self.elapsed_s / 60:.1f} min: {ends}",
            f"failed attempts: {causes}",
            f"killed by the monkey: {kills}",
        ]
        if self.before is not None and self.after is not None:
            was, now = self.before, self.after
            lines.append(
                f"driver, second quarter and last: {was.rss_mib:.0f} and {now.rss_mib:.0f} MiB, "
                f"{was.files} and {now.files} files, {was.threads} and {now.threads} threads, "
                f"{was.processes} and {now.processes} processes below it"
            )
        return [*lines, *(f"BROKEN  {what}" for what in self.wrong)]


class Soak:
    """One long sweep with random faults.

    Args:
        folder: For the project.
        minutes: How long it trains.
        seed: Of the monkey.
    """

    def __init__(self, folder: Path, *, minutes: float, seed: int) -> None:
        self._random = random.Random(seed)
        self._minutes = minutes
        self._folder = folder
        self._project = Project(folder / "project", folder / "state")
        self._project.write("train.py", TRAIN)
        self._project.write("sweep.yaml", SWEEP)
        self.report = SoakReport()

    def run(self) -> SoakReport:
        """Run it and judge it."""
        result = self._driven()
        left = processes_of(self._project.state)
        deadline_s = time.monotonic() + 10
        while left and time.monotonic() < deadline_s:
            time.sleep(0.2)
            left = processes_of(self._project.state)
        if left:
            self._wrong(f"processes are left: {left}")
        if result is not None:
            self._judge(result)
        return self.report

    def _driven(self) -> Any:
        """Run the sweep, with the monkey, and watch its driver; return its result."""
        log = self._folder / "driver.err"
        looks: list[_Look] = []
        with log.open("wb") as errors:
            driver = subprocess.Popen(
                self._project.command(
                    "run", "sweep.yaml", "--json", f"budget.time={self._minutes * 60:.0f}s"
                ),
                cwd=self._project.folder,
                env=self._project.env,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
            next_kill_s = time.monotonic() + 10
            until_s = time.monotonic() + self._minutes * 60 + 120
            while driver.poll() is None and time.monotonic() < until_s:
                time.sleep(_LOOK_S)
                with suppress(psutil.Error):
                    looks.append(_look_at(psutil.Process(driver.pid)))
                if time.monotonic() > next_kill_s:
                    self._kill_something(driver.pid)
                    next_kill_s = time.monotonic() + self._random.uniform(*_MONKEY_S)
            if driver.poll() is None:
                self._wrong("the driver did not end")
                driver.kill()
            out, _ = driver.communicate()
        if driver.returncode != 0:
            end = log.read_text(encoding="utf-8", errors="replace")[-2000:]
            self._wrong(f"the driver's exit code is {driver.returncode}: {end}")
            return None
        result = json.loads(out.strip().splitlines()[-1])
        self._judge_growth(looks, trials=result["trials"]["asked"])
        return result

    def _kill_something(self, driver: int) -> None:
        """Kill a training, its keeper, a worker, or Ray itself."""
        by_name: dict[str, list[psutil.Process]] = {}
        with suppress(psutil.Error):
            for process in psutil.Process(driver).children(recursive=True):
                with suppress(psutil.Error):
                    by_name.setdefault(_name_of(process), []).append(process)
        names = ["training", "keeper", "worker"]
        if self.report.killed.total() % _RAY_EVERY == _RAY_EVERY - 1:
            names = ["raylet", "gcs_server"]
        there = [name for name in names if name in by_name]
        if there:
            name = self._random.choice(there)
            with suppress(psutil.Error):
                self._random.choice(by_name[name]).kill()
                self.report.killed[name] += 1

    def _judge_growth(self, looks: Sequence[_Look], *, trials: int) -> None:
        quarter = len(looks) // 4
        if quarter < 2:
            return
        was, now = _median(looks[quarter : 2 * quarter]), _median(looks[-quarter:])
        self.report.before, self.report.after = was, now
        allowed_mib = _MOST_GROWTH_MIB + _TRIAL_MIB * trials / 2
        if now.rss_mib - was.rss_mib > allowed_mib:
            self._wrong(f"the driver's memory grew from {was.rss_mib:.0f} to {now.rss_mib:.0f} MiB")
        for name in ("files", "threads", "processes"):
            if getattr(now, name) - getattr(was, name) > _MOST_FILES:
                self._wrong(f"{name} grew from {getattr(was, name)} to {getattr(now, name)}")

    def _judge(self, result: Any) -> None:
        trials = result["trials"]
        with closing(sqlite3.connect(self._project.state / "sweeper" / "store.db")) as store:
            rows = store.execute(
                "SELECT number, attempt, state, told, energy_j, cause FROM trial "
                "ORDER BY number, attempt"
            ).fetchall()
            overhead_j, claims = store.execute(
                "SELECT (SELECT overhead_j FROM sweep), (SELECT count(*) FROM claim)"
            ).fetchone()
        by_number: dict[int, list[tuple[Any, ...]]] = {}
        for number, *row in rows:
            by_number.setdefault(number, []).append(tuple(row))
        self.report.trials = len(by_number)
        self.report.elapsed_s = result["elapsed_s"]
        told: Counter[int] = Counter()
        for number, attempts in by_number.items():
            self._judge_trial(number, attempts)
            told.update(row[2] for row in attempts if row[2] is not None)
        if told and max(told.values()) > 1:
            self._wrong("two ends have the same place in the order of events")
        if sorted(by_number) != list(range(len(by_number))):
            self._wrong("numbers are missing")
        settled = trials["complete"] + trials["pruned"] + trials["failed"]
        if (trials["asked"], settled + self.report.unfinished) != (len(by_number),) * 2:
            self._wrong(f"{len(by_number)} trials, and the summary says {trials}")
        if self.report.unfinished > _MOST_UNFINISHED:
            self._wrong(f"{self.report.unfinished} trials have no end")
        if claims:
            self._wrong(f"{claims} leases are left")
        spent_j = sum(row[3] or 0.0 for attempts in by_number.values() for row in attempts)
        whole_j = spent_j + (overhead_j or 0.0)
        if abs(result["energy"]["spent_j"] - whole_j) > 1e-6 * whole_j:
            self._wrong(f"spent {result['energy']['spent_j']} J, and the rows add up to {whole_j}")

    def _judge_trial(self, number: int, attempts: Sequence[tuple[Any, ...]]) -> None:
        """Hold one trial to its promise: it ends once, with its last attempt."""
        *earlier, last = attempts
        self.report.states[last[1]] += 1
        ends = [row for row in attempts if row[2] is not None]
        if not ends and last[1] == "failed":
            self.report.unfinished += 1  # it waited for its retry when the time was over
        elif ends != [last]:
            self._wrong(f"trial {number} was told {len(ends)} times: {attempts}")
        if any(row[1] not in ("failed", "lost") for row in earlier):
            self._wrong(f"trial {number} was trained again: {attempts}")
        for row in attempts:
            if row[1] == "failed":
                self.report.classes[str(row[4]).split(":")[0]] += 1

    def _wrong(self, what: str) -> None:
        self.report.wrong.append(what)


def _name_of(process: psutil.Process) -> str:
    command = " ".join(process.cmdline())
    if "training_main" in command and "keeper_process" not in command:
        return "training"
    if "keeper_process" in command:
        return "keeper"
    return "worker" if "WorkerActor" in command else process.name()


def _look_at(driver: psutil.Process) -> _Look:
    with driver.oneshot():
        rss_mib = driver.memory_info().rss / 2**20
        files, threads = driver.num_fds(), driver.num_threads()
    return _Look(rss_mib, files, threads, len(driver.children(recursive=True)))


def _median(looks: Sequence[_Look]) -> _Look:
    return _Look(
        statistics.median(look.rss_mib for look in looks),
        round(statistics.median(look.files for look in looks)),
        round(statistics.median(look.threads for look in looks)),
        round(statistics.median(look.processes for look in looks)),
    )


def main() -> int:
    """Soak; the exit code is 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--keep", action="store_true", help="keep the folder, and say where it is")
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    report = Soak(folder, minutes=given.minutes, seed=given.seed).run()
    print("\n".join(report.lines()))
    if given.keep or report.wrong:
        print(f"kept: {folder}")
    else:
        subprocess.run(["rm", "-rf", str(folder)], check=True)
    return 1 if report.wrong else 0


if __name__ == "__main__":
    os.chdir(Path(__file__).parents[2])
    sys.exit(main())
