"""Every kind of bad objective in one sweep on Ray: one typed failure each, and it goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.project import Project
from tests.faults.processes import assert_nothing_is_left

pytestmark = pytest.mark.ray

TRAIN = """
import ctypes, math, os, signal, subprocess, sys, time

def train(params, trial):
    what = params["what"]
    if what == "good": trial.report(1, loss=1.0)
    if what == "raise": raise ValueError("bad")
    if what == "sys.exit": sys.exit(3)
    if what == "os._exit": os._exit(3)
    if what == "segfault": ctypes.string_at(0)
    if what == "nan": trial.report(1, loss=math.nan)
    if what == "inf": trial.report(1, loss=math.inf)
    if what == "no report": return
    if what == "wrong metric": trial.report(1, lose=1.0)
    if what == "text": trial.report(1, loss="low")
    if what == "unpicklable": trial.report(1, loss=lambda: 1.0)
    if what == "C loop": ctypes.PyDLL(None).usleep(600_000_000)
    if what == "fork bomb":
        for n in range(50):
            if os.fork() == 0:
                if n % 2: os.setsid()
                time.sleep(600)
        trial.report(1, loss=math.nan)
    if what == "output":
        line = "x" * 1023 + chr(10)
        for _ in range(128 * 1024): sys.stdout.write(line)
        raise ValueError("enough")
    if what == "closed stdout":
        sys.stdout.close()
        print("anybody?")
    if what == "10 MB": raise ValueError("x" * 10_000_000)
    if what == "memory": held = bytearray(os.urandom(1) * 900_000_000); time.sleep(600)
"""
CAUSES = {
    "good": None,
    "raise": "error: ValueError: bad (train.py:7)",
    "sys.exit": "error: SystemExit: 3 (train.py:8)",
    "os._exit": "crash: the training process ended itself with exit code 3",
    "segfault": "crash: the training process died of SIGSEGV (segmentation fault)",
    "nan": "diverged: the objective reported loss=nan at step 1",
    "inf": "diverged: the objective reported loss=inf at step 1",
    "no report": "missing: the objective ended without reporting loss",
    "wrong metric": "missing: the objective ended without reporting loss",
    "text": "error: loss must be a number, the objective reported str 'low' at step 1",
    "unpicklable": "error: loss must be a number, the objective reported function",
    "C loop": "timeout: trained for more than 10 s (trial.timeout)",
    "fork bomb": "diverged: the objective reported loss=nan",
    "output": "error: ValueError: enough",
    "closed stdout": "error: ValueError: I/O operation on closed file.",
    "10 MB": "error: ValueError: xxxxxxx",
    "memory": "memory: used ",
}
SWEEP = f"""
name: bad
objective: train.py:train
method: grid
metric: {{name: loss, goal: minimize}}
parameters:
  what: {{values: {list(CAUSES)}}}
resources: {{workers: 2, memory: 512 MiB}}
trial: {{timeout: 10 s, retries: 0, same_failures: 0}}
"""


def test_each_bad_objective_is_one_typed_failure(tmp_path: Path) -> None:
    """Its class and its cause are told, its files are kept and bounded, no process remains."""
    project = Project(tmp_path / "project", tmp_path / "state")
    project.write("train.py", TRAIN)
    project.write("sweep.yaml", SWEEP)
    done = project.run("run", "sweep.yaml", "--json")
    assert_nothing_is_left(project.state)
    assert done.code == 0, done.err
    trials = done.json["trials"]
    assert (trials["complete"], trials["failed"]) == (1, len(CAUSES) - 1)
    shown = project.run("show", "last", "--json").json
    causes = {trial["params"]["what"]: trial["cause"] for trial in shown["trial_list"]}
    assert causes.keys() == CAUSES.keys()
    for what, expected in CAUSES.items():
        assert (causes[what] is None) == (expected is None), what
        assert (causes[what] or "").startswith(expected or ""), (what, causes[what])
    assert "it reported lose" in causes["wrong metric"]
    sweep = next((project.state / "sweeper" / "sweeps").iterdir())
    numbers = {trial["params"]["what"]: trial["number"] for trial in shown["trial_list"]}
    folders = {what: sweep / str(number) for what, number in numbers.items()}
    for what, folder in folders.items():
        assert folder.stat().st_mode & 0o777 == 0o700
        error = folder / "error.txt"
        assert error.exists() is (CAUSES[what] is not None), what
        sizes = {file.name: file.stat().st_size for file in folder.iterdir()}
        assert max(sizes.values()) <= 8 * 2**20, sizes
    assert "Traceback" in (folders["raise"] / "error.txt").read_text()
    page = project.run("show", f"last/{numbers['segfault']}").out
    assert "SIGSEGV (segmentation fault) (train.py:10)" in page
