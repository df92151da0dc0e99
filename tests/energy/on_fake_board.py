"""Tests of one board's readings; test_nvml.py runs them where pynvml finds the fake library."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.energy.board import GpuLost, GpuProcess
from sweeper.energy.sources import SourceSettings, open_source

from .fake_gpus import FakeGpus, known


@pytest.fixture
def fake_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeGpus:
    return FakeGpus(tmp_path, monkeypatch)


def test_every_reading_is_in_si_units(fake_gpus: FakeGpus) -> None:
    """Millijoules, milliwatts and per cent do not leave the board."""
    board = fake_gpus.board()
    fake_gpus.process("0 0 4242 60 1024")
    fake_gpus.run_for(10.0)
    assert (board.name, board.scope) == ("Fake GPU", "gpu")
    assert board.counter_j() == pytest.approx(3000.0)
    assert board.average_w() == pytest.approx(300.0)
    assert board.instant_w() == pytest.approx(300.0)
    assert board.legacy_w() == pytest.approx(300.0)
    assert board.limit_w() == 700.0
    assert board.utilisation() == pytest.approx(0.6)
    assert board.processes() == (GpuProcess(4242, 1024 << 20),)
    assert 0 < known(board.temperature_c()) < 120
    assert known(board.memory_bytes()) > 1 << 30


CALLS = {
    "counter_j": "nvmlDeviceGetTotalEnergyConsumption={0},field83={0}",
    "average_w": "field185={0}",
    "instant_w": "field186={0}",
    "legacy_w": "nvmlDeviceGetPowerUsage={0}",
    "limit_w": "nvmlDeviceGetEnforcedPowerLimit={0}",
    "utilisation": "nvmlDeviceGetUtilizationRates={0}",
    "processes": "nvmlDeviceGetComputeRunningProcesses_v3={0}",
    "temperature_c": "nvmlDeviceGetTemperature={0}",
    "memory_bytes": "nvmlDeviceGetMemoryInfo={0}",
}
refused = pytest.mark.parametrize(("reading", "calls"), CALLS.items(), ids=CALLS)


@refused
@pytest.mark.parametrize("code", [2, 3, 4, 13, 999], ids=lambda code: f"code {code}")
def test_what_the_driver_refuses_is_none(
    fake_gpus: FakeGpus, reading: str, calls: str, code: int
) -> None:
    """Whatever its reason: unknown is not an error, and not 0."""
    board = fake_gpus.board()
    fake_gpus.run_for(10.0)
    fake_gpus.set("ERRORS", calls.format(code))
    assert getattr(board, reading)() is None


@refused
def test_a_lost_board_is_told_apart(fake_gpus: FakeGpus, reading: str, calls: str) -> None:
    """Whichever reading meets it, by the call's own code or by that of a field."""
    board = fake_gpus.board()
    fake_gpus.set("ERRORS", calls.format(15))
    with pytest.raises(GpuLost):
        getattr(board, reading)()


def test_the_counter_is_also_a_field(fake_gpus: FakeGpus) -> None:
    """A driver that refuses the call may answer the field."""
    fake_gpus.set("ERRORS", "nvmlDeviceGetTotalEnergyConsumption=3")
    fake_gpus.run_for(10.0)
    assert fake_gpus.board().counter_j() == pytest.approx(3000.0)


def test_the_module_is_read_where_nothing_answers_for_the_gpu_alone(fake_gpus: FakeGpus) -> None:
    """Such joules hold the CPU's too, and the board says so."""
    fake_gpus.set("SCOPE", "1")
    fake_gpus.run_for(10.0)
    assert (fake_gpus.board().scope, fake_gpus.board().average_w()) == ("gpu", None)
    fake_gpus.set("ERRORS", "nvmlDeviceGetTotalEnergyConsumption=3,nvmlDeviceGetPowerUsage=3")
    board = fake_gpus.board()
    assert board.scope == "module"
    assert board.average_w() == pytest.approx(300.0)
    assert board.counter_j() == pytest.approx(3000.0)


@pytest.mark.parametrize("empty", ["success", ""], ids=["success", "not found"])
def test_no_samples_of_processes_are_none_of_them(fake_gpus: FakeGpus, empty: str) -> None:
    """Both ways in which the driver says so are an empty list, not an unreadable one."""
    fake_gpus.set("EMPTY", empty)
    assert fake_gpus.board().process_utilisation(0) == ()


def test_process_utilisation_that_is_not_there_is_none(fake_gpus: FakeGpus) -> None:
    """As on MIG and WSL."""
    fake_gpus.set("ERRORS", "nvmlDeviceGetProcessUtilization=3")
    assert fake_gpus.board().process_utilisation(0) is None


@pytest.mark.parametrize(("percent", "share"), [(60, 0.6), (100, 1.0), (65535, 1.0)])
def test_process_utilisation_is_a_share(fake_gpus: FakeGpus, percent: int, share: float) -> None:
    """Garbage of hundreds of per cent counts as all of the time."""
    fake_gpus.process(f"0 0 4242 {percent} 100")
    fake_gpus.run_for(1.0)
    samples = known(fake_gpus.board().process_utilisation(0))
    assert {sample.pid for sample in samples} == {4242}
    assert [sample.sm for sample in samples] == [pytest.approx(share)] * len(samples)


def test_only_samples_that_are_newer_are_returned(fake_gpus: FakeGpus) -> None:
    """The newest sample's time is the next question; pid 0 and time 0 are no samples."""
    fake_gpus.process("0 0 0 50 100")
    fake_gpus.process("0 0 4242 50 100")
    board = fake_gpus.board()
    fake_gpus.run_for(1.0)
    first = known(board.process_utilisation(0))
    assert {sample.pid for sample in first} == {4242}
    newest_us = max(sample.at_us for sample in first)
    assert newest_us > 0
    assert board.process_utilisation(newest_us) == ()
    fake_gpus.run_for(1.0)
    assert all(sample.at_us > newest_us for sample in known(board.process_utilisation(newest_us)))


def test_a_source_runs_on_a_real_board(fake_gpus: FakeGpus) -> None:
    """The ladder, on unmodified pynvml: the counter, and power where there is no counter."""
    for refused_calls, label in [
        ("", "measured:counter"),
        (CALLS["counter_j"].format(3), "measured:power_avg"),
        (
            ",".join(CALLS[name].format(3) for name in ("counter_j", "average_w", "instant_w")),
            "measured:power_legacy",
        ),
    ]:
        fake_gpus.set("ERRORS", refused_calls)
        source = open_source(fake_gpus.board(), SourceSettings(), fake_gpus.now_s())
        for _ in range(50):
            fake_gpus.run_for(0.1)
            source.sample(fake_gpus.now_s())
        taken = known(source.take(fake_gpus.now_s()))
        assert (source.label, taken.flags) == (label, ())
        assert taken.energy_j == pytest.approx(1500.0, abs=0.002)
