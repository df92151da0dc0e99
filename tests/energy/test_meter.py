from __future__ import annotations

import logging
import math
import sys
import time
import types
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from sweeper.energy.board import Assigned
from sweeper.energy.meter import MeterSettings, Sources, WorkerMeter, build_meter
from sweeper.model import UNAVAILABLE, Energy
from sweeper.seams import Meter
from sweeper.testing.scripted_meter import HandClock

from .fakes import FakeCounter, FakeCpu, board, meter_on, zone
from .node_bench import NodeBench


class BrokenCounter(FakeCounter):
    """A counter that fails in a way nobody foresaw, from a given reading on."""

    def __init__(self, good_readings: int) -> None:
        super().__init__(0.0)
        self.good_readings = good_readings

    def __call__(self) -> float | None:
        """Read the counter or fail."""
        self.good_readings -= 1
        if self.good_readings < 0:
            raise RuntimeError("the sensor is on fire")
        return super().__call__()


@pytest.mark.parametrize("good_readings", range(5))
def test_no_error_of_measuring_reaches_a_trial(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, good_readings: int
) -> None:
    """Whichever call fails first: it is logged once, and from then on nothing is known."""
    assigned = Assigned((board(BrokenCounter(good_readings)),))
    meter = meter_on(assigned, FakeCpu(HandClock(), tmp_path))
    with caplog.at_level(logging.WARNING):
        meter.begin(["0"], 1.0)
        meter.open()
        meter.read()
        meter.close()
        meter.overhead()
        meter.open()
        assert meter.read() is None
        assert (meter.close(), meter.overhead()) == (UNAVAILABLE, UNAVAILABLE)
    assert [record.getMessage() for record in caplog.records] == [
        "this worker's energy is no longer measured"
    ]


@pytest.mark.parametrize("share", [0.0, -0.5, 1.5, float("nan")])
def test_a_share_that_is_none_measures_nothing(tmp_path: Path, share: float) -> None:
    """A wrong share is no reason to end a worker, and no figure is made from it."""
    meter = meter_on(Assigned((board(FakeCounter()),)), FakeCpu(HandClock(), tmp_path))
    meter.begin(["0"], share)
    assert meter.overhead() == UNAVAILABLE


def test_a_worker_without_gpus_never_asks_for_any(tmp_path: Path) -> None:
    """A CPU-only worker gets none even where the process could see some."""
    asked: list[Sequence[str]] = []

    def find(gpus: Sequence[str]) -> Assigned:
        asked.append(gpus)
        return Assigned((board(FakeCounter()),))

    cpu = FakeCpu(HandClock(), tmp_path)
    meter = WorkerMeter(Sources(find, cpu.load_book), cpu.clock)
    meter.begin([], 1.0)
    meter.open()
    cpu.clock.advance(1.0)
    energy = meter.close()
    assert asked == []
    assert (energy.scope, energy.gpus) == ("cpu", ())


def readable(root: Path) -> None:
    zone(root / "intel-rapl:0", "package-0", 5)


def absent(root: Path) -> None:
    """Leave the folder empty."""


@pytest.mark.parametrize(
    ("prepare", "source"),
    [(readable, "measured:rapl"), (absent, "estimated:cpu_load")],
    ids=["readable packages", "no packages"],
)
def test_the_cpu_source_is_found_by_trying(
    tmp_path: Path, prepare: Callable[[Path], None], source: str
) -> None:
    """RAPL where it can be read, else the estimate."""
    prepare(tmp_path)
    meter = build_meter(MeterSettings(), powercap=tmp_path)
    meter.begin([], 1.0)
    assert meter.overhead().source == source


def test_watts_per_core_are_those_of_the_settings(tmp_path: Path) -> None:
    """Twice the watts per core are twice the joules of the same CPU time."""
    meters = [
        build_meter(MeterSettings(cpu_w_per_core=w_per_core), powercap=tmp_path)
        for w_per_core in (10.0, 20.0)
    ]
    for meter in meters:
        meter.begin([], 1.0)
    burnt_s = time.process_time() + 0.3
    while time.process_time() < burnt_s:
        pass
    less_j, more_j = (meter.overhead().total_j or 0.0 for meter in meters)
    assert less_j >= 3.0
    assert more_j == pytest.approx(2 * less_j, rel=0.2)


class Dying:
    """An agent's meter that answers so many calls and then no more."""

    def __init__(self, meter: Meter, answers: float = math.inf) -> None:
        self._meter = meter
        self.answers = answers

    def begin(self, gpus: Sequence[str], share: float) -> None:
        """Begin, if it is still there."""
        self._alive().begin(gpus, share)

    def open(self) -> None:
        """Open, if it is still there."""
        self._alive().open()

    def read(self) -> float | None:
        """Read, if it is still there."""
        return self._alive().read()

    def close(self) -> Energy:
        """Close, if it is still there."""
        return self._alive().close()

    def overhead(self) -> Energy:
        """Return overhead, if it is still there."""
        return self._alive().overhead()

    def _alive(self) -> Meter:
        self.answers -= 1
        if self.answers < 0:
            raise ConnectionError("the actor died")
        return self._meter


class Worker:
    """A worker beside an agent, on one board of 300 W."""

    def __init__(self, root: Path, *, share: float = 1.0, answers: float = math.inf) -> None:
        self.node = NodeBench(root)
        self.agent = self.node.agent()
        self.cpu = FakeCpu(self.node.clock, root)
        self.dying = Dying(self.agent.meter("a", self.node.new_pid()), answers)
        self.meter = meter_on(self.node.assigned(["GPU-1"]), self.cpu, agent=self.dying)
        self.meter.begin(["GPU-1"], share)

    def trial(self, elapsed_s: float) -> Energy:
        """Run one trial."""
        self.meter.open()
        self.node.run_for(elapsed_s)
        return self.meter.close()


def test_the_agents_figure_is_used_while_it_answers(tmp_path: Path) -> None:
    """Alone on its board, a quarter of a GPU has everything; the CPU stays apart."""
    worker = Worker(tmp_path, share=0.25)
    energy = worker.trial(100.0)
    assert (energy.total_j, energy.attribution, energy.scope) == (30000.0, "exclusive", "gpu")
    assert (energy.cpu_j, energy.cpu_source) == (2400.0, "estimated:cpu_load")
    assert (energy.synced, energy.flags) == (None, ())


@pytest.mark.parametrize("answers", range(8))
def test_a_dead_agent_costs_nothing_on_a_board_of_ones_own(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, answers: int
) -> None:
    """Whichever call it dies at: accounts and overhead are the counter's, and it is told."""
    worker = Worker(tmp_path, answers=answers)
    worker.node.run_for(10.0)
    first = worker.trial(70.0)
    worker.node.run_for(5.0)
    worker.meter.open()
    worker.node.run_for(70.0)
    assert worker.meter.read() == pytest.approx(21000.0)
    second = worker.meter.close()
    overhead = worker.meter.overhead()
    assert [first.total_j, second.total_j] == pytest.approx([21000.0, 21000.0])
    assert overhead.total_j == pytest.approx(15 * 300.0)
    assert "agent_lost" in overhead.flags
    assert second.attribution == "exclusive"
    assert len(caplog.records) == 1
    assert "the node's energy agent is lost" in caplog.records[0].getMessage()


def test_a_dead_agent_leaves_a_share_of_the_counter(tmp_path: Path) -> None:
    """Of a shared board a worker can only take its booked fraction, and says so."""
    worker = Worker(tmp_path, share=0.5)
    worker.meter.open()
    worker.node.run_for(40.0)
    worker.dying.answers = 0
    worker.node.run_for(40.0)
    energy = worker.meter.close()
    assert (energy.total_j, energy.attribution) == (12000.0, "lease")
    assert (energy.lo_j, energy.hi_j) == (0.0, 24000.0)
    assert energy.flags == ("agent_lost",)


def test_an_agent_that_forgot_its_worker_is_as_good_as_dead(tmp_path: Path) -> None:
    """A new agent under the old name knows nothing: the worker's own readings count."""
    worker = Worker(tmp_path)
    worker.meter.open()
    worker.node.run_for(80.0)
    worker.agent.retire("a")
    energy = worker.meter.close()
    assert (energy.total_j, energy.flags) == (24000.0, ("agent_lost",))


def test_measured_packages_are_added_to_the_agents_figure(tmp_path: Path) -> None:
    """Scope gpu+cpu beside an agent too, with the weaker label, and read as it will be told."""
    node = NodeBench(tmp_path)
    cpu = FakeCpu(node.clock, tmp_path)
    agents = node.agent().meter("a", node.new_pid())
    meter = meter_on(node.assigned(["GPU-1"]), cpu, rapl=True, agent=agents)
    meter.begin(["GPU-1"], 1.0)
    meter.open()
    node.run_for(100.0)
    cpu.write_zones()
    assert meter.read() == pytest.approx(30000.0 + 2500.0)
    energy = meter.close()
    assert energy.total_j == pytest.approx(30000.0 + 2500.0)
    assert (energy.scope, energy.source) == ("gpu+cpu", "measured:rapl")
    assert (energy.cpu_j, energy.u_rel) == (None, None)


class FakeCuda:
    """The part of torch.cuda that is looked at."""

    def __init__(self, uuids: Sequence[str], *, initialised: bool = True) -> None:
        self.uuids = uuids
        self.initialised = initialised
        self.synchronised: list[int] = []
        self.error: Exception | None = None

    def is_initialized(self) -> bool:
        """Tell whether a context was made."""
        return self.initialised

    def device_count(self) -> int:
        """Count devices."""
        return len(self.uuids)

    def current_device(self) -> int:
        """Return the selected one."""
        return 0

    def memory_allocated(self, index: int) -> int:
        """Return what a device holds: only the first two are in use."""
        return 100 if index < 2 else 0

    def synchronize(self, index: int) -> None:
        """Wait for a device."""
        if self.error is not None:
            raise self.error
        self.synchronised.append(index)

    def get_device_properties(self, index: int) -> types.SimpleNamespace:
        """Return what a device is."""
        return types.SimpleNamespace(uuid=self.uuids[index])


def load_torch(monkeypatch: pytest.MonkeyPatch, cuda: FakeCuda) -> None:
    """Let a module of that name be loaded."""
    torch = types.ModuleType("torch")
    torch.__dict__["cuda"] = cuda
    monkeypatch.setitem(sys.modules, "torch", torch)


def test_devices_in_use_are_synchronised_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kernels that were launched belong to their trial; devices without a context stay so."""
    worker = Worker(tmp_path)
    cuda = FakeCuda(["1", "1", "2"])
    load_torch(monkeypatch, cuda)
    energy = worker.trial(70.0)
    assert (energy.synced, cuda.synchronised, energy.flags) == (True, [0, 1], ())


@pytest.mark.parametrize(
    ("initialised", "error", "synced"),
    [(False, None, None), (True, RuntimeError("CUDA error"), False)],
    ids=["torch without CUDA", "a device in error"],
)
def test_synchronising_never_fails(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    initialised: bool,
    error: Exception | None,
    synced: bool | None,
) -> None:
    """What could not be waited for is told, and the trial goes on."""
    worker = Worker(tmp_path)
    cuda = FakeCuda(["1"], initialised=initialised)
    cuda.error = error
    load_torch(monkeypatch, cuda)
    energy = worker.trial(70.0)
    assert (energy.synced, energy.total_j) == (synced, 21000.0)


def test_torch_on_another_board_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial that runs on boards that were not given to its worker is not what was metered."""
    worker = Worker(tmp_path)
    load_torch(monkeypatch, FakeCuda(["1", "7"]))
    assert worker.trial(70.0).flags == ("gpu_mismatch",)
