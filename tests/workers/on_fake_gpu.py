"""Pools with a real agent; test_ray_agent.py runs them where NVML is the fake of one GPU."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from sweeper.energy.agent import AgentSettings, NodeAgent, build_agent
from sweeper.energy.ledger import IdlePolicy
from sweeper.energy.meter import MeterSettings, build_meter
from sweeper.model import CUT_SHORT, AttemptId, Ended, Ending, Energy, Order, StepReport
from sweeper.seams import Meter, Pool
from sweeper.testing.pool_cases import drain, wait
from sweeper.workers import ray_environment
from sweeper.workers.local_pool import LocalPool
from sweeper.workers.objective import locate
from sweeper.workers.slots import Resources
from sweeper.workers.worker import WorkerSetup

ray_environment.prepare(local=True)

pytestmark = [
    # Ray's own threads and sockets are still closing when a test ends.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

POWER_W = 300.0
ORDINARY = AgentSettings()
STEP_S = 0.1  # in which the fake's counter moves
TRAIN = """
import psutil, time

def train(params, trial):
    _, worker = psutil.Process().parents()[:2]  # above the keeper
    trial.report(1, loss=float(worker.pid))
    with trial.measure("inference"):
        time.sleep(0.3)
    trial.report(2, loss=0.0)
"""


def meter_without_rapl(gpus: Meter | None) -> Meter:
    """Build a worker's meter; whether this machine's packages can be read does not matter."""
    return build_meter(MeterSettings(), gpus, powercap=Path("/nowhere"))


def agent_that_tells(settings: AgentSettings, file: Path) -> NodeAgent:
    """Build a node's agent, and write down in which process."""
    file.write_text(str(os.getpid()), encoding="ascii")
    return build_agent(settings)


def setup_in(folder: Path, *, own_process: bool, settings: AgentSettings = ORDINARY) -> WorkerSetup:
    """Describe a worker whose joules must be known."""
    (folder / "train.py").write_text(TRAIN, encoding="utf-8")
    return WorkerSetup(
        locate("train.py:train", folder),
        meter_without_rapl,
        own_process=own_process,
        make_agent=partial(agent_that_tells, settings, folder / "agent"),
        needs_energy="budget.energy",
    )


def ray_pool(
    folder: Path, *, gpus: float, workers: int, settings: AgentSettings = ORDINARY
) -> Pool:
    """Start a pool on the one GPU."""
    from sweeper.workers.ray_pool import RayPool

    resources = Resources(cpus=1, gpus=gpus, workers=workers)
    setup = setup_in(folder, own_process=True, settings=settings)
    return RayPool(setup, resources, address=None, notify=lambda text: None)


@pytest.fixture
def local_pool(tmp_path: Path) -> Iterator[LocalPool]:
    """Build a pool in this process that was given the GPU."""
    pool = LocalPool(setup_in(tmp_path, own_process=False), gpus=("0",))
    yield pool
    pool.close()


def begin(pool: Pool, folder: Path, number: int) -> StepReport:
    """Start a trial on the next free worker and return its first report, where it waits."""
    while pool.room() == 0:
        assert pool.next_event(0.5) is None
    pool.start(Order(AttemptId(number, 0, 0), {}, 7, 2, str(folder / str(number))))
    report = wait(pool)
    assert isinstance(report, StepReport)
    return report


def kill_worker(pool: Pool, report: StepReport) -> Ended:
    """Kill a worker that waits at a report, and return how its trial ended."""
    os.kill(int(report.metrics["loss"]), signal.SIGKILL)
    pool.go_on(report.id)
    ended = wait(pool)
    assert isinstance(ended, Ended)
    assert (ended.ending, ended.imported) == (Ending.LOST, None)
    return ended


def closes(trials: list[Ended], overhead: Energy) -> float:
    """Check that all accounts are what the board used; return that."""
    (board,) = overhead.gpus
    booked_j = [ended.energy.total_j for ended in trials]
    parts_j = [*booked_j, overhead.total_j, board.external_j]
    assert None not in (board.device_j, *parts_j)
    assert math.fsum(part or 0.0 for part in parts_j) == pytest.approx(board.device_j, rel=1e-3)
    assert overhead.total_j == pytest.approx(board.energy_j, rel=1e-6)
    assert (overhead.source, overhead.scope) == ("measured:counter", "gpu")
    return board.device_j or 0.0


def test_a_killed_workers_joules_are_kept(tmp_path: Path) -> None:
    """Two workers on one GPU, one of them killed: all accounts are what the counter says."""
    before_s = time.monotonic()
    pool = ray_pool(tmp_path, gpus=0.5, workers=2)
    try:
        killed_report = begin(pool, tmp_path, 0)
        first_s = time.monotonic()
        other_report = begin(pool, tmp_path, 1)
        time.sleep(0.4)
        killed = kill_worker(pool, killed_report)
        pool.go_on(other_report.id)
        _, other = drain(pool)
        pool.go_on(begin(pool, tmp_path, 2).id)
        _, again = drain(pool)
        while pool.room() < 2:
            assert pool.next_event(0.5) is None
        last_s = time.monotonic()
        overhead = pool.close()
    finally:
        pool.close(kill=True)
    assert killed.worker not in ("", other.worker)
    assert killed.energy.source == "measured:counter"
    assert (
        0.5 * POWER_W * (0.4 - STEP_S)
        < (killed.energy.total_j or 0.0)
        < POWER_W * (last_s - first_s)
    )
    device_j = closes([killed, other, again], overhead)
    assert POWER_W * (last_s - first_s) < device_j + POWER_W * STEP_S
    assert device_j < POWER_W * (time.monotonic() - before_s + STEP_S)
    assert CUT_SHORT not in overhead.flags
    (region,) = again.energy.regions
    assert (region.name, region.passages) == ("inference", 1)
    assert region.energy_j is not None
    assert again.overhead_j is not None


def test_a_dead_agent_costs_no_training(tmp_path: Path) -> None:
    """The worker goes on with its own readings and says so; a killed one's joules are then lost.

    While the agent lives, a trial that booked half of a GPU pays for half of what it draws idle;
    the worker's own readings know of no idle power, nor of anybody else.
    """
    half = AgentSettings(IdlePolicy.LEASE, gpu_idle_w=POWER_W)
    pool = ray_pool(tmp_path, gpus=0.5, workers=1, settings=half)
    try:
        report = begin(pool, tmp_path, 7)
        time.sleep(1.0)
        pool.go_on(report.id)
        _, before = drain(pool)
        # The lease begins before the first and ends after the last of the trial's own clock; all of
        # the board would be twice as much.
        expected_j = POWER_W / 2 * before.elapsed_s
        assert before.energy.total_j == pytest.approx(expected_j, abs=2 * POWER_W * STEP_S)
        report = begin(pool, tmp_path, 0)
        time.sleep(0.2)
        os.kill(int((tmp_path / "agent").read_text()), signal.SIGKILL)
        pool.go_on(report.id)
        reports, ended = drain(pool)
        assert (len(reports), ended.ending) == (1, Ending.RETURNED)
        assert "agent_lost" in ended.energy.flags
        assert ended.energy.source == "measured:counter"
        expected_j = POWER_W * ended.elapsed_s
        assert ended.energy.total_j == pytest.approx(expected_j, abs=2 * POWER_W * STEP_S)
        (region,) = ended.energy.regions
        assert region.energy_j == pytest.approx(
            POWER_W * region.elapsed_s, abs=2 * POWER_W * STEP_S
        )
        lost = kill_worker(pool, begin(pool, tmp_path, 1))
        assert lost.energy.total_j is None
        overhead = pool.close()
    finally:
        pool.close(kill=True)
    assert overhead.total_j == ended.overhead_j
    assert CUT_SHORT in overhead.flags


def test_a_local_pool_has_an_agent_of_its_own(local_pool: LocalPool, tmp_path: Path) -> None:
    """The driver's own worker is metered by an agent beside it, which ends with the pool."""
    local_pool.go_on(begin(local_pool, tmp_path, 0).id)
    _, ended = drain(local_pool)
    names = {thread.name for thread in threading.enumerate()}
    assert "sweeper-energy" in names
    overhead = local_pool.close()
    assert closes([ended], overhead) >= POWER_W * (ended.elapsed_s - STEP_S)
    assert (tmp_path / "agent").read_text() == str(os.getpid())
    assert ended.worker == "local"
    assert "sweeper-energy" not in {thread.name for thread in threading.enumerate()}
    assert local_pool.close() == overhead
