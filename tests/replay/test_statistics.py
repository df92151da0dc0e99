"""The formulas of paired repetitions, against SciPy and NumPy and against what is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sweeper.replay.statistics import (
    geometric_mean_interval,
    holm,
    median_interval,
    quartiles,
    wilcoxon,
)

FLOATS = st.floats(-1e6, 1e6).filter(lambda it: it == 0 or abs(it) > 1e-6)


@given(st.lists(FLOATS, min_size=1, max_size=50))
def test_quartiles_are_numpys(values: list[float]) -> None:
    """Definition 7, the default of NumPy."""
    assert quartiles(values) == pytest.approx(tuple(np.quantile(values, [0.25, 0.5, 0.75])))


def test_infinite_values_have_quartiles() -> None:
    """A search that never arrives is infinite, and its quartiles are no nan."""
    assert quartiles([1.0, math.inf, math.inf, math.inf]) == (math.inf, math.inf, math.inf)
    assert quartiles([1.0, 1.0, 1.0, math.inf])[1] == 1.0


@settings(max_examples=60)
@given(st.lists(st.integers(-40, 40).filter(bool), min_size=1, max_size=14, unique_by=abs))
def test_wilcoxon_is_scipys_exact_one(differences: list[int]) -> None:
    """Without ties SciPy counts the same distribution."""
    found = wilcoxon([float(it) for it in differences])
    assert found == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue)


@settings(max_examples=30)
@given(st.lists(st.sampled_from([-2.0, -1.0, 1.0, 2.0, 3.0]), min_size=1, max_size=9))
def test_wilcoxon_with_ties_counts_all_signs(differences: list[float]) -> None:
    """With ties every assignment of signs is counted, by hand."""
    ranks = stats.rankdata(np.abs(differences))
    whole = ranks.sum()
    seen = sum(rank for rank, it in zip(ranks, differences, strict=True) if it > 0)
    least = min(seen, whole - seen)
    sums = [0.0]
    for rank in ranks:
        sums = [*sums, *(it + rank for it in sums)]
    expected = min(1.0, 2 * np.mean(np.array(sums) <= least + 1e-9))
    assert wilcoxon(differences) == pytest.approx(expected)


def test_wilcoxon_of_many_is_scipys_normal_one() -> None:
    """Beyond sixty differences the normal distribution, corrected for ties and continuity."""
    differences = np.round(np.random.default_rng(1).normal(0.2, 1.0, 200), 1)
    differences = differences[differences != 0]
    expected = stats.wilcoxon(differences, method="asymptotic", correction=True).pvalue
    assert wilcoxon(list(differences)) == pytest.approx(expected, rel=1e-9)


def test_no_difference_has_no_p() -> None:
    """Where nothing differs there is nothing to test."""
    assert wilcoxon([0.0, 0.0]) is None
    assert wilcoxon([]) is None


def test_holm_by_hand() -> None:
    """.01 x 3, .02 x 2, .04 x 1, each at least the one before; what has no p keeps none."""
    assert holm({"a": 0.04, "b": 0.01, "c": 0.02, "d": None}) == {
        "a": 0.04,
        "b": pytest.approx(0.03),
        "c": 0.04,
        "d": None,
    }
    assert holm({"a": 0.6, "b": 0.9}) == {"a": 1.0, "b": 1.0}


def test_the_interval_of_a_geometric_mean_holds_it() -> None:
    """Equal ratios have no spread; a bootstrap interval of others lies around the mean."""
    assert geometric_mean_interval([0.5, 0.5]) == pytest.approx((0.5, 0.5, 0.5))
    mean, low, high = geometric_mean_interval([0.1, 0.4, 0.2, 0.8])
    assert mean == pytest.approx(math.prod([0.1, 0.4, 0.2, 0.8]) ** 0.25)
    assert low < mean < high
    assert geometric_mean_interval([0.1, 0.4, 0.2, 0.8]) == (mean, low, high)


def test_the_interval_of_a_median_covers_as_often_as_it_says() -> None:
    """Of 200 samples of 30 normal values about 95 % have the true median in their interval."""
    generator = np.random.default_rng(2)
    covered = 0
    for _ in range(60):
        _, low, high = median_interval(list(generator.normal(0.0, 1.0, 30)))
        covered += low <= 0.0 <= high
    assert 51 <= covered <= 60  # 57 expected; 51 is beyond three standard deviations
