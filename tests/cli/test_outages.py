"""The store fails in the middle of a sweep: training goes on, nothing is lost, it is told once."""

from __future__ import annotations

import json
import resource
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.cli.lab import Person
from tests.cli.project import Project
from tests.postgres import PostgresServer

TRIALS = 14
NOTED = """
import os, time

def train(params, trial):
    for step in range(1, 4):
        time.sleep(0.1)
        trial.report(step, loss=params["x"] * step)
    with open(os.environ["JOURNAL"], "a") as file:
        file.write(f"{params['x']}\\n")
"""


@dataclass
class Running:
    """A sweep at work, and the file where its trainings are noted."""

    person: Person
    journal: Path
    process: subprocess.Popen[str]

    @property
    def trained(self) -> int:
        """Return how many trainings have ended."""
        return len(self.journal.read_text().splitlines())

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so, while the sweep lives."""
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.02)

    def train(self, more: int) -> None:
        """Wait until more trainings have ended."""
        wanted = self.trained + more
        self.wait_for(lambda: self.trained >= wanted)

    def end(self) -> tuple[Any, str]:
        """Wait for its end; return its result and what it told."""
        out, err = self.process.communicate(timeout=100)
        assert self.process.returncode == 0, err
        assert "Traceback" not in err
        return json.loads(out.strip().splitlines()[-1]), err

    @property
    def spooled(self) -> int:
        """Return how many results wait on this machine."""
        files = (self.person.state / "sweeper" / "spool").glob("*.jsonl")
        return sum(len(file.read_text().splitlines()) for file in files)


def begin(person: Person, journal: Path, *, file_limit: int | None = None) -> Running:
    """Start the sweep."""
    person.write("train.py", NOTED)
    person.more.update({"JOURNAL": str(journal), "SWEEPER_STORE_PATIENCE_S": "0.5"})
    journal.touch()

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        if file_limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, resource.RLIM_INFINITY))

    process = subprocess.Popen(
        person.command("run", "sweep.yaml", "--local", "--json", f"budget.trials={TRIALS}"),
        cwd=person.folder, env=person.env, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=limit,
    )  # fmt: skip
    return Running(person, journal, process)


def check(run: Running, result: Any, told: str) -> None:
    """All trials are there, were trained once, answer the next sweep; it was told once."""
    assert (result["state"], result["trials"]["complete"]) == ("complete", TRIALS)
    points = Counter(run.journal.read_text().split())
    assert set(points.values()) == {1}
    assert len(points) == TRIALS
    assert told.count("goes on without it") == 1, told
    assert told.count("the store is back") == 1, told
    assert run.spooled == 0
    assert run.person.cache("verify", "--json").json["problems"] == []
    again = run.person.sweep("--fresh", f"budget.trials={TRIALS}")
    assert again["trials"]["trained"] == 0


@pytest.fixture
def person(project: Project, tmp_path: Path) -> Person:
    """Ann, with a file for a store."""
    return Person(project.folder, project.state, "ann", f"sqlite:///{tmp_path}/store.db")


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Callable[[], sqlite3.Connection]]:
    """Lock the store's file for as long as the returned connection is in its transaction."""
    with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as other:

        def lock() -> sqlite3.Connection:
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                try:
                    other.execute("BEGIN EXCLUSIVE")
                except sqlite3.OperationalError:
                    time.sleep(0.01)
                else:
                    return other
            raise TimeoutError

        yield lock


def test_a_locked_database(
    person: Person, tmp_path: Path, locked: Callable[[], sqlite3.Connection]
) -> None:
    """Another program holds the file for longer than the sweep's patience."""
    run = begin(person, tmp_path / "journal")
    run.train(3)
    other = locked()
    run.wait_for(lambda: run.spooled >= 2)
    run.train(2)
    other.execute("COMMIT")
    check(run, *run.end())


def test_killed_while_results_wait(
    person: Person, tmp_path: Path, locked: Callable[[], sqlite3.Connection]
) -> None:
    """What waited in the file is delivered by the next run; it is not trained again."""
    run = begin(person, tmp_path / "journal")
    run.train(3)
    other = locked()
    run.wait_for(lambda: run.spooled >= 3)
    run.process.kill()
    run.process.communicate()
    other.execute("COMMIT")
    assert run.spooled >= 3
    health = run.person.run("cache", "doctor", "--json").json
    assert any(one["check"] == "spool" and one["health"] == "warn" for one in health["checks"])
    result, _ = begin(person, tmp_path / "journal").end()
    assert (result["state"], result["trials"]["complete"]) == ("complete", TRIALS)
    points = Counter(run.journal.read_text().split())
    assert len(points) == TRIALS
    assert sum(points.values()) <= TRIALS + 1, "at most what was between its end and the file"
    assert run.spooled == 0


def test_a_full_disk(person: Person, tmp_path: Path) -> None:
    """The database cannot grow; the results wait, and go in when there is room again."""
    # The kernel refuses to let any file of the process grow beyond this: what a quota does.
    empty = begin(person, tmp_path / "journal")
    empty.train(2)
    empty.process.send_signal(signal.SIGINT)
    empty.process.communicate(timeout=60)
    size = (tmp_path / "store.db").stat().st_size
    run = begin(person, tmp_path / "journal", file_limit=size + 8192)
    run.wait_for(lambda: run.spooled >= 2)
    run.train(1)
    psutil.Process(run.process.pid).rlimit(
        psutil.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    )
    check(run, *run.end())


@pytest.mark.postgres
def test_a_server_that_is_stopped_and_back(project: Project, tmp_path: Path) -> None:
    """It crashes in the middle of the sweep and comes back while that still trains."""
    server = PostgresServer()
    try:
        url = server.url(server.database())
        person = Person(project.folder, project.state, "ann", url)
        run = begin(person, tmp_path / "journal")
        run.train(3)
        server.stop("immediate")
        run.wait_for(lambda: run.spooled >= 2)
        run.train(1)
        server.start()
        check(run, *run.end())
    finally:
        server.destroy()


@pytest.mark.postgres
def test_a_server_that_stays_away(project: Project, tmp_path: Path) -> None:
    """The sweep ends; it says where the results are; the next run delivers them."""
    server = PostgresServer()
    try:
        url = server.url(server.database())
        person = Person(project.folder, project.state, "ann", url)
        run = begin(person, tmp_path / "journal")
        run.train(3)
        server.stop("fast")
        out, err = run.process.communicate(timeout=100)
        assert run.process.returncode in (0, 1)
        assert "Traceback" not in err
        assert run.trained == TRIALS, out
        assert "spool" in err
        assert run.spooled >= 8
        server.start()
        result, _ = begin(person, tmp_path / "journal").end()
        assert result["trials"]["complete"] == TRIALS
        assert len(run.journal.read_text().split()) == TRIALS, "nothing was trained again"
    finally:
        server.destroy()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite:////proc/nowhere/store.db", "/proc/nowhere"),
        ("sqlite:////dev/null/store.db", "/dev/null"),
        ("postgresql+psycopg://nobody@/x?host=/nowhere", "cannot be reached"),
    ],
    ids=["read-only-folder", "no-folder", "no-server"],
)
def test_a_store_that_cannot_be_opened_is_told_before_anything_is_trained(
    project: Project, url: str, words: str
) -> None:
    """Exit code 1 and a line that says which store, why, and what to do."""
    done = project.run("run", "sweep.yaml", "--local", "--store", url)
    assert done.code == 1
    assert done.err.splitlines()[-1].startswith("error: store")
    assert words in done.err


def test_a_state_folder_that_takes_no_files(project: Project) -> None:
    """Logs and errors cannot be written: that is told, and training goes on."""
    state = project.state / "sweeper"
    state.mkdir(parents=True)
    (state / "sweeps").write_text("a file, where folders would have to be made")
    (state / "sweeper.log").symlink_to("/dev/full")
    project.write("train.py", "def train(params):\n    print(1)\n    yield 1, {'loss': 1 / 0}")
    failed = project.run("run", "sweep.yaml", "--local", "--json")
    assert failed.code == 1
    assert "what trials print is not kept (Not a directory" in failed.err
    assert "the error of trial 0 was not kept" in failed.err
    project.write("train.py", "def train(params):\n    print(1)\n    yield 1, {'loss': 1.0}")
    done = project.run("run", "sweep.yaml", "--local", "--json", "budget.trials=3")
    assert (done.code, done.json["trials"]["complete"]) == (0, 3)
    assert done.err.count("not kept") == 1
