"""``sweeper energy`` from outside: what it prints, where, and its exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sweeper.testing.fake_nvml import build
from tests.cli.project import Finished, Project

SHOUT = "import sys; print('to out'); print('to err', file=sys.stderr); sys.exit(3)"


def measure(project: Project, *args: str) -> Finished:
    """Measure a command without GPUs."""
    return project.run("energy", "measure", "--gpus", "none", *args)


def test_probe_says_what_can_be_measured_and_what_to_do(project: Project) -> None:
    """It answers without a GPU too, with exit code 0; JSON has the same facts."""
    done = project.run("energy", "probe")
    assert done.code == 0
    assert "a sweep here would account" in done.out
    facts = project.run("energy", "probe", "--json", "--cpu-w-per-core", "7").json
    assert facts["cpu"]["w_per_core"] == 7
    assert facts["scopes"]["without_gpus"] == "cpu"
    if not facts["gpus"]["boards"]:
        assert facts["scopes"]["with_gpus"] == "unavailable"
        assert "NVIDIA_DRIVER_CAPABILITIES=utility" in done.out


def test_standard_output_belongs_to_the_command(project: Project, tmp_path: Path) -> None:
    """The figure is on standard error after what the command wrote there, and in the file."""
    file = tmp_path / "energy.json"
    done = measure(
        project,
        "--region",
        "FRA",
        "--pue",
        "1.5",
        "-o",
        str(file),
        "--",
        sys.executable,
        "-c",
        SHOUT,
    )
    assert (done.code, done.out) == (3, "to out\n")
    assert done.err.startswith("to err\n")
    assert "PUE 1.5 (given)" in done.err
    document = json.loads(file.read_text())
    assert document["exit_code"] == 3
    assert document["co2e_g"] == pytest.approx(document["site_kwh"] * 56.039)


def test_json_is_the_last_line_of_standard_error(project: Project) -> None:
    """One line, and no other figure."""
    done = measure(project, "--json", "--", sys.executable, "-c", SHOUT)
    first, last = done.err.splitlines()
    assert first == "to err"
    assert json.loads(last)["energy"]["scope"] == "cpu"


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("--", "no-such-command"), 127, "no-such-command: command not found"),
        (("--region", "Atlantis", "--", "false"), 2, "--region: unknown region 'Atlantis'"),
        (("-o", "/nowhere/x", "--", "false"), 2, "--output /nowhere/x: cannot be written"),
    ],
    ids=["not found", "region", "output"],
)
def test_what_is_wrong_is_said_before_the_command_runs(
    project: Project, args: tuple[str, ...], code: int, words: str
) -> None:
    """A shell's exit code for a missing command, 2 for wrong options; never a traceback."""
    done = measure(project, *args)
    assert done.code == code
    assert words in done.err


def test_ctrl_c_ends_the_command_and_the_figure_is_told(project: Project) -> None:
    """The terminal's signal goes to both; the exit code is that of a command ended by it."""
    program = "import time; print('ready', flush=True); time.sleep(60)"
    running = subprocess.Popen(
        project.command("energy", "measure", "--gpus", "none", "--", sys.executable, "-c", program),
        cwd=project.folder,
        env=project.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "ready\n"
    started = time.monotonic()
    os.killpg(running.pid, signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert time.monotonic() - started < 30
    assert "energy " in err
    # Python ends itself by the signal; a shell calls that 128 + 2.
    assert running.returncode == 128 + signal.SIGINT


def test_without_a_gpu_there_is_nothing_to_validate(project: Project) -> None:
    """It says so and why, with exit code 1."""
    hidden = project.folder / "nvml"
    hidden.mkdir()
    (hidden / "libnvidia-ml.so.1").touch()  # hides a real one
    done = subprocess.run(
        project.command("energy", "validate"),
        env={**project.env, "LD_LIBRARY_PATH": str(hidden)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.startswith("nothing to validate here: NVML says:")


@pytest.fixture
def fake_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands find two GPUs of 300 W and 100 W."""
    library = tmp_path / "nvml"
    library.mkdir()
    build(library)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(library))
    monkeypatch.setenv("FAKE_NVML_WATTS", "300,100")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.usefixtures("fake_gpus")
def test_probe_shows_each_gpu_with_its_source(project: Project) -> None:
    """Its label, its period, and every call's answer or the driver's reason."""
    done = project.run("energy", "probe", "--json")
    boards = done.json["gpus"]["boards"]
    assert [board["source"] for board in boards] == ["measured:counter"] * 2
    assert boards[0]["update_s"] == pytest.approx(0.1, abs=0.05)
    assert boards[0]["power_limit_w"] == 700
    calls = {call["name"]: call for call in boards[1]["calls"]}
    assert calls["nvmlDeviceGetPowerUsage"]["value"] == 100
    assert all((call["value"] is None) == (call["reason"] is not None) for call in calls.values())
    assert done.json["scopes"]["with_gpus"] in ("gpu", "gpu+cpu")


@pytest.mark.usefixtures("fake_gpus")
@pytest.mark.parametrize(
    ("visible", "power_w"),
    [(None, 400.0), ("1", 100.0)],
    ids=["all", "one"],
)
def test_a_command_is_metered_on_the_gpus_that_it_sees(
    project: Project, monkeypatch: pytest.MonkeyPatch, visible: str | None, power_w: float
) -> None:
    """CUDA_VISIBLE_DEVICES is read as CUDA reads it."""
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    done = project.run("energy", "measure", "--json", "--", "sleep", "1")
    document = json.loads(done.err.splitlines()[-1])
    assert document["energy"]["source"] in ("measured:counter", "measured:rapl")
    joules = [gpu["energy_j"] for gpu in document["energy"]["gpus"]]
    # The counter moves every 0.1 s, at either edge.
    assert sum(joules) == pytest.approx(power_w * document["elapsed_s"], rel=0.25)
