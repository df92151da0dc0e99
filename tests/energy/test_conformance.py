from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from sweeper.energy.board import Assigned
from sweeper.model import UNAVAILABLE
from sweeper.seams import Meter
from sweeper.testing.agent_cases import AgentBench, AgentCases
from sweeper.testing.meter_cases import MeterBench, MeterCases, same
from sweeper.testing.scripted_meter import FailingMeter, HandClock, ScriptedMeter

from .fakes import FakeCpu, board, meter_on
from .node_bench import NodeBench


class ScriptedBench:
    gpus: Sequence[str] = ("GPU-1",)

    def __init__(self) -> None:
        self.clock = HandClock()

    def meter(self) -> Meter:
        """Return a new meter on these devices."""
        return ScriptedMeter(self.clock, lambda now_s: 300.0)

    def run_for(self, elapsed_s: float) -> None:
        """Let time go by."""
        self.clock.advance(elapsed_s)

    def power_w(self, share: float) -> float:
        """Return the draw that belongs to a share."""
        return 300.0 * share


class CpuBench:
    """A CPU-only worker: what it used is split by CPU time, so a share of GPUs says nothing."""

    gpus: Sequence[str] = ()

    def __init__(self, root: Path, *, rapl: bool) -> None:
        self.cpu = FakeCpu(HandClock(), root)
        self.rapl = rapl

    def meter(self) -> Meter:
        """Return a new meter on these devices."""
        return meter_on(Assigned(), self.cpu, rapl=self.rapl)

    def run_for(self, elapsed_s: float) -> None:
        """Let time go by."""
        self.cpu.clock.advance(elapsed_s)
        self.cpu.write_zones()

    def power_w(self, share: float) -> float:
        """Return the draw that belongs to a share."""
        return 100.0 * 2.0 / 8.0 if self.rapl else 2.0 * 12.0


class CounterBench(CpuBench):
    """A worker that reads the counter of its board itself, because there is no agent."""

    gpus: Sequence[str] = ("GPU-1",)

    def __init__(self, root: Path) -> None:
        super().__init__(root, rapl=False)

    def meter(self) -> Meter:
        """Return a new meter on these devices."""
        return meter_on(Assigned((board(lambda: 300.0 * self.cpu.clock()),)), self.cpu)

    def power_w(self, share: float) -> float:
        """Return the draw that belongs to a share."""
        return 300.0 * share


class AgentMeterBench:
    """Meters of workers whose boards an agent meters; with ``cpu`` as the workers have them."""

    def __init__(self, root: Path, *, cpu: bool) -> None:
        self.node = NodeBench(root, boards=2)
        self.gpus = self.node.gpus
        self.agent = self.node.agent()
        self.cpu = FakeCpu(self.node.clock, root) if cpu else None
        self._workers = 0

    def meter(self) -> Meter:
        """Return a new meter on these devices."""
        self._workers += 1
        meter = self.agent.meter(f"worker-{self._workers}", self.node.new_pid())
        if self.cpu is None:
            return meter
        return meter_on(self.node.assigned(self.gpus), self.cpu, agent=meter)

    def run_for(self, elapsed_s: float) -> None:
        """Let time go by."""
        self.node.run_for(elapsed_s)

    def power_w(self, share: float) -> float:
        """Return the draw that belongs to a share."""
        return share * self.node.power_w()


class TestScriptedMeter(MeterCases):
    @pytest.fixture
    def bench(self) -> MeterBench:
        """Hold the contract on these devices."""
        return ScriptedBench()


class TestWorkerMeterOnRapl(MeterCases):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> MeterBench:
        """Hold the contract on these devices."""
        return CpuBench(tmp_path, rapl=True)


class TestWorkerMeterOnCpuEstimate(MeterCases):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> MeterBench:
        """Hold the contract on these devices."""
        return CpuBench(tmp_path, rapl=False)


class TestWorkerMeterOnItsOwnReadings(MeterCases):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> MeterBench:
        """Hold the contract on these devices."""
        return CounterBench(tmp_path)


class TestAgentsMeter(MeterCases):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> MeterBench:
        """Hold the contract on these devices."""
        return AgentMeterBench(tmp_path, cpu=False)


class TestWorkerMeterBesideAgent(MeterCases):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> MeterBench:
        """Hold the contract on these devices."""
        return AgentMeterBench(tmp_path, cpu=True)


class TestNodeAgent(AgentCases):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> AgentBench:
        """Hold the contract on these devices."""
        return NodeBench(tmp_path, boards=2)


def test_a_scripted_curve_is_integrated() -> None:
    """The scripted meter's joules are the integral of its power curve."""
    clock = HandClock()
    meter = ScriptedMeter(clock, lambda now_s: 10.0 * now_s)
    meter.begin((), 1.0)
    clock.advance(2.0)
    meter.open()
    clock.advance(4.0)
    same(meter.close().total_j, 160.0)
    same(meter.overhead().total_j, 20.0)


def test_a_failing_meter_knows_nothing() -> None:
    """The failing meter keeps the contract: it never raises, and unknown is None."""
    meter: Meter = FailingMeter()
    meter.begin(("0",), 1.0)
    meter.open()
    assert (meter.read(), meter.close(), meter.overhead()) == (None, UNAVAILABLE, UNAVAILABLE)
