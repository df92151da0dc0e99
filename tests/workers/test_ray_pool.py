"""The pool of Ray actors, on a real local Ray."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest

from sweeper.energy.agent import build_agent
from sweeper.errors import PoolError
from sweeper.model import Cause, CauseKind, Ended, Ending, StepReport
from sweeper.seams import Agent
from sweeper.testing.pool_cases import GENERATOR, MakePool, PoolCases, drain, order, wait
from sweeper.workers import ray_environment
from sweeper.workers.slots import Resources
from sweeper.workers.worker import WorkerSetup
from tests.workers.objectives import scripted_meter, setup_for
from tests.workers.programs import gone, program, trial

ray_environment.prepare(local=True)

pytestmark = [
    pytest.mark.ray,
    # Ray's own threads and sockets are still closing when a test ends.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

TELLS_PID = """
import os, psutil, time

def train(params):
    _, worker = psutil.Process().parents()[:2]  # above the keeper
    yield 1, {"loss": float(os.getpid()), "worker": float(worker.pid)}
    time.sleep(params.get("sleep", 0))
    yield 2, {"loss": 0.0}
"""
PRINTS = """
import os

def train(params):
    print("from python", flush=True)
    os.system("echo from a child; echo complaint >&2")
    yield 1, {"loss": float(os.environ.get("CUDA_VISIBLE_DEVICES") == "")}
"""


def unwanted_agent(file: Path) -> Agent:
    """Leave a trace."""
    file.write_text("an agent was built", encoding="ascii")
    return build_agent()


class TestRayPool(PoolCases):
    @pytest.fixture
    def make_pool(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakePool]:
        """Build a Ray pool with one worker, whatever cluster the environment names."""
        monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
        from sweeper.workers.ray_pool import RayPool

        built: list[RayPool] = []

        def make(source: str) -> RayPool:
            setup = setup_for(source, tmp_path / "code", own_process=True)
            setup = replace(setup, make_agent=partial(unwanted_agent, tmp_path / "agent"))
            resources = Resources(cpus=1, gpus=0, workers=1)
            built.append(RayPool(setup, resources, address=None, notify=lambda text: None))
            return built[-1]

        yield make
        for pool in built:
            pool.close()

    def test_a_killed_worker_is_replaced(self, make_pool: MakePool, tmp_path: Path) -> None:
        """A worker that dies is one lost attempt, and so is a training whose process is killed.

        The next attempt trains on.
        """
        pool = make_pool(TELLS_PID)
        for number, (victim, ending) in enumerate(
            [("worker", Ending.LOST), ("loss", Ending.RAISED)]
        ):
            while pool.room() == 0:
                pool.next_event(0.5)
            pool.start(order(tmp_path, number))
            report = wait(pool)
            assert isinstance(report, StepReport)
            os.kill(int(report.metrics[victim]), signal.SIGKILL)
            pool.go_on(report.id)
            ended = wait(pool)
            assert isinstance(ended, Ended)
            assert (ended.ending, ended.answered) == (ending, ending is Ending.RAISED)
            assert ended.cause is not None
            assert ended.cause.kind is CauseKind.WORKER
        while pool.room() == 0:
            pool.next_event(0.5)
        pool.start(order(tmp_path, 2))
        reports, again = drain(pool)
        assert len(reports) == 2
        assert again.ending is Ending.RETURNED

    def test_ray_itself_is_started_again(self, make_pool: MakePool, tmp_path: Path) -> None:
        """Without its control plane Ray would end this process after a minute."""
        pool = make_pool(TELLS_PID)
        for number, name in enumerate(["gcs_server", "raylet"]):
            while pool.room() == 0:
                pool.next_event(0.5)
            pool.start(order(tmp_path, number))
            assert isinstance(wait(pool), StepReport)
            (victim,) = [p for p in psutil.Process().children() if p.name() == name]
            victim.kill()
            ended = wait(pool)
            assert isinstance(ended, Ended)
            assert ended.ending is Ending.LOST
            assert ended.cause is not None
            assert ended.cause.kind is CauseKind.NODE
            assert name in ended.cause.text
        while pool.room() == 0:
            pool.next_event(0.5)
        pool.start(order(tmp_path, 2))
        assert drain(pool)[1].ending is Ending.RETURNED

    def test_an_attempt_can_be_ended_wherever_it_is(
        self, make_pool: MakePool, tmp_path: Path
    ) -> None:
        """``stop(now=True)`` does not wait for a report."""
        pool = make_pool(TELLS_PID.replace('params.get("sleep", 0)', "600"))
        pool.start(order(tmp_path))
        report = wait(pool)
        pool.go_on(report.id)
        overdue = Cause(CauseKind.TIMEOUT, "too long")
        pool.stop(report.id, overdue, now=True)
        ended = wait(pool)
        assert isinstance(ended, Ended)
        assert (ended.ending, ended.cause) == (Ending.STOPPED, overdue)

    def test_output_of_children_is_kept_and_no_gpu_is_seen(
        self, make_pool: MakePool, tmp_path: Path
    ) -> None:
        """A worker's files hold what its children print; without GPUs there is no agent either."""
        pool = make_pool(PRINTS)
        pool.start(order(tmp_path))
        reports, _ = drain(pool)
        assert (tmp_path / "0" / "stdout.log").read_text() == "from python\nfrom a child\n"
        assert (tmp_path / "0" / "stderr.log").read_text() == "complaint\n"
        assert reports[0].metrics["loss"] == 1.0
        assert not (tmp_path / "agent").exists()


def test_a_program_is_driven_pruned_and_killed(tmp_path: Path) -> None:
    """A shell program trains to its end, ends at a report, and dies with its worker."""
    from sweeper.workers.ray_pool import RayPool

    script = (
        "sleep 600 & for i in 1 2 3; do echo step=$i loss=$!; done; "
        '[ "$1" = --end=True ] || { trap "" TERM; sleep 600; }'
    )
    source = program(tmp_path, {"train.sh": script}, ["sh", "train.sh", "${args}"], grace_s=0.5)
    setup = WorkerSetup(source, scripted_meter, own_process=True)
    pool = RayPool(setup, Resources(1, 0, workers=1), address=None, notify=lambda text: None)
    try:
        pool.start(trial(tmp_path, {"end": True}, 0))
        reports, ended = drain(pool)
        assert [report.step for report in reports] == [1, 2, 3]
        assert (ended.ending, ended.imported) == (Ending.RETURNED, ())
        children = [reports[0].metrics["loss"]]

        pool.start(trial(tmp_path, {"end": False}, 1))
        report = wait(pool)
        pool.stop(report.id, Cause(CauseKind.PRUNER, "test"))
        ended_early = wait(pool)
        assert isinstance(report, StepReport)
        assert isinstance(ended_early, Ended)
        assert ended_early.ending is Ending.STOPPED
        children.append(report.metrics["loss"])

        pool.start(trial(tmp_path, {"end": False}, 2))
        for _ in range(3):
            report = wait(pool)
            assert isinstance(report, StepReport)
            pool.go_on(report.id)
        overdue = Cause(CauseKind.TIMEOUT, "too long")
        pool.stop(report.id, overdue, now=True)
        killed = wait(pool)
        assert isinstance(killed, Ended)
        assert (killed.ending, killed.cause) == (Ending.STOPPED, overdue)
        children.append(report.metrics["loss"])
        assert all(gone(int(pid)) for pid in children)
    finally:
        pool.close()


def test_an_objective_that_cannot_be_imported_is_told(tmp_path: Path) -> None:
    """The error names the file and the reason."""
    from sweeper.workers.ray_pool import RayPool

    setup = setup_for("import no_such_package\ndef train(params): ...", tmp_path, own_process=True)
    resources = Resources(cpus=1, gpus=0, workers=1)
    with pytest.raises(PoolError, match=r"objective_\d+\.py failed: .*no_such_package"):
        RayPool(setup, resources, address=None, notify=lambda text: None)


def test_a_cluster_that_is_not_there_is_told(tmp_path: Path) -> None:
    """Joining a cluster that does not answer is one readable error."""
    from sweeper.workers.ray_pool import RayPool

    setup = setup_for(GENERATOR, tmp_path, own_process=True)
    with pytest.raises(PoolError, match=r"could not join the Ray cluster at '127\.0\.0\.1:1'"):
        RayPool(setup, Resources(), address="127.0.0.1:1", notify=lambda text: None)
