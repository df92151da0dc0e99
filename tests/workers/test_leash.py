"""Programs do not outlive their worker, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from sweeper.workers.leash import Leash
from tests.workers.programs import gone

WORKER = """
import sys
from pathlib import Path
from sweeper.workers.local_pool import LocalPool
from sweeper.workers.worker import WorkerSetup
from tests.workers.objectives import scripted_meter
from tests.workers.programs import program, trial

folder = Path(sys.argv[1])
script = "trap '' TERM INT HUP; sleep 600 & echo $$ $!; echo loss=1; while :; do sleep 1; done"
source = program(folder, {"train.sh": script}, ["sh", "train.sh"])
pool = LocalPool(WorkerSetup(source, scripted_meter, own_process=False))
pool.start(trial(folder))
while pool.next_event(1) is None:
    pass
print("ready", flush=True)
sys.stdin.read()
"""


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


def test_what_is_let_go_is_left_alone() -> None:
    """Only groups that are held at the end are killed; a leash may be closed twice."""
    sleeper = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
    with (
        subprocess.Popen(sleeper, start_new_session=True, stdout=subprocess.PIPE) as held,
        subprocess.Popen(sleeper, start_new_session=True, stdout=subprocess.PIPE) as let_go,
    ):
        leash = Leash()
        leash.start()
        leash.start()
        for process in (held, let_go):
            assert process.stdout is not None
            process.stdout.readline()
            leash.hold(process.pid)
        leash.let_go(let_go.pid)
        leash.close()
        leash.close()
        assert held.wait(10) == -signal.SIGKILL
        assert let_go.poll() is None
        os.killpg(let_go.pid, signal.SIGKILL)
