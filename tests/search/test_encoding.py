"""Params to what Optuna keeps, and back."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from sweeper.errors import SpaceError
from sweeper.expression import Expression
from sweeper.model import (
    Beta,
    Categorical,
    Conditional,
    Constant,
    IntUniform,
    LogNormal,
    LogUniform,
    Nested,
    Normal,
    Parameter,
    Quantized,
    Space,
    Uniform,
)
from sweeper.search.encoding import Encoding
from sweeper.search.flat import flatten
from sweeper.search.laws import EDGE
from sweeper.search.space import random_point
from sweeper.search.values import identity, multiple

QUANTILE = FloatDistribution(EDGE, 1 - EDGE)
SPACE: Space = {
    "layers": IntUniform(1, 3),
    "optimizer": Categorical(("adam", None, [1, 2], {"name": "sgd"})),
    "rate": Quantized(Uniform(0.0, 1.0), 0.25),
    "fixed": Constant("here"),
    "lr": LogUniform(1e-4, 1e-1),
    "drop": Uniform(0, 1),
    "group": Nested(
        {
            "z": Normal(3, 2),
            "w": Categorical(("rare", "often"), (0.1, 0.9)),
            "deep": Nested({"q": Conditional(Expression("layers > 1"), Beta(2, 5))}),
        }
    ),
    "more": Conditional(
        Expression("layers == 3"),
        Nested({"u": Quantized(LogUniform(1, 100), 8), "v": Quantized(Normal(0, 1), 0.1)}),
    ),
}
ENCODING = Encoding(flatten(SPACE))


@pytest.mark.parametrize(
    ("parameter", "distribution"),
    [
        (Categorical((None, [1])), CategoricalDistribution([0, 1])),
        (Categorical((1, 2), (0.5, 0.5)), QUANTILE),
        (IntUniform(2, 5), IntDistribution(2, 5)),
        (Uniform(0, 2), FloatDistribution(0, 2)),
        (LogUniform(1, 2), FloatDistribution(1, 2, log=True)),
        (Quantized(Uniform(0.2, 1), 0.1), IntDistribution(2, 10)),
        (Quantized(Uniform(0.25, 1), 0.1), QUANTILE),
        (Quantized(LogUniform(1, 2), 1), QUANTILE),
        (Normal(0, 1), QUANTILE),
        (LogNormal(0, 1), QUANTILE),
        (Beta(1, 1), QUANTILE),
    ],
    ids=str,
)
def test_each_parameter_has_its_distribution(
    parameter: Parameter, distribution: BaseDistribution
) -> None:
    """Optuna's own where there is one with the same support, else the quantile."""
    encoding = Encoding(flatten({"x": parameter, "y": Constant(1)}))
    assert encoding.distributions == {"x": distribution}


@given(st.integers(0, 2**32))
def test_params_survive_encoding(seed: int) -> None:
    """A point read into what Optuna keeps, and decoded again, is the same point."""
    params = random_point(SPACE, Random(seed))
    point = ENCODING.read(params)
    assert identity(point.params) == identity(params)
    back = dict(ENCODING.decode(point.drawn))
    for exact in ("layers", "optimizer", "rate", "fixed", "lr", "drop", "more"):
        assert (exact in back) == (exact in params)
        assert identity(back.get(exact)) == identity(params.get(exact))
    assert back["group"]["z"] == pytest.approx(params["group"]["z"])
    for name, raw in point.drawn.items():
        distribution = ENCODING.distributions[name]
        assert distribution._contains(distribution.to_internal_repr(raw))


BASES = st.sampled_from(
    [Uniform(-2.3, 4.1), LogUniform(0.3, 40), Normal(1, 2), LogNormal(0, 1), Beta(0.7, 2)]
)


@given(BASES, st.sampled_from([1, 3, 0.1, 0.25, 1e-3]), st.floats(1e-6, 1 - 1e-6))
def test_the_middle_of_a_multiples_quantiles_is_the_multiple(
    base: Any, q: int | float, u: float
) -> None:
    """Whatever quantile a value was drawn from, its own quantile gives it again."""
    encoding = Encoding(flatten({"x": Quantized(base, q)}))
    name = "x"
    distribution = encoding.distributions[name]
    if isinstance(distribution, FloatDistribution):
        params = encoding.decode({name: u})
        assert identity(encoding.decode(encoding.read(params).drawn)) == identity(params)


@given(st.integers(0, 1000), st.sampled_from([0.1, 0.3, 0.7, 1e-3, 2.5]))
def test_quantized_values_have_no_binary_noise(count: int, q: float) -> None:
    """A multiple of q prints as a person would write it, not as 0.30000000000000004."""
    value = Encoding(flatten({"x": Quantized(Uniform(0, multiple(1000, q)), q)})).decode(
        {"x": count}
    )["x"]
    assert len(repr(value).rstrip("0")) <= 8
    assert value == pytest.approx(count * q)


@pytest.mark.parametrize(
    ("given_value", "parameter", "canonical"),
    [
        (1, Uniform(0, 2), 1.0),
        (4.0, Quantized(Uniform(0, 8), 4), 4),
        (1, Quantized(Normal(0, 1), 0.5), 1.0),
        ((1, 2), Categorical(([1, 2], 3)), [1, 2]),
        (50, Normal(0, 1), 50.0),
    ],
    ids=str,
)
def test_numbers_get_the_type_of_their_parameter(
    given_value: object, parameter: Parameter, canonical: object
) -> None:
    """What a person writes as 1 is 1.0 for a real number, so that it has one key."""
    point = Encoding(flatten({"x": parameter})).read({"x": given_value})
    assert repr(point.params["x"]) == repr(canonical)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n": 4}, r"parameters\.n: 4 is not in the space; it is a whole number from 1 to 3"),
        ({"n": 1.0}, r"parameters\.n: 1\.0 is not"),
        ({"n": True}, r"parameters\.n: True is not"),
        ({"n": None}, r"parameters\.n: None is not"),
        ({}, r"parameters\.n: is missing"),
        ({"n": 1, "y": 1}, r"parameters\.y: is no parameter"),
        ({"n": 1, "g": {"x": 0.5}}, r"parameters\.g: its condition does not hold"),
        ({"n": 2}, r"parameters\.g\.x: is missing"),
        ({"n": 2, "g": 3}, r"parameters\.g\.x: is missing"),
        ({"n": 2, "g": {"x": 0.5, "q": 1}}, r"parameters\.g\.q: its condition does not hold"),
        ({"n": 2, "g": {"x": 0.5, "z": 1}}, r"parameters\.g\.z: is no parameter"),
        ({"n": 3, "g": {"x": 0.5, "q": 0.3}}, r"parameters\.g\.q: 0\.3 is not.* a multiple of"),
        ({"n": 3, "g": {"x": float("nan"), "q": 0.5}}, r"parameters\.g\.x: nan is not"),
        ({"n": 1, "fixed": 2}, r"parameters\.fixed: 2 is not"),
    ],
    ids=str,
)
def test_params_outside_the_space_are_refused(params: dict[str, object], message: str) -> None:
    """A point that does not fit the space is an error that says where, not another trial."""
    space: Space = {
        "n": IntUniform(1, 3),
        "fixed": Constant(1),
        "g": Conditional(
            Expression("n > 1"),
            Nested(
                {
                    "x": Uniform(0, 1),
                    "q": Conditional(Expression("n > 2"), Quantized(Beta(2, 2), 0.25)),
                }
            ),
        ),
    }
    with pytest.raises(SpaceError, match=message):
        Encoding(flatten(space)).read(params)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        (Categorical((1, 2), (1.0, 0.0)), 2),
        (LogNormal(0, 1), -1.0),
        (Beta(1, 1), 1.5),
        (Quantized(LogNormal(0, 1), 1), -1),
        (Quantized(Normal(0, 1), 0.5), 0.75),
        (Normal(0, 1), "1"),
        (Normal(0, 1), 10**400),
    ],
    ids=str,
)
def test_values_without_any_chance_are_refused(parameter: Parameter, value: object) -> None:
    """A law says what can come, not only what is likely."""
    with pytest.raises(SpaceError, match=r"parameters\.x"):
        Encoding(flatten({"x": parameter})).read({"x": value})


def test_a_group_without_anything_active_is_absent() -> None:
    """The objective gets no empty mapping for what is not there."""
    params = random_point(SPACE, Random(1))
    layers = ENCODING.read({**params}).drawn
    one = ENCODING.decode({**layers, "layers": 1, "more/u": 0.5, "more/v": 0.5})
    assert one["layers"] == 1
    assert "more" not in one
    assert "deep" not in one["group"]
