"""Importances: the parameter that matters comes first, and what cannot be said is said so."""

from __future__ import annotations

from random import Random

from sweeper.expression import Expression
from sweeper.model import Categorical, Conditional, Direction, Params, Space, Uniform
from sweeper.search.importance import importances

SPACE: Space = {"x": Uniform(0, 1), "y": Uniform(0, 1)}


def drawn(count: int) -> list[tuple[Params, float]]:
    """Return trials whose value depends on x alone."""
    random = Random(0)
    points = [{"x": random.random(), "y": random.random()} for _ in range(count)]
    return [(point, (point["x"] - 0.3) ** 2) for point in points]


def test_what_matters_comes_first() -> None:
    """The parameter on which the value depends explains nearly all of it."""
    found = importances(SPACE, drawn(200), Direction.MINIMIZE)
    assert not isinstance(found, str)
    assert next(iter(found)) == "x"
    assert found["x"] > 0.8


def test_too_few_trials_say_nothing() -> None:
    """With few trials, or one value for all, there is a reason instead of a figure."""
    assert "4 complete trials" in str(importances(SPACE, drawn(3), Direction.MINIMIZE))
    same = [(params, 1.0) for params, _ in drawn(20)]
    assert "same value" in str(importances(SPACE, same, Direction.MINIMIZE))


def test_conditions_and_lists_are_no_obstacle() -> None:
    """Lists as values, and parameters that are not always there, leave the others."""
    space: Space = {
        "kind": Categorical((["a"], None, {"b": 1})),
        "z": Conditional(Expression("kind == None"), Uniform(0, 1)),
        **SPACE,
    }
    random = Random(1)
    trials = []
    for params, value in drawn(60):
        kind = random.choice([["a"], None, {"b": 1}])
        extra = {"z": 0.5} if kind is None else {}
        trials.append(({**params, "kind": kind, **extra}, value))
    found = importances(space, trials, Direction.MINIMIZE)
    assert not isinstance(found, str), found
    assert found["x"] > 0.5
