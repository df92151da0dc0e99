"""Unmodified W&B scripts, offline: no account, no network."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from sweeper.model import Ending
from sweeper.workers.program import ProgramSource
from tests.workers.programs import Played, play, program

pytestmark = pytest.mark.wandb

# The network is off: whoever opens a connection to anything but this machine fails.
OFFLINE = """
import socket

connect = socket.socket.connect

def local_only(self, address):
    if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
        raise AssertionError(f"connects to {address}")
    return connect(self, address)

socket.socket.connect = local_only
"""
SCRIPT = """
import wandb

wandb.init(project="mine", config={"lr": 0.1, "epochs": 3, "opt": {"a": 0, "b": 2, "c": 3}})
config = wandb.config
print("config", dict(config), wandb.run.id, wandb.run.sweep_id)
for epoch in range(config.epochs):
    wandb.log({"lr": config.lr}, commit=False)
    wandb.log({"loss": 1 / (epoch + 1), "note": "x", "val": {"acc": epoch}})
"""
WITH = """
import wandb

with wandb.init() as run:
    for step in range(0, 8, 2):
        run.log({"other": 1.0}, step=step)
        run.log({"loss": float("nan") if step == 4 else step}, step=step)
        run.log({"later": 1.0}, step=step)
    run.log({"loss": 5.0}, step=1)
    run.log({"loss": 9.0}, step=9)
"""


def wandb_program(folder: Path, script: str) -> ProgramSource:
    """Write a W&B script as people have them: it takes no arguments."""
    files = {"train.py": OFFLINE + script}
    return program(folder, files, ["${env}", "${interpreter}", "${program}"])


def offline_run(played: Played) -> Path:
    """Return the folder that ``wandb sync`` takes."""
    (folder,) = (played.folder / "wandb").glob("offline-run-*")
    return folder


def test_config_and_metrics_arrive(tmp_path: Path) -> None:
    """The sweep's values lie over the script's leaf by leaf; rows become steps; files stay."""
    played = play(wandb_program(tmp_path, SCRIPT), tmp_path)
    assert played.ended.cause is None, played.log("stderr.log")
    merged = {"lr": 1e-4, "epochs": 3, "opt": {"a": 1, "b": None, "c": 3}, "flag": True}
    assert f"config {merged} digits-1234-4 digits-1234" in played.log("stdout.log")
    assert played.values == [
        (epoch + 1, {"lr": 1e-4, "loss": 1 / (epoch + 1), "val.acc": float(epoch)})
        for epoch in range(3)
    ]
    assert offline_run(played).joinpath("run-digits-1234-4.wandb").stat().st_size > 0
    assert played.ended.imported == ("train.py",)


def test_a_small_float_stays_a_number(tmp_path: Path) -> None:
    """W&B reads its values as YAML, where 1e-05 without a dot is text."""
    script = (
        "\nimport wandb\nrun = wandb.init()\n"
        "run.log({'loss': run.config.lr * 2, 'big': run.config['big'] + 1})\n"
    )
    params = {"lr": 1e-5, "big": 1e20, "text": 'a"b: é\n'}
    played = play(wandb_program(tmp_path, script), tmp_path, params=params)
    assert played.values == [(1, {"loss": 2e-5, "big": 1e20})]


def test_a_pruned_script_finishes_its_run(tmp_path: Path) -> None:
    """It ends at its log call; W&B closes the run as usual and nothing looks like an error."""
    played = play(wandb_program(tmp_path, SCRIPT), tmp_path, stop_at=2)
    assert played.ended.ending is Ending.STOPPED
    assert len(played.reports) == 2
    assert "Traceback" not in played.log("stderr.log")
    assert "wandb sync" in played.log("stdout.log") + played.log("stderr.log")
    assert offline_run(played).joinpath("run-digits-1234-4.wandb").stat().st_size > 0


def test_steps_of_wandb_are_rows(tmp_path: Path) -> None:
    """Explicit steps number rows, not reports; one from the past is dropped as W&B drops it."""
    played = play(wandb_program(tmp_path, WITH), tmp_path)
    assert [step for step, _ in played.values] == [1, 2, 3, 4, 5]
    losses = [metrics["loss"] for _, metrics in played.values]
    assert math.isnan(losses.pop(2))
    assert losses == [0.0, 2.0, 6.0, 9.0]


def test_a_run_of_a_with_statement_is_pruned_quietly(tmp_path: Path) -> None:
    """W&B would print the exception that leaves its ``with``; a stop is none."""
    played = play(wandb_program(tmp_path, WITH), tmp_path, stop_at=1)
    assert played.ended.ending is Ending.STOPPED
    assert "Traceback" not in played.log("stderr.log")


def test_a_script_that_fails_says_its_own_error(tmp_path: Path) -> None:
    """The last line of the traceback, not what W&B says after it."""
    script = SCRIPT + "raise ValueError('bad weights')\n"
    played = play(wandb_program(tmp_path, script), tmp_path)
    assert str(played.ended.cause) == "error: exit code 1: ValueError: bad weights (train.py:21)"
    assert len(played.reports) == 3
