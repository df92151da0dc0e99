from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.energy.board import Assigned
from sweeper.energy.books import At
from sweeper.energy.rapl import Package, RaplBook, readable_memory, readable_packages
from sweeper.model import Energy
from sweeper.testing.scripted_meter import HandClock

from .fakes import FakeCpu, meter_on, zone


def test_only_packages_are_found(tmp_path: Path) -> None:
    """Parts and sums of packages, and the same counter under another name, are left out."""
    zone(tmp_path / "intel-rapl:0", "package-0", 111)
    zone(tmp_path / "intel-rapl:0:0", "core", 22)
    zone(tmp_path / "intel-rapl:0:1", "dram", 33)
    zone(tmp_path / "intel-rapl:1", "package-1", 444)
    zone(tmp_path / "intel-rapl:2", "psys", 999)
    zone(tmp_path / "intel-rapl-mmio:0", "package-0", 112)
    counters = [package.counter.parent.name for package in readable_packages(tmp_path)]
    assert counters == ["intel-rapl:0", "intel-rapl:1"]


def test_a_mirrored_package_is_counted_once(tmp_path: Path) -> None:
    """Two dies that show one counter are one package."""
    zone(tmp_path / "intel-rapl:0", "package-0-die-0", 111)
    zone(tmp_path / "intel-rapl:1", "package-0-die-1", 111)
    assert len(readable_packages(tmp_path)) == 1


def test_no_zones_are_no_packages(tmp_path: Path) -> None:
    """A machine without powercap has nothing to read."""
    assert readable_packages(tmp_path / "powercap") == ()


@pytest.mark.parametrize("broken", ["energy_uj", "max_energy_range_uj"])
def test_one_unreadable_package_makes_all_unusable(tmp_path: Path, broken: str) -> None:
    """A part of the packages would pass for the whole."""
    zone(tmp_path / "intel-rapl:0", "package-0", 111)
    unreadable = zone(tmp_path / "intel-rapl:1", "package-1", 222) / broken
    unreadable.unlink()
    unreadable.mkdir()  # what is no file cannot be read by root either
    assert readable_packages(tmp_path) == ()


def run_trial(cpu: FakeCpu, elapsed_s: float) -> Energy:
    """Meter one trial on the packages."""
    meter = meter_on(Assigned(), cpu, rapl=True)
    meter.begin([], 1.0)
    meter.open()
    cpu.clock.advance(elapsed_s)
    cpu.write_zones()
    return meter.close()


def test_a_trial_gets_its_part_by_cpu_time(tmp_path: Path) -> None:
    """2 of 8 busy cores get a quarter of what the packages used, and can have used all of it."""
    energy = run_trial(FakeCpu(HandClock(), tmp_path, packages=2), 10.0)
    assert energy.total_j == pytest.approx(500.0)
    assert energy.lo_j is None
    assert energy.hi_j == pytest.approx(2000.0)
    assert (energy.source, energy.scope, energy.attribution, energy.flags) == (
        "measured:rapl",
        "cpu",
        "cpu_time",
        (),
    )


def test_a_counter_that_wraps_once_loses_nothing(tmp_path: Path) -> None:
    """The difference is taken modulo the range."""
    cpu = FakeCpu(HandClock(), tmp_path)
    cpu.energy_uj[0] = cpu.range_uj - 300_000_000
    assert run_trial(cpu, 10.0).hi_j == pytest.approx(1000.0)


def test_a_window_in_which_it_may_have_wrapped_twice_says_so(tmp_path: Path) -> None:
    """65 kJ go round in 131 s at 500 W: longer without a reading is flagged and not bounded."""
    cpu = FakeCpu(HandClock(), tmp_path, range_uj=65_532_610_987)
    assert run_trial(cpu, 130.0).flags == ()
    energy = run_trial(cpu, 132.0)
    assert energy.flags == ("rapl_wrap_possible",)
    assert energy.hi_j is None


def test_a_counter_that_stands_still_is_unknown(tmp_path: Path) -> None:
    """Virtual machines show counters that never move: that is no measurement of 0 J."""
    energy = run_trial(FakeCpu(HandClock(), tmp_path, package_w=0.0), 10.0)
    assert (energy.total_j, energy.hi_j, energy.flags) == (None, None, ("rapl_unchanged",))


def test_a_package_that_becomes_unreadable_makes_the_trial_unknown(tmp_path: Path) -> None:
    """Permissions taken away in the middle of a trial do not make it cheap."""
    cpu = FakeCpu(HandClock(), tmp_path)
    meter = meter_on(Assigned(), cpu, rapl=True)
    meter.begin([], 1.0)
    meter.open()
    cpu.clock.advance(10.0)
    (tmp_path / "intel-rapl:0" / "energy_uj").unlink()
    energy = meter.close()
    assert (energy.total_j, energy.flags) == (None, ("rapl_gap",))


@pytest.mark.parametrize(
    ("tree_s", "busy_s", "expected_j"),
    [(1.0, 4.0, 25.0), (1.0, 0.9, 100.0), (0.004, 0.0, 100.0), (0.0, 0.0, 0.0), (-1.0, 4.0, 0.0)],
    ids=["part", "tree ahead of machine", "shorter than a tick", "all idle", "orphaned child"],
)
def test_the_part_is_between_nothing_and_everything(
    tmp_path: Path, tree_s: float, busy_s: float, expected_j: float
) -> None:
    """Clocks of different grain never give more than the package used, or less than nothing."""
    counter = zone(tmp_path / "intel-rapl:0", "package-0", 0) / "energy_uj"
    seconds = {"tree": 10.0, "busy": 20.0}
    package = Package(counter, 262_143_328_850)
    book = RaplBook([package], lambda at: seconds["tree"], lambda at: seconds["busy"], 0.0)
    seconds["tree"] += tree_s
    seconds["busy"] += busy_s
    counter.write_text("100000000")
    book.tick(1.0, At.EDGE)
    assert book.used.share_j == pytest.approx(expected_j)


def test_memory_is_told_apart(tmp_path: Path) -> None:
    """Memory that can be read has its part by CPU time, and is never in the total."""
    counters = {"package-0": 0, "dram": 0}
    folders = {name: tmp_path / f"intel-rapl:0:{name}" for name in counters}
    seconds = {"tree": 0.0, "busy": 0.0}

    def write() -> None:
        for name, counter in counters.items():
            zone(folders[name], name, counter)

    write()
    book = RaplBook(
        readable_packages(tmp_path),
        lambda at: seconds["tree"],
        lambda at: seconds["busy"],
        0.0,
        memory=readable_memory(tmp_path),
    )
    counters.update({"package-0": 100_000_000, "dram": 8_000_000})
    seconds.update(tree=1.0, busy=4.0)
    write()
    book.tick(10.0, At.EDGE)
    assert (book.used.share_j, book.used.device_j) == (25.0, 100.0)
    assert book.dram is not None
    assert (book.dram.share_j, book.dram.device_j) == (2.0, 8.0)
    (folders["dram"] / "energy_uj").unlink()
    book.tick(20.0, At.EDGE)
    assert not book.dram.complete
    assert book.used.complete
