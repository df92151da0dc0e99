"""The grid that a sweep replaces: levels, counts, and what lies on it."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.errors import SpaceError
from sweeper.expression import Expression
from sweeper.model import (
    Beta,
    Categorical,
    Conditional,
    Constant,
    IntUniform,
    LogUniform,
    Nested,
    Normal,
    Parameter,
    Quantized,
    Space,
    Uniform,
)
from sweeper.search.replaced import replaced_grid
from sweeper.search.space import random_point


def values_of(parameter: Parameter, levels: object = None) -> list[object]:
    """Return the values of a grid over one parameter."""
    asked = levels if levels is None or isinstance(levels, int) else {"x": levels}
    grid = replaced_grid({"x": parameter}, asked)  # type: ignore[arg-type]
    return [point["x"] for point in grid.points()]


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        (Constant(3), [3]),
        (Categorical((None, "a", [1])), [None, "a", [1]]),
        (Categorical(("a", "b"), (1.0, 0.0)), ["a"]),
        (IntUniform(1, 10), list(range(1, 11))),
        (IntUniform(1, 11), [1, 6, 11]),
        (IntUniform(0, 127), [0, 64, 127]),
        (Uniform(0.1, 0.3), [0.1, 0.2, 0.3]),
        (LogUniform(1e-4, 1e-2), [1e-4, 1e-3, 1e-2]),
        (Quantized(Uniform(0.0, 1.0), 0.5), [0.0, 0.5, 1.0]),
        (Quantized(Uniform(0, 100), 2), [0, 50, 100]),
    ],
)
def test_default_levels(parameter: Parameter, expected: list[object]) -> None:
    """Lists and up to ten numbers are tried whole, the rest at both ends and in the middle."""
    got = values_of(parameter)
    assert len(got) == len(expected)
    for left, right in zip(got, expected, strict=True):
        assert left == (pytest.approx(right) if isinstance(right, float) else right)


def test_ends_are_those_of_the_file() -> None:
    """No rounding of logarithms moves the ends of a range."""
    got = values_of(LogUniform(1e-4, 1e-1), 7)
    assert (got[0], got[-1]) == (1e-4, 1e-1)


def test_a_variable_without_ends_is_tried_amid_equal_parts() -> None:
    """A normal variable's three values are its quantiles 1/6, 1/2 and 5/6."""
    low, middle, high = values_of(Normal(2.0, 1.0))
    assert middle == pytest.approx(2.0)
    assert isinstance(high, float)
    assert high - 2.0 == pytest.approx(0.96742, abs=1e-4)
    assert isinstance(low, float)
    assert low + high == pytest.approx(4.0)


@pytest.mark.parametrize("number", [1, 2, 5, 50])
@pytest.mark.parametrize(
    "parameter", [IntUniform(0, 30), Uniform(0, 1), Beta(2, 3), Quantized(LogUniform(1, 1e4), 1)]
)
def test_as_many_values_as_asked(parameter: Parameter, number: int) -> None:
    """So many values as the file says, unless the parameter has fewer; each once, ascending."""
    got = [float(str(value)) for value in values_of(parameter, {"x": number}["x"])]
    assert len(got) <= number
    assert got == sorted(set(got))
    if not isinstance(parameter, Quantized):
        assert len(got) == min(number, 31 if isinstance(parameter, IntUniform) else number)


def test_values_of_the_file_are_checked() -> None:
    """A listed value must be one that the parameter can have, and is then the parameter's own."""
    assert values_of(IntUniform(1, 5), [1.0, 3]) == [1, 3]
    assert values_of(Categorical((1, "b")), ["b"]) == ["b"]
    with pytest.raises(SpaceError, match=r"grid\.levels\.x: must be a number from 0 to 1, got 2"):
        values_of(Uniform(0, 1), [2])


def test_conditions_and_constraints_hold_in_the_grid() -> None:
    """Points that differ in what is not there are one, and refused ones are none."""
    space: Space = {
        "opt": Categorical(("adam", "sgd")),
        "net": Nested({"depth": IntUniform(1, 3)}),
        "momentum": Conditional(Expression("opt == 'sgd'"), Uniform(0.0, 0.9)),
    }
    grid = replaced_grid(space)
    assert grid.count() == 3 * (1 + 3) == len(list(grid.points()))
    assert grid.levels == {"momentum": 3, "net.depth": 3, "opt": 2}
    fewer = replaced_grid(space, constraints=[Expression("net.depth <= 2")])
    assert fewer.count() == 8
    assert fewer.place({"opt": "adam", "net": {"depth": 3}}) is None
    assert fewer.place({"opt": "adam", "net": {"depth": 2}}) is not None
    assert fewer.place({"opt": "adam", "net": {"depth": 2}, "momentum": 0.9}) is None
    assert fewer.place({"opt": "sgd", "net": {"depth": 2}, "momentum": 0.1}) is None


def test_a_large_grid_is_counted_without_listing_it() -> None:
    """The product is known at any size."""
    space: Space = {f"x{n}": Uniform(0, 1) for n in range(40)}
    assert replaced_grid(space).count() == 3**40
    assert replaced_grid(space).place({f"x{n}": 0.5 for n in range(40)}) is not None


def test_what_makes_no_difference_is_no_axis() -> None:
    """A parameter in cache.ignore is not multiplied in."""
    space: Space = {"x": Categorical((1, 2)), "workers": IntUniform(1, 8)}
    grid = replaced_grid(space, without=frozenset({"workers"}))
    assert grid.count() == 2 == len(list(grid.points()))
    assert grid.place({"x": 1, "workers": 5}) == grid.place({"x": 1, "workers": 2}) is not None


@given(st.integers(0, 10_000), st.integers(1, 4))
def test_exactly_its_own_points_are_on_a_grid(seed: int, levels: int) -> None:
    """Every listed point has a place of its own; a random point has one only if it is listed."""
    space: Space = {"a": IntUniform(0, 6), "b": Categorical(("u", "v")), "c": LogUniform(1e-3, 1)}
    grid = replaced_grid(space, levels)
    points = list(grid.points())
    assert len({grid.place(point) for point in points} - {None}) == len(points) == grid.count()
    drawn = random_point(space, Random(seed))
    listed = any(
        point["a"] == drawn["a"]
        and point["b"] == drawn["b"]
        and math.isclose(point["c"], drawn["c"], rel_tol=1e-12)
        for point in points
    )
    assert (grid.place(drawn) is not None) == listed
