from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from sweeper.energy.books import Assigned
from sweeper.energy.meter import MeterSettings, Sources, WorkerMeter, build_meter
from sweeper.model import UNAVAILABLE
from sweeper.testing.scripted_meter import HandClock

from .fakes import FakeCounter, FakeCpu, board, meter_on, zone


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
