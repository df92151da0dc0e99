"""A cluster whose nodes join and leave while a sweep runs, and a driver that leaves the cluster."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.project import Project
from tests.faults.cluster import NodeCluster
from tests.faults.processes import processes_of

pytestmark = pytest.mark.ray

TRAIN = """
import time

def train(params, trial):
    print("trial", trial.number)
    for step in range(1, 4):
        time.sleep(0.4)
        trial.report(step, loss=params["x"] / step)
"""
SWEEP = """
name: nodes
objective: train.py:train
method: random
metric: {name: loss, goal: minimize}
parameters: {x: {min: 1.0, max: 2.0}}
trial: {backoff: 0.1 s}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path / "project", tmp_path / "state")
    project.write("train.py", TRAIN)
    project.write("sweep.yaml", SWEEP)
    return project


@pytest.fixture
def cluster(project: Project, tmp_path: Path) -> Iterator[NodeCluster]:
    """Start a cluster that knows nothing of the project's home."""
    home = tmp_path / "node"
    home.mkdir()
    with NodeCluster({**project.env, "XDG_STATE_HOME": str(home)}, tmp_path / "log") as cluster:
        yield cluster
    assert not processes_of(home)


def started(project: Project, cluster: NodeCluster, *args: str) -> subprocess.Popen[str]:
    """Start a driver on the cluster."""
    return subprocess.Popen(
        project.command("run", "sweep.yaml", "--json", f"ray.address={cluster.address}", *args),
        cwd=project.folder,
        env={
            **project.env,
            "RAY_AUTH_MODE": "disabled",
            "RAY_gcs_rpc_server_reconnect_timeout_s": "18",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def lines_until(driver: subprocess.Popen[str], words: str) -> list[str]:
    """Read what a driver says until it says this."""
    assert driver.stderr is not None
    seen = []
    for line in driver.stderr:
        seen.append(line)
        if words in line:
            return seen
    raise AssertionError(f"it never said {words!r}: {''.join(seen)}")


def test_nodes_come_and_go_and_so_does_the_driver(
    project: Project, cluster: NodeCluster, tmp_path: Path
) -> None:
    """Nodes of several sizes, one joins, one dies in the middle; then the driver is killed.

    What was in flight on a lost node runs elsewhere; what the killed driver had begun ends, and the
    next driver goes on.
    """
    first, labels = cluster.add(2, kind="good"), "resources.labels.kind=good"
    cluster.add(1, kind="bad")
    driver = started(project, cluster, "budget.trials=24", labels)
    lines_until(driver, "started 2 workers")
    lines_until(driver, "trial 1 ")
    cluster.add(3, kind="good")
    lines_until(driver, "3 more workers fit")
    cluster.kill(first)
    out, err = driver.communicate(timeout=180)
    assert driver.returncode == 0, err
    assert "has left the cluster" in err
    assert '"complete": 24' in out
    shown = project.run("show", "last", "--json").json
    retried = shown["trials"]["retried"]
    assert retried.keys() == {"node"}
    assert 1 <= retried["node"] <= 2
    sweep = next((project.state / "sweeper" / "sweeps").iterdir())
    logs = list(sweep.glob("*/stdout.log"))
    assert {log.read_text().split()[1] for log in logs} == {str(number) for number in range(24)}
    assert len(logs) == 24 + retried["node"], "each attempt has a folder of its own"

    driver = started(project, cluster, "budget.trials=60", labels)
    lines_until(driver, "trial 26 ")
    driver.kill()
    driver.communicate()
    deadline_s = time.monotonic() + 20
    while left := processes_of(tmp_path / "node", "training_main"):
        assert time.monotonic() < deadline_s, f"still training: {left}"
        time.sleep(0.2)
    driver = started(project, cluster, "budget.trials=30", labels)
    out, err = driver.communicate(timeout=180)
    assert driver.returncode == 0, err
    assert '"complete": 30' in out


TOGETHER = """
import os, socket, sys, time

def train(params, trial):
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    where = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
    if params["what"] == "one fails" and rank == 1:
        raise ValueError("no data here")
    if rank == 0:
        with socket.create_server(where) as server:
            peer, _ = server.accept()
            with peer:
                for step in range(1, 4):
                    peer.sendall(b"x")
                    gradient = float(peer.recv(64))
                    trial.report(step, loss=gradient / step)
        return
    for _ in range(100):
        try:
            line = socket.create_connection(where)
        except ConnectionRefusedError:
            time.sleep(0.1)
        else:
            break
    with line:
        step = 0
        while line.recv(1):
            step += 1
            line.sendall(str(float(size)).encode())
            trial.report(step, loss=-1.0)
"""
TEAM = """
name: team
objective: train.py:train
method: grid
metric: {name: loss, goal: minimize}
parameters: {what: {values: [good, one fails, good too]}}
resources: {nodes: 2, cpus: 2}
trial: {retries: 0}
"""


def test_a_trial_may_take_several_machines(project: Project, cluster: NodeCluster) -> None:
    """One process on each, that find each other; the first one's reports count, all joules do.

    Where one of them fails the trial fails, with the cause and the machine; no one waits for ever.
    """
    project.write("train.py", TOGETHER)
    project.write("sweep.yaml", TEAM)
    cluster.add(2)
    code, _, err = ended(started(project, cluster))
    assert code == 1
    assert "2 nodes with 2 CPU and 0 GPU free on each, and 1 have that" in err
    for _ in range(2):
        cluster.add(3)
    code, _, err = ended(started(project, cluster))
    assert code == 0, err
    assert "started 1 worker, 2 CPU and no GPU on each of 2 nodes" in err
    shown = project.run("show", "last", "--json").json
    good, bad, too = shown["trial_list"]
    assert [trial["state"] for trial in (good, bad, too)] == ["complete", "failed", "complete"]
    assert good["metrics"] == {"loss": pytest.approx(2 / 3)}
    assert bad["cause"] == "error: node 1: ValueError: no data here (train.py:8)"
    assert all(trial["energy_j"] > 0 for trial in shown["trial_list"])


def ended(driver: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for a driver's end; return its exit code and what it said."""
    out, err = driver.communicate(timeout=180)
    return driver.returncode, out, err


def test_a_cluster_that_is_gone_ends_the_sweep_with_a_word(
    project: Project, cluster: NodeCluster
) -> None:
    """Without its control plane Ray would end the driver without a word; the sweep says why."""
    cluster.add(1)
    driver = started(project, cluster, "budget.trials=500")
    lines_until(driver, "trial 1 ")
    cluster.kill_head()
    out, err = driver.communicate(timeout=180)
    assert driver.returncode == 1
    assert "has not answered for" in err
    assert "Traceback" not in err
    assert '"state": "failed"' in out
    again = project.run("run", "sweep.yaml", "--local", "--json", "budget.trials=3")
    assert again.code == 0
    assert f'"uid": "{again.json["uid"]}"' in out, "the same sweep went on"
