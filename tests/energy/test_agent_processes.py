"""Whose processes are on a board, as the agent takes them into account."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.energy.agent import AgentSettings

from .node_bench import GIB, STRANGER, NodeBench, sampled, trial


@pytest.fixture
def node(tmp_path: Path) -> NodeBench:
    return NodeBench(tmp_path)


def test_what_strangers_use_is_theirs(node: NodeBench) -> None:
    """A foreign process takes its part of the dynamic joules, and the trial is not exclusive."""
    agent = node.agent(AgentSettings(gpu_idle_w=100.0))
    worker = node.worker(agent, "a")
    node.board.run(worker.pid, 0.6)
    node.board.run(STRANGER, 0.2)
    energy = trial(node, worker, 70.0)
    assert energy.total_j == pytest.approx(70 * (100 + 200 * 0.75))
    assert energy.attribution == "sm_util"
    assert energy.lo_j == pytest.approx(7000.0)
    assert energy.hi_j == pytest.approx(21000.0)
    assert energy.gpus[0].external_j == pytest.approx(3500.0)
    assert agent.boards()[0].external_j == pytest.approx(3500.0)


def test_children_are_their_workers(node: NodeBench) -> None:
    """Data loaders and torchrun's children belong to the worker that they descend from."""
    agent = node.agent(AgentSettings(gpu_idle_w=0.0))
    left, right = (node.worker(agent, name, 0.5) for name in ("left", "right"))
    node.start(5001, left.pid)
    node.start(5002, 5001)
    for worker in (left, right):
        worker.meter.open()
    node.board.run(5001, 0.2)
    node.board.run(5002, 0.4)
    node.board.run(right.pid, 0.2)
    node.run_for(80.0)
    energies = [left.meter.close(), right.meter.close()]
    assert [each.total_j for each in energies] == pytest.approx([18000.0, 6000.0])
    assert [each.gpus[0].utilisation for each in energies] == pytest.approx([0.6, 0.2])
    assert [each.gpus[0].memory_peak_bytes for each in energies] == [2 * GIB, GIB]


def test_a_trial_without_a_gpu_kernel_is_not_utilised(node: NodeBench) -> None:
    """Half-idle boards are the commonest waste: an idle one says 0."""
    agent = node.agent()
    worker = node.worker(agent, "a")
    node.board.run(worker.pid, 0.0)
    worker.meter.open()
    sampled(agent, node.clock, 70.0)
    assert worker.meter.close().gpus[0].utilisation == 0.0


def test_the_boards_line_tells_how_busy_it_was(node: NodeBench) -> None:
    """Utilisation of the whole board, all processes and all time."""
    agent = node.agent()
    node.worker(agent, "a")
    sampled(agent, node.clock, 50.0)
    node.board.run(STRANGER, 0.5)
    sampled(agent, node.clock, 50.0)
    (line,) = agent.boards()
    assert line.utilisation == pytest.approx(0.25, abs=0.01)
    assert (line.temp_start_c, line.temp_end_c) == (40.0, 140.0)


def test_pids_of_another_namespace_are_nobodys(node: NodeBench) -> None:
    """Listed processes that do not exist here: split by fraction, nothing external, and said."""
    agent = node.agent()
    left, right = (node.worker(agent, name, 0.5) for name in ("left", "right"))
    node.board.run(70001, 0.9)
    node.board.run(70002, 0.1)
    for worker in (left, right):
        worker.meter.open()
    node.run_for(80.0)
    energies = [left.meter.close(), right.meter.close()]
    assert [each.total_j for each in energies] == pytest.approx([12000.0, 12000.0])
    for each in energies:
        assert (each.attribution, each.flags) == ("lease", ("pid_namespace",))
        assert (each.gpus[0].external_j, each.gpus[0].utilisation) == (0.0, None)


def test_a_process_that_ends_between_two_calls_is_no_other_namespace(node: NodeBench) -> None:
    """A worker's child that was seen alive stays its own when it is listed a moment longer."""
    agent = node.agent()
    worker = node.worker(agent, "a")
    node.start(5001, worker.pid)
    node.board.run(5001, 0.5)
    worker.meter.open()
    sampled(agent, node.clock, 30.0)
    node.end(5001)
    sampled(agent, node.clock, 40.0)
    assert worker.meter.close().flags == ()


@pytest.mark.parametrize(
    ("first_namespace", "missing", "share", "attribution", "flags"),
    [
        (False, set(), 1.0, "exclusive", ("processes_unseen",)),
        (False, set(), 0.5, "lease", ("processes_unseen",)),
        (True, set(), 0.5, "exclusive", ()),
        (True, {"processes"}, 1.0, "exclusive", ("processes_unseen",)),
        (True, {"processes"}, 0.5, "lease", ("processes_unseen",)),
        (True, {"samples"}, 0.5, "exclusive", ()),
    ],
    ids=[
        "container, whole board",
        "container, half a board",
        "host, half a board",
        "no list, whole board",
        "no list, half a board",
        "no utilisation",
    ],
)
def test_who_is_alone_is_only_believed_where_others_would_be_seen(
    node: NodeBench,
    first_namespace: bool,
    missing: set[str],
    share: float,
    attribution: str,
    flags: tuple[str, ...],
) -> None:
    """An empty list of processes proves nothing in a container; a booked whole board does."""
    node.first_namespace = first_namespace
    node.board.missing |= missing
    agent = node.agent()
    worker = node.worker(agent, "a", share)
    energy = trial(node, worker, 80.0)
    assert (energy.total_j, energy.attribution, energy.flags) == (24000.0, attribution, flags)
    assert energy.gpus[0].external_j == 0.0


def test_the_wall_clock_may_step(node: NodeBench) -> None:
    """Samples that are dated an hour back or ahead change no sum, and shares come back."""
    agent = node.agent()
    left, right = (node.worker(agent, name, 0.5) for name in ("left", "right"))
    node.board.run(left.pid, 0.6)
    node.board.run(right.pid, 0.2)
    for step_us in (-3_600_000_000, 7_200_000_000):
        sampled(agent, node.clock, 20.0)
        node.board.epoch_us += step_us
        sampled(agent, node.clock, 20.0)
        for worker in (left, right):
            worker.meter.open()
        sampled(agent, node.clock, 80.0)
        energies = [left.meter.close(), right.meter.close()]
        assert [each.total_j for each in energies] == pytest.approx([18000.0, 6000.0], rel=1e-3)
