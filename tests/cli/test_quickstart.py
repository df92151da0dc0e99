"""The quickstart on a real Ray: the main job, its warm repetition, its interruption."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.project import Project
from tests.faults.processes import RAY, assert_nothing_is_left, processes_of

ROOT = Path(__file__).parent.parent.parent
FILE = "configs/quickstart.yaml"

pytestmark = pytest.mark.ray


@pytest.fixture
def quickstart(tmp_path: Path) -> Project:
    """Return the project's own example in a folder and a home of its own."""
    folder = tmp_path / "clone"
    for name in ("configs", "examples"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return Project(folder, tmp_path / "state")


def test_the_main_job_end_to_end(quickstart: Project) -> None:
    """Cold: trained and pruned on Ray to a good network. Warm: nothing trained, Ray not started."""
    cold = quickstart.run("run", FILE, "--json")
    assert cold.code == 0, cold.err
    result = cold.json
    assert result["trials"]["asked"] - result["trials"]["duplicate"] == 40
    assert result["trials"]["trained"] >= 20
    assert result["trials"]["pruned"] >= 5
    assert result["best"]["metrics"]["val_accuracy"] >= 0.97
    assert result["energy"]["spent_j"] > 0
    assert result["energy"]["source"] in ("estimated:cpu_load", "measured:rapl")
    assert result["ray_started"] is True
    assert_nothing_is_left(quickstart.state)

    started = time.monotonic()
    warm = quickstart.run("run", FILE, "--fresh", "--json").json
    took_s = time.monotonic() - started
    assert warm["trials"]["trained"] == 0
    assert warm["energy"]["spent_j"] == 0
    assert warm["ray_started"] is False
    assert warm["best"] == {**result["best"], "from_cache": True, "producer": getpass.getuser()}
    assert warm["trials"]["pruned"] == result["trials"]["pruned"]
    assert took_s < 30, "a generous limit: the claim of seconds is benchmarks/startup.py's"


def test_local_and_ray_decide_the_same(quickstart: Project) -> None:
    """One worker in this process and one on Ray: the same proposals, cuts and values."""
    args = ["run", FILE, "--json", "budget.trials=8", "resources.workers=1", "max_steps=9"]
    seen = []
    for name, extra in (("ray", ()), ("local", ("--local",))):
        quickstart.run(*args, "--store", f"sqlite:///{quickstart.state}/{name}.db", *extra)
        shown = quickstart.run(
            "show", "last", "--json", "--store", f"sqlite:///{quickstart.state}/{name}.db"
        ).json
        keys = ("number", "params", "state", "steps", "metrics")
        seen.append([[trial[key] for key in keys] for trial in shown["trial_list"]])
    assert seen[0] == seen[1]
    assert len(seen[0]) == 8


def test_ctrl_c_drains_and_the_same_command_goes_on(quickstart: Project) -> None:
    """One Ctrl-C to the whole group: running trials finish, exit 130, no process left."""
    process = subprocess.Popen(
        quickstart.command("run", FILE, "--json", "budget.trials=30"),
        cwd=quickstart.folder,
        env=quickstart.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("trial 3 "):
            break
    assert processes_of(quickstart.state, RAY)  # so that finding none later says something
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "running trials finish" in err
    assert '"stopped_by": "interrupt"' in out
    assert "Traceback" not in err
    assert_nothing_is_left(quickstart.state)

    done = quickstart.run("run", FILE, "--json", "budget.trials=30")
    assert done.code == 0
    assert done.json["trials"]["asked"] - done.json["trials"]["duplicate"] == 30
    assert f'"uid": "{done.json["uid"]}"' in out, "the same sweep went on"


def test_a_killed_driver_loses_nothing_that_was_finished(quickstart: Project) -> None:
    """After SIGKILL the same command goes on; what was settled is not trained again."""
    process = subprocess.Popen(
        quickstart.command("run", FILE, "--json", "budget.trials=16"),
        cwd=quickstart.folder,
        env=quickstart.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    settled = set()
    for line in process.stderr:
        if line.startswith("trial "):
            settled.add(int(line.split()[1]))
        if len(settled) >= 5:
            break
    assert processes_of(quickstart.state)
    process.kill()
    process.communicate()
    assert_nothing_is_left(quickstart.state, within_s=10)
    done = quickstart.run("run", FILE, "--json", "budget.trials=16")
    assert done.code == 0, done.err
    assert done.json["trials"]["asked"] - done.json["trials"]["duplicate"] == 16
    again = {int(line.split()[1]) for line in done.err.splitlines() if line.startswith("trial ")}
    assert not again & settled


def test_a_running_cluster_is_joined_and_gets_the_code(quickstart: Project) -> None:
    """``ray.address`` joins; the project and this package reach workers in another folder."""
    env = {**quickstart.env, "RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
    port, elsewhere = "6399", quickstart.state / "elsewhere"
    elsewhere.mkdir(parents=True)
    ray = [shutil.which("ray", path=str(Path(os.sys.executable).parent)) or "ray"]  # type: ignore[attr-defined]
    start = [
        *ray,
        "start",
        "--head",
        "--port",
        port,
        "--num-cpus",
        "2",
        "--include-dashboard=false",
    ]
    subprocess.run(start, cwd=elsewhere, env=env, check=True, capture_output=True, timeout=120)
    try:
        done = subprocess.run(
            quickstart.command(
                "run", FILE, "--json", "budget.trials=4", f"ray.address=127.0.0.1:{port}"
            ),
            cwd=quickstart.folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    finally:
        for pid in processes_of(quickstart.state, RAY):  # `ray stop` would end everybody's
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    assert done.returncode == 0, done.stderr
    assert '"trained": 4' in done.stdout
