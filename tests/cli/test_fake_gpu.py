"""The whole stack on a stand-in for NVIDIA's library: Ray finds the GPU, the agent keeps books."""

from __future__ import annotations

import math
import os
import random
import time
from pathlib import Path

import pytest

from sweeper.testing.fake_nvml import build
from tests.cli.project import SWEEP, Project

pytestmark = pytest.mark.ray

# Each trial keeps the GPU busy as the driver would see it, and measures its inference apart.
TRAIN = """
import os, time
import sweeper

def busy(percent):
    with open(os.environ["FAKE_NVML_PROCESSES"], "a") as file:
        file.write(f"{time.monotonic():.6f} 0 {os.getpid()} {percent} 512\\n")

def train(params, trial):
    busy(10 + 5 * params["x"] % 40)
    for step in range(1, 4):
        time.sleep(0.2)
        trial.report(step, loss=params["x"] ** 2, visible=float(os.environ["CUDA_VISIBLE_DEVICES"]))
    with trial.measure("inference"):
        time.sleep(0.15)
    busy(0)
"""
STRANGER_PERCENT = 20


class Gpu:
    """One fake board with a load that changes all the time, and somebody else's process on it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder.mkdir()
        build(folder)
        self.began_s = time.monotonic()
        self._steps = self._make_steps()
        trace, processes = folder / "trace", folder / "processes"
        trace.write_text("".join(f"{at_s} 0 {watts}\n" for at_s, watts in self._steps))
        processes.write_text(f"{self.began_s} 0 {os.getpid()} {STRANGER_PERCENT} 1024\n")
        monkeypatch.setenv("LD_LIBRARY_PATH", str(folder))
        monkeypatch.setenv("FAKE_NVML_WATTS", "0")
        monkeypatch.setenv("FAKE_NVML_TRACE", str(trace))
        monkeypatch.setenv("FAKE_NVML_PROCESSES", str(processes))

    def _make_steps(self) -> list[tuple[float, float]]:
        draw, at_s, steps = random.Random(0), self.began_s, []
        while at_s < self.began_s + 180:
            steps.append((at_s, draw.uniform(80, 600)))
            at_s += draw.uniform(0.05, 0.6)
        return steps

    def used_j(self, from_s: float, to_s: float) -> float:
        """Return what the trace draws between two times, exactly."""
        ends = [*(at_s for at_s, _ in self._steps[1:]), math.inf]
        return math.fsum(
            watts * max(0.0, min(end_s, to_s) - max(at_s, from_s))
            for (at_s, watts), end_s in zip(self._steps, ends, strict=True)
        )


def test_eight_trials_at_a_time_on_one_gpu_add_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trials, overhead and strangers sum to what the counter went up by, whoever ran when."""
    gpu = Gpu(tmp_path / "nvml", monkeypatch)
    project = Project(tmp_path / "project", tmp_path / "state")
    project.write("train.py", TRAIN)
    project.write(
        "sweep.yaml",
        SWEEP.replace(
            "max_steps: 5",
            "resources: {cpus: 0.25, gpus: 0.125}\n"
            "constraints: [inference_duration_s >= 0.1]\n"
            "energy: {gpu_idle_w: 70}",
        ),
    )
    before_s = time.monotonic()
    done = project.run("run", "sweep.yaml", "--json", "cache.mode=off", "budget.trials=10")
    after_s = time.monotonic()
    assert done.code == 0, done.err
    assert "8 workers, 0.25 CPU and 0.125 GPU each" in done.err
    energy = done.json["energy"]
    assert (energy["source"], energy["scope"], energy["missing"]) == ("measured:counter", "gpu", 0)

    trials = [project.run("show", f"last/{number}", "--json").json for number in range(10)]
    booked_j = math.fsum(trial["energy"]["total_j"] for trial in trials)
    (board,) = energy["gpus"]
    parts_j = booked_j + board["overhead_j"] + board["external_j"]
    assert parts_j == pytest.approx(board["device_j"], rel=1e-3)
    assert energy["spent_j"] == pytest.approx(booked_j + energy["overhead_j"], rel=1e-9)
    assert board["overhead_j"] > 0
    assert board["external_j"] > 0, "somebody else keeps the board busy all the time"
    trained_s = max(trial["elapsed_s"] for trial in trials)
    assert 70 * trained_s < board["device_j"] < gpu.used_j(before_s, after_s)

    for trial in trials:
        account = trial["energy"]
        assert account["attribution"] in {"sm_util", "lease"}
        assert account["lo_j"] <= account["total_j"] <= account["hi_j"]
        (region,) = account["regions"]
        assert (region["name"], region["passages"]) == ("inference", 1)
        assert 0 <= region["energy_j"] <= account["total_j"]
        assert region["elapsed_s"] >= 0.15
    assert {trial["energy"]["attribution"] for trial in trials} >= {"sm_util"}
    text = project.run("show", "last").out
    assert "GPU" in text
