"""The node agent: every joule of a board is somebody's, once, whatever the workers do."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.energy.agent import AgentSettings
from sweeper.energy.ledger import IdlePolicy
from sweeper.testing.meter_cases import same, total

from .node_bench import GIB, LIMIT_W, NodeBench, sampled, trial


@pytest.fixture
def node(tmp_path: Path) -> NodeBench:
    return NodeBench(tmp_path)


# The example of docs/energy.md, "One ledger per GPU".
@pytest.mark.parametrize(
    ("policy", "seen", "expected"),
    [
        (IdlePolicy.ACTIVE, True, (3412.5, 1587.5, 450.0)),
        (IdlePolicy.LEASE, True, (3187.5, 1325.0, 937.5)),
        (IdlePolicy.ACTIVE, False, (3200.0, 1800.0, 450.0)),
    ],
    ids=["active", "lease", "active, utilisation unreadable"],
)
def test_the_golden_example_through_the_agent(
    node: NodeBench, policy: IdlePolicy, *, seen: bool, expected: tuple[float, float, float]
) -> None:
    """Two trials that overlap get what the example's arithmetic gives them, to the joule."""
    if not seen:
        node.board.missing.add("samples")
    node.board.draw(300.0)
    agent = node.agent(AgentSettings(policy, gpu_idle_w=75.0))
    a, b = node.worker(agent, "A", 0.5), node.worker(agent, "B", 0.25)
    node.board.run(a.pid, 0.6)
    a.meter.open()
    node.run_for(4.0)
    b.meter.open()
    node.board.run(b.pid, 0.2)
    node.board.draw(500.0)
    node.run_for(6.0)
    of_a = a.meter.close()
    node.board.stop(a.pid)
    node.board.draw(200.0)
    node.run_for(4.0)
    of_b = b.meter.close()
    node.board.run(b.pid, 0.0)
    node.board.draw(75.0)
    node.run_for(6.0)
    (board,) = agent.boards()
    assert (of_a.total_j, of_b.total_j, board.energy_j) == pytest.approx(expected, abs=1e-6)
    assert board.device_j == pytest.approx(5450.0)
    if policy is IdlePolicy.ACTIVE and seen:
        # The least and the most, and beside them one step of the counter at each edge.
        edge_j = 0.1 * LIMIT_W
        assert (of_a.lo_j, of_a.hi_j) == pytest.approx((1500 - edge_j, 4200 + edge_j))
        assert (of_b.lo_j, of_b.hi_j) == pytest.approx((950 - edge_j, 3800 + edge_j))
    assert of_a.attribution == of_b.attribution == ("sm_util" if seen else "lease")


def test_eight_trials_at_a_time_sum_to_the_counter(node: NodeBench) -> None:
    """Eighths of a board under a draw that varies: trials and overhead are all of it."""
    agent = node.agent(AgentSettings(gpu_idle_w=75.0))
    workers = [node.worker(agent, f"w{number}", 0.125) for number in range(8)]
    booked_j: list[float | None] = []
    for step in range(80):
        worker = workers[step % 8]
        if step >= 8:
            booked_j.append(worker.meter.close().total_j)
        worker.meter.open()
        node.board.run(worker.pid, 0.1 + step % 5 / 10)
        node.board.draw(100.0 + 37.0 * (step % 11))
        node.run_for(0.3 + step % 7 / 10)
        agent.sample()
    booked_j += [worker.meter.close().total_j for worker in workers]
    booked_j += [worker.meter.overhead().total_j for worker in workers]
    assert total(booked_j) == pytest.approx(node.used_j(), rel=1e-9)


def test_crash_and_retry_and_prune_are_ticks(node: NodeBench) -> None:
    """Accounts that end early, and the next attempt of the same worker, add up."""
    agent = node.agent()
    worker = node.worker(agent, "a")
    used_j = []
    for elapsed_s in (0.7, 3.0, 12.0, 90.0):
        used_j.append(trial(node, worker, elapsed_s).total_j)
        node.run_for(0.5)
    assert used_j == pytest.approx([0.7 * 300, 900.0, 3600.0, 27000.0])
    same(worker.meter.overhead().total_j, 4 * 150.0)


def test_a_figure_says_what_it_was_made_of(node: NodeBench) -> None:
    """Source, bounds, idle part, uncertainty, utilisation and temperatures stand beside joules."""
    agent = node.agent(AgentSettings(gpu_idle_w=75.0))
    worker = node.worker(agent, "a", 0.5)
    node.run_for(1.0)
    worker.meter.open()
    node.board.run(worker.pid, 0.8)
    sampled(agent, node.clock, 100.0)
    energy = worker.meter.close()
    (line,) = energy.gpus
    assert (energy.source, energy.scope, energy.attribution) == (
        "measured:counter",
        "gpu",
        "exclusive",
    )
    assert (energy.lo_j, energy.total_j, energy.hi_j) == pytest.approx((30000.0,) * 3)
    assert energy.idle_j == pytest.approx(7500.0)
    assert (energy.coverage, energy.flags) == (1.0, ())
    assert energy.u_rel == pytest.approx(0.05)
    assert (line.idle_w, line.power_limit_w, line.device_j) == (75.0, LIMIT_W, energy.total_j)
    assert line.utilisation == pytest.approx(0.8, abs=0.01)
    assert (line.memory_peak_bytes, line.memory_bytes) == (GIB, 80 * GIB)
    assert (line.temp_start_c, line.temp_end_c) == (41.0, 141.0)


def test_idle_power_is_measured_between_trials(node: NodeBench) -> None:
    """Gaps of five seconds tell it, best with a context; load never does."""
    agent = node.agent(AgentSettings())
    worker = node.worker(agent, "a")
    node.board.draw(60.0)
    sampled(agent, node.clock, 10.0)
    assert agent.boards()[0].idle_w == pytest.approx(60.0)
    node.board.draw(400.0)
    node.board.run(worker.pid, 0.9)
    worker.meter.open()
    sampled(agent, node.clock, 70.0)
    energy = worker.meter.close()
    assert energy.idle_j == pytest.approx(70 * 60.0)
    node.board.run(worker.pid, 0.0)
    node.board.draw(80.0)
    sampled(agent, node.clock, 20.0)
    assert agent.boards()[0].idle_w == pytest.approx(80.0, rel=0.01)


def test_a_slice_has_its_part_of_the_board(node: NodeBench) -> None:
    """MIG slices are weighted by their compute slices, out of seven."""
    agent = node.agent()
    node.slices = 4
    left = node.worker(agent, "left")
    node.slices = 2
    right = node.worker(agent, "right")
    node.board.missing.add("samples")
    for worker in (left, right):
        worker.meter.open()
    node.run_for(70.0)
    energies = [left.meter.close(), right.meter.close()]
    assert [each.total_j for each in energies] == pytest.approx([14000.0, 7000.0])
    assert {each.attribution for each in energies} == {"mig_slice"}
