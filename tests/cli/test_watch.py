"""``sweeper watch``: a sweep that runs in another process, one that died, one that is over."""

from __future__ import annotations

import json
import os
import pty
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.lab import Person
from tests.cli.project import SWEEP, Project

SLOW = """
import time

def train(params, trial):
    for step in range(1, 6):
        time.sleep(0.2)
        trial.report(step, loss=params["x"] ** 2 + 1 / step)
"""


@pytest.fixture
def slow(tmp_path: Path) -> Project:
    """Return a project whose trials take a second each."""
    made = Project(tmp_path / "project", tmp_path / "state")
    made.write("train.py", SLOW)
    made.write("sweep.yaml", SWEEP)
    return made


@pytest.fixture
def driver(slow: Project, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    """Run its sweep, of four trials unless a test says else, and wait until it is in the store."""
    trials = getattr(request, "param", 4)
    process = subprocess.Popen(
        slow.command("run", "sweep.yaml", "--local", f"budget.trials={trials}"),
        cwd=slow.folder,
        env={**slow.env, "SWEEPER_LEASE_TTL_S": "0.6"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not (slow.state / "sweeper" / "sweeps").exists():  # the first trial's folder
            assert process.poll() is None
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_running_sweep_is_watched_to_its_end(
    slow: Project, driver: subprocess.Popen[bytes]
) -> None:
    """Each look is a line of JSON; the last one has the figures of ``show``, and exit code 0."""
    done = slow.run("watch", "--json", "--interval", "0.1")
    looks = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 0, done.err
    assert looks[0]["state"] == "running"
    settled = [sum(look["trials"][it] for it in ("complete", "pruned", "failed")) for look in looks]
    assert settled == sorted(settled)
    assert len(set(settled)) > 2
    assert {look["budget_trials"] for look in looks} == {4}
    flying = [trial for look in looks for trial in look["running"]]
    assert {trial["number"] for trial in flying} <= {0, 1, 2, 3}
    assert max(trial["steps"] for trial in flying) > 0
    elapsed = [look["elapsed_s"] for look in looks[:-1]]
    assert elapsed == sorted(elapsed)
    shown = slow.run("show", "last", "--json").json
    last = looks[-1]
    assert (last["state"], last["stopped_by"]) == ("complete", "budget.trials")
    assert (last["best"], last["trials"]) == (shown["best"], shown["trials"])
    assert last["spent_j"] == shown["energy"]["spent_j"]
    assert driver.wait(30) == 0


@pytest.mark.parametrize("driver", [60], indirect=True)
def test_lines_and_a_stop(slow: Project, driver: subprocess.Popen[bytes]) -> None:
    """Off a terminal a line says each change; a sweep that was stopped ends it with 3."""
    handle = slow.run("ls", "--json").json[0]["sweep"]
    assert slow.run("stop", handle).code == 0
    done = slow.run("watch", handle, "--interval", "0.1")
    assert done.code == 3
    lines = done.out.splitlines()
    assert all(line.startswith(f"{handle} ") for line in lines)
    assert f"{handle} stopped (stop): " in lines[-1]
    assert "\x1b" not in done.out
    assert driver.wait(30) == 3


def test_ctrl_c_leaves_the_sweep_alone(slow: Project, driver: subprocess.Popen[bytes]) -> None:
    """Watching ends quietly; the sweep goes on to its end."""
    watching = subprocess.Popen(
        slow.command("watch", "--interval", "0.1"),
        cwd=slow.folder,
        env=slow.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watching.stdout is not None
    assert "running" in watching.stdout.readline()
    watching.send_signal(signal.SIGINT)
    _, errors = watching.communicate(timeout=30)
    assert (watching.returncode, errors) == (130, "")
    assert driver.wait(30) == 0


def test_a_killed_driver_is_noticed(slow: Project, driver: subprocess.Popen[bytes]) -> None:
    """On the same machine its death is seen at once, however long its lease would last."""
    driver.kill()
    driver.wait()
    done = slow.run("watch", "--interval", "0.1")
    assert done.code == 1
    assert "its driver was last heard of" in done.out
    assert "`sweeper run` goes on with it" in done.out
    again = slow.run("run", "sweep.yaml", "--local", "--json", "budget.trials=2")
    assert (again.code, again.json["state"]) == (0, "complete")


def test_a_silent_driver_elsewhere_counts_as_dead_after_its_lease(project: Project) -> None:
    """Nobody can look at its process, so the heartbeat decides."""
    assert project.run("run", "sweep.yaml", "--local").code == 0
    store = sqlite3.connect(project.state / "sweeper" / "store.db")
    with store:
        store.execute(
            "UPDATE sweep SET state = 'running', stopped_by = NULL, ended_at = NULL,"
            " proc_id = 'another boot|another host|1', heartbeat_at = heartbeat_at - 300"
        )
    store.close()
    done = project.run("watch", "last")
    assert done.code == 1
    assert "its driver was last heard of 5 m ago; `sweeper run` goes on with it" in done.out
    assert json.loads(project.run("watch", "--json").out)["lost"] is True


@pytest.mark.parametrize(
    ("overrides", "code"), [((), 0), (("objective=broken.py:train",), 1)], ids=["done", "failed"]
)
def test_what_is_over_is_said_at_once(
    project: Project, overrides: tuple[str, ...], code: int
) -> None:
    """Without a sweep that runs, the last one; one line, and the exit code that ``run`` had."""
    project.write("broken.py", "def train(params): raise RuntimeError('no')\n")
    assert project.run("run", "sweep.yaml", "--local", *overrides).code == code
    done = project.run("watch")
    assert done.code == code
    assert len(done.out.splitlines()) == 1


def test_a_colleagues_sweep_can_be_watched(project: Project) -> None:
    """Any handle of the store will do, and nobody's own is a clear error."""
    assert project.run("run", "sweep.yaml", "--local").code == 0
    handle = project.run("ls", "--json").json[0]["sweep"]
    url = f"sqlite:///{project.state}/sweeper/store.db"
    colleague = Person(project.folder, project.state / "theirs", name="colleague", url=url)
    assert colleague.run("watch", handle).code == 0
    none = colleague.run("watch")
    assert (none.code, none.out) == (1, "")
    assert "colleague has no sweep" in none.err


def test_a_terminal_gets_a_table(slow: Project, driver: subprocess.Popen[bytes]) -> None:
    """It is drawn again and again in the same place, and its last state stays."""
    reader, writer = pty.openpty()
    watching = subprocess.Popen(
        slow.command("watch", "--interval", "0.1"),
        cwd=slow.folder,
        env={**slow.env, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"},
        stdout=writer,
        stderr=subprocess.PIPE,
    )
    os.close(writer)
    text = b""
    try:
        while part := _read(reader):
            text += part
    finally:
        os.close(reader)
        _, errors = watching.communicate(timeout=30)
    assert (watching.returncode, errors) == (0, b"")
    shown = text.decode()
    assert "\x1b[2K" in shown
    assert "params" in shown
    assert "complete (budget.trials): 4/4 trials" in shown
    assert shown.rstrip().endswith("\x1b[?25h")


def _read(reader: int) -> bytes:
    """Read from a terminal until its last writer has gone."""
    try:
        return os.read(reader, 65536)
    except OSError:
        return b""
