from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.reporting.forecast import CostSample, Estimate, forecast
from tests.reporting.samples import FACTORS

TEN = [CostSample(10.0 * n, float(n), n % 2 == 0) for n in range(1, 11)]


def test_expected_total_is_the_mean_times_the_trainings() -> None:
    """Joules add up; seconds are shared by the workers; grams and money follow the joules."""
    made = forecast(TEN, trials=20, workers=4, factors=FACTORS)
    assert made is not None
    assert made.energy_j is not None
    assert made.co2e_g is not None
    assert made.cost is not None
    assert made.energy_j.value == pytest.approx(55.0 * 20)
    assert made.time_s.value == pytest.approx(5.5 * 20 / 4)
    assert made.co2e_g.value == pytest.approx(55.0 * 20 / 3.6e6 * 360.0)
    assert made.cost.value == pytest.approx(55.0 * 20 / 3.6e6 * 0.15)
    assert (made.records, made.complete, made.energy_unknown) == (10, 5, 0)


def test_no_records_no_forecast() -> None:
    """Without a usable record nothing is said."""
    assert forecast([], trials=3, workers=1, factors=FACTORS) is None
    broken = CostSample(1.0, float("nan"), True)
    assert forecast([broken], trials=3, workers=1, factors=FACTORS) is None


@pytest.mark.parametrize(("count", "known"), [(1, False), (2, False), (3, True)])
def test_interval_needs_three_records(count: int, known: bool) -> None:
    """One or two records give a figure without an interval."""
    made = forecast(TEN[:count], trials=5, workers=1, factors=FACTORS)
    assert made is not None
    assert (made.time_s.low is not None, made.time_s.high is not None) == (known, known)


def test_unknown_joules_count_for_time_only() -> None:
    """Records without joules are told and left out of the energy, never taken as 0."""
    samples = [*TEN, CostSample(None, 100.0, True)]
    made = forecast(samples, trials=10, workers=1, factors=FACTORS)
    assert made is not None
    assert made.energy_j is not None
    assert made.energy_j.value == pytest.approx(550.0)
    assert made.energy_unknown == 1
    nothing = forecast(samples[-1:], trials=10, workers=1, factors=FACTORS)
    assert nothing is not None
    assert (nothing.energy_j, nothing.co2e_g, nothing.cost) == (None, None, None)


def test_more_workers_than_trainings_do_not_help() -> None:
    """A training is not split over workers."""
    made = forecast(TEN, trials=2, workers=64, factors=FACTORS)
    assert made is not None
    assert made.time_s.value == pytest.approx(5.5)


def test_same_seed_gives_the_same_interval() -> None:
    """The resampling is a function of records and seed."""
    first, again, other = (
        forecast(TEN, trials=20, workers=1, factors=FACTORS, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again
    assert first is not None
    assert other is not None
    assert first.time_s != other.time_s


def test_interval_covers_what_then_happens() -> None:
    """About nine of ten sums of further trainings lie inside the interval."""
    generator = random.Random(0)
    inside = 0
    for case in range(60):
        drawn = [generator.expovariate(1.0) for _ in range(30)]
        samples = [CostSample(it, it, True) for it in drawn]
        made = forecast(samples, trials=30, workers=1, factors=FACTORS, seed=case)
        assert made is not None
        low, high = made.time_s.low, made.time_s.high
        assert low is not None
        assert high is not None
        inside += low <= sum(generator.expovariate(1.0) for _ in range(30)) <= high
    assert 0.75 <= inside / 60 <= 0.99


_samples = st.lists(
    st.builds(CostSample, st.floats(0, 1e9), st.floats(0, 1e6), st.booleans()),
    min_size=3,
    max_size=8,
)


@pytest.mark.parametrize("trials", [1, 7, 1000])
@settings(max_examples=20)
@given(samples=_samples)
def test_interval_contains_the_mean_and_scales_with_the_trainings(
    trials: int, samples: list[CostSample]
) -> None:
    """The expected sum lies in its interval, and is so many times that of one training."""
    one = forecast(samples, trials=1, workers=1, factors=FACTORS)
    made = forecast(samples, trials=trials, workers=1, factors=FACTORS)
    assert one is not None
    assert made is not None
    for single, many in ((one.time_s, made.time_s), (one.energy_j, made.energy_j)):
        assert isinstance(single, Estimate)
        assert isinstance(many, Estimate)
        assert many.low is not None
        assert many.high is not None
        assert 0 <= many.low <= many.value <= many.high
        assert many.value == pytest.approx(trials * single.value)


def test_relative_interval_narrows_with_the_trainings() -> None:
    """Luck averages out over many trainings; what the few records cannot tell remains."""
    widths = []
    for trials in (1, 10, 100, 10_000):
        made = forecast(TEN, trials=trials, workers=1, factors=FACTORS)
        assert made is not None
        assert made.time_s.low is not None
        assert made.time_s.high is not None
        widths.append((made.time_s.high - made.time_s.low) / made.time_s.value)
    assert widths[0] > widths[1] > widths[2]
    assert widths[3] > 0.3
