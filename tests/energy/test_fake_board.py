from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.energy.board import GpuLost, GpuProcess
from sweeper.testing.fake_board import READINGS, FakeBoard
from sweeper.testing.scripted_meter import HandClock
from sweeper.testing.steps import Steps


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


TIMES = st.floats(-100.0, 100.0)
STEPS = st.lists(st.tuples(TIMES, st.floats(-50.0, 50.0)), max_size=30)


@given(steps=STEPS, before=st.floats(-50.0, 50.0), times=st.tuples(TIMES, TIMES, TIMES))
def test_the_integral_of_steps_adds_up(
    steps: list[tuple[float, float]], before: float, times: tuple[float, float, float]
) -> None:
    """Piece by piece it is what its values say, in whatever order they were set."""
    function = Steps(before)
    for at_s, value in steps:
        function.set(at_s, value)
    first, middle, last = times
    whole = function.integral(first, last)
    parts = function.integral(first, middle) + function.integral(middle, last)
    assert parts == pytest.approx(whole, abs=1e-6)
    low, high = min(first, last), max(first, last)
    edges = sorted({low, high, *(at_s for at_s, _ in steps if low < at_s < high)})
    pieces = [function.at(a) * (b - a) for a, b in pairwise(edges)]
    assert function.integral(low, high) == pytest.approx(math.fsum(pieces), abs=1e-6)


def test_steps_of_one_time_and_before_all(clock: HandClock) -> None:
    """The last one set is the one that holds."""
    function = Steps(1.0)
    function.set(10.0, 2.0)
    function.set(10.0, 3.0)
    assert [function.at(at_s) for at_s in (9.0, 10.0, 11.0)] == [1.0, 3.0, 3.0]
    assert function.integral(8.0, 12.0) == 8.0


def test_the_counter_moves_in_steps_of_what_was_drawn(clock: HandClock) -> None:
    """Exact at each step, and behind by less than one in between."""
    board = FakeBoard(clock, 75.0, period_s=0.1, phase_s=0.03)
    clock.advance(10.0)
    board.draw(475.0)
    clock.advance(10.0)
    assert board.used_j() == pytest.approx(5500.0)
    assert board.used_j(9.0, 11.0) == pytest.approx(550.0)
    assert board.counter_j() == pytest.approx(1000.0 + 5500.0 - 475.0 * 0.07)
    clock.advance(0.03)
    assert board.counter_j() == pytest.approx(1000.0 + board.used_j())


def test_power_is_the_mean_of_its_window(clock: HandClock) -> None:
    """A second, or 25 ms before each step; also of a draw that was set ahead of time."""
    board = FakeBoard(clock, 100.0)
    board.draw(500.0, at_s=9.9875)
    board.draw(200.0, at_s=10.02)
    clock.advance(10.05)
    assert board.instant_w() == pytest.approx(300.0)
    assert board.average_w() == pytest.approx(105.0)
    assert board.legacy_w() == board.average_w()
    assert FakeBoard(clock, legacy_instant=True).legacy_w() == pytest.approx(75.0)


@pytest.mark.parametrize(
    ("odd", "counter_j", "watts"),
    [
        ({}, 2000.0, 100.0),
        ({"stuck_s": 5.0}, 1500.0, 100.0),
        ({"reset_s": 4.0}, 600.0, 100.0),
        ({"gain": 0.9}, 1900.0, 90.0),
        ({"counter_gain": 3.0}, 4000.0, 100.0),
        ({"period_s": 0.0}, 2000.0, 100.0),
    ],
    ids=["sane", "stuck", "reset", "gain", "counter gain", "no steps"],
)
def test_a_counter_may_be_odd_while_power_is_not(
    clock: HandClock, odd: dict[str, float], counter_j: float, watts: float
) -> None:
    """After ten seconds at 100 W, from 1000 J."""
    board = FakeBoard(clock, 100.0, **odd)  # type: ignore[arg-type] # numbers all of them
    clock.advance(10.0)
    assert board.counter_j() == pytest.approx(counter_j)
    assert board.average_w() == board.instant_w() == pytest.approx(watts)


def test_processes_come_and_go_with_their_samples(clock: HandClock) -> None:
    """Each sixth of a second one sample of each, of its mean share; later only newer ones."""
    board = FakeBoard(clock)
    board.run(11, sm=0.6, memory_bytes=1 << 20)
    clock.advance(1.25)
    board.run(11, sm=0.2, memory_bytes=2 << 20)
    board.run(12)
    clock.advance(0.25)
    assert board.processes() == (GpuProcess(11, 2 << 20), GpuProcess(12, 1 << 30))
    assert board.utilisation() == pytest.approx(0.2)
    samples = board.process_utilisation(0)
    assert samples is not None
    shares = {11: [0.6] * 7 + [0.4, 0.2], 12: [0.0] * 2}
    for pid, own in shares.items():
        assert [each.sm for each in samples if each.pid == pid] == pytest.approx(own)
    newest_us = max(each.at_us for each in samples)
    assert board.process_utilisation(newest_us) == ()
    board.stop(11)
    clock.advance(1.0)
    assert board.processes() == (GpuProcess(12, 1 << 30),)
    assert {each.pid for each in board.process_utilisation(newest_us) or ()} == {12}
    clock.advance(100.0)
    assert len(board.process_utilisation(0) or ()) == 60


@pytest.mark.parametrize("reading", sorted(READINGS))
def test_any_reading_may_be_missing_or_lost(clock: HandClock, reading: str) -> None:
    """It is None while it is named, the others are there; a lost board raises from each."""
    board = FakeBoard(clock, lost_s=5.0)
    ask = getattr(board, reading)
    arguments = (0,) if reading == "process_utilisation" else ()
    assert ask(*arguments) is not None
    board.missing.add(reading)
    assert ask(*arguments) is None
    board.missing.clear()
    clock.advance(5.0)
    with pytest.raises(GpuLost, match=board.uuid):
        ask(*arguments)


def test_a_reading_that_does_not_exist_cannot_be_missing(clock: HandClock) -> None:
    """A typing error in a test is no pass."""
    with pytest.raises(AssertionError, match="missing names \\['counter'\\]"):
        FakeBoard(clock, missing={"counter"}).limit_w()
