"""Every form of a W&B parameter is drawn by its law.

The closed forms are SciPy's, which the drawing itself uses for beta alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sweeper.model import (
    Beta,
    Categorical,
    Constant,
    Continuous,
    IntUniform,
    LogNormal,
    LogUniform,
    Nested,
    Normal,
    Parameter,
    Params,
    Quantized,
    Space,
    TrialState,
    Uniform,
    Value,
)
from sweeper.search.build import StudySettings, build_study
from sweeper.search.laws import cumulative, interval, quantile
from sweeper.search.preview import sample_points
from sweeper.search.space import random_point
from tests.search.playing import LOSS

SAMPLES = 2000
Cdf = Callable[[float], float]

Q_UNIFORM = stats.uniform(0.1, 1.93)
Q_LOG = stats.loguniform(1, math.exp(4))
Q_LOG_VALUES = stats.loguniform(1, 100)
INVERSE_LOG = stats.uniform(-1, 4)
INVERSE_LOG_VALUES = stats.uniform(math.log(0.1), math.log(1000))
Q_NORMAL = stats.norm(2, 3)
Q_BETA = stats.beta(2, 3)
LOG_NORMAL = stats.lognorm(1.5, scale=math.exp(0.5))
# Name of the W&B form: the parameter, and the closed form of what is drawn. Multiples of q lie
# half a q around themselves.
FORMS: dict[str, tuple[Parameter, Cdf]] = {
    "constant": (Constant(3), lambda x: float(x >= 3)),
    "categorical": (Categorical((1, 2, 3, 4)), lambda x: x / 4),
    "categorical_w_probabilities": (
        Categorical((1, 2, 3), (0.1, 0.6, 0.3)),
        lambda x: {1: 0.1, 2: 0.7, 3: 1.0}[int(x)],
    ),
    "int_uniform": (IntUniform(-3, 6), lambda x: (x + 4) / 10),
    "uniform": (Uniform(-2, 5), stats.uniform(-2, 7).cdf),
    "q_uniform": (
        Quantized(Uniform(0.1, 2.03), 0.25),
        lambda x: Q_UNIFORM.cdf(x + 0.125),
    ),
    "log_uniform": (LogUniform(math.exp(-5), math.exp(0)), stats.loguniform(math.exp(-5), 1).cdf),
    "log_uniform_values": (LogUniform(1e-5, 1e-1), stats.loguniform(1e-5, 1e-1).cdf),
    "q_log_uniform": (
        Quantized(LogUniform(math.exp(0), math.exp(4)), 1),
        lambda x: Q_LOG.cdf(x + 0.5),
    ),
    "q_log_uniform_values": (
        Quantized(LogUniform(1, 100), 8),
        lambda x: Q_LOG_VALUES.cdf(x + 4),
    ),
    "inv_log_uniform": (
        LogUniform(math.exp(-3), math.exp(1)),
        lambda x: 1 - INVERSE_LOG.cdf(math.log(1 / x)),
    ),
    "inv_log_uniform_values": (
        LogUniform(0.01, 10),
        lambda x: 1 - INVERSE_LOG_VALUES.cdf(math.log(1 / x)),
    ),
    "normal": (Normal(-1, 3), stats.norm(-1, 3).cdf),
    "q_normal": (Quantized(Normal(2, 3), 0.5), lambda x: Q_NORMAL.cdf(x + 0.25)),
    "log_normal": (LogNormal(0.5, 1.5), LOG_NORMAL.cdf),
    "q_log_normal": (
        Quantized(LogNormal(0.5, 1.5), 1),
        lambda x: LOG_NORMAL.cdf(x + 0.5),
    ),
    "beta": (Beta(0.5, 2), stats.beta(0.5, 2).cdf),
    "q_beta": (Quantized(Beta(2, 3), 0.1), lambda x: Q_BETA.cdf(x + 0.05)),
    "nested": (Nested({"inner": Nested({"x": Normal(0, 1)})}), stats.norm(0, 1).cdf),
}
SPACE: Space = {name: parameter for name, (parameter, _) in FORMS.items()}
DISCRETE = {
    name
    for name, (parameter, _) in FORMS.items()
    if isinstance(parameter, Quantized | Categorical | IntUniform | Constant)
}


@pytest.fixture(scope="module")
def drawn() -> dict[str, list[Params]]:
    """Draw all forms at once: by the random sampler, and as unexplored points are drawn."""
    random = Random(11)
    return {
        "sampler": sample_points(StudySettings(SPACE, LOSS, "random", 11), SAMPLES),
        "point": [random_point(SPACE, random) for _ in range(SAMPLES)],
    }


def number(value: Value) -> float:
    """Return the one number inside a value."""
    while isinstance(value, dict):
        (value,) = value.values()
    return float(value)


def distance(sample: Sequence[float], cdf: Cdf, *, discrete: bool) -> float:
    """Return the largest distance between the sample's distribution function and the closed one."""
    ranked = sorted(sample)
    far = 0.0
    for place, value in enumerate(ranked):
        is_last = place + 1 == len(ranked) or ranked[place + 1] > value
        if is_last or not discrete:
            far = max(far, abs((place + 1) / len(ranked) - cdf(value)))
        if not discrete:
            far = max(far, abs(place / len(ranked) - cdf(value)))
    return far


def test_all_nineteen_forms_are_here() -> None:
    """The table is complete."""
    assert len(FORMS) == 19


@pytest.mark.parametrize("way", ["sampler", "point"])
@pytest.mark.parametrize("form", FORMS)
def test_samples_follow_the_closed_form(
    form: str, way: str, drawn: dict[str, list[Params]]
) -> None:
    """The Kolmogorov-Smirnov distance of two thousand samples stays below 0.05."""
    sample = [number(params[form]) for params in drawn[way]]
    assert distance(sample, FORMS[form][1], discrete=form in DISCRETE) < 0.05


@pytest.mark.parametrize("way", ["sampler", "point"])
def test_multiples_have_the_type_of_their_q(way: str, drawn: dict[str, list[Params]]) -> None:
    """A whole q makes whole numbers, any other q real ones; sizes that are numbers stay numbers."""
    params = drawn[way][0]
    assert {type(params[name]) for name in ("q_log_uniform", "q_log_normal")} == {int}
    assert {type(params[name]) for name in ("q_uniform", "q_normal", "q_beta")} == {float}


def test_a_range_of_multiples_has_its_ends() -> None:
    """Where both bounds are multiples, the sample reaches them and nothing beyond."""
    space: Space = {"x": Quantized(Uniform(0, 1), 0.25)}
    points = sample_points(StudySettings(space, LOSS, "random", 0), 200)
    assert {point["x"] for point in points} == {0.0, 0.25, 0.5, 0.75, 1.0}


def test_multiples_may_leave_the_range() -> None:
    """W&B does not clip: between 1 and 100 the smallest multiple of 8 is 0."""
    space: Space = {"x": Quantized(LogUniform(1, 100), 8)}
    points = sample_points(StudySettings(space, LOSS, "random", 0), 800)
    assert {point["x"] for point in points} == set(range(0, 97, 8))


SUPPORTS: dict[str, tuple[Parameter, Callable[[float], bool]]] = {
    "normal": (Normal(0, 1), lambda x: abs(x) < 8),
    "q_normal": (Quantized(Normal(0, 1), 0.5), lambda x: abs(x) < 8 and x % 0.5 == 0),
    "log_normal": (LogNormal(0, 1), lambda x: 0 < x < math.exp(8)),
    "q_log_normal": (Quantized(LogNormal(0, 1), 1), lambda x: 0 <= x < math.exp(8) and x % 1 == 0),
    "beta": (Beta(0.5, 0.5), lambda x: 0 <= x <= 1),
    "q_beta": (Quantized(Beta(0.5, 0.5), 0.25), lambda x: x in (0, 0.25, 0.5, 0.75, 1)),
    "weighted": (Categorical((1, 2, 9), (0.2, 0.8, 0.0)), lambda x: x in (1, 2)),
    "q_log_uniform": (Quantized(LogUniform(1, 100), 8), lambda x: x in range(0, 97, 8)),
    "q_uniform": (Quantized(Uniform(0.1, 1), 0.5), lambda x: x in (0, 0.5, 1)),
}


@pytest.mark.parametrize("sign", [1, -1], ids=["down", "up"])
@pytest.mark.parametrize("sampler", ["tpe", "cmaes", "qmc"])
def test_what_a_sampler_proposes_stays_inside_the_support(sampler: str, sign: int) -> None:
    """Even when everything pulls to one end, no proposal is infinite or out of its law."""
    space: Space = {name: parameter for name, (parameter, _) in SUPPORTS.items()}
    study = build_study(StudySettings(space, LOSS, sampler, 0))
    for _ in range(60):
        proposal = study.ask()
        assert proposal is not None
        for name, (_, inside) in SUPPORTS.items():
            assert inside(proposal.params[name]), name
        study.tell(proposal.number, TrialState.COMPLETE, [sign * sum(proposal.params.values())])


LAWS: st.SearchStrategy[Continuous] = st.one_of(
    st.builds(Uniform, st.floats(-100, 0), st.floats(1, 100)),
    st.builds(LogUniform, st.floats(1e-6, 1), st.floats(2, 1e6)),
    st.builds(Normal, st.floats(-50, 50), st.floats(0.01, 50)),
    st.builds(LogNormal, st.floats(-5, 5), st.floats(0.01, 3)),
    st.builds(Beta, st.floats(0.5, 20), st.floats(0.5, 20)),
)


@given(LAWS, st.floats(1e-6, 1 - 1e-6))
def test_cumulative_is_the_inverse_of_quantile(law: Continuous, u: float) -> None:
    """Going to a value and back loses nothing that a sweep could notice."""
    assert cumulative(law, quantile(law, u)) == pytest.approx(u, rel=1e-6, abs=1e-9)


@given(LAWS, st.floats(1e-9, 1 - 1e-9), st.floats(1e-9, 1 - 1e-9))
def test_quantiles_ascend(law: Continuous, one: float, other: float) -> None:
    """A larger share lies below a larger value."""
    low, high = sorted((one, other))
    assert quantile(law, low) <= quantile(law, high)


@given(LAWS, st.integers(-20, 20), st.sampled_from([1, 0.25, 3]))
def test_neighbouring_multiples_share_an_edge(law: Continuous, count: int, q: int | float) -> None:
    """Half way between two multiples one ends and the other begins, and nothing lies between."""
    low, high = interval(Quantized(law, q), count)
    assert low <= high
    assert high == interval(Quantized(law, q), count + 1)[0]
    assert high == cumulative(law, (count + 0.5) * q)


def test_weights_share_the_quantiles_out() -> None:
    """Each value has as much of the range as its weight."""
    weighted = Categorical(("a", "b", "c"), (0.25, 0.25, 0.5))
    assert [interval(weighted, index) for index in range(3)] == [(0, 0.25), (0.25, 0.5), (0.5, 1)]
