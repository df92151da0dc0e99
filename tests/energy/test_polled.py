from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.energy.polled import HOLD_S, PolledSource, above_zero
from sweeper.testing.scripted_meter import HandClock

from .traced import PERIOD_S, Metered, TracedBoard, is_said, metered

LADDER = {
    "average": ("counter",),
    "instant": ("counter", "average"),
    "legacy": ("counter", "average", "instant"),
}
polled = pytest.mark.parametrize("missing", LADDER.values(), ids=LADDER)


@polled
def test_constant_power_without_a_counter_is_power_times_time(missing: tuple[str, ...]) -> None:
    """70 W for 5 s are 350 J, to one poll period."""
    is_said(metered(*missing).run(5.0).take(), 350.0, 5.0, rel=0.02)


@polled
def test_a_step_of_power_is_seen_in_full(missing: tuple[str, ...]) -> None:
    """70 W for 8 s and then 300 W for 6 s are 2360 J, but for when the poll saw the step."""
    taken = metered(*missing).run(8.0, 70.0).run(6.0, 300.0).known()
    assert taken.energy_j == pytest.approx(2360.0, abs=(0.12 + PERIOD_S) * 230.0)


def test_the_average_is_shifted_to_the_time_that_it_speaks_of() -> None:
    """A trial between two idle times has its own joules though the average lags by half a second.

    Not shifted, the average would give it 135 J less than its 1200 J.
    """
    meter = metered("counter", watts=60.0).run(10.0)
    before_j = meter.known().energy_j
    meter.run(2.0, 600.0)
    during_j = meter.known().energy_j
    after_j = meter.run(8.0, 60.0).known().energy_j
    assert during_j - before_j == pytest.approx(1200.0, abs=60.0)
    assert after_j - during_j == pytest.approx(480.0, abs=60.0)


def test_what_was_given_is_never_taken_back() -> None:
    """After a fall of power the average is too high: an eighth of a second at most stays given."""
    meter = metered("counter", watts=600.0).run(10.0)
    meter.board.draw(0.1)
    given_j = [meter.run(0.05).known().energy_j for _ in range(60)]
    assert given_j == sorted(given_j)
    assert given_j[-1] == pytest.approx(6000.0, abs=(0.125 + 0.12) * 600.0)


def test_the_sensor_is_read_at_the_edge() -> None:
    """An edge between two samples has the power up to it, not that of the next sample."""
    meter = metered("counter", "average", watts=100.0)
    meter.run(1.0)
    meter.board.draw(500.0)
    meter.clock.advance(0.05)
    before_j = meter.known().energy_j
    meter.clock.advance(0.05)
    assert before_j == pytest.approx(105.0)
    assert meter.known().energy_j == pytest.approx(110.0)


def test_one_reading_serves_all_that_ask_at_the_same_time() -> None:
    """A sample and a take of one moment ask the driver once."""
    meter = metered("counter", "average")
    meter.clock.advance(0.1)
    meter.board.asked.clear()
    meter.source.sample(meter.clock())
    assert meter.known() == meter.known()
    assert meter.board.asked == ["instant"]


@pytest.mark.parametrize("said", [0.0, None], ids=["0 W", "refused"])
def test_a_failed_sample_is_skipped_and_the_last_one_held(said: float | None) -> None:
    """A sensor that now and then says nothing, or 0 W, loses no joule and no time."""
    clock = HandClock()
    readings = iter([100.0, said, said, 100.0, said])
    source = PolledSource("measured:power_legacy", above_zero(lambda: next(readings)), 0.0)
    for _ in range(4):
        clock.advance(0.5)
        source.sample(clock())
    is_said(source.take(clock()), 200.0, 2.0)


def test_a_silent_sensor_is_held_for_two_seconds_and_then_the_time_is_not_seen() -> None:
    """A gap of 5 s is seen for 2 s, is unknown while it lasts, and leaves its joules out."""
    meter = metered("counter", "average", watts=100.0)
    meter.board.fails = lambda name, now_s: 10.05 < now_s < 15.0
    assert meter.run(11.0).known().energy_j == pytest.approx(1100.0)
    assert meter.run(3.0).take() is None
    taken = meter.run(6.0).known()
    assert taken.seen_s == pytest.approx(20.0 - 5.0 + HOLD_S, abs=0.3)
    assert taken.energy_j == pytest.approx(100.0 * taken.seen_s)


def test_a_sampler_that_comes_late_has_not_seen_the_time_between() -> None:
    """One sample does not speak for ten seconds."""
    meter = metered("counter", "average", watts=100.0)
    meter.clock.advance(10.0)
    is_said(meter.take(), 100.0 * HOLD_S, HOLD_S)


def test_a_time_that_is_not_later_than_the_last_one_is_counted_once() -> None:
    """Two that took the time before they waited for each other do no harm."""
    source = PolledSource("measured:power_instant", lambda: 100.0, 0.0)
    for now_s in (1.0, 0.9, 2.0):
        source.sample(now_s)
    is_said(source.take(2.0), 200.0, 2.0)


def test_a_lost_board_is_unknown_for_ever_and_says_so() -> None:
    """It is not asked again."""
    meter = metered("counter")
    meter.board.lost_s = 3.0
    assert meter.run(4.0).take() is None
    meter.board.lost_s = 100.0
    asked = len(meter.board.asked)
    assert meter.run(4.0).take() is None
    assert meter.source.flags == ("gpu_lost",)
    assert len(meter.board.asked) == asked


steps = st.lists(
    st.tuples(st.floats(0.0, 3.0), st.floats(1.0, 700.0), st.booleans()), min_size=1, max_size=30
)


@given(steps)
def test_joules_and_seconds_only_rise(
    trace: list[tuple[float, float, bool]],
) -> None:
    """Whatever the power does, whenever it is sampled and whatever fails: nothing is taken back."""
    for missing in LADDER.values():
        board = TracedBoard(HandClock(), 70.0, set(missing))
        source = Metered(board).source
        last = (0.0, 0.0)
        for elapsed_s, watts, fails in trace:
            board.clock.advance(elapsed_s)
            board.fails = lambda name, now_s, fails=fails: fails  # type: ignore[misc]
            taken = source.take(board.clock())
            board.draw(watts)
            if taken is not None:
                assert taken.energy_j >= last[0]
                assert last[1] <= taken.seen_s <= board.clock() + 1e-9
                last = taken.energy_j, taken.seen_s


@given(st.lists(st.tuples(st.integers(2, 40), st.floats(20.0, 700.0)), min_size=1, max_size=6))
def test_piecewise_constant_power_is_within_the_bound_of_its_steps(
    trace: list[tuple[int, float]],
) -> None:
    """Each change of power is misplaced by a poll and a sensor period, the end by half a second."""
    for name, missing in LADDER.items():
        meter = Metered(TracedBoard(HandClock(), 70.0, set(missing)))
        last_w, bound_j = 70.0, 1e-6
        for tenths, watts in trace:
            meter.run(tenths / 10, watts)
            bound_j += 0.25 * abs(watts - last_w)
            last_w = watts
        if name == "average":  # the last second is not known yet
            bound_j += 0.5 * (max(watts for _, watts in [(0, 70.0), *trace]) - 20.0)
        used_j = meter.board.used_j(meter.clock())
        assert meter.known().energy_j == pytest.approx(used_j, abs=bound_j)
