"""What a keeper keeps: nothing of a command outlives it, and it outlives nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sweeper.workers import keeper_process
from sweeper.workers.keeper import Kept
from tests.workers.programs import gone

NULL = os.open(os.devnull, os.O_RDWR)
FORKS = """
import os, sys, time
for n in range(int(sys.argv[1])):
    if os.fork() == 0:
        if n % 2: os.setsid()
        if n % 3 == 0 and os.fork():
            os._exit(0)
        with open(sys.argv[2], "a") as file: file.write(f"{os.getpid()}\\n")
        time.sleep(600)
while len(open(sys.argv[2]).readlines()) < int(sys.argv[1]): time.sleep(0.01)
if sys.argv[3] == "wait": time.sleep(600)
sys.exit(3)
"""
WORKER = """
import sys
from pathlib import Path
from sweeper.workers.local_pool import LocalPool
from sweeper.workers.worker import WorkerSetup
from tests.workers.objectives import scripted_meter
from tests.workers.programs import program, trial

folder = Path(sys.argv[1])
script = (
    "trap '' TERM INT HUP; setsid sleep 600 & echo $$ $!; echo loss=1; "
    "while :; do sleep 1; done"
)
source = program(folder, {"train.sh": script}, ["sh", "train.sh"])
pool = LocalPool(WorkerSetup(source, scripted_meter, own_process=False))
pool.start(trial(folder))
while pool.next_event(1) is None:
    pass
print("ready", flush=True)
sys.stdin.read()
"""


def keep(*argv: str, cwd: Path) -> Kept:
    """Start a command under a keeper."""
    return Kept(argv, cwd=str(cwd), env=None, stdout=NULL, stderr=NULL)


def forked(folder: Path, how: str) -> tuple[Kept, list[int]]:
    """Start a command with fifty processes of its own, half of them in sessions of their own."""
    pids = folder / "pids"
    pids.touch()
    kept = keep(sys.executable, "-c", FORKS, "50", str(pids), how, cwd=folder)
    while len(pids.read_text().splitlines()) < 50:
        time.sleep(0.01)
    return kept, [int(line) for line in pids.read_text().splitlines()]


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", -9)])
def test_the_status_is_the_commands(tmp_path: Path, script: str, status: int) -> None:
    """Exit codes and signals arrive as they are."""
    assert keep("sh", "-c", script, cwd=tmp_path).status(30) == status


@pytest.mark.parametrize("proc_children", [True, False], ids=["children files", "all of /proc"])
def test_what_a_command_leaves_behind_ends_with_it(
    tmp_path: Path, proc_children: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty children, in sessions of their own, orphaned: gone before the status is told."""
    if not proc_children:
        script = tmp_path / "keeper_process.py"
        text = Path(keeper_process.__file__).read_text().replace("/children", "/absent")
        script.write_text(text)
        monkeypatch.setattr("sweeper.workers.keeper._SCRIPT", script)
    kept, pids = forked(tmp_path, "exit")
    assert kept.status(60) == 3
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_a_killed_tree_is_gone_when_that_is_told(tmp_path: Path) -> None:
    """``close`` returns when all fifty are gone; it may be called twice."""
    kept, pids = forked(tmp_path, "wait")
    kept.close()
    kept.close()
    assert kept.status() == -signal.SIGKILL
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_a_command_dies_with_its_keeper(tmp_path: Path) -> None:
    """Who kills the keeper gets no command that runs on unseen."""
    kept = keep("sleep", "600", cwd=tmp_path)
    os.kill(kept.keeper, signal.SIGKILL)
    assert kept.status(30) == -signal.SIGKILL
    assert gone(kept.pid)


def test_signals_reach_the_group_with_their_ordinary_meaning(tmp_path: Path) -> None:
    """The keeper ignores SIGTERM; what it starts does not."""
    kept = keep("sh", "-c", "sleep 600; exit 1", cwd=tmp_path)
    assert kept.status() is None
    kept.signal(signal.SIGTERM)
    assert kept.status(30) == -signal.SIGTERM


def test_a_command_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """As ``subprocess`` has it, with the name."""
    with pytest.raises(FileNotFoundError, match="no-such-command"):
        keep("no-such-command", cwd=tmp_path)


def test_a_killed_worker_leaves_nothing_behind(tmp_path: Path) -> None:
    """After SIGKILL of the worker its program and the program's child are gone in seconds."""
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        printed = (tmp_path / "digits-1234" / "4" / "stdout.log").read_text()
        pids = [int(word) for word in printed.splitlines()[0].split()]
        assert len(pids) == 2
        assert all(Path(f"/proc/{pid}").exists() for pid in pids)
        worker.send_signal(signal.SIGKILL)
    assert all(gone(pid) for pid in pids)
