"""The edges of a trial: when its joules have arrived, and what a step of the counter hides."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from sweeper.energy.agent import AgentSettings, NodeAgent
from sweeper.model import UNAVAILABLE, Energy
from sweeper.testing.meter_cases import known, same, total

from .node_bench import LIMIT_W, NodeBench, Worker, trial


@pytest.fixture
def node(tmp_path: Path) -> NodeBench:
    return NodeBench(tmp_path)


def settling(node: NodeBench, idle_w: float | None = 75.0) -> NodeAgent:
    """Return an agent on a counter with steps, whose waiting lets time go by."""
    node.board.period_s = 0.1
    return node.agent(AgentSettings(gpu_idle_w=idle_w), sleep=node.run_for)


@pytest.mark.parametrize("phase", [number / 20 for number in range(20)])
def test_a_settled_second_is_known_to_five_percent(node: NodeBench, phase: float) -> None:
    """Wherever a trial of 1 s lies between the counter's steps, its joules are right."""
    node.board.draw(75.0)
    agent = settling(node)
    worker = node.worker(agent, "a")
    node.run_for(3.0 + phase / 10)
    worker.meter.open()
    node.board.draw(600.0)
    node.run_for(1.0)
    node.board.draw(75.0)
    energy = worker.meter.close()
    assert energy.total_j == pytest.approx(600.0, rel=0.05)
    assert (energy.settled, energy.attribution, energy.flags) == (True, "exclusive", ())
    assert energy.lo_j == energy.total_j == energy.hi_j
    node.run_for(5.0)
    booked_j = known(energy.total_j) + known(worker.meter.overhead().total_j)
    assert booked_j == pytest.approx(node.used_j(), abs=7.5)


def test_another_trial_ends_the_waiting(node: NodeBench) -> None:
    """A lease that begins while the counter catches up gets what is used from then on."""
    node.board.draw(300.0)
    node.board.period_s = 0.01
    opened: list[str] = []
    right: Worker

    def sleep(seconds: float) -> None:
        node.run_for(0.05)
        if not opened:
            opened.append("right")
            right.meter.open()
        node.run_for(seconds - 0.05)

    agent = node.agent(AgentSettings(gpu_idle_w=100.0), sleep=sleep)
    left, right = (node.worker(agent, name, 0.5) for name in ("left", "right"))
    energy = trial(node, left, 10.0)
    # 0.05 s at 300 W came in after the end: idle power of that time is overhead, the rest its own.
    assert energy.total_j == pytest.approx(3000.0 + 0.05 * 200.0)
    assert not energy.settled
    assert "unsettled" in energy.flags
    node.run_for(10.0)
    booked_j = [energy.total_j, right.meter.close().total_j]
    booked_j += [left.meter.overhead().total_j, right.meter.overhead().total_j]
    assert total(booked_j) == pytest.approx(node.used_j(), abs=3.0)


def test_waiting_holds_nobody_up(node: NodeBench) -> None:
    """While one worker waits for the counter, the agent answers the others."""
    waits, answered = threading.Event(), threading.Event()

    def sleep(seconds: float) -> None:
        waits.set()
        assert answered.wait(10.0)

    agent = node.agent(AgentSettings(gpu_idle_w=0.0), sleep=sleep)
    left, right = (node.worker(agent, name, 0.5) for name in ("left", "right"))
    left.meter.open()
    node.run_for(5.0)
    closing = threading.Thread(target=left.meter.close)
    closing.start()
    assert waits.wait(10.0)
    agent.sample()
    right.meter.open()
    agent.boards()
    answered.set()
    closing.join(10.0)
    assert not closing.is_alive()


@pytest.mark.parametrize(
    ("elapsed_s", "share"), [(60.0, 1.0), (0.05, 1.0)], ids=["long", "shorter than a step"]
)
def test_no_waiting_where_it_does_not_help(node: NodeBench, elapsed_s: float, share: float) -> None:
    """Long trials are read at once, and so are those that are not known anyway."""
    agent = settling(node)
    worker = node.worker(agent, "a", share)
    node.run_for(3.0)
    before_s = node.clock()
    trial(node, worker, elapsed_s)
    assert node.clock() - before_s == pytest.approx(elapsed_s)


def test_trials_that_share_a_board_are_read_at_once(node: NodeBench) -> None:
    """The neighbour's draw would be in what is waited for."""
    agent = settling(node)
    left, right = (node.worker(agent, name, 0.5) for name in ("left", "right"))
    right.meter.open()
    before_s = node.clock()
    energy = trial(node, left, 5.0)
    assert node.clock() - before_s == pytest.approx(5.0)
    assert (energy.settled, "unsettled" in energy.flags) == (False, True)


def test_without_idle_power_nothing_is_subtracted(node: NodeBench) -> None:
    """The trial keeps what was drawn while waiting, and says that the idle power is unknown."""
    agent = settling(node, idle_w=None)
    worker = node.worker(agent, "a")
    energy = trial(node, worker, 10.0)
    assert energy.total_j == pytest.approx(300.0 * 10.1)
    assert (energy.idle_j, energy.flags) == (None, ("idle_unknown",))


@pytest.mark.parametrize("elapsed_s", [0.0, 0.05])
@pytest.mark.parametrize("phase_s", [0.0, 0.02, 0.06, 0.08])
def test_a_window_shorter_than_a_step_is_unknown(
    node: NodeBench, elapsed_s: float, phase_s: float
) -> None:
    """None with an upper bound, whether the counter moved or not; its joules are overhead."""
    agent = settling(node)
    worker = node.worker(agent, "a")
    node.run_for(3.0 + phase_s)
    energy = trial(node, worker, elapsed_s)
    assert (energy.total_j, energy.lo_j, energy.u_rel) == (None, None, None)
    assert energy.hi_j == pytest.approx(0.1 * LIMIT_W)
    assert {"counter_unchanged", "too_short"} & set(energy.flags)
    node.run_for(1.0 - phase_s - elapsed_s)
    same(worker.meter.overhead().total_j, node.used_j())


def test_a_reading_may_be_as_old_as_twenty_milliseconds(node: NodeBench) -> None:
    """Reports that come thick and fast do not each ask the driver."""
    agent = node.agent()
    worker = node.worker(agent, "a")
    worker.meter.open()
    node.run_for(1.0)
    same(worker.meter.read(), 300.0)
    node.run_for(0.01)
    same(worker.meter.read(), 300.0)
    node.run_for(0.02)
    same(worker.meter.read(), 309.0)


def test_a_worker_may_die_while_it_waits(node: NodeBench) -> None:
    """Killed between the end of its trial and the reading: the account is kept all the same."""
    kept: list[Energy] = []

    def sleep(seconds: float) -> None:
        node.run_for(0.05)
        kept.append(agent.retire("a"))

    agent = node.agent(AgentSettings(gpu_idle_w=300.0), sleep=sleep)
    worker = node.worker(agent, "a")
    assert trial(node, worker, 10.0) == UNAVAILABLE
    assert kept[0].total_j == pytest.approx(3000.0)
    second = node.worker(agent, "b")
    same(second.meter.overhead().total_j, 15.0)
