"""The search space: sizes, identity, points."""

from __future__ import annotations

import itertools
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.errors import SpaceError
from sweeper.model import (
    Categorical,
    Constant,
    IntUniform,
    LogUniform,
    Parameter,
    Quantized,
    Space,
    Uniform,
)
from sweeper.search.encoding import decode, distributions, encode
from sweeper.search.space import every_point, gridded, identity, random_point, size

SMALL: Space = {
    "layers": IntUniform(1, 3),
    "optimizer": Categorical(("adam", None, [1, 2], {"name": "sgd"})),
    "rate": Quantized(0.0, 1.0, 0.25),
    "fixed": Constant("here"),
}
VALUES = [0, 0.5, 1, 1.0, True, "1", None, [1], [1.0], {"a": 1}, {}, []]
OPEN: Space = {**SMALL, "lr": LogUniform(1e-4, 1e-1), "drop": Uniform(0, 1)}


@pytest.mark.parametrize(
    ("left", "right"),
    list(itertools.combinations(VALUES, 2)),
    ids=str,
)
def test_values_of_different_type_are_different(left: object, right: object) -> None:
    """Two JSON values that are written differently are two values."""
    assert identity(left) != identity(right)


def test_mappings_are_equal_in_any_order() -> None:
    """The order of a mapping's keys does not make another value."""
    assert identity({"a": 1, "b": [2]}) == identity({"b": [2], "a": 1})


@pytest.mark.parametrize(
    ("parameter", "count"),
    [
        (Constant(3), 1),
        (Categorical((1, 1, 2)), 2),
        (Categorical((1, 1.0, True)), 3),
        (IntUniform(-2, 2), 5),
        (Quantized(0, 1, 0.1), 11),
        (Quantized(1, 10, 4), 3),
        (Uniform(0, 1), None),
        (LogUniform(1, 2), None),
    ],
    ids=str,
)
def test_size_counts_points(parameter: Parameter, count: int | None) -> None:
    """A space is as large as its distinct points, and endless with a range of real numbers."""
    assert size({"x": parameter}) == count


def test_ignored_parameters_do_not_make_points() -> None:
    """What does not make points different does not count."""
    assert size({"a": IntUniform(0, 9), "b": Uniform(0, 1)}, without=frozenset("b")) == 10


def test_grid_order_is_that_of_wandb() -> None:
    """Names are sorted, values stand as written, the last name varies fastest."""
    space: Space = {"b": Categorical((3, 1)), "a": Categorical(("y", "x"))}
    points = [tuple(point.items()) for point in every_point(gridded(space))]
    assert points == [
        (("a", "y"), ("b", 3)),
        (("a", "y"), ("b", 1)),
        (("a", "x"), ("b", 3)),
        (("a", "x"), ("b", 1)),
    ]


@pytest.mark.parametrize(
    ("parameter", "values"),
    [
        (Quantized(0, 1, 0.25), (0.0, 0.25, 0.5, 0.75)),
        (Quantized(0.1, 0.5, 0.1), (0.1, 0.2, 0.3, 0.4)),
        (Quantized(1, 10, 3), (1, 4, 7)),
        (Categorical((1, 1, 2)), (1, 2)),
    ],
    ids=str,
)
def test_grid_of_a_quantized_range_leaves_out_its_end(
    parameter: Parameter, values: tuple[object, ...]
) -> None:
    """W&B's grid counts from min in steps of q and stops before max."""
    points = [point["x"] for point in every_point(gridded({"x": parameter}))]
    assert [identity(point) for point in points] == [identity(value) for value in values]


def test_a_grid_of_billions_is_refused() -> None:
    """A range that nobody can enumerate is told instead of filling the memory."""
    with pytest.raises(SpaceError, match=r"parameters\.n: method grid would try 4,000,000,001"):
        gridded({"n": IntUniform(0, 4_000_000_000)})


def test_grid_of_real_numbers_is_refused() -> None:
    """A range of real numbers has no grid, and the message names the parameter."""
    with pytest.raises(SpaceError, match=r"parameters\.lr: .*method random or bayes"):
        gridded(OPEN)


@given(st.integers(0, 2**32))
def test_params_survive_encoding(seed: int) -> None:
    """What Optuna draws, decoded and encoded again, is what Optuna drew."""
    point = random_point(OPEN, Random(seed))
    drawn = encode(OPEN, point)
    assert set(drawn) == set(distributions(OPEN))
    assert identity(decode(OPEN, drawn)) == identity(point)
    assert all(dist._contains(drawn[name]) for name, dist in distributions(OPEN).items())


@given(st.integers(0, 1000), st.sampled_from([0.1, 0.3, 0.7, 1e-3, 2.5]))
def test_quantized_values_have_no_binary_noise(count: int, q: float) -> None:
    """A multiple of q prints as a person would write it, not as 0.30000000000000004."""
    space: Space = {"x": Quantized(0, 1000 * q, q)}
    value = decode(space, {"x": count})["x"]
    assert len(repr(value).rstrip("0")) <= 8
    assert value == pytest.approx(count * q)


@pytest.mark.parametrize(
    "params",
    [
        {"x": 4},
        {"x": 1.0},
        {"x": None},
        {},
        {"x": 1, "y": 1},
    ],
    ids=str,
)
def test_params_outside_the_space_are_refused(params: dict[str, object]) -> None:
    """A recorded trial that does not fit the space is an error, not another trial."""
    with pytest.raises(SpaceError):
        encode({"x": IntUniform(1, 3)}, params)
