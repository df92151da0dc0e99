"""The search space: sizes, identity, grids, points."""

from __future__ import annotations

import itertools
from random import Random

import pytest

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
from sweeper.search.space import every_point, gridded, identity, point_identity, random_point, size

VALUES = [0, 0.5, 1, 1.0, True, "1", None, [1], [1.0], {"a": 1}, {}, []]
OPTIMISER: Space = {
    "kind": Categorical(("adam", "sgd")),
    "sgd": Conditional(
        Expression("kind == 'sgd'"),
        Nested(
            {
                "momentum": Categorical((0.0, 0.9)),
                "nesterov": Conditional(Expression("sgd.momentum > 0"), Categorical((True, False))),
            }
        ),
    ),
    "alpha": Conditional(Expression("kind == 'adam'"), IntUniform(1, 2)),
}


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
        (Categorical((1, 2, 3), (0.5, 0.5, 0.0)), 2),
        (IntUniform(-2, 2), 5),
        (Quantized(Uniform(0, 1), 0.1), 11),
        (Quantized(Uniform(1, 10), 4), 3),
        (Quantized(Uniform(2, 14), 4), 3),
        (Quantized(LogUniform(1, 20), 8), 3),
        (Quantized(Beta(2, 2), 0.25), 5),
        (Quantized(Normal(0, 1), 1), None),
        (Quantized(LogNormal(0, 1), 1), None),
        (Uniform(0, 1), None),
        (LogUniform(1, 2), None),
        (Normal(0, 1), None),
        (Nested({"a": IntUniform(1, 3), "b": Categorical(("x", "y"))}), 6),
    ],
    ids=str,
)
def test_size_counts_points(parameter: Parameter, count: int | None) -> None:
    """A space is as large as its distinct points, and endless with a range of real numbers."""
    assert size({"x": parameter}) == count


def test_a_multiple_that_only_an_end_of_the_range_rounds_to_has_no_chance() -> None:
    """With q 4, exactly 2 would round to 0, and nothing else of 2 to 14 does; 14 goes to 12."""
    points = every_point({"x": Quantized(Uniform(2, 14), 4)})
    assert [point["x"] for point in points] == [4, 8, 12]


def test_conditions_are_counted_exactly() -> None:
    """Adam has two points; sgd without momentum one, with momentum two."""
    assert size(OPTIMISER) == 5


@pytest.mark.parametrize(
    ("without", "count"), [("alpha", 4), ("sgd", 3), ("sgd.nesterov", 4), ("kind", 5)]
)
def test_what_is_ignored_does_not_count_even_where_conditions_name_it(
    without: str, count: int
) -> None:
    """Points are told apart by what is left of them."""
    assert size(OPTIMISER, without=frozenset({without})) == count


def test_ignored_parameters_do_not_make_points() -> None:
    """What does not make points different does not count."""
    assert size({"a": IntUniform(0, 9), "b": Uniform(0, 1)}, without=frozenset("b")) == 10


def test_a_constraint_leaves_points_without_its_parameter_alone() -> None:
    """It is about the branch that has the parameter."""
    space: Space = {
        "opt": Categorical(("adam", "sgd")),
        "mom": Conditional(Expression("opt == 'sgd'"), Categorical((0.5, 0.9))),
    }
    assert size(space, constraints=(Expression("mom <= 0.8"),)) == 2


def test_constraints_leave_points_out() -> None:
    """Only what satisfies all constraints counts."""
    space: Space = {"a": IntUniform(1, 5), "b": IntUniform(1, 5)}
    constraints = [Expression("a < b"), Expression("a + b <= 5")]
    assert size(space, constraints=constraints) == 4


def test_large_spaces_are_counted_only_without_conditions() -> None:
    """A product is exact at any size; what would have to be listed is not counted."""
    space: Space = {"a": IntUniform(1, 1000), "b": IntUniform(1, 1000)}
    assert size(space) == 10**6
    assert size(space, constraints=[Expression("a < b")]) is None


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


def test_nested_parameters_are_part_of_the_product() -> None:
    """A group stands where its name stands, its parameters sorted in turn."""
    space: Space = {
        "z": Categorical((1, 2)),
        "group": Nested({"n": Categorical((5, 4)), "m": Constant("m")}),
    }
    assert list(every_point(gridded(space))) == [
        {"group": {"m": "m", "n": 5}, "z": 1},
        {"group": {"m": "m", "n": 5}, "z": 2},
        {"group": {"m": "m", "n": 4}, "z": 1},
        {"group": {"m": "m", "n": 4}, "z": 2},
    ]


def test_a_grid_with_conditions_has_each_point_once() -> None:
    """What is not there makes no points; the order is that of the plain product."""
    assert list(every_point(gridded(OPTIMISER))) == [
        {"alpha": 1, "kind": "adam"},
        {"kind": "sgd", "sgd": {"momentum": 0.0}},
        {"kind": "sgd", "sgd": {"momentum": 0.9, "nesterov": True}},
        {"kind": "sgd", "sgd": {"momentum": 0.9, "nesterov": False}},
        {"alpha": 2, "kind": "adam"},
    ]


def test_every_point_of_a_space_with_conditions_is_listed_once() -> None:
    """The enumeration agrees with the count and with random points."""
    listed = [point_identity(point, frozenset()) for point in every_point(OPTIMISER)]
    random = Random(0)
    drawn = {point_identity(random_point(OPTIMISER, random), frozenset()) for _ in range(300)}
    assert len(listed) == len(set(listed)) == size(OPTIMISER)
    assert drawn == set(listed)


@pytest.mark.parametrize(
    ("parameter", "values"),
    [
        (Quantized(Uniform(0, 1), 0.25), (0.0, 0.25, 0.5, 0.75)),
        (Quantized(Uniform(0.1, 0.5), 0.1), (0.1, 0.2, 0.3, 0.4)),
        (Quantized(Uniform(1, 10), 3), (1, 4, 7)),
        (Categorical((1, 1, 2)), (1, 2)),
        (IntUniform(2, 4), (2, 3, 4)),
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


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        (Uniform(0, 1), "finite list"),
        (Normal(0, 1), "finite list"),
        (Quantized(LogUniform(1, 10), 1), "finite list"),
        (Quantized(Beta(1, 1), 0.5), "finite list"),
        (Categorical((1, 2), (0.5, 0.5)), "no probabilities"),
    ],
    ids=str,
)
def test_grid_takes_what_wandb_takes(parameter: Parameter, words: str) -> None:
    """Anything without a written list is refused, and the message names the parameter."""
    space: Space = {"group": Nested({"x": Conditional(Expression("true"), parameter)})}  # type: ignore[arg-type]
    with pytest.raises(SpaceError, match=rf"parameters\.group\.x: .*{words}"):
        gridded(space)


def test_an_endless_space_has_no_list() -> None:
    """A space of real numbers cannot be enumerated, and the message says which parameter it is."""
    with pytest.raises(SpaceError, match=r"parameters\.lr: .*method random or bayes"):
        every_point({"a": IntUniform(1, 2), "lr": LogUniform(1e-4, 1e-1)})


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (
            {"x": Conditional(Expression("y > 1"), Constant(1)), "z": Constant(1)},
            r"parameters\.x\.when: names 'y', which is no parameter; there are x, z",
        ),
        (
            {
                "x": Conditional(Expression("y > 1"), IntUniform(1, 2)),
                "y": Conditional(Expression("x > 1"), IntUniform(1, 2)),
            },
            r"parameters\.x\.when: waits for itself",
        ),
        (
            {"x": Conditional(Expression("x > 1"), IntUniform(1, 2))},
            r"parameters\.x\.when: waits for itself",
        ),
    ],
    ids=["unknown", "cycle", "itself"],
)
def test_conditions_that_can_never_be_decided_are_refused(space: Space, message: str) -> None:
    """A condition stands on parameters that can be drawn before it."""
    with pytest.raises(SpaceError, match=message):
        size(space)


def test_a_condition_may_look_into_a_value_or_at_a_group() -> None:
    """Dotted names reach into values that are mappings; a group that is not there is null."""
    space: Space = {
        "model": Categorical(({"depth": 1}, {"depth": 5})),
        "a": Conditional(Expression("model.depth > 3"), Nested({"n": Categorical((1, 2))})),
        "b": Conditional(Expression("a == null"), Constant(True)),
    }
    assert list(every_point(space)) == [
        {"b": True, "model": {"depth": 1}},
        {"a": {"n": 1}, "model": {"depth": 5}},
        {"a": {"n": 2}, "model": {"depth": 5}},
    ]
