"""A project in a folder of its own, and the command in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TRAIN = """
import helper

def train(params, trial):
    for step in range(1, 6):
        trial.report(step, loss=helper.square(params["x"]) + 1 / step)
"""
HELPER = """
def square(x):
    return x * x
"""
SWEEP = """
name: parabola
objective: train.py:train
method: random
metric: {name: loss, goal: minimize}
parameters:
  x: {min: -1.0, max: 1.0}
max_steps: 5
budget: {trials: 4}
"""


@dataclass(frozen=True)
class Finished:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Return the last line of standard output as JSON."""
        return json.loads(self.out.strip().splitlines()[-1])


@dataclass(frozen=True)
class Project:
    """A folder with a sweep, and a home of its own."""

    folder: Path
    state: Path

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    @property
    def env(self) -> dict[str, str]:
        """Return the environment of its commands."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("SWEEPER_", "RAY_"))}
        return {**kept, "XDG_STATE_HOME": str(self.state), "PYTHONWARNINGS": "default"}

    def command(self, *args: str) -> list[str]:
        """Return the command line."""
        return [sys.executable, "-m", "sweeper", *args]

    def run(self, *args: str, timeout_s: float = 240) -> Finished:
        """Run a command to its end."""
        done = subprocess.run(
            self.command(*args),
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return Finished(done.returncode, done.stdout, done.stderr)
