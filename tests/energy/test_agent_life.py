"""The agent itself: its thread, its memory, its boards."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from pathlib import Path

import pytest

from sweeper.energy.agent import AgentSettings, NodeAgent
from sweeper.testing.meter_cases import same

from .node_bench import NodeBench, sampled


@pytest.fixture
def node(tmp_path: Path) -> NodeBench:
    return NodeBench(tmp_path)


def test_boards_that_nobody_is_given_are_let_go(tmp_path: Path) -> None:
    """Hours later a board is not charged for the time in which it was somebody else's."""
    node = NodeBench(tmp_path, boards=2)
    agent = node.agent()
    node.gpus = ["GPU-1"]
    node.worker(agent, "a")
    sampled(agent, node.clock, 400.0, 100.0)
    node.gpus = ["GPU-2"]
    node.worker(agent, "b")
    node.run_for(10.0)
    assert [line.device_j for line in agent.boards()] == pytest.approx([410 * 300.0, 3000.0])


def test_a_hundred_thousand_ticks_stay_small(node: NodeBench) -> None:
    """Memory does not grow with time, and no joule is lost on the way."""
    agent = node.agent()
    worker = node.worker(agent, "a")
    worker.meter.open()
    node.board.missing |= {"samples"}
    sampled(agent, node.clock, 200.0, 1.0)
    before = counted()
    for _ in range(100_000):
        node.clock.advance(1.0)
        worker.meter.read()
    sampled(agent, node.clock, 200.0, 1.0)
    assert counted() - before < 100
    same(worker.meter.close().total_j, 100_400 * 300.0)


def counted() -> int:
    """Return how many objects there are."""
    gc.collect()
    return len(gc.get_objects())


def test_the_thread_samples_and_ends(node: NodeBench) -> None:
    """An agent of its own looks by itself, and ends at once."""
    agent = NodeAgent(node.assigned, AgentSettings(period_s=0.02), boards=node.boards)
    worker = agent.meter("a", 4_000_000)
    worker.begin(node.gpus, 1.0)
    until_s = time.monotonic() + 5.0
    while agent.boards()[0].utilisation is None and time.monotonic() < until_s:
        time.sleep(0.01)
    begun_s = time.monotonic()
    agent.end()
    assert time.monotonic() - begun_s < 1.0
    assert agent.boards()[0].utilisation is not None
    assert not [each for each in threading.enumerate() if each.name.startswith("sweeper-energy")]


def test_the_thread_holds_nothing_alive(node: NodeBench) -> None:
    """An agent that was never ended goes when nobody has it any more."""
    agent = NodeAgent(node.assigned, AgentSettings(period_s=0.02), boards=node.boards)
    seen = weakref.ref(agent)
    threads = [each for each in threading.enumerate() if each.name == "sweeper-energy"]
    del agent
    until_s = time.monotonic() + 5.0
    while (seen() or any(each.is_alive() for each in threads)) and time.monotonic() < until_s:
        gc.collect()
        time.sleep(0.02)
    assert seen() is None
    assert not any(each.is_alive() for each in threads)
    assert all(each.daemon for each in threads)
