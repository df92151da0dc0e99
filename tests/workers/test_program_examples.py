"""The example programs do in a worker what their sweep files ask of them, and run alone."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from sweeper.model import Ending, OutputRule, Params
from sweeper.workers.program import ProgramSource, locate_program
from tests.workers.programs import play

EXAMPLES = Path(__file__).parents[2] / "examples"


def source_of(folder: Path) -> ProgramSource:
    """Find the program of an example as its sweep file names it."""
    file: dict[str, Any] = yaml.safe_load((folder / "sweep.yaml").read_text())
    return locate_program(
        file.get("program"),
        file.get("command"),
        folder,
        metric_names=(file["metric"]["name"],),
        output=OutputRule(),
    )


def test_the_program_in_another_language(tmp_path: Path) -> None:
    """The awk program falls to the error of the least squares, epoch by epoch."""
    params: Params = {"lr": 0.8, "momentum": 0.5}
    played = play(source_of(EXAMPLES / "other_language"), tmp_path, params=params)
    assert played.ended.cause is None
    assert [step for step, _ in played.values] == list(range(1, 10)), "SWEEPER_MAX_STEPS is 9"
    errors = [metrics["rmse_feet"] for _, metrics in played.values]
    assert errors[-1] < errors[0] / 2


def test_the_program_in_another_language_runs_alone() -> None:
    """Its 27 epochs come within a foot of the least squares, 15.07 ft."""
    folder = EXAMPLES / "other_language"
    command = ["awk", "-f", "train.awk", "lr=0.8", "momentum=0.7", "cars.csv"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    last = done.stdout.splitlines()[-1]
    assert last.startswith("epoch=27 rmse_feet=")
    assert 15.0 < float(last.partition("rmse_feet=")[2]) < 16.0


@pytest.mark.wandb
def test_the_wandb_project(tmp_path: Path) -> None:
    """The unmodified script reports each epoch, and can be pruned."""
    params: Params = {"learning_rate": 0.01, "penalty": "l2", "alpha": 1e-5, "epochs": 4}
    played = play(source_of(EXAMPLES / "wandb_project"), tmp_path, params=params, stop_at=3)
    assert played.ended.ending is Ending.STOPPED
    assert [step for step, _ in played.values] == [1, 2, 3]
    assert played.values[-1][1]["val_accuracy"] > 0.9
    assert list((played.folder / "wandb").glob("offline-run-*/run-*.wandb"))
