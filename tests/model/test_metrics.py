"""From a curve to the values that a trial is judged by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.expression import Expression
from sweeper.model import (
    BUILT_IN,
    UNAVAILABLE,
    Direction,
    Energy,
    Factors,
    Goals,
    Metric,
    Point,
    RegionEnergy,
    Take,
    built_in,
    is_built_in,
    region_metric,
)

FACTORS = Factors(g_per_kwh=400.0, intensity_from="given", pue=1.5, price_per_kwh=0.2)
LOSS = Metric("loss", Direction.MINIMIZE)
ACCURACY = Metric("accuracy", Direction.MAXIMIZE, take=Take.BEST)
KWH = Metric("energy_kwh", Direction.MINIMIZE)
USED = Energy(7.2e6, "measured:counter", "gpu")


def points(*values: tuple[float | None, ...]) -> tuple[Point, ...]:
    """Return a curve; each step takes a second and 3.6 kJ."""
    return tuple(
        Point(step, row, 3600.0 * step, float(step)) for step, row in enumerate(values, start=1)
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("energy_j", 7.2e6),
        ("energy_kwh", 2.0),
        ("co2e_g", 2.0 * 1.5 * 400),
        ("cost", 2.0 * 1.5 * 0.2),
        ("duration_s", 9.0),
        ("accuracy", None),
    ],
)
def test_built_in_metrics_come_from_joules_and_seconds(name: str, value: float | None) -> None:
    """Grams and money hold at the site's meter, joules at the device."""
    assert built_in(name, 7.2e6, 9.0, FACTORS) == pytest.approx(value)
    if name in BUILT_IN and name != "duration_s":
        assert built_in(name, None, 9.0, FACTORS) is None


def test_final_values_follow_take() -> None:
    """The last report that has the metric, or the best one."""
    goals = Goals.of(LOSS, ACCURACY)
    curve = points((0.5, 0.9), (0.2, 0.7), (0.3, None))
    assert goals.final(curve, UNAVAILABLE, 3.0, FACTORS) == (0.3, 0.9)
    assert goals.decisive(1, curve) == curve[0]


def test_a_built_in_metric_is_that_of_the_whole_trial() -> None:
    """The account that is closed at the end counts, not the last report's."""
    goals = Goals.of(LOSS, KWH)
    curve = points((0.5, None), (0.2, None))
    assert goals.final(curve, USED, 3.0, FACTORS) == (0.2, 2.0)
    assert goals.value_at(curve[1], 1, FACTORS) == pytest.approx(7200 / 3.6e6)


def test_what_the_objective_reports_itself_wins() -> None:
    """A reported ``energy_kwh`` is a metric like any other."""
    goals = Goals.of(LOSS, KWH)
    curve = points((0.5, 9.0), (0.2, 8.0))
    assert goals.final(curve, USED, 3.0, FACTORS) == (0.2, 8.0)
    assert goals.value_at(curve[0], 1, FACTORS) == 9.0


def test_what_nobody_reported_is_unknown() -> None:
    """None, never 0."""
    assert Goals.of(LOSS, KWH).final((), UNAVAILABLE, 3.0, FACTORS) == (None, None)


def test_constraints_see_metrics_and_parameters() -> None:
    """Names are metrics first, parameters by dotted path."""
    goals = Goals(
        metrics=(LOSS,),
        names=("loss", "latency_ms"),
        constraints=(Expression("latency_ms <= 2 * opt.batch"), Expression("loss < 1")),
    )
    assert goals.violations((0.5, 30.0), {"opt": {"batch": 10}}) == (10.0, -0.5)


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=8),
    st.sampled_from(Direction),
)
def test_no_report_is_better_than_the_best(values: list[float], direction: Direction) -> None:
    """``take: best`` is the earliest of those that nothing beats."""
    goals = Goals.of(Metric("m", direction, take=Take.BEST))
    curve = points(*((value,) for value in values))
    best = goals.decisive(0, curve)
    assert best is not None
    assert best.values[0] is not None
    assert not any(direction.better(value, best.values[0]) for value in values)
    assert best.step == values.index(best.values[0]) + 1


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("inference_energy_j", ("inference", "energy_j")),
        ("inference_energy_kwh", ("inference", "energy_kwh")),
        ("top_5_duration_s", ("top_5", "duration_s")),
        ("energy_j", None),
        ("_energy_j", None),
        ("inference_cost", None),
        ("inference_energy_j_max", None),
    ],
)
def test_a_regions_metrics_are_known_by_their_names(
    name: str, meaning: tuple[str, str] | None
) -> None:
    """Region and quantity; they need not be reported, as other built-in ones."""
    assert region_metric(name) == meaning
    assert is_built_in(name) == (meaning is not None or name in BUILT_IN)


def test_a_regions_metrics_come_from_its_account() -> None:
    """Of the region that was measured, in the unit of the name; unknown of any other."""
    regions = (RegionEnergy("inference", 7.2e6, 4.0), RegionEnergy("data", None, 1.0))
    names = ["inference_energy_j", "inference_energy_kwh", "inference_duration_s"]
    names += ["data_energy_j", "data_duration_s", "other_duration_s"]
    values = [built_in(name, 9e6, 9.0, FACTORS, regions=regions) for name in names]
    assert values == [7.2e6, 2.0, 4.0, None, 1.0, None]
