"""Regions of a trial: what their passages used, and what is wrong about entering one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.model import RegionEnergy
from sweeper.testing.scripted_meter import HandClock, ScriptedMeter
from sweeper.workers.regions import Regions

POWER_W = 10.0


class Bench:
    """Regions of a training at 10 W whose time is set by hand."""

    def __init__(self) -> None:
        self.clock = HandClock()
        meter = ScriptedMeter(self.clock, lambda _: POWER_W)
        meter.begin(["GPU-1"], 1.0)
        meter.open()
        self.regions = Regions(meter.read, self.clock)

    def passage(self, name: str, elapsed_s: float) -> None:
        """Enter a region, stay, and leave."""
        self.regions.mark(name, True)
        self.clock.advance(elapsed_s)
        self.regions.mark(name, False)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0.5, 50), st.floats(0, 50))))
def test_passages_of_a_region_add_up(passages: list[tuple[str, float, float]]) -> None:
    """Joules and seconds are those inside, in the order of the first entries."""
    bench = Bench()
    for name, inside_s, outside_s in passages:
        bench.passage(name, inside_s)
        bench.clock.advance(outside_s)
    found = {region.name: region for region in bench.regions.end()}
    assert list(found) == list(dict.fromkeys(name for name, *_ in passages))
    for name, region in found.items():
        own_s = [inside_s for each, inside_s, _ in passages if each == name]
        assert region.passages == len(own_s)
        assert region.elapsed_s == pytest.approx(sum(own_s))
        assert region.energy_j == pytest.approx(POWER_W * sum(own_s))


def test_regions_of_different_names_may_lie_inside_one_another(bench: Bench) -> None:
    """Each has all of its own time; crossing edges are no error."""
    bench.regions.mark("outer", True)
    bench.clock.advance(1)
    bench.regions.mark("inner", True)
    bench.clock.advance(2)
    bench.regions.mark("outer", False)
    bench.clock.advance(4)
    bench.regions.mark("inner", False)
    assert [(r.name, r.elapsed_s) for r in bench.regions.end()] == [("outer", 3.0), ("inner", 6.0)]


def test_a_region_cannot_be_entered_twice_at_a_time(bench: Bench) -> None:
    """The error says so, and the region goes on."""
    bench.regions.mark("inference", True)
    bench.clock.advance(1)
    with pytest.raises(ValueError, match=r"measure\('inference'\): it is measured already"):
        bench.regions.mark("inference", True)
    bench.clock.advance(1)
    bench.regions.mark("inference", False)
    with pytest.raises(ValueError, match=r"measure\('inference'\): it was not entered"):
        bench.regions.mark("inference", False)
    assert bench.regions.end() == (RegionEnergy("inference", 20.0, 2.0),)


@pytest.mark.parametrize("name", ["", "2nd", "a b", "_x", "größe", "x" * 41, 7], ids=repr)
def test_a_region_needs_a_name(bench: Bench, name: str) -> None:
    """What other programs send over the channel is checked here too; nothing of it is kept."""
    with pytest.raises(ValueError, match=r"a letter, then letters.*at most 40 characters"):
        bench.regions.mark(name, True)
    assert bench.regions.end() == ()


def test_what_is_open_at_the_end_is_left_there(bench: Bench) -> None:
    """And whoever marks afterwards, a thread that lives on, changes nothing."""
    bench.regions.mark("inference", True)
    bench.clock.advance(3)
    found = bench.regions.end()
    assert found == (RegionEnergy("inference", 30.0, 3.0),)
    bench.regions.mark("inference", True)
    bench.clock.advance(3)
    assert bench.regions.end() == found


def readings(*joules: float | None) -> Iterator[float | None]:
    yield from joules


@pytest.mark.parametrize(
    ("joules", "expected"),
    [
        ([1.0, 3.0], 2.0),
        ([1.0, None], None),
        ([None, None], None),
        ([None, 3.0], 3.0),
        ([3.0, 3.0], None),
        ([3.0, 1.0], None),
        ([1.0, 1.0, 1.0, 3.0], 2.0),
        ([1.0, None, 1.0, 3.0], None),
    ],
    ids=[
        "known",
        "lost",
        "unknown",
        "before the sensor's first step",
        "within one step",
        "falling",
        "one of two within a step",
        "one of two lost",
    ],
)
def test_unknown_joules_stay_unknown(joules: list[float | None], expected: float | None) -> None:
    """None where a passage is unknown and where the sensor saw nothing; never 0."""
    source = readings(*joules)
    regions = Regions(lambda: next(source), HandClock())
    for _ in range(len(joules) // 2):
        regions.mark("inference", True)
        regions.mark("inference", False)
    (region,) = regions.end()
    assert region.energy_j == expected
