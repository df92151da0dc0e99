"""The whole stack on a stand-in for NVIDIA's library: Ray finds the GPU, NVML counts its joules."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.testing.fake_nvml import build
from tests.cli.conftest import SWEEP, Project

pytestmark = pytest.mark.ray

TRAIN = """
import os, time

def train(params):
    for step in range(1, 5):
        time.sleep(0.2)
        yield step, {"loss": params["x"] ** 2, "visible": float(os.environ["CUDA_VISIBLE_DEVICES"])}
"""
POWER_W = 300.0


def test_two_workers_on_one_gpu_share_its_joules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a GPU each: trials and overhead add up to the board's energy, not to twice that."""
    library = tmp_path / "nvml"
    library.mkdir()
    build(library)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(library))
    monkeypatch.setenv("FAKE_NVML_WATTS", f"{POWER_W:g}")
    project = Project(tmp_path / "project", tmp_path / "state")
    project.write("train.py", TRAIN)
    project.write("sweep.yaml", SWEEP.replace("max_steps: 5", "resources: {cpus: 1, gpus: 0.5}"))
    done = project.run("run", "sweep.yaml", "--json", "cache.mode=off")
    assert done.code == 0, done.err
    assert "2 workers, 1 CPU and 0.5 GPU each" in done.err
    energy = done.json["energy"]
    assert (energy["source"], energy["scope"]) == ("measured:counter", "gpu")
    assert (energy["missing"], energy["coverage"]) == (0, 1.0)

    trials = [project.run("show", f"last/{number}", "--json").json for number in range(4)]
    for trial in trials:
        account = trial["energy"]
        assert account["attribution"] == "lease"
        # The counter moves every 0.1 s, so each edge may be off by what was drawn in that time.
        expected_j = POWER_W / 2 * trial["elapsed_s"]
        assert account["total_j"] == pytest.approx(expected_j, abs=POWER_W * 0.1)
        assert account["cpu_source"] == "estimated:cpu_load"
    booked_j = sum(trial["energy"]["total_j"] for trial in trials) + energy["overhead_j"]
    assert energy["spent_j"] == pytest.approx(booked_j)
    assert energy["spent_j"] <= POWER_W * done.json["elapsed_s"], "not more than the board drew"
