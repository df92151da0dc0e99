from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pytest

from sweeper.config.problems import Several
from sweeper.expression import Expression
from sweeper.model import (
    Categorical,
    Conditional,
    Constant,
    IntUniform,
    Nested,
)
from tests.config.spaces import read


@pytest.mark.parametrize(
    ("when", "condition"),
    [
        ("kind == 'a'", "kind == 'a'"),
        ("  opt.lr > 0.5 and kind in ['a', 'b'] ", "opt.lr > 0.5 and kind in ['a', 'b']"),
        ("`weight-decay` > 0", "`weight-decay` > 0"),
        ("model.depth == 2", "model.depth == 2"),
    ],
    ids=["plain", "nested", "backticks", "into-a-value"],
)
def test_when_makes_a_parameter_conditional(when: str, condition: str) -> None:
    """A ``when`` names other parameters from the top, or looks into the value of one."""
    others = {
        "kind": {"values": ["a", "b"]},
        "opt": {"parameters": {"lr": {"min": 0.0, "max": 1.0}}},
        "weight-decay": {"min": 0.0, "max": 1.0},
        "model": {"values": [{"depth": 2}, None]},
    }
    space = read({**others, "p": {"min": 1, "max": 3, "when": when}})
    assert space["p"] == Conditional(Expression(condition), IntUniform(1, 3))


def test_groups_and_what_is_in_them_can_be_conditional() -> None:
    """A ``when`` stands on a group, on a parameter in a group, and on one that has one already."""
    raw = {
        "kind": {"values": ["a", "b"]},
        "g": {
            "when": "kind == 'a'",
            "parameters": {"x": {"value": 1}, "y": {"value": 2, "when": "g.x == 1"}},
        },
    }
    assert read(raw) == {
        "g": Conditional(
            Expression("kind == 'a'"),
            Nested({"x": Constant(1), "y": Conditional(Expression("g.x == 1"), Constant(2))}),
        ),
        "kind": Categorical(("a", "b")),
    }


def problems_with(space: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the places and texts of what is wrong with a space."""
    with pytest.raises(Several) as caught:
        read(space)
    return [("/".join(map(str, it.path)), it.what) for it in caught.value.problems]


@pytest.mark.parametrize(
    ("when", "what"),
    [
        (True, "must be text such as optimizer == 'sgd', got true"),
        ("1 < 2", '"1 < 2" names no parameter'),
        ("kind = 'a'", "is no expression: "),
        ("open(kind)", "is not allowed"),
        ("kid == 'a'", 'there is no parameter "kid"; did you mean kind?'),
        ("lr > 1", 'there is no parameter "lr"; did you mean opt.lr? (names are counted from the '
         "top of parameters)"),
        ("weight-decay > 1", 'there is no parameter "weight"; did you mean `weight-decay`?'),
        ("opt.zzz > 1", 'there is no parameter "opt.zzz"; did you mean opt.lr?'),
        ("qqq > 1", 'there is no parameter "qqq"; there is kind, opt.lr, p and weight-decay'),
        ("kind.name == 1", 'there is no parameter "kind.name"; did you mean kind?'),
        ("opt == 1", "opt is a group of parameters; name one of them: opt.lr"),
        ("p > 1", "names the parameter itself; name others"),
    ],
)  # fmt: skip
def test_wrong_conditions_are_mended(when: object, what: str) -> None:
    """A condition is an expression over parameters of the space, and not over itself."""
    others = {
        "kind": {"values": ["a", "b"]},
        "opt": {"parameters": {"lr": {"min": 0.0, "max": 1.0}}},
        "weight-decay": {"min": 0.0, "max": 1.0},
    }
    problems = problems_with({**others, "p": {"min": 1, "max": 3, "when": when}})
    assert problems[0][0] == "p/when"
    assert what in problems[0][1]


def test_conditions_do_not_wait_for_each_other() -> None:
    """A condition over itself or its own group, and each circle of them, is one error."""
    space = {
        "a": {"value": 1, "when": "b == 1"},
        "b": {"value": 1, "when": "c == 1 and free == 1"},
        "c": {"value": 1, "when": "a == 1"},
        "d": {"value": 1, "when": "e-f == 1"},
        "free": {"value": 1},
        "g": {"when": "g.x == 1", "parameters": {"x": {"value": 1}, "y": {"value": 2}}},
        "x": {"value": 1, "when": "`y-y` == 1"},
        "y-y": {"value": 1, "when": "x == 1"},
        "e": {"value": 1},
        "f": {"value": 1},
    }
    assert problems_with(space) == [
        ("g/when", "names g.x, which is inside the group; name others"),
        ("a/when", "waits for itself: a needs b, b needs c, c needs a; let conditions go one way"),
        ("x/when", "waits for itself: x needs `y-y`, `y-y` needs x; let conditions go one way"),
    ]


def test_conditions_on_wrong_parameters_are_not_blamed() -> None:
    """A name whose parameter could not be read is no unknown name."""
    space = {
        "g": {"lr": {"min": 0, "max": 1}},
        "k": {"values": 3},
        "p": {"value": 1, "when": "k == 3 and g.lr > 0"},
    }
    assert [place for place, _ in problems_with(space)] == ["g", "k/values"]


def test_a_long_chain_of_conditions_is_read() -> None:
    """Thousands of parameters that need one another in a row are no problem, a circle is one."""
    names = [f"p{index:04}" for index in range(3000)]
    pairs = itertools.pairwise(names)
    chain: dict[str, Any] = {one: {"value": 1, "when": f"{two} == 1"} for one, two in pairs}
    assert len(read({**chain, names[-1]: {"value": 1}})) == 3000
    problems = problems_with({**chain, names[-1]: {"value": 1, "when": "p0000 == 1"}})
    assert [place for place, _ in problems] == ["p0000/when"]


def test_only_the_first_wrong_names_are_guessed() -> None:
    """A generated file with hundreds of wrong names is told all of them without delay."""
    space = {f"p{index:03}": {"value": 1, "when": f"q{index:03} == 1"} for index in range(100)}
    problems = problems_with(space)
    assert len(problems) == 100
    assert problems[0][1] == 'there is no parameter "q000"; did you mean p000?'
    assert problems[-1][1] == 'there is no parameter "q099"'
