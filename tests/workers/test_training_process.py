"""A function in a process of its own: whatever it does there is one typed failure, and no more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest

from sweeper.model import CauseKind, Ended, Ending, PoolEvent, StepReport
from sweeper.testing.pool_cases import order
from sweeper.workers.keeper_process import descendants
from sweeper.workers.limits import Limits
from sweeper.workers.logs import BoundedLog
from sweeper.workers.worker import Worker
from tests.workers.objectives import setup_for
from tests.workers.programs import gone

HEAD = """
import ctypes, os, signal, subprocess, sys, time
def train(params, trial):
    if trial.number:  # the trial after the bad one
        trial.report(1, loss=float(os.getpid()))
        return
"""
C_LOOP = "ctypes.PyDLL(None).usleep(600_000_000)"  # C code that never lets go of the interpreter
# What the objective does: its body, the class of its failure, a part of the cause.
BAD: dict[str, tuple[str, CauseKind, str]] = {
    "raise": ("raise ValueError('bad')", CauseKind.ERROR, "ValueError: bad ("),
    "sys.exit": ("sys.exit(3)", CauseKind.ERROR, "SystemExit: 3 ("),
    "os._exit": ("os._exit(3)", CauseKind.CRASH, "ended itself with exit code 3"),
    "os._exit(0)": ("os._exit(0)", CauseKind.CRASH, "ended itself with exit code 0"),
    "segmentation fault": ("ctypes.string_at(0)", CauseKind.CRASH, "SIGSEGV (segmentation fault)"),
    "abort": ("os.abort()", CauseKind.CRASH, "SIGABRT (aborted)"),
    "killed": ("os.kill(os.getpid(), 9)", CauseKind.WORKER, "killed by somebody else (SIGKILL)"),
    "asked to end": ("os.kill(os.getpid(), 15)", CauseKind.PREEMPTED, "SIGTERM"),
    "no memory": ("raise MemoryError", CauseKind.MEMORY, "MemoryError"),
    "10 MB message": ("raise ValueError('x' * 10_000_000)", CauseKind.ERROR, "ValueError: xxx"),
    "unpicklable": ("raise type('E', (Exception,), {})(lambda: 0)", CauseKind.ERROR, "E: <func"),
    "wrong step": ("trial.report('one', loss=1.0)", CauseKind.ERROR, "a step must be a whole"),
    "closed stdout": ("sys.stdout.close(); print(1)", CauseKind.ERROR, "I/O operation on closed"),
    "1 GB of output": (
        "chunk = 'x' * 999 + chr(10)\n"
        "    for _ in range(1_000_000): sys.stdout.write(chunk)\n"
        "    raise ValueError('done')",
        CauseKind.ERROR,
        "ValueError: done",
    ),
}


def stay(how: str) -> str:
    """Return a body that leaves fifty processes behind."""
    return (
        "for n in range(50):\n"
        "        if os.fork() == 0:\n"
        "            if n % 2: os.setsid()\n"
        "            time.sleep(600)\n"
        f"    {how}"
    )


class Bench:
    """One worker whose function has a process of its own."""

    def __init__(self, body: str, folder: Path, limits: Limits | None = None) -> None:
        source = f"{HEAD}    {body}\n"
        setup = setup_for(source, folder / "code", own_process=True)
        self.worker = Worker(replace(setup, limits=limits))
        self.folder = folder

    def end(self, event: PoolEvent | None) -> Ended:
        """Train on to the end."""
        while isinstance(event, StepReport):
            event = self.worker.go_on()
        assert isinstance(event, Ended)
        return event

    def train(self, number: int) -> Ended:
        """Train one trial to its end."""
        return self.end(self.worker.start(order(self.folder, number)))

    def kill_soon(self, number: int) -> threading.Thread:
        """Kill a trial from another thread when it is under way."""

        def kill() -> None:
            time.sleep(0.5)
            self.worker.kill(order(self.folder, number).id)

        thread = threading.Thread(target=kill)
        thread.start()
        return thread

    def close(self) -> None:
        """End the worker, and see that nothing of it is left."""
        self.worker.close()
        assert not descendants(os.getpid())


@pytest.mark.parametrize("how", BAD)
def test_a_bad_objective_is_one_typed_failure(how: str, tmp_path: Path) -> None:
    """The cause has its class and says what happened; the next trial trains as ever."""
    body, kind, said = BAD[how]
    bench = Bench(body, tmp_path)
    ended = bench.train(0)
    assert ended.ending is Ending.RAISED
    assert ended.cause is not None
    assert (ended.cause.kind, said in ended.cause.text) == (kind, True), ended.cause
    assert len(ended.cause.text) <= 300
    assert len(ended.traceback or "") <= 100_000
    assert ended.answered
    assert ended.energy.total_j is not None
    again = bench.train(1)
    assert (again.ending, again.cause) == (Ending.RETURNED, None)
    assert again.imported
    bench.close()


def test_a_crash_shows_where_the_code_was(tmp_path: Path) -> None:
    """The last lines of standard error hold Python's own picture of a segmentation fault."""
    bench = Bench("print('so far', file=sys.stderr); ctypes.string_at(0)", tmp_path)
    ended = bench.train(0)
    assert ended.traceback is not None
    assert "so far" in ended.traceback
    assert "Fatal Python error: Segmentation fault" in ended.traceback
    assert (tmp_path / "0" / "stderr.log").read_text() == ended.traceback
    bench.close()


@pytest.mark.parametrize("body", [C_LOOP, "while True: pass", stay(C_LOOP)])
def test_a_training_is_ended_wherever_it_is(body: str, tmp_path: Path) -> None:
    """An endless loop in C code, in Python, with fifty children: gone when its end is told."""
    bench = Bench(body, tmp_path)
    killer = bench.kill_soon(0)
    ended = bench.train(0)
    assert ended.ending is Ending.STOPPED
    assert len(descendants(os.getpid())) <= 2  # the keeper and the process of the next trial
    killer.join()
    assert bench.train(1).ending is Ending.RETURNED
    bench.close()


def test_a_kill_that_comes_too_late_harms_nobody(tmp_path: Path) -> None:
    """The attempt has ended: the next one is another."""
    bench = Bench("trial.report(1, loss=1.0)", tmp_path)
    bench.train(0)
    bench.worker.kill(order(tmp_path, 0).id)
    report = bench.worker.start(order(tmp_path, 1))
    bench.worker.kill(order(tmp_path, 0).id)
    assert bench.end(report).ending is Ending.RETURNED
    bench.close()


@pytest.mark.parametrize(
    ("body", "replaced"),
    [
        ("trial.report(1, loss=1.0)", False),
        ("subprocess.run(['true'])", False),
        ("import multiprocessing.resource_tracker as r; r.ensure_running()", False),
        ("subprocess.Popen(['sleep', '600'], start_new_session=True)", True),
        (stay("trial.report(1, loss=1.0)"), True),
    ],
    ids=["nothing", "a child that ended", "Python's helper", "a daemon", "fifty"],
)
def test_the_process_stays_warm_unless_processes_are_left(
    body: str, replaced: bool, tmp_path: Path
) -> None:
    """What a trial leaves behind would train on beside the next one, at its expense."""
    bench = Bench(f"{body}\n    trial.report(2, loss=float(os.getpid()))", tmp_path)
    bench.worker.start(order(tmp_path, 1))  # a trial that does nothing wrong
    bench.worker.go_on()
    pids = []
    for number in (0, 1):
        event = bench.worker.start(order(tmp_path, number))
        while isinstance(event, StepReport):
            pids.append(event.metrics["loss"])
            event = bench.worker.go_on()
        assert len(descendants(os.getpid())) <= 3
    assert (pids[-1] != pids[-2]) is replaced
    bench.close()


def test_a_new_process_is_started_at_nobodys_expense(tmp_path: Path) -> None:
    """What replaces a crashed process imports and loads before the next trial's account opens."""
    slow = f"import time\ntime.sleep(0.5)\n{HEAD}    os._exit(1)\n"
    worker = Worker(setup_for(slow, tmp_path / "code", own_process=True))
    for number in (0, 1):
        event = worker.start(order(tmp_path, number))
    assert isinstance(event, StepReport)
    assert event.elapsed_s < 0.4
    worker.stop()
    worker.close()


def test_a_function_that_cannot_be_loaded_again_fails_its_trials(tmp_path: Path) -> None:
    """A worker whose process does not come back tells so, trial by trial."""
    flag = tmp_path / "once"
    once = f"import pathlib\npathlib.Path({str(flag)!r}).touch(exist_ok=False)\n"
    source = f"{once}{HEAD}    os._exit(1)\n"
    worker = Worker(setup_for(source, tmp_path / "code", own_process=True))
    worker.start(order(tmp_path, 0))
    ended = worker.start(order(tmp_path, 1))
    assert isinstance(ended, Ended)
    assert ended.cause is not None
    assert "importing" in ended.cause.text
    assert "FileExistsError" in ended.cause.text
    flag.unlink()
    worker.start(order(tmp_path, 2))  # the process that was begun meanwhile found the file, too
    assert isinstance(worker.start(order(tmp_path, 3)), StepReport)
    worker.stop()
    worker.close()


def test_an_objective_that_does_not_unwind_is_killed(tmp_path: Path) -> None:
    """Stopped at its report it gets the grace time to clean up, and no more."""
    body = f"try: trial.report(1, loss=1.0)\n    finally: {C_LOOP}"
    bench = Bench(body, tmp_path, Limits(grace_s=0.5))
    bench.worker.start(order(tmp_path))
    assert bench.worker.stop().ending is Ending.STOPPED
    assert bench.train(1).ending is Ending.RETURNED
    bench.close()


def test_memory_is_limited_over_all_processes(tmp_path: Path) -> None:
    """Two children hold what one process alone was allowed."""
    body = (
        "for _ in range(2):\n"
        "        if os.fork() == 0:\n"
        "            held = bytearray(os.urandom(1) * 200_000_000); time.sleep(600)\n"
        "    time.sleep(600)"
    )
    bench = Bench(body, tmp_path, Limits(memory_bytes=300 * 2**20))
    ended = bench.train(0)
    assert ended.cause is not None
    assert ended.cause.kind is CauseKind.MEMORY
    assert "resources.memory allows 0.29 GiB" in ended.cause.text
    assert bench.train(1).ending is Ending.RETURNED
    bench.close()


def test_a_process_that_keeps_gpu_memory_is_replaced(tmp_path: Path) -> None:
    """Before the next trial, and not before the memory is free again."""
    held = {"bytes": 0, "asked": 0}

    def gpu_bytes(pids: Collection[int]) -> int:
        held["asked"] += 1
        if held["asked"] > 4:
            held["bytes"] = 0
        return held["bytes"]

    bench = Bench("trial.report(1, loss=float(os.getpid()))", tmp_path, Limits(gpu_bytes=gpu_bytes))
    pids = []
    for number in (1, 1, 1):
        report = bench.worker.start(order(tmp_path, number))
        assert isinstance(report, StepReport)
        pids.append(report.metrics["loss"])
        if len(pids) == 2:
            held.update(bytes=2**31, asked=0)
        bench.worker.go_on()
    assert pids[0] == pids[1] != pids[2]
    assert held["bytes"] == 0
    bench.close()


def test_output_is_bounded_and_its_end_is_kept(tmp_path: Path) -> None:
    """Of 1 GB the last megabytes stay, in two private files."""
    bench = Bench(BAD["1 GB of output"][0].replace("1_000_000", "50_000"), tmp_path)
    bench.train(0)
    files = {file.name: file for file in (tmp_path / "0").iterdir()}
    assert files["stdout.log"].stat().st_mode & 0o777 == 0o600
    size = sum(files[name].stat().st_size for name in ("stdout.log", "stdout.log.1"))
    assert 8_000_000 < size <= 2 * 8 * 2**20
    assert files["stdout.log"].read_bytes().endswith(b"xx\n")
    bench.close()


def test_a_full_disk_costs_the_log_alone(tmp_path: Path) -> None:
    """What cannot be written is lost, and nobody is told by an exception."""
    log = BoundedLog(Path("/dev/full"))
    log.write(b"lost")
    log.write(b"this too")
    log.close()
    BoundedLog(tmp_path / "no folder" / "stdout.log").write(b"nor this")
    assert not (tmp_path / "no folder").exists()


def test_output_belongs_to_the_trial_that_printed_it(tmp_path: Path) -> None:
    """Python's, a child's and C code's, whether they were flushed or not."""
    body = "print('python', end=''); os.system('printf child'); ctypes.CDLL(None).printf(b'C')"
    bench = Bench(body, tmp_path)
    bench.train(0)
    bench.train(1)
    text = (tmp_path / "0" / "stdout.log").read_text()
    assert sorted((text.count("python"), text.count("child"), text.count("C"))) == [1, 1, 1]
    assert (tmp_path / "1" / "stdout.log").read_text() == ""
    bench.close()


def test_a_fork_that_returns_into_our_loop_does_not_speak(tmp_path: Path) -> None:
    """A child that the user's code forgets to end cannot end the trial of its parent."""
    body = "child = os.fork()\n    if child: os.waitpid(child, 0); trial.report(2, loss=2.0)"
    bench = Bench(body, tmp_path)
    report = bench.worker.start(order(tmp_path))
    assert isinstance(report, StepReport)
    assert report.metrics == {"loss": 2.0}
    assert bench.end(report).ending is Ending.RETURNED
    bench.close()


WORKER = """
import sys
from pathlib import Path
from sweeper.testing.pool_cases import order
from sweeper.workers.worker import Worker
from tests.workers.objectives import setup_for
from tests.workers.programs import gone

folder = Path(sys.argv[1])
Worker(setup_for(sys.argv[2], folder / "code", own_process=True)).start(order(folder))
"""


def test_a_worker_that_is_killed_takes_its_training_along(tmp_path: Path) -> None:
    """Nothing is left of either within seconds, wherever the processes have gone."""
    pids = tmp_path / "pids"
    body = (
        "for n in range(8):\n"
        "        if os.fork() == 0:\n"
        "            if n % 2: os.setsid()\n"
        f"            open({str(pids)!r}, 'a').write(f'{{os.getpid()}} '); {C_LOOP}\n"
        f"    open({str(pids)!r}, 'a').write(f'{{os.getpid()}} '); {C_LOOP}"
    )
    command = [sys.executable, "-c", WORKER, str(tmp_path), f"{HEAD}    {body}\n"]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2]) as worker:
        while not pids.exists() or len(pids.read_text().split()) < 9:
            time.sleep(0.02)
        worker.send_signal(signal.SIGKILL)
    assert all(gone(int(pid)) for pid in pids.read_text().split())
