"""Tests of the real NVML source; test_nvml.py runs them where pynvml finds the fake library."""

from __future__ import annotations

import os
from pathlib import Path

import pynvml
import pytest

from sweeper.energy.held import gpu_bytes_of
from sweeper.energy.nvml import Nvml
from sweeper.testing.meter_cases import MeterBench, MeterCases, same, total

from .fake_gpus import GPU, MIG, WATTS, FakeGpus


@pytest.fixture
def fake_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeGpus:
    return FakeGpus(tmp_path, monkeypatch)


class TestWorkerMeterOnNvml(MeterCases):
    @pytest.fixture
    def bench(self, fake_gpus: FakeGpus) -> MeterBench:
        """Hold the contract on these devices."""
        return fake_gpus


def test_unmodified_pynvml_runs_on_the_fake_library(fake_gpus: FakeGpus) -> None:
    """The fake answers the calls that this project makes, and says what it is."""
    pynvml.nvmlInit()
    assert pynvml.nvmlSystemGetDriverVersion() == "fake"
    handle = pynvml.nvmlDeviceGetHandleByIndex(1)
    assert pynvml.nvmlDeviceGetPowerUsage(handle) == 75_000
    assert pynvml.nvmlDeviceGetEnforcedPowerLimit(handle) == 700_000


@pytest.mark.parametrize(
    ("gpus", "indices", "flags"),
    [
        (["1"], [1], []),
        (["3", "0"], [3, 0], []),
        ([GPU.format(2)], [2], []),
        (["GPU-00000002"], [2], []),
        ([MIG.format(1)], [1], []),
        (["1", "9", "0"], [1], ["gpu_list_invalid"]),
        (["0", "0"], [], ["gpu_list_invalid"]),
        (["0", GPU.format(0)], [], ["gpu_list_invalid"]),
        (["GPU-0000000"], [], ["gpu_list_invalid"]),
        (["G"], [], ["gpu_list_invalid"]),
        (["MIG-nothing"], [], ["gpu_list_invalid"]),
        (["-1"], [], ["gpu_list_invalid"]),
    ],
    ids=lambda value: ",".join(map(str, value)) or "none",
)
def test_assigned_lists_are_read_as_cuda_reads_them(
    fake_gpus: FakeGpus, gpus: list[str], indices: list[int], flags: list[str]
) -> None:
    """Indices, UUIDs in full or abbreviated and MIG UUIDs become boards; only UUIDs are kept."""
    energy = fake_gpus.trial(gpus)
    assert [gpu.uuid for gpu in energy.gpus] == [GPU.format(index) for index in indices]
    assert [gpu.device_j for gpu in energy.gpus] == [
        pytest.approx(5.0 * WATTS[index]) for index in indices
    ]
    assert list(Nvml().assigned(gpus).flags) == flags
    assert (energy.total_j is None) == (not indices)


@pytest.mark.parametrize(
    ("gpus", "slices"),
    [([MIG.format(1)], 3), ([MIG.format(1), MIG.format(2)], 3), (["1"], None)],
    ids=["one", "of two boards", "whole"],
)
def test_a_mig_slice_is_its_board_and_its_size(
    fake_gpus: FakeGpus, gpus: list[str], slices: int | None
) -> None:
    """NVML counts only the whole board; what part of it was given is told in compute slices."""
    fake_gpus.set("SLICES", "3")
    assigned = Nvml().assigned(gpus)
    assert assigned.flags == ()
    assert [(each.board.uuid, each.slices) for each in assigned.boards] == [
        (GPU.format(index + 1), slices) for index in range(len(gpus))
    ]


def test_a_slice_that_does_not_tell_its_size_is_taken_for_the_smallest(
    fake_gpus: FakeGpus,
) -> None:
    """It never claims the whole board, and the list says what was assumed."""
    fake_gpus.set("ERRORS", "nvmlDeviceGetAttributes_v2=3")
    assigned = Nvml().assigned([MIG.format(1)])
    assert [each.slices for each in assigned.boards] == [1]
    assert assigned.flags == ("mig_slices_unknown",)


def test_an_index_of_two_digits_is_the_board_with_that_index(fake_gpus: FakeGpus) -> None:
    """GPU 11 is not GPU 1."""
    fake_gpus.set("WATTS", ",".join(str(10 * index) for index in range(12)))
    same(fake_gpus.trial(["11"], 10.0).total_j, 1100.0)


def test_a_worker_without_gpus_gets_none_though_four_are_visible(fake_gpus: FakeGpus) -> None:
    """What was not assigned is not attributed."""
    energy = fake_gpus.trial([])
    assert (energy.scope, energy.source, energy.gpus) == ("cpu", "estimated:cpu_load", ())


def test_a_board_is_named_and_limited(fake_gpus: FakeGpus) -> None:
    """Each board's line has its name and its power limit; 0.1 s of that bounds the trial."""
    fake_gpus.set("LIMITS", "250")
    energy = fake_gpus.trial(["0"], 5.0)
    assert (energy.gpus[0].name, energy.gpus[0].power_limit_w) == ("Fake GPU", 250.0)
    assert (energy.lo_j, energy.total_j, energy.hi_j) == (1475.0, 1500.0, 1525.0)


def test_a_power_limit_that_cannot_be_read_is_unknown(fake_gpus: FakeGpus) -> None:
    """Joules are known without it, their bounds are not."""
    fake_gpus.set("LIMITS", "0")
    energy = fake_gpus.trial(["0"])
    assert energy.gpus[0].power_limit_w is None
    assert (energy.lo_j, energy.total_j, energy.hi_j) == (None, 1500.0, None)


def test_a_reset_is_never_negative(fake_gpus: FakeGpus) -> None:
    """A driver that was loaded again in the middle of a trial makes it unknown."""
    fake_gpus.run_for(1000.0)
    fake_gpus.set("RESET_S", "1060")
    energy = fake_gpus.trial(["0"], 70.0)
    assert (energy.total_j, energy.flags) == (None, ("counter_reset",))


def test_an_unsupported_counter_is_unknown_and_not_zero(fake_gpus: FakeGpus) -> None:
    """A board without an energy counter has no joules, for the other one they are known."""
    fake_gpus.set("NO_COUNTER", "0,1")
    energy = fake_gpus.trial(["0", "1"])
    assert (energy.total_j, energy.source) == (None, "unavailable")
    assert [gpu.energy_j for gpu in energy.gpus] == [1500.0, None]


def test_a_window_shorter_than_the_counters_step_is_unknown(fake_gpus: FakeGpus) -> None:
    """50 ms between two steps: None, at most one step at the limit, and booked as overhead."""
    meter = fake_gpus.meter()
    meter.begin(["0"], 1.0)
    fake_gpus.run_for(0.02)
    meter.open()
    fake_gpus.run_for(0.05)
    energy = meter.close()
    assert energy.total_j is None
    assert energy.hi_j == pytest.approx(70.0)
    fake_gpus.run_for(0.93)
    same(meter.overhead().total_j, 300.0)


def test_a_lost_gpu_makes_the_trial_unknown(fake_gpus: FakeGpus) -> None:
    """A board that falls off the bus takes its joules along; what was reported stays the least."""
    fake_gpus.set("LOST_S", "100")
    meter = fake_gpus.meter()
    meter.begin(["0"], 1.0)
    meter.open()
    fake_gpus.run_for(70.0)
    same(meter.read(), 21_000.0)
    fake_gpus.run_for(50.0)
    energy = meter.close()
    assert (energy.total_j, energy.lo_j, energy.flags) == (None, 21_000.0, ("counter_gap",))


def test_two_workers_on_one_board_do_not_count_it_twice(fake_gpus: FakeGpus) -> None:
    """Halves of a board, however their trials overlap, sum to what the board used."""
    left, right = fake_gpus.meter(), fake_gpus.meter()
    for meter in (left, right):
        meter.begin(["0"], 0.5)
    left.open()
    fake_gpus.run_for(3.0)
    right.open()
    fake_gpus.run_for(3.0)
    booked_j = [left.close().total_j, right.close().total_j]
    fake_gpus.run_for(3.0)
    same(total([*booked_j, left.overhead().total_j, right.overhead().total_j]), 2700.0)


def test_boards_are_all_of_the_node_by_index(fake_gpus: FakeGpus) -> None:
    """They are found without being given."""
    boards = Nvml().boards()
    assert [board.uuid for board in boards] == [GPU.format(index) for index in range(4)]
    assert Nvml().count() == 4


def test_nvml_is_initialised_once_and_again_after_a_fork(
    fake_gpus: FakeGpus, tmp_path: Path
) -> None:
    """A forked child makes its own connection; the library refuses the parent's."""
    calls = tmp_path / "calls"
    fake_gpus.set("CALLS", str(calls))
    nvml = Nvml()
    assigned_board = nvml.assigned(["0"]).boards[0].board
    nvml.assigned(["1"])
    fake_gpus.run_for(2.0)
    child = os.fork()
    if child == 0:  # pragma: no cover - a child cannot report its coverage
        status = 1
        try:
            status = int(assigned_board.counter_j() != 600.0)
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert assigned_board.counter_j() == 600.0
    assert calls.read_text() == "ii"


def test_the_memory_that_processes_hold_is_summed_over_boards(
    fake_gpus: FakeGpus, tmp_path: Path
) -> None:
    """Of these processes only, and nothing once they are gone."""
    processes = tmp_path / "processes"
    processes.write_text("0 0 41 50 1024\n0 1 41 50 512\n0 1 42 50 2048\n", encoding="ascii")
    fake_gpus.set("PROCESSES", str(processes))
    fake_gpus.run_for(1.0)
    assert gpu_bytes_of({41}) == 1536 * 2**20
    assert gpu_bytes_of({41, 42, 43}) == 3584 * 2**20
    assert gpu_bytes_of({43}) == 0
    with processes.open("a", encoding="ascii") as file:
        file.write("0.5 0 41 -1 0\n0.5 1 41 -1 0\n")
    assert gpu_bytes_of({41}) == 0
