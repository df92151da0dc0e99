"""Laws of the node agent: whatever happens, and in whatever order, the books close."""

from __future__ import annotations

import math
import random
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.energy.agent import AgentSettings, NodeAgent
from sweeper.energy.ledger import IdlePolicy
from sweeper.model import Energy

from .node_bench import STRANGER, NodeBench, Worker

ACTS = ("open", "close", "read", "draw", "busy", "stranger", "sample", "die", "begin", "wait")


class Story:
    """Random things that happen to the workers of a node, and what was booked."""

    def __init__(self, root: Path, seed: int, policy: IdlePolicy) -> None:
        self.random = random.Random(seed)
        self.node = NodeBench(root, boards=self.random.randint(1, 3), watts=90.0)
        for board in self.node.boards:
            board.period_s = self.random.choice([0.0, 0.1])
        idle_w = self.random.choice([None, 60.0])
        self.agent: NodeAgent = self.node.agent(
            AgentSettings(policy, gpu_idle_w=idle_w), sleep=self.node.run_for
        )
        self.accounts: list[Energy] = []
        self.workers: dict[str, Worker] = {}
        self.opened: set[str] = set()
        self.hired = 0
        # One that has all boards and never trains, so that each board is given from the start.
        self.warden = self.node.worker(self.agent, "warden")
        self.begin()

    def begin(self) -> None:
        """Let another worker begin, on some of the boards."""
        self.hired += 1
        name = f"worker-{self.hired}"
        everything = [board.uuid for board in self.node.boards]
        self.node.gpus = everything[: self.random.randint(1, len(everything))]
        share = self.random.choice([0.125, 0.5, 1.0])
        self.workers[name] = self.node.worker(self.agent, name, share)

    def run(self, steps: int) -> None:
        """Let things happen."""
        for _ in range(steps):
            self.node.run_for(self.random.choice([0.0, 0.03, 0.1, 0.7, 5.0, 90.0]))
            if not self.workers:
                self.begin()
            self.do(self.random.choice(ACTS), self.random.choice(list(self.workers)))

    def do(self, act: str, name: str) -> None:
        """Let one thing happen."""
        worker = self.workers[name]
        board = self.random.choice(self.node.boards)
        if act == "open":
            worker.meter.open()
            self.opened.add(name)
        elif act == "close" and name in self.opened:
            self.opened.remove(name)
            self.accounts.append(worker.meter.close())
        elif act == "read":
            worker.meter.read()
        elif act == "draw":
            board.draw(self.random.uniform(60.0, 650.0))
        elif act == "busy":
            board.run(worker.pid, self.random.random())
        elif act == "stranger":
            board.run(STRANGER, self.random.random() * self.random.randint(0, 1))
        elif act == "sample":
            self.agent.sample()
        elif act == "die":
            self.die(name)
        elif act == "begin" and len(self.workers) < 5:
            self.begin()

    def die(self, name: str) -> None:
        """A worker is killed; the driver hears of it at once or later."""
        self.node.end(self.workers.pop(name).pid)
        if self.random.random() < 0.5:
            self.agent.sample()
        kept = self.agent.retire(name)
        if name in self.opened:
            self.opened.remove(name)
            self.accounts.append(kept)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(IdlePolicy))
def test_trials_overhead_and_strangers_are_the_counter(seed: int, policy: IdlePolicy) -> None:
    """Thousands of opens, closes, deaths and loads: nothing is lost, doubled or negative."""
    with tempfile.TemporaryDirectory() as folder:
        story = Story(Path(folder), seed, policy)
        story.run(60)
        # Where a counter moves in steps, its last one has to be there.
        story.node.clock.now_s = math.ceil(story.node.clock.now_s / 0.1) * 0.1 + 0.1
        begun = [story.warden, *story.workers.values()]
        rests = [worker.meter.overhead() for worker in begun]
        lines = story.agent.boards()
    booked = story.accounts + rests
    for line in lines:
        board = next(each for each in story.node.boards if each.uuid == line.uuid)
        of_board = [gpu for energy in booked for gpu in energy.gpus if gpu.uuid == line.uuid]
        parts_j = [gpu.energy_j or 0.0 for gpu in of_board]
        used_j = board.used_j(story.node.clock())
        assert line.device_j is not None
        assert line.external_j is not None
        assert math.isclose(line.device_j, used_j, rel_tol=1e-9)
        assert math.isclose(math.fsum([*parts_j, line.external_j]), used_j, rel_tol=1e-9)
        assert min([*parts_j, line.external_j]) >= 0
    for energy in story.accounts:
        within(energy)


def within(energy: Energy) -> None:
    """A figure lies between its least and its most; an unknown one has a most."""
    if energy.total_j is None:
        assert energy.hi_j is None or energy.hi_j > 0
        return
    assert energy.lo_j is not None
    assert energy.hi_j is not None
    slack_j = 1e-9 * energy.hi_j
    assert 0 <= energy.lo_j <= energy.total_j + slack_j
    assert energy.total_j <= energy.hi_j + slack_j
    assert energy.idle_j is None or energy.idle_j <= energy.total_j + slack_j
