from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.energy.counter import CounterSource
from sweeper.energy.plausible import Disagreement
from sweeper.energy.sources import SourceSettings
from sweeper.testing.scripted_meter import HandClock

from .traced import Metered, TracedBoard, is_said, metered

NO_POWER = ("average", "instant", "legacy")


def disagreement(meter: Metered) -> Disagreement:
    """Return why a counter was given up."""
    assert isinstance(meter.source, CounterSource)
    assert meter.source.disagreement is not None
    return meter.source.disagreement


def test_the_counter_is_read_at_the_edge_and_sees_everything() -> None:
    """Bursts between samples are in it, and so is all of the time."""
    meter = metered(watts=75.0)
    for _ in range(20):
        meter.run(0.3, 600.0).run(0.7, 75.0)
    is_said(meter.take(), 20 * (180.0 + 52.5), 20.0)
    assert (meter.source.label, meter.source.scope) == ("measured:counter", "gpu")
    assert meter.source.period_s == 1.0


def test_an_edge_costs_one_call() -> None:
    """A take reads the counter and nothing else."""
    meter = metered().run(5.3)
    meter.board.asked.clear()
    meter.take()
    assert meter.board.asked == ["counter"]


def test_a_failed_reading_is_unknown_and_its_joules_come_with_the_next() -> None:
    """A hole at an edge loses nothing."""
    meter = metered(watts=100.0).run(10.0)
    meter.board.fails = lambda name, now_s: name == "counter" and now_s < 11.0
    assert meter.run(0.5).take() is None
    meter.run(9.5)
    is_said(meter.take(), 2000.0, 20.0)


def test_a_reading_that_fails_at_once_does_not_lose_the_beginning() -> None:
    """What the counter said when it was found is where the joules begin."""
    board = TracedBoard(HandClock(), 100.0, {*NO_POWER, "limit"})
    board.fails = lambda name, now_s: board.asked.count("counter") > 1 and now_s < 1.0
    meter = Metered(board)
    assert meter.run(0.5).take() is None
    assert meter.run(4.5).known().energy_j == pytest.approx(500.0)


def test_a_reset_is_bridged_by_the_power_that_was_sampled() -> None:
    """What the counter lost is in the integral beside it: no joule negative, none missing."""
    meter = metered(watts=200.0)
    meter.board.reset_s = 20.35
    meter.run(20.2)
    before_j = meter.known().energy_j
    taken = meter.run(0.5).known()
    assert taken.energy_j >= before_j
    assert taken.flags == ("counter_reset",)
    end = meter.run(29.3).known()
    is_said(end, 10_000.0, 50.0, rel=0.0025)
    assert meter.source.label == "measured:counter"


def test_a_reset_without_samples_is_bridged_by_an_estimate_and_flagged_as_a_gap() -> None:
    """Without power the last slope stands for the time since the last sample."""
    meter = metered(*NO_POWER, watts=200.0)
    meter.board.reset_s = 20.35
    taken = meter.run(21.5).known()
    assert taken.energy_j == pytest.approx(21.5 * 200.0, rel=0.02)
    assert taken.flags == ("counter_reset", "gap")
    assert 0.7 <= 21.5 - taken.seen_s <= 1.3


def test_a_reset_before_anything_was_sampled_has_the_least() -> None:
    """What the counter has counted since it fell is known, and no more is claimed."""
    meter = metered(*NO_POWER, watts=200.0)
    meter.board.reset_s = 9.0
    meter.clock.advance(10.0)
    taken = meter.known()
    assert taken.energy_j == pytest.approx(200.0)
    assert taken.flags == ("counter_reset", "gap")
    assert taken.seen_s == 0.0


def test_a_stuck_counter_gives_way_to_power_from_when_it_last_moved() -> None:
    """No joule is lost: the power beside the counter knows the time since then."""
    meter = metered(watts=150.0)
    meter.board.stuck_s = 30.0
    meter.source.update_s = 0.1
    meter.run(30.0).known()
    meter.run(10.0)
    taken = meter.known()
    assert taken.energy_j == pytest.approx(6000.0, rel=0.01)
    assert taken.flags == ("counter_stuck",)
    assert (meter.source.label, meter.source.period_s) == ("measured:power_avg", 0.1)
    assert meter.source.update_s is None, "it was the counter's"


def test_a_stuck_counter_whose_witness_was_silent_leaves_a_gap() -> None:
    """What nobody saw is not made up: the joules go on from when power can be read again."""
    meter = metered(watts=100.0)
    meter.board.fails = lambda name, now_s: name == "average" and 5.0 < now_s < 12.0
    meter.board.stuck_s = 10.0
    meter.run(20.0)
    taken = meter.known()
    assert taken.flags == ("counter_stuck", "gap")
    assert 1650.0 < taken.energy_j < 1900.0
    assert 0.0 <= 100.0 * taken.seen_s - taken.energy_j <= 200.0  # it stood still unnoticed


def test_a_counter_that_never_moves_is_found_out_after_two_seconds() -> None:
    """A board that answers with a counter that does not count has its joules from the start."""
    board = TracedBoard(HandClock(), 150.0, stuck_s=0.0)
    meter = Metered(board).run(5.0)
    is_said(meter.take(), 750.0, 5.0, "counter_stuck")


def test_a_counter_that_stands_still_while_next_to_nothing_is_drawn_is_believed() -> None:
    """8 W are too little to accuse a counter."""
    meter = metered(watts=8.0)
    meter.board.stuck_s = 5.0
    meter.run(20.0)
    assert (meter.source.label, meter.source.flags) == ("measured:counter", ())


def test_a_counter_that_is_no_longer_answered_gives_way_to_power() -> None:
    """Unreadable for 2 s is as good as stuck, if the power can be read."""
    meter = metered(watts=100.0)
    meter.board.fails = lambda name, now_s: name == "counter" and now_s > 10.0
    meter.run(20.0)
    assert meter.known().energy_j == pytest.approx(2000.0, rel=0.01)
    assert meter.source.label == "measured:power_avg"


def test_a_counter_that_is_silent_for_a_while_is_waited_for_if_nothing_else_measures() -> None:
    """It knows afterwards what an estimate would have guessed."""
    meter = metered(*NO_POWER, watts=100.0)
    meter.board.fails = lambda name, now_s: name == "counter" and 10.0 < now_s < 20.0
    assert meter.run(15.0).take() is None
    is_said(meter.run(10.0).take(), 2500.0, 25.0)


@pytest.mark.parametrize(
    ("missing", "gpu_w", "label", "energy_j"),
    [
        (NO_POWER, None, "estimated:util", 350.0 * 5.0),
        ((*NO_POWER, "utilisation"), 90.0, "declared", 90.0 * 5.0),
        ((*NO_POWER, "utilisation", "limit"), None, "unavailable", None),
    ],
    ids=["utilisation", "declared", "nothing"],
)
def test_a_stuck_counter_without_power_gives_way_to_what_there_is(
    missing: tuple[str, ...], gpu_w: float | None, label: str, energy_j: float | None
) -> None:
    """The next rung takes over, and where there is none the joules are unknown."""
    board = TracedBoard(HandClock(), 150.0, set(missing), stuck_s=0.0)
    meter = Metered(board, SourceSettings(gpu_w=gpu_w)).run(5.0)
    taken = meter.take()
    assert (taken and taken.energy_j) == (energy_j and pytest.approx(energy_j))
    assert (meter.source.label, meter.source.flags) == (label, ("counter_stuck",))


def test_a_counter_that_runs_ahead_of_the_limit_is_given_up() -> None:
    """Nothing draws 1.5 times what the driver enforces for seconds; both figures are kept."""
    meter = metered(*NO_POWER, watts=600.0)
    meter.board.counter_gain = 1.75
    meter.run(5.0)
    assert meter.source.flags == ("counter_implausible",)
    assert meter.source.label == "estimated:util"
    found = disagreement(meter)
    assert found.counter_w == pytest.approx(1050.0, rel=0.1)
    assert (found.polled_w, found.limit_w) == (None, 700.0)


def test_a_counter_that_goes_wrong_late_is_found_out() -> None:
    """Sane minutes before do not excuse it."""
    meter = metered(watts=200.0).run(300.0)
    for _ in range(130):
        meter.run(1.0)
        meter.board.before_j += 400.0
    assert meter.source.flags == ("counter_implausible",)


def test_an_average_that_remembers_a_load_does_not_accuse_the_counter() -> None:
    """An agent that begins right after somebody's work sees high averages for a while."""
    meter = metered(watts=690.0)
    meter.run(70.0, 15.0)
    assert (meter.source.label, meter.source.flags) == ("measured:counter", ())


def test_a_counter_in_long_steps_is_not_accused_of_the_last_one() -> None:
    """Two seconds can hold three steps of one."""
    meter = metered(watts=690.0)
    meter.board.period_s = meter.source.update_s = 1.0
    meter.run(60.0)
    assert (meter.source.label, meter.source.flags) == ("measured:counter", ())


def test_a_limit_that_falls_does_not_accuse_the_counter_of_the_time_before() -> None:
    """A board that is throttled to a third was allowed to draw more until then."""
    meter = metered(watts=600.0).run(10.6)
    meter.board.limit = 200.0
    meter.run(20.0, 190.0)
    assert (meter.source.label, meter.source.flags) == ("measured:counter", ())


@pytest.mark.parametrize("gain", [0.3, 3.0])
def test_a_counter_that_disagrees_with_the_power_is_given_up(gain: float) -> None:
    """Outside half to twice the polled power over 10 s: from then on the power is believed."""
    meter = metered(watts=200.0)
    meter.board.counter_gain = gain
    meter.run(9.0)
    assert meter.source.label == "measured:counter"
    before_j = meter.run(3.5).known().energy_j
    taken = meter.run(10.0).known()
    assert taken.energy_j - before_j == pytest.approx(2000.0, rel=0.01)
    assert meter.source.flags == ("counter_implausible",)
    found = disagreement(meter)
    assert found.counter_w == pytest.approx(gain * 200.0, rel=0.05)
    assert found.polled_w == pytest.approx(200.0)


def test_a_reading_that_leaps_is_not_booked() -> None:
    """One reading of garbage does not put joules into the books that nobody used."""
    meter = metered(watts=200.0).run(10.0)
    meter.board.before_j += 1e9
    taken = meter.run(0.1).known()
    assert taken.energy_j == pytest.approx(2020.0, rel=0.02)
    assert taken.flags == ("counter_implausible",)


@pytest.mark.parametrize("lost", ["counter", "average"])
def test_a_lost_board_is_unknown_for_ever_and_says_so(lost: str) -> None:
    """It is not asked again, whichever reading noticed it."""
    missing = () if lost == "average" else NO_POWER
    meter = metered(*missing)
    meter.board.lost_s = 3.0
    assert meter.run(4.0).take() is None
    asked = len(meter.board.asked)
    assert meter.run(4.0).take() is None
    assert meter.source.flags == ("gpu_lost",)
    assert len(meter.board.asked) == asked


@pytest.mark.parametrize("missing", [(), ("average",), ("average", "instant")], ids=str)
@pytest.mark.parametrize("period_s", [0.05, 0.35, 1.0, 3.0, 25.0])
def test_a_sane_counter_is_never_accused(missing: tuple[str, ...], period_s: float) -> None:
    """A load that swings between idle and full power, in any period, is no disagreement."""
    meter = metered(*missing, watts=100.0)
    while meter.clock() < 150.0:
        meter.run(period_s / 2, 600.0).run(period_s / 2, 100.0)
    assert (meter.source.label, meter.source.flags) == ("measured:counter", ())
    assert meter.known().energy_j == pytest.approx(meter.board.used_j(meter.clock()), rel=0.01)


@given(
    st.lists(
        st.tuples(
            st.floats(0.0, 5.0),
            st.floats(0.0, 700.0),
            st.sampled_from(["", "", "counter", "average"]),
            st.booleans(),
        ),
        max_size=40,
    ),
    st.floats(0.0, 60.0),
    st.sampled_from([0.2, 1.0, 1.0, 4.0]),
)
def test_joules_and_seconds_only_rise(
    trace: list[tuple[float, float, str, bool]], reset_s: float, gain: float
) -> None:
    """Resets, failures, garbage and a change of source included."""
    board = TracedBoard(HandClock(), 70.0, reset_s=reset_s, counter_gain=gain)
    source = Metered(board).source
    last = (0.0, 0.0)
    for elapsed_s, watts, failing, samples in trace:
        board.clock.advance(elapsed_s)
        board.fails = lambda name, now_s, failing=failing: name == failing  # type: ignore[misc]
        if samples:
            source.sample(board.clock())
        taken = source.take(board.clock())
        board.draw(watts)
        if taken is not None:
            assert taken.energy_j >= last[0]
            assert last[1] <= taken.seen_s <= board.clock() + 1e-9
            last = taken.energy_j, taken.seen_s
