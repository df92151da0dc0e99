"""What fails, and who dies: a figure is true or says that it is not, and no joule is lost."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from sweeper.energy.agent import AgentSettings, NodeAgent
from sweeper.energy.board import Assigned
from sweeper.model import UNAVAILABLE
from sweeper.testing.meter_cases import known, same, total

from .node_bench import LIMIT_W, NodeBench, sampled, trial


@pytest.fixture
def node(tmp_path: Path) -> NodeBench:
    return NodeBench(tmp_path)


def test_a_board_that_is_lost_makes_the_trial_unknown(node: NodeBench) -> None:
    """The trial says what is the least, the next one is unknown too, and nothing is raised."""
    agent = node.agent()
    worker = node.worker(agent, "a")
    worker.meter.open()
    sampled(agent, node.clock, 70.5)
    node.board.lost = True
    sampled(agent, node.clock, 50.0)
    energy = worker.meter.close()
    assert energy.total_j is None
    assert energy.lo_j == pytest.approx(70.5 * 300.0)
    assert energy.hi_j == pytest.approx(21000.0 + 50 * LIMIT_W, rel=0.02)
    assert "gpu_lost" in energy.flags
    assert trial(node, worker, 70.0).total_j is None
    (line,) = agent.boards()
    assert (line.energy_j, line.device_j) == (None, None)


def test_an_edge_that_could_not_be_read_is_bridged_for_two_seconds(node: NodeBench) -> None:
    """A reading that fails now and then costs coverage, not the figure, and no joule."""
    agent = node.agent()
    worker = node.worker(agent, "a")
    worker.meter.open()
    sampled(agent, node.clock, 70.5)
    node.board.missing.add("counter")
    node.run_for(0.5)
    energy = worker.meter.close()
    node.board.missing.clear()
    assert energy.total_j == pytest.approx(71 * 300.0)
    assert energy.flags == ("counter_gap",)
    assert energy.coverage == pytest.approx(70.5 / 71)
    node.run_for(4.0)
    booked_j = known(energy.total_j) + known(worker.meter.overhead().total_j)
    assert booked_j == pytest.approx(node.used_j(), rel=1e-9)


def test_joules_around_an_edge_that_nobody_saw_are_overhead(node: NodeBench) -> None:
    """After a longer hole nobody knows on which side of the edge they lie; they are not lost."""
    node.board.missing |= {"average", "instant", "legacy", "utilisation"}
    agent = node.agent()
    worker = node.worker(agent, "a")
    worker.meter.open()
    node.run_for(70.0)
    node.board.missing.add("counter")
    first = worker.meter.close()
    worker.meter.open()
    node.run_for(80.0)
    node.board.missing.discard("counter")
    second = worker.meter.close()
    third = trial(node, worker, 70.0)
    assert (first.total_j, second.total_j) == (None, None)
    assert first.flags == second.flags == ("counter_gap",)
    same(third.total_j, 21000.0)
    same(known(third.total_j) + known(worker.meter.overhead().total_j), node.used_j())


def test_boards_that_were_not_found_are_unavailable(node: NodeBench) -> None:
    """GPUs were given and none could be found: unknown, with the reason as a flag."""
    node.flags = ("nvml_unavailable",)
    agent = node.agent()
    meter = agent.meter("a", node.new_pid())
    meter.begin([], 1.0)
    meter.open()
    node.run_for(10.0)
    assert meter.read() is None
    energy = meter.close()
    assert (energy.total_j, energy.source, energy.scope) == (None, "unavailable", "gpu")
    assert (energy.lo_j, energy.hi_j, energy.flags) == (None, None, ("nvml_unavailable",))
    assert meter.overhead().source == "unavailable"


def test_a_board_that_tells_nothing_is_unavailable(node: NodeBench) -> None:
    """Not even a power limit: null, never 0."""
    node.board.missing |= {"counter", "average", "instant", "legacy", "limit", "utilisation"}
    agent = node.agent()
    worker = node.worker(agent, "a")
    energy = trial(node, worker, 10.0)
    assert (energy.total_j, energy.source, energy.attribution) == (None, "unavailable", "none")
    assert (energy.coverage, energy.u_rel) == (0.0, None)
    assert "energy_unreadable" in energy.flags
    assert worker.meter.overhead().source == "unavailable"


def test_declared_watts_are_an_account_too(node: NodeBench) -> None:
    """Where nothing can be read, the watts of the file are booked by the same rules."""
    node.board.missing |= {"counter", "average", "instant", "legacy", "limit", "utilisation"}
    agent = node.agent(AgentSettings(gpu_w=350.0))
    worker = node.worker(agent, "a")
    energy = trial(node, worker, 10.0)
    assert (energy.total_j, energy.source) == (3500.0, "declared")
    assert (energy.u_rel, energy.flags) == (None, ())


@pytest.mark.parametrize("share", [0.0, -1.0, 1.5, math.nan])
def test_a_share_that_is_none_measures_nothing(
    node: NodeBench, caplog: pytest.LogCaptureFixture, share: float
) -> None:
    """A wrong share is no reason to end a worker, and no figure is made from it."""
    agent = node.agent()
    worker = node.worker(agent, "a", share)
    worker.meter.open()
    assert (worker.meter.close(), worker.meter.overhead()) == (UNAVAILABLE, UNAVAILABLE)
    assert len(caplog.records) == 1


def test_a_bug_inside_never_reaches_a_worker(
    node: NodeBench, caplog: pytest.LogCaptureFixture
) -> None:
    """A finder that fails in a way nobody foresaw: unavailable, and one line in the log."""

    def broken(gpus: Sequence[str]) -> Assigned:
        raise RuntimeError("the driver is on fire")

    with caplog.at_level(logging.WARNING):
        agent = NodeAgent(broken, clock=node.clock, threaded=False)
        for name in ("a", "b"):
            meter = agent.meter(name, node.new_pid())
            meter.begin(["0"], 1.0)
            meter.open()
            assert (meter.read(), meter.close(), meter.overhead()) == (
                None,
                UNAVAILABLE,
                UNAVAILABLE,
            )
    assert [record.getMessage() for record in caplog.records] == [
        "the energy agent could not measure"
    ]


def test_a_killed_workers_account_ends_when_its_process_does(node: NodeBench) -> None:
    """The agent notices that the root process is gone, and keeps what it had until then."""
    agent = node.agent()
    left, right = (node.worker(agent, name, 0.5) for name in ("left", "right"))
    for worker in (left, right):
        worker.meter.open()
    sampled(agent, node.clock, 70.0)
    node.end(left.pid)
    sampled(agent, node.clock, 30.0)
    kept = agent.retire("left")
    assert kept.total_j == pytest.approx(70.5 * 150.0)
    assert kept.total_j is not None
    rest_j = total([right.meter.close().total_j, right.meter.overhead().total_j])
    assert kept.total_j + rest_j == pytest.approx(node.used_j(), rel=1e-9)


@pytest.mark.parametrize("state", ["Z", "S"], ids=["zombie", "pid given to another process"])
def test_a_pid_that_still_exists_does_not_keep_a_dead_worker_alive(
    node: NodeBench, state: str
) -> None:
    """A zombie, and a later process with the same number, are not the worker."""
    agent = node.agent()
    worker = node.worker(agent, "a")
    worker.meter.open()
    sampled(agent, node.clock, 70.0)
    node.start(worker.pid, 1, started=7 if state == "Z" else 8, state=state)
    sampled(agent, node.clock, 30.0)
    assert known(agent.retire("a").total_j) == pytest.approx(70.5 * 300.0)
