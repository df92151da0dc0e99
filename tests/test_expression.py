"""Conditions of a sweep file: what they mention, when they hold, how far they are from holding."""

from __future__ import annotations

import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.expression import Expression, ExpressionError


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("optimizer == 'sgd' and layers > 2", ("optimizer", "layers")),
        ("opt.momentum > 0.5", ("opt.momentum",)),
        ("`val/acc` >= 0.9 or `val/acc` < lr", ("val/acc", "lr")),
        ("opt == 'a' and opt.lr > 1", ("opt", "opt.lr")),
        ("max(a, b) * 2 <= min([c, 3])", ("a", "b", "c")),
        ("flag == true and none_of == null", ("flag", "none_of")),
        ("1 < 2", ()),
    ],
)
def test_names_are_the_dotted_paths(text: str, names: tuple[str, ...]) -> None:
    """A dotted path is one name, a backticked text is one, words of the language are none."""
    assert Expression(text).names == names


@pytest.mark.parametrize(
    ("text", "values", "holds"),
    [
        ("optimizer == 'sgd'", {"optimizer": "sgd"}, True),
        ("optimizer == 'sgd'", {"optimizer": "adam"}, False),
        ("optimizer in ['sgd', 'adam']", {"optimizer": "adam"}, True),
        ("optimizer not in ['sgd']", {"optimizer": "adam"}, True),
        ("1 <= layers < 3", {"layers": 3}, False),
        ("hidden * layers <= 64", {"hidden": 32, "layers": 2}, True),
        ("opt.lr < 0.1", {"opt": {"lr": 0.01}}, True),
        ("opt.lr < 0.1", {"opt.lr": 0.01}, True),
        ("a.b.c == 1", {"a.b": {"c": 1}}, True),
        ("`val/acc` >= 0.9", {"val/acc": 0.95}, True),
        ("flag", {"flag": True}, True),
        ("not flag", {"flag": True}, False),
        ("flag == true", {"flag": True}, True),
        ("x == null", {}, True),
        ("x > 1", {}, False),
        ("x < 'a'", {"x": 1}, False),
        ("x / 0 > 1", {"x": 1}, False),
        ("-x == +2", {"x": -2}, True),
        ("abs(x) == 2", {"x": -2}, True),
        ("7 // 2 == 3 and 7 % 2 == 1", {}, True),
        ("x in 5", {"x": 5}, False),
    ],
)
def test_a_condition_holds_or_not(text: str, values: dict[str, object], holds: bool) -> None:
    """Values are looked up by path; what is not there is null, what cannot be compared is false."""
    expression = Expression(text)
    assert expression.holds(values) is holds
    assert (expression.violation(values) <= 0) is holds


@pytest.mark.parametrize(
    ("text", "values", "violation"),
    [
        ("x <= 3", {"x": 5}, 2.0),
        ("x <= 3", {"x": 1}, -2.0),
        ("x >= 3", {"x": 1}, 2.0),
        ("x == 3", {"x": 1}, 2.0),
        ("x == 3", {"x": 3}, 0.0),
        ("x <= 3 and y <= 3", {"x": 5, "y": 9}, 6.0),
        ("x <= 3 or y <= 3", {"x": 5, "y": 9}, 2.0),
        ("not x <= 3", {"x": 1}, 1.0),
        ("o == 'a'", {"o": "b"}, 1.0),
        ("x <= 3", {}, math.inf),
    ],
)
def test_a_violation_says_how_far(text: str, values: dict[str, object], violation: float) -> None:
    """A sampler is helped by a distance more than by a yes or no."""
    assert Expression(text).violation(values) == violation


@pytest.mark.parametrize(
    ("text", "values", "allows"),
    [
        ("mom <= 0.8", {"mom": 0.9}, False),
        ("mom <= 0.8", {"mom": 0.5}, True),
        ("mom <= 0.8", {"opt": "adam"}, True),
        ("mom <= 0.8", {"mom": None}, False),
        ("svm.c > 1", {"svm": {"kernel": "rbf"}}, True),
        ("svm.c > 1", {"svm": {"c": 0.5}}, False),
    ],
)
def test_what_is_not_there_breaks_no_constraint(
    text: str, values: dict[str, object], allows: bool
) -> None:
    """A constraint over an inactive parameter leaves the branches without it alone."""
    assert Expression(text).allows(values) is allows


def test_an_open_bound_is_violated_at_the_bound() -> None:
    """``x < 3`` does not hold at 3, and its violation says so by being more than 0."""
    assert Expression("x < 3").violation({"x": 3}) > 0
    assert Expression("x > 3").violation({"x": 3}) > 0


@pytest.mark.parametrize(
    "text",
    [
        "", "1 <", "__import__('os').system('x')", "x.y()", "a[0]", "lambda: 1", "x ** 9", "x @ y",
        "[y for y in x]", "f'{x}'", "x := 1", "1e999 > x", "(" * 500, "a" * 2000, "abs()", "1 is x",
        "print(x)", "{1: 2}", "b'x' == x", "x if y else z", "'a'.upper == x", "max(x, key=abs)",
        "x\ny", "'\\d' ==", "\0", "~x == 1", "x << 2", "1j == x", "... == x",
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    """The language has no calls, no indexing, no code: only an error with what is allowed."""
    with pytest.raises(ExpressionError):
        Expression(text)


@given(st.text(max_size=60))
def test_no_text_does_worse_than_an_error(text: str) -> None:
    """Whatever stands in a file is an expression or an ``ExpressionError``."""
    try:
        expression = Expression(text)
    except ExpressionError:
        return
    assert expression.holds({}) in (True, False)
    assert not math.isnan(expression.violation({}))


@given(
    st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_violation_and_truth_agree(comparison: str, left: float, right: float) -> None:
    """A violation is at most 0 exactly where the condition holds, whatever the numbers."""
    expression = Expression(f"x {comparison} y")
    values = {"x": left, "y": right}
    assert (expression.violation(values) <= 0) is expression.holds(values)


def test_expressions_are_plain_values() -> None:
    """They are equal by their text and survive pickling, on their way to a worker."""
    expression = Expression("a > 1")
    assert pickle.loads(pickle.dumps(expression)) == expression == Expression("a > 1")
    assert str(expression) == "a > 1"
