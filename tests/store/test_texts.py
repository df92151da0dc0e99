from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.errors import CacheError
from sweeper.model import Decision, Point, Verdict
from sweeper.store.texts import (
    clean,
    curve_text,
    decisions_text,
    final_text,
    read_curve,
    read_decisions,
    read_final,
)

FINITE = st.floats(allow_nan=False, allow_infinity=False)
NUMBER = st.none() | st.floats(allow_nan=False)
DECISION = st.builds(
    Decision,
    step=st.integers(0, 2**40),
    verdict=st.builds(
        Verdict,
        prune=st.booleans(),
        rule=st.text(st.characters(codec="utf-8", exclude_characters="\0")),
        rung=st.none() | st.integers(0, 2**40),
        value=NUMBER,
        threshold=NUMBER,
    ),
)


@given(values=st.lists(st.none() | FINITE, max_size=4))
def test_what_is_unknown_stays_unknown(values: list[float | None]) -> None:
    """None is null in curves and at the end, and numbers beside it come back bit for bit."""
    curve = (Point(1, tuple(values), None, 0.5),)
    assert repr(read_curve(curve_text(curve))) == repr(curve)
    assert repr(read_final(final_text(values))) == repr(tuple(values))


@given(decisions=st.lists(DECISION, max_size=4))
def test_decisions_come_back_exactly(decisions: list[Decision]) -> None:
    """Every field survives, an infinite bound too, and the text is plain JSON."""
    text = decisions_text(decisions)
    assert repr(read_decisions(text)) == repr(tuple(decisions))
    json.loads(text or "null", parse_constant=_no_constant)


def test_no_decision_takes_no_room() -> None:
    """Most trials are never judged: their column is NULL, as in a store of version 1."""
    assert decisions_text(()) is None
    assert read_decisions(None) == ()


def test_a_decision_in_the_store() -> None:
    """The text is compact; what is undefined stands there as a word, not as a number."""
    verdict = Verdict(prune=True, rule="asha", rung=3, value=1, threshold=math.nan)
    text = decisions_text([Decision(3, verdict)])
    assert text == '[[3,true,"asha",3,1.0,"nan"]]'


def test_odd_text_in_a_rule_is_replaced() -> None:
    """A rule that no database holds does not keep the trial from being stored."""
    verdict = Verdict(prune=False, rule="a\0b\udc80", value=1.0, threshold=2.0)
    assert read_decisions(decisions_text([Decision(1, verdict)]))[0].verdict.rule == "a?b?"


@pytest.mark.parametrize("number", [math.nan, math.inf], ids=str)
def test_a_curve_is_finite(number: float) -> None:
    """What a metric cannot be is refused, not bent."""
    with pytest.raises(CacheError, match="a curve"):
        curve_text((Point(1, (None, number), None, 0.0),))


@pytest.mark.parametrize(
    ("text", "kept"),
    [(None, None), ("über", "über"), ("a\0b", "a?b"), ("a\udc80b", "a?b")],
    ids=["none", "umlaut", "zero", "lone surrogate"],
)
def test_text_that_no_database_holds_is_replaced(text: str | None, kept: str | None) -> None:
    """A program's odd output in a cause must not keep its result from being stored."""
    assert clean(text) == kept


def _no_constant(name: str) -> Any:
    raise AssertionError(f"{name} is no JSON")
