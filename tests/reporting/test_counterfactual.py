"""What grid search would have cost: cases worked out by hand, laws, and when nothing is claimed."""

from __future__ import annotations

import math
from collections.abc import Hashable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.model import Params, Source, SweepHistory, SweepState, TrialState
from sweeper.reporting.bootstrap import Interval, mean_interval
from sweeper.reporting.closing import closing_text
from sweeper.reporting.counterfactual import GridSearch, Saving
from sweeper.reporting.summary import Asked
from sweeper.testing.histories import history_of, sweep_row, trial_row, use_row
from tests.reporting.samples import summary_of

PRUNED = TrialState.PRUNED


def on_grid(params: Params) -> Hashable | None:
    """Name the points of a grid of lr in 1, 2, 3, ... 8."""
    value = params["lr"]
    return value if value in range(1, 9) else None


GRID = GridSearch(points=8, levels={"lr": 8}, stated=True, place=on_grid)


def saving_of(history: SweepHistory, grid: GridSearch = GRID, *, max_steps: int = 4) -> Saving:
    """Return the saving of a sweep."""
    asked = Asked(max_steps=max_steps, grid=grid)
    saving = summary_of(history, asked=asked).saving
    assert saving is not None
    return saving


# A sweep of five trials, at most 4 steps each:
#   0  lr 1    complete   20 J                                       on the grid
#   1  lr 2    pruned      5 J at step 1       5 / 1 * 4 = 20 J       on the grid
#   2  lr 2.5  complete   10 J                                       not on the grid
#   3  lr 3    complete   60 J, from the store                       on the grid
#   4  lr 3.5  pruned      6 J at step 2       6 / 2 * 4 = 12 J       not on the grid
# and 7 J overhead.
FIVE = history_of(
    trial_row(0, [0.1, 0.2, 0.3, 0.4], energy=20.0, params={"lr": 1}),
    trial_row(1, [0.1], energy=5.0, params={"lr": 2}, state=PRUNED, cause="pruner: hyperband"),
    trial_row(2, [0.1, 0.2, 0.3, 0.5], energy=10.0, params={"lr": 2.5}),
    trial_row(3, [0.1, 0.2, 0.3, 0.6], energy=60.0, params={"lr": 3}, source=Source.CACHE),
    trial_row(4, [0.1, 0.1], energy=6.0, params={"lr": 3.5}, state=PRUNED, cause="pruner: x"),
    uses=[use_row(3, 60.0)],
    sweep=sweep_row(overhead_j=7.0),
)


def test_five_trials_by_hand() -> None:
    """Counterfactual, interval, saving and split are what a person works out on paper."""
    saving = saving_of(FIVE)
    # Full trainings: 20, 10 and 60 J; their mean is 30 J.
    assert (saving.full_trainings, saving.full_mean_j) == (3, 30.0)
    # Of the grid's 8 points, lr 1 and lr 3 were trained to their end: 20 + 60 = 80 J.
    # lr 2 was trained in part: 20 J. The other 5 take the mean: 5 * 30 = 150 J.
    assert (saving.measured, saving.projected, saving.assumed) == (2, 1, 5)
    grid = saving.counterfactual_j
    assert grid is not None
    assert grid.value == 80 + 20 + 150 == 250
    # The bootstrap of the mean of 10, 20, 60 has 27 resamples. The least is 10 with probability
    # 1/27 = 3.7 % > 2.5 %, the greatest 60, and 60 alone lies above (20 + 60 + 60) / 3, which
    # 26/27 = 96.3 % < 97.5 % do not pass: the ends of the interval are 10 and 60.
    assert (grid.low, grid.high) == (100 + 5 * 10, 100 + 5 * 60) == (150, 400)
    # Consumed: 20 + 5 + 10 + 6 + 7 overhead = 48 J.
    saved = saving.saved_j
    assert saved == Interval(250 - 48, 150 - 48, 400 - 48)
    assert saving.share == pytest.approx(202 / 250)
    assert not saving.at_most
    # All five, trained to their end: 20 + 20 + 10 + 60 + 12 = 122 J. So 250 - 122 = 128 J are
    # fewer points, (20 - 5) + (12 - 6) = 21 J pruning, 60 J the store; less 7 J overhead.
    split = saving.split
    assert split is not None
    assert split.fewer_points_j == 128
    assert split.pruning_j == 21
    assert split.cache_j == 60
    assert (split.overhead_j, split.lost_j) == (7, 0)
    assert 128 + 21 + 60 - 7 == saved.value == 202
    # For comparison: the pruned ones would have used (20 + 12) / 2 = 16 J on average.
    assert saving.pruned_mean_j == 16.0


def test_the_five_trials_in_words_and_json() -> None:
    """Terminal and JSON have the same figures."""
    summary = summary_of(FIVE, asked=Asked(max_steps=4, grid=GRID))
    text, document = closing_text(summary), summary.to_json()["grid"]
    assert "grid search of 8 points would have used ~250 J (95 %: 150 J to 400 J)" in text
    assert "saved ~202 J (95 %: 102 J to 352 J) = 80.8 % of it (estimated)" in text
    assert "128 J fewer points, 21.0 J pruning, 60.0 J store, less 7.00 J overhead" in text
    assert document["counterfactual_j"] == 250.0
    assert document["counterfactual_low_j"] == 150.0
    assert document["saved_j"] == 202.0
    assert document["saved_high_j"] == 352.0
    assert document["split"]["pruning_j"] == 21.0
    # 360 g/kWh and 0.15 per kWh, as in the samples.
    assert document["counterfactual_co2e_g"] == pytest.approx(250 / 3.6e6 * 360)
    assert document["counterfactual_cost"] == pytest.approx(250 / 3.6e6 * 0.15)


def test_a_negative_saving_is_shown() -> None:
    """A sweep that consumed more than its grid would have says so."""
    rows = [trial_row(n, [0.5], energy=10.0, params={"lr": n + 0.5}) for n in range(5)]
    grid = GridSearch(points=2, levels={"lr": 2}, stated=True, place=lambda _: None)
    saving = saving_of(history_of(*rows), grid)
    assert saving.saved_j == Interval(20.0 - 50.0, -30.0, -30.0)
    assert saving.share == -1.5
    text = closing_text(summary_of(history_of(*rows), asked=Asked(grid=grid)))
    assert "saved ~-30.0 J = -150 % of it (estimated)" in text


def test_a_lost_attempt_is_paid_for() -> None:
    """What was trained twice makes the saving smaller and is named."""
    history = history_of(
        trial_row(0, [0.1], energy=4.0, params={"lr": 1}, state=TrialState.LOST, told=None),
        trial_row(0, [0.1, 0.2], energy=10.0, params={"lr": 1}, attempt=1),
        trial_row(1, [0.1, 0.2], energy=10.0, params={"lr": 2}),
        trial_row(2, [0.1, 0.2], energy=10.0, params={"lr": 3}),
    )
    saving = saving_of(history)
    assert saving.split is not None
    assert saving.split.lost_j == 4.0
    assert saving.saved_j is not None
    assert saving.saved_j.value == 80 - 34


def test_other_hardware_is_no_estimate() -> None:
    """A result of another kind of machine says nothing about joules here."""
    history = history_of(
        *(trial_row(n, [0.1], energy=10.0, params={"lr": n + 1}) for n in range(3)),
        trial_row(3, [0.1], energy=900.0, params={"lr": 4}, source=Source.CACHE),
        uses=[use_row(3, 900.0, comparable=False)],
    )
    saving = saving_of(history)
    assert (saving.measured, saving.assumed, saving.full_mean_j) == (3, 5, 10.0)
    assert saving.split is not None
    assert saving.split.cache_j == 10.0  # the mean stands for what it would have cost here


@pytest.mark.parametrize(
    ("sweep", "why"),
    [
        (sweep_row(state=SweepState.RUNNING, stopped_by=None), "the sweep is still running"),
        (
            sweep_row(state=SweepState.STOPPED, stopped_by="interrupt"),
            "the sweep was stopped before its end",
        ),
        (sweep_row(state=SweepState.FAILED, stopped_by="failures"), "the sweep failed"),
    ],
)
def test_nothing_is_claimed_before_the_end(sweep: object, why: str) -> None:
    """A sweep that did not end says what the grid would cost, and claims nothing."""
    history = SweepHistory(sweep, FIVE.attempts, FIVE.uses)  # type: ignore[arg-type]
    saving = saving_of(history)
    assert saving.counterfactual_j is not None
    assert (saving.saved_j, saving.split, saving.why_not) == (None, None, why)
    assert f"no saving is claimed: {why}" in closing_text(
        summary_of(history, asked=Asked(max_steps=4, grid=GRID))
    )


def test_a_large_grid_must_be_stated() -> None:
    """Over 1,000 assumed points nothing is claimed; stated ones are the user's word."""
    assumed = GridSearch(1001, {"lr": 1001}, stated=False, place=on_grid)
    saving = saving_of(FIVE, assumed)
    assert saving.counterfactual_j is None
    assert saving.saved_j is None
    assert "grid.levels" in str(saving.why_not)
    assert saving_of(FIVE, GridSearch(1000, {}, stated=False, place=on_grid)).saved_j is not None
    assert saving_of(FIVE, GridSearch(1001, {}, stated=True, place=on_grid)).saved_j is not None
    assert "too many points" in str(saving_of(FIVE, GridSearch(None, {}, True, on_grid)).why_not)


def test_without_a_full_training_nothing_is_known() -> None:
    """Where every trial was stopped or its joules are unknown, there is no estimate."""
    history = history_of(
        trial_row(0, [0.1], energy=5.0, state=PRUNED, params={"lr": 1}),
        trial_row(1, [0.1, 0.2], params={"lr": 2}),
    )
    saving = saving_of(history)
    assert saving.counterfactual_j is None
    assert saving.why_not == "no trial with known joules was trained to its end"


def test_unknown_joules_make_the_saving_an_upper_bound() -> None:
    """What is not known to be consumed cannot be claimed as saved."""
    rows = [*FIVE.attempts, trial_row(5, [0.1, 0.2], params={"lr": 9.5})]
    saving = saving_of(SweepHistory(FIVE.sweep, tuple(rows), FIVE.uses))
    assert saving.at_most
    assert saving.split is None
    text = closing_text(
        summary_of(
            SweepHistory(FIVE.sweep, tuple(rows), FIVE.uses), asked=Asked(max_steps=4, grid=GRID)
        )
    )
    assert "saved at most ~202 J" in text


@given(
    st.lists(
        st.tuples(
            st.floats(0.1, 1e6),
            st.sampled_from(["complete", "pruned", "cache", "cached prune", "duplicate", "failed"]),
            st.integers(1, 12),
        ),
        min_size=1,
        max_size=25,
    ),
    st.floats(0, 1e5),
)
def test_the_split_adds_up(trials: list[tuple[float, str, int]], overhead_j: float) -> None:
    """Whatever a sweep did, the parts of its saving are its saving."""
    rows, uses = [trial_row(0, [0.1] * 4, energy=3.0, params={"lr": 1})], []
    for number, (energy_j, kind, lr) in enumerate(trials, start=1):
        state = PRUNED if "prune" in kind else TrialState.COMPLETE
        state = TrialState.FAILED if kind == "failed" else state
        source = Source.CACHE if kind.startswith("cache") else Source.RUN
        source = Source.DUPLICATE if kind == "duplicate" else source
        steps = [0.1] * (2 if "prune" in kind else 4)
        rows.append(
            trial_row(
                number,
                steps,
                energy=energy_j,
                params={"lr": lr, "n": number},
                state=state,
                source=source,
            )
        )
        if source is not Source.RUN:
            uses.append(use_row(number, energy_j, kind=source))
    history = history_of(*rows, uses=uses, sweep=sweep_row(overhead_j=overhead_j))
    saving = saving_of(history)
    assert saving.split is not None
    assert saving.saved_j is not None
    parts = saving.split
    whole = parts.fewer_points_j + parts.pruning_j + parts.cache_j
    whole -= parts.overhead_j + parts.lost_j
    assert whole == pytest.approx(saving.saved_j.value, rel=1e-9, abs=1e-3)
    assert parts.pruning_j >= -1e-6
    assert parts.cache_j >= -1e-6


def test_the_interval_of_a_mean() -> None:
    """Few values are counted out, many have the normal limit, two say nothing."""
    assert mean_interval([1.0, 3.0]) == Interval(2.0)
    assert mean_interval([5.0] * 4) == Interval(5.0, 5.0, 5.0)
    # Four values 0, 0, 0, 1: the mean of a resample is k / 4 with k binomial(4, 1/4). P(k = 0) is
    # 31.6 %; P(k <= 2) = 94.9 % and P(k <= 3) = 99.6 %: the interval is 0 to 3/4.
    assert mean_interval([0.0, 0.0, 0.0, 1.0]) == Interval(0.25, 0.0, 0.75)
    values = [float(n % 10) for n in range(1000)]
    many = mean_interval(values)
    assert many.low is not None
    assert many.value - many.low == pytest.approx(1.96 * math.sqrt(8.25 / 1000), rel=1e-3)


@given(st.lists(st.floats(0, 1e6), min_size=7, max_size=60))
def test_drawn_intervals_hold_the_mean_and_repeat(values: list[float]) -> None:
    """The drawn bootstrap is the same every time and about as wide as its normal limit."""
    found = mean_interval(values)
    assert found == mean_interval(values)
    assert found.low is not None
    assert found.high is not None
    assert min(values) - 1e-6 <= found.low <= found.value <= found.high <= max(values) + 1e-6
