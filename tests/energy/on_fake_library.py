"""Tests of the fake library itself, by unmodified pynvml; test_fake_nvml.py runs them on it."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pynvml
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.energy.nvml import Nvml
from sweeper.testing.fake_board import FakeBoard
from sweeper.testing.fake_nvml import FakeGpus
from sweeper.testing.scripted_meter import HandClock

GPU_IS_LOST = 15
NOT_FOUND, NOT_SUPPORTED = 6, 3


@contextmanager
def scene(count: int = 1, idle_w: float = 75.0, **given: object) -> Iterator[FakeGpus]:
    """Set these GPUs up for the library that is loaded; their time is 0 s."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        gpus = FakeGpus(
            Path(folder), count=count, idle_w=idle_w, now_s=0.0, library=Path("loaded already")
        )
        for name, value in gpus.environment(**given).items():
            if name.startswith("FAKE_"):
                patch.setenv(name, value)
        pynvml.nvmlInit()
        yield gpus


def handle(gpu: int = 0) -> Any:
    """Return the driver's handle of a GPU."""
    return pynvml.nvmlDeviceGetHandleByIndex(gpu)


def counter_j(gpu: int = 0) -> float:
    """Return a GPU's counter."""
    return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle(gpu))) / 1e3


def field(number: int, scope: int = 0, gpu: int = 0) -> Any:
    """Return one field value."""
    return pynvml.nvmlDeviceGetFieldValues(handle(gpu), [(number, scope)])[0]


def power_w(number: int, gpu: int = 0) -> float:
    """Return a power field in watts."""
    entry = field(number, gpu=gpu)
    assert (entry.nvmlReturn, entry.valueType) == (0, pynvml.NVML_VALUE_TYPE_UNSIGNED_INT)
    return float(entry.value.uiVal) / 1e3


def refused(call: Callable[[], object]) -> int:
    """Return the code with which a call fails."""
    with pytest.raises(pynvml.NVMLError) as caught:
        call()
    return int(caught.value.value)


TIMES = st.floats(0.0, 100.0)
WATTS = st.floats(0.0, 1000.0)


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.tuples(TIMES, st.integers(0, 1), WATTS), max_size=40),
    later=st.lists(st.tuples(TIMES, st.integers(0, 1), WATTS), max_size=10),
    at=st.integers(1, 1200),
)
def test_the_counter_is_the_integral_of_the_trace(
    steps: list[tuple[float, int, float]], later: list[tuple[float, int, float]], at: int
) -> None:
    """To the millijoule, whenever lines are written and in whatever order."""
    with scene(2) as gpus:
        gpus.run_for(at / 10)
        for lines in (steps, later):
            for at_s, gpu, watts in lines:
                gpus.draw(gpu, watts, at_s)
            for gpu in range(2):
                expected_j = gpus.energy_j(gpu, 0.0, at / 10)
                assert counter_j(gpu) == pytest.approx(expected_j, abs=0.00051 + 1e-9 * expected_j)


def test_what_was_read_is_not_read_again() -> None:
    """A long trace costs as much as what is new in it."""
    with scene() as gpus:
        gpus.run_for(10.0)
        assert counter_j() == 750.0
        gpus.trace.write_text("0 99.0\n5.0 0 100.0\n")
        assert counter_j() == 875.0


def test_half_a_line_waits_for_its_end() -> None:
    """A load may be writing it just now."""
    with scene() as gpus:
        gpus.run_for(10.0)
        with gpus.trace.open("a") as trace:
            trace.write("5 0 1")
        assert counter_j() == 750.0
        with gpus.trace.open("a") as trace:
            trace.write("00\n")
        assert counter_j() == 875.0


def test_a_long_trace_is_cheap() -> None:
    """Ten thousand lines are read once; then a reading takes far less than a millisecond."""
    with scene() as gpus:
        lines = (f"{0.01 * line} 0 {100 + line % 7}\n" for line in range(10_000))
        with gpus.trace.open("a") as trace:
            trace.writelines(lines)
        gpus.run_for(100.0)
        counter_j()
        begun_s = time.process_time()
        for _ in range(200):
            counter_j()
        assert (time.process_time() - begun_s) / 200 < 1e-3


@pytest.mark.parametrize("phase_s", [0.0, 0.03])
@pytest.mark.parametrize("period_s", [0.1, 0.02])
def test_sensors_move_in_steps(period_s: float, phase_s: float) -> None:
    """At the phase and every period after it, and nowhere else."""
    with scene(period_s=period_s, phase_s=phase_s) as gpus:
        gpus.run_for(1.0005)  # so that no reading is at a step, where rounding would decide
        for _ in range(100):
            gpus.run_for(0.007)
            since_s = (gpus.now_s() - phase_s) % period_s
            assert counter_j() == pytest.approx(75.0 * (gpus.now_s() - since_s), abs=1e-3)


def test_instant_power_is_the_mean_of_a_window() -> None:
    """Of 25 ms before each step, which sees a quarter of the time, or of another window."""
    for window_s, watts in [(0.025, 500.0), (0.1, 300.0)]:
        with scene(idle_w=100.0, window_s=window_s) as gpus:
            gpus.draw(0, 500.0, 9.95)
            gpus.run_for(10.06)
            assert power_w(186) == pytest.approx(watts, abs=1e-3)


def test_average_power_is_the_mean_of_a_second() -> None:
    """Renewed with every step."""
    with scene(idle_w=100.0) as gpus:
        gpus.draw(0, 600.0, 9.75)
        gpus.run_for(10.04)
        assert power_w(185) == pytest.approx(225.0, abs=1e-3)
        gpus.run_for(0.1)
        assert power_w(185) == pytest.approx(275.0, abs=1e-3)


@pytest.mark.parametrize(("legacy", "watts"), [("average", 150.0), ("instant", 600.0)])
def test_legacy_power_is_one_of_both(legacy: str, watts: float) -> None:
    """By board: some average it, some do not."""
    with scene(idle_w=100.0, legacy=legacy) as gpus:
        gpus.draw(0, 600.0, 9.9)
        gpus.run_for(10.0)
        assert pynvml.nvmlDeviceGetPowerUsage(handle()) == pytest.approx(watts * 1e3, abs=1)


def test_gains_multiply() -> None:
    """One of all sensors, and one of the counter alone, by which it becomes implausible."""
    with scene(idle_w=100.0, gain=0.9, counter_gain=3) as gpus:
        gpus.run_for(10.0)
        assert counter_j() == pytest.approx(2700.0)
        assert power_w(185) == power_w(186) == pytest.approx(90.0)


def test_a_stuck_counter_stands_still_while_power_goes_on() -> None:
    """From its time on; the fields are stuck like the call."""
    with scene(stuck_s=5) as gpus:
        gpus.run_for(4.0)
        assert counter_j() == 300.0
        gpus.run_for(20.0)
        assert counter_j() == field(83).value.ullVal / 1e3 == 375.0
        assert power_w(185) == power_w(186) == 75.0


def test_a_reset_begins_at_nothing() -> None:
    """Once."""
    with scene(reset_s=50) as gpus:
        gpus.run_for(49.9)
        assert counter_j() == pytest.approx(3742.5)
        gpus.run_for(1.1)
        assert counter_j() == pytest.approx(75.0)


def test_every_counter_field_says_the_same() -> None:
    """Each entry has its own code, type and time; what it does not fill is garbage."""
    with scene() as gpus:
        gpus.run_for(10.0)
        entries = pynvml.nvmlDeviceGetFieldValues(handle(), [83, (191, 0), (186, 0), (99, 0)])
        assert [entry.nvmlReturn for entry in entries] == [0, 0, 0, NOT_SUPPORTED]
        for entry in entries[:2]:
            assert entry.valueType == pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG
            assert entry.value.ullVal == 750_000
        assert entries[2].value.ullVal != entries[2].value.uiVal == 75_000
        assert {entry.timestamp for entry in entries} == {10_000_000}


@pytest.mark.parametrize("answers", [0, 1], ids=["gpu", "module"])
def test_fields_answer_in_one_scope(answers: int) -> None:
    """The others are not supported."""
    with scene(scope=answers) as gpus:
        gpus.run_for(10.0)
        for number in (83, 185, 186, 191):
            codes = [field(number, scope).nvmlReturn for scope in (0, 1, 2)]
            assert codes == [0 if scope == answers else NOT_SUPPORTED for scope in (0, 1, 2)]


CALLS: dict[str, Callable[[], object]] = {
    "nvmlDeviceGetTotalEnergyConsumption": counter_j,
    "nvmlDeviceGetPowerUsage": lambda: pynvml.nvmlDeviceGetPowerUsage(handle()),
    "nvmlDeviceGetFieldValues": lambda: field(83),
    "nvmlDeviceGetEnforcedPowerLimit": lambda: pynvml.nvmlDeviceGetEnforcedPowerLimit(handle()),
    "nvmlDeviceGetUtilizationRates": lambda: pynvml.nvmlDeviceGetUtilizationRates(handle()),
    "nvmlDeviceGetComputeRunningProcesses_v3": (
        lambda: pynvml.nvmlDeviceGetComputeRunningProcesses(handle())
    ),
    "nvmlDeviceGetProcessUtilization": (
        lambda: pynvml.nvmlDeviceGetProcessUtilization(handle(), 0)
    ),
    "nvmlDeviceGetMemoryInfo": lambda: pynvml.nvmlDeviceGetMemoryInfo(handle()),
    "nvmlDeviceGetTemperature": lambda: pynvml.nvmlDeviceGetTemperature(handle(), 0),
    "nvmlDeviceGetMigMode": lambda: pynvml.nvmlDeviceGetMigMode(handle()),
    "nvmlDeviceGetMaxMigDeviceCount": lambda: pynvml.nvmlDeviceGetMaxMigDeviceCount(handle()),
    "nvmlDeviceIsMigDeviceHandle": lambda: pynvml.nvmlDeviceIsMigDeviceHandle(handle()),
    "nvmlDeviceGetPersistenceMode": lambda: pynvml.nvmlDeviceGetPersistenceMode(handle()),
    "nvmlSystemGetNVMLVersion": pynvml.nvmlSystemGetNVMLVersion,
}
each_call = pytest.mark.parametrize("call", CALLS)


@each_call
def test_any_call_can_be_made_to_fail(call: str) -> None:
    """With any code; else it answers."""
    with scene(errors=f"nvmlNothing=2,{call}=999"):
        assert refused(CALLS[call]) == 999
    with scene() as gpus:
        gpus.process(0, 4242, 0.5, at_s=0.0)
        gpus.run_for(1.0)
        CALLS[call]()


def test_single_fields_can_be_made_to_fail() -> None:
    """The others of the same trip answer."""
    with scene(errors="field185=15"):
        assert [field(number).nvmlReturn for number in (83, 185, 186)] == [0, GPU_IS_LOST, 0]


def test_calls_can_be_made_to_take_their_time() -> None:
    """The one that is named, and no other."""
    with scene(delay="nvmlDeviceGetProcessUtilization=0.05") as gpus:
        gpus.process(0, 4242, 0.5, at_s=0.0)
        gpus.run_for(1.0)
        begun_s = time.monotonic()
        counter_j()
        between_s = time.monotonic()
        CALLS["nvmlDeviceGetProcessUtilization"]()  # pynvml asks twice
        assert time.monotonic() - between_s >= 0.1 > between_s - begun_s


def test_a_lost_board_answers_nothing() -> None:
    """Calls and fields; the library itself still does."""
    with scene(lost_s=5) as gpus:
        gpus.run_for(5.0)
        assert field(83).nvmlReturn == GPU_IS_LOST
        for call in set(CALLS) - {"nvmlDeviceGetFieldValues", "nvmlSystemGetNVMLVersion"}:
            assert refused(CALLS[call]) == GPU_IS_LOST, call
        assert pynvml.nvmlSystemGetNVMLVersion() == "fake"


def test_processes_come_and_go() -> None:
    """With their memory, on their GPU; the board's utilisation is what they sum to."""
    with scene(2) as gpus:
        gpus.process(0, 11, 0.5, 1024.0, at_s=1.0)
        gpus.process(0, 12, 0.3, 512.0, at_s=2.0)
        gpus.leave(0, 11, at_s=3.0)
        seen = []
        for _ in range(4):
            gpus.run_for(0.9)
            listed = pynvml.nvmlDeviceGetComputeRunningProcesses(handle())
            memory = {each.pid: each.usedGpuMemory >> 20 for each in listed}
            used = pynvml.nvmlDeviceGetMemoryInfo(handle()).used >> 20
            assert used == sum(memory.values())
            seen.append((memory, pynvml.nvmlDeviceGetUtilizationRates(handle()).gpu))
        assert seen == [({}, 0), ({11: 1024}, 50), ({11: 1024, 12: 512}, 80), ({12: 512}, 30)]
        assert pynvml.nvmlDeviceGetComputeRunningProcesses(handle(1)) == []


def test_process_samples_are_those_since_a_time() -> None:
    """One each sixth of a second, of the mean over it; the ring keeps ten seconds."""
    with scene() as gpus:
        gpus.process(0, 11, 0.6, at_s=0.0)
        gpus.process(0, 11, 0.2, at_s=1.25)
        gpus.run_for(1.5)
        samples = pynvml.nvmlDeviceGetProcessUtilization(handle(), 0)
        assert [sample.smUtil for sample in samples] == [60] * 7 + [40, 20]
        newest_us = max(sample.timeStamp for sample in samples)
        assert newest_us == 1_500_000
        assert refused(lambda: pynvml.nvmlDeviceGetProcessUtilization(handle(), newest_us)) == 6
        gpus.run_for(1 / 6)
        newer = pynvml.nvmlDeviceGetProcessUtilization(handle(), newest_us)
        assert [sample.timeStamp > newest_us for sample in newer] == [True]
        gpus.run_for(100.0)
        assert len(pynvml.nvmlDeviceGetProcessUtilization(handle(), 0)) == 60


@pytest.mark.parametrize(("empty", "code"), [("", NOT_FOUND), ("success", 0)])
def test_no_samples_have_two_faces(empty: str, code: int) -> None:
    """Not found, or the sizing call's success, which pynvml raises too."""
    with scene(empty=empty) as gpus:
        gpus.run_for(10.0)
        assert refused(lambda: pynvml.nvmlDeviceGetProcessUtilization(handle(), 0)) == code


def test_garbage_utilisation_is_passed_on() -> None:
    """Drivers were seen to say so; the board's own stays at 100."""
    with scene() as gpus:
        gpus.process(0, 11, 655.35, at_s=0.0)
        gpus.run_for(1.0)
        samples = pynvml.nvmlDeviceGetProcessUtilization(handle(), 0)
        assert {sample.smUtil for sample in samples} == {65535}
        assert pynvml.nvmlDeviceGetUtilizationRates(handle()).gpu == 100


def test_slices_are_devices_without_sensors() -> None:
    """A MIG UUID gives a handle with a parent and a size; only the parent has joules."""
    with scene(2, slices=3):
        mig = pynvml.nvmlDeviceGetHandleByUUID(FakeGpus.uuid(1).replace("GPU", "MIG"))
        parent = pynvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(mig)
        assert pynvml.nvmlDeviceGetUUID(parent) == FakeGpus.uuid(1)
        assert pynvml.nvmlDeviceGetAttributes(mig).computeInstanceSliceCount == 3
        kinds = [pynvml.nvmlDeviceIsMigDeviceHandle(each).value for each in (mig, parent)]
        assert kinds == [1, 0]
        for call in (
            pynvml.nvmlDeviceGetTotalEnergyConsumption,
            pynvml.nvmlDeviceGetPowerUsage,
            pynvml.nvmlDeviceGetUtilizationRates,
        ):
            assert refused(lambda call=call: call(mig)) == NOT_SUPPORTED  # type: ignore[misc]
        assert pynvml.nvmlDeviceGetFieldValues(mig, [83])[0].nvmlReturn == NOT_SUPPORTED
        assert refused(lambda: pynvml.nvmlDeviceGetAttributes(parent)) == NOT_SUPPORTED


def test_threads_may_read_while_a_load_writes() -> None:
    """As NVML lets them; the agent has two threads, and workers call it from theirs."""
    with scene() as gpus:
        gpus.run_for(1000.0)
        gpus.process(0, 0, 0.5, at_s=0.0)
        failures: list[BaseException] = []

        def read() -> None:
            try:
                for _ in range(300):
                    CALLS["nvmlDeviceGetComputeRunningProcesses_v3"]()
                    counter_j()
            except BaseException as error:
                failures.append(error)

        threads = [Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for step in range(400):
            gpus.draw(0, float(step), at_s=float(step))
            # No new ones: pynvml asks for their number first, and that must not grow in between.
            gpus.process(0, 0, 0.5, at_s=float(step))
        for thread in threads:
            thread.join()
        assert failures == []
        assert counter_j() == pytest.approx(gpus.energy_j(0, 0.0, 1000.0))
        assert len(pynvml.nvmlDeviceGetComputeRunningProcesses(handle())) == 1


SPANS = st.floats(0.0, 3.0)
SHARES = st.integers(0, 100).map(lambda percent: percent / 100)


@settings(max_examples=40, deadline=None)
@given(
    deeds=st.lists(st.tuples(SPANS, WATTS, st.sampled_from([11, 12]), SHARES), max_size=12),
    period_s=st.sampled_from([0.02, 0.1, 0.25]),
    phase=st.sampled_from([0.0, 0.3]),
    instant=st.booleans(),
    reset_s=st.sampled_from([math.inf, 4.0]),
    stuck_s=st.sampled_from([math.inf, 6.0]),
)
def test_the_board_of_pure_python_is_the_same(
    deeds: list[tuple[float, float, int, float]],
    period_s: float,
    phase: float,
    instant: bool,
    reset_s: float,
    stuck_s: float,
) -> None:
    """Whatever is drawn by whom: both fakes give the same readings, but for the driver's units."""
    python = FakeBoard(
        HandClock(),
        period_s=period_s,
        phase_s=phase * period_s,
        legacy_instant=instant,
        gain=1.1,
        counter_gain=0.9,
        before_j=0.0,
        reset_s=reset_s,
        stuck_s=stuck_s,
        epoch_us=0,
    )
    with scene(
        period_s=period_s,
        phase_s=python.phase_s,
        legacy="instant" if instant else "average",
        gain=1.1,
        counter_gain=0.9,
        reset_s=reset_s,
        stuck_s=stuck_s,
    ) as gpus:
        python.clock = gpus.now_s
        # The library's draw begins at 0 s, the board's was there before: for a second the average
        # tells them apart.
        gpus.run_for(1.5)
        library = Nvml().boards()[0]
        for elapsed_s, watts, pid, sm in deeds:
            gpus.run_for(elapsed_s)
            gpus.draw(0, watts)
            gpus.process(0, pid, sm)
            python.draw(watts)
            python.run(pid, sm)
            gpus.run_for(0.4)
            for reading in ("counter_j", "average_w", "instant_w", "legacy_w"):
                both = [getattr(board, reading)() for board in (library, python)]
                assert both[0] == pytest.approx(both[1], abs=0.00051 + 1e-6), reading
            for reading in ("limit_w", "temperature_c", "memory_bytes"):
                assert getattr(library, reading)() == getattr(python, reading)(), reading
            assert library.utilisation() == pytest.approx(python.utilisation(), abs=0.0051)
            assert sorted(library.processes() or ()) == sorted(python.processes() or ())
            ours, theirs = python.process_utilisation(0), library.process_utilisation(0)
            assert ours is not None
            assert theirs is not None
            assert sorted(sample[:2] for sample in theirs) == sorted(sample[:2] for sample in ours)
            for one, other in zip(sorted(theirs), sorted(ours), strict=True):
                assert one.sm == pytest.approx(other.sm, abs=0.0051)
