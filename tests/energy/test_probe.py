from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sweeper.energy.calls import Call, CallAnswer, Refused, answer, quantile
from sweeper.energy.probe import BoardProbe, GpuProbe, SeenProcess
from sweeper.energy.probe_cpu import CpuProbe, Zone, probe_cpu
from sweeper.energy.probe_text import probe_text, scope_with_gpus
from sweeper.energy.surroundings import Surroundings, surroundings
from sweeper.testing.scripted_meter import HandClock

HERE = Surroundings(None, True, None, None)
BOARD = BoardProbe(
    uuid="GPU-1",
    name="Fake GPU",
    source="measured:counter",
    scope="gpu",
    update_s=0.1,
    power_w=75.0,
    idle_w=75.0,
    power_limit_w=700.0,
    processes=(),
    process_utilisation=True,
    mig=False,
    calls=(CallAnswer("nvmlDeviceGetPowerUsage", "W", 75.0, None, 1e-5, 2e-5),),
)
GPUS = GpuProbe("550.1", "12.550", None, (BOARD,), HERE)
NO_DRIVER = GpuProbe(None, None, "NVML Shared Library Not Found", (), HERE)
RAPL = CpuProbe("measured:rapl", 2, 0, 0, (), "/sys/class/powercap", 12.0, 8)
NO_RAPL = replace(RAPL, source="estimated:cpu_load", packages=0)


def slow(clock: HandClock, *latencies_s: float) -> Callable[[], float]:
    """Return a call that takes so long each time."""
    left = list(latencies_s)

    def ask() -> float:
        clock.advance(left.pop(0))
        return 1.0

    return ask


def test_latencies_are_those_after_the_first_call() -> None:
    """The first call opens the connection to the driver and is not counted."""
    clock = HandClock()
    told = answer(Call("x", "W", slow(clock, 9.0, 0.1, 0.2, 0.3)), 4, clock, limit_s=60)
    assert (told.value, told.reason) == (1.0, None)
    assert told.p50_s == pytest.approx(0.2)
    assert told.p99_s == pytest.approx(0.3)


def test_a_slow_call_is_not_asked_for_ever() -> None:
    """After the limit no further call is made."""
    clock = HandClock()
    answer(Call("x", "W", slow(clock, *[0.4] * 10)), 200, clock, limit_s=1.0)
    assert clock() == pytest.approx(1.2)


def test_a_refusal_is_told_in_the_drivers_words_and_asked_once() -> None:
    """There is no value, and there is a reason."""
    asked = []

    def refuse() -> float:
        asked.append(1)
        raise Refused("Not Supported")

    told = answer(Call("x", "W", refuse), 5, HandClock())
    assert (told.value, told.reason, len(asked)) == (None, "Not Supported", 1)


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1), (0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100)]
)
def test_a_quantile_is_one_of_the_values(share: float, expected: float) -> None:
    """It is the smallest value that at least this share of all do not exceed."""
    assert quantile([float(value) for value in range(100, 0, -1)], share) == expected


def test_of_nothing_there_is_no_quantile() -> None:
    """An empty list is a mistake of the caller."""
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5)


@pytest.mark.parametrize(
    ("gpus", "cpu", "scope"),
    [
        (GPUS, RAPL, "gpu+cpu"),
        (GPUS, NO_RAPL, "gpu"),
        (NO_DRIVER, RAPL, "unavailable"),
        (replace(GPUS, boards=(replace(BOARD, source="unavailable"),)), RAPL, "unavailable"),
    ],
    ids=["both", "no rapl", "no driver", "nothing readable"],
)
def test_the_scope_of_a_sweep_with_gpus_is_told(gpus: GpuProbe, cpu: CpuProbe, scope: str) -> None:
    """It is what the rules of docs/energy.md give for what can be read here."""
    assert scope_with_gpus(gpus, cpu) == scope


@pytest.mark.parametrize(
    ("gpus", "cpu", "words"),
    [
        (NO_DRIVER, RAPL, ["NVML Shared Library Not Found", "NVIDIA_DRIVER_CAPABILITIES=utility"]),
        (replace(GPUS, boards=(replace(BOARD, source="unavailable"),)), RAPL, ["energy.gpu_w"]),
        (replace(GPUS, boards=(replace(BOARD, processes=None),)), RAPL, ["booked fraction"]),
        (replace(GPUS, place=replace(HERE, first_pid_namespace=False)), RAPL, ["--pid=host"]),
        (
            GPUS,
            replace(NO_RAPL, zones=(Zone("/z", "package-0", False),)),
            ["udev rule", "energy.cpu_w_per_core", "package-0: not readable"],
        ),
    ],
    ids=["no driver", "nothing readable", "no processes", "namespaces", "rapl"],
)
def test_what_cannot_be_measured_comes_with_what_to_do(
    gpus: GpuProbe, cpu: CpuProbe, words: list[str]
) -> None:
    """Each lack is said plainly, with the way out."""
    text = probe_text(gpus, cpu)
    assert "what to do" in text
    assert [word for word in words if word not in text] == []


def test_where_all_can_be_measured_there_is_nothing_to_do() -> None:
    """The page ends with the scopes; each call is a line."""
    text = probe_text(GPUS, RAPL)
    assert "what to do" not in text
    assert "update period  100 ms" in text
    assert "power          75 W (idle), limit 700 W" in text
    assert "nvmlDeviceGetPowerUsage" in text


def test_processes_of_another_namespace_are_pointed_out() -> None:
    """A pid that is nobody here belongs to somebody who cannot be seen."""
    seen = (SeenProcess(1, None, here=True), SeenProcess(2, 1 << 30, here=False))
    text = probe_text(replace(GPUS, boards=(replace(BOARD, processes=seen),)), RAPL)
    assert "2 on the board (1 of them not visible here)" in text


def zone(root: Path, folder: str, name: str, energy_uj: int) -> Path:
    """Write one powercap zone."""
    path = root / folder
    path.mkdir()
    for file, text in (
        ("name", name),
        ("energy_uj", str(energy_uj)),
        ("max_energy_range_uj", "262143328850"),
    ):
        (path / file).write_text(f"{text}\n")
    return path


def test_packages_mirrors_and_memory_are_counted(tmp_path: Path) -> None:
    """A package that shows another one's counter does not count; cores are no package."""
    zone(tmp_path, "intel-rapl:0", "package-0", 111)
    zone(tmp_path, "intel-rapl:0:0", "core", 22)
    zone(tmp_path, "intel-rapl:0:1", "dram", 33)
    zone(tmp_path, "intel-rapl:1", "package-1", 111)
    found = probe_cpu(root=tmp_path)
    assert (found.source, found.packages, found.mirrored, found.dram) == (
        "measured:rapl",
        1,
        1,
        1,
    )
    assert all(each.readable for each in found.zones)


def test_an_unreadable_package_is_named(tmp_path: Path) -> None:
    """The CPU is estimated, and the zone that was in the way is told."""
    counter = zone(tmp_path, "intel-rapl:0", "package-0", 111) / "energy_uj"
    counter.unlink()
    counter.mkdir()  # what is no file cannot be read by root either
    found = probe_cpu(root=tmp_path)
    assert (found.source, found.packages, found.mirrored) == ("estimated:cpu_load", 0, 0)
    assert [(each.name, each.readable) for each in found.zones] == [("package-0", False)]


def test_given_watts_are_those_of_the_estimate(tmp_path: Path) -> None:
    """What energy.cpu_w_per_core would say is told back."""
    assert probe_cpu(7.5, tmp_path).w_per_core == 7.5


@pytest.mark.parametrize(
    ("files", "environment", "container"),
    [
        ({}, {}, None),
        ({".dockerenv": ""}, {}, "docker"),
        ({"run/.containerenv": ""}, {}, "podman"),
        ({"proc/self/cgroup": "0::/kubepods/burstable/x"}, {}, "kubepods"),
        ({}, {"container": "lxc"}, "lxc"),
    ],
    ids=["none", "docker", "podman", "kubernetes", "variable"],
)
def test_a_container_is_recognised_by_what_it_leaves_behind(
    tmp_path: Path, files: dict[str, str], environment: dict[str, str], container: str | None
) -> None:
    """Hints only; without one there is no sign of a container."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = surroundings(environment, tmp_path)
    assert (found.container, found.first_pid_namespace) == (container, None)
