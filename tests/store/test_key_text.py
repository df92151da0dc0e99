"""Reading canonical texts back, and naming what differs."""

from __future__ import annotations

from enum import Enum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.store.key import canonical
from sweeper.store.key_text import (
    EnumName,
    NotAKeyText,
    decode,
    differences,
    first_difference,
    leaves,
)

PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary(max_size=8)
)
NESTED = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=6), inner, max_size=4
        )
    ),
    max_leaves=12,
)


class Colour(Enum):
    """An enum."""

    RED = 1


@settings(max_examples=500)
@given(value=NESTED)
def test_decoding_is_the_inverse_of_encoding(value: Any) -> None:
    """Every value comes back with its type; -0.0 comes back as 0.0, which it equals."""
    text = canonical(value)
    found = decode(text)
    assert found == value
    assert canonical(found) == text


def test_what_python_has_no_literal_for() -> None:
    """Sets and enums come back as something that says what they were."""
    assert decode(canonical({1, 2})) == frozenset({1, 2})
    assert decode(canonical(Colour.RED)) == EnumName(f"{__name__}.Colour", "RED")
    assert decode(canonical((1, "a"))) == [1, "a"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "{}", '{"$x":1}', '{"$i":"one"}', '{"$i":"1","$f":"0x1p+0"}', '{"$d":[["a"]]}'],
)
def test_other_text_is_refused(text: str) -> None:
    """What no encoder writes is an error of one kind."""
    with pytest.raises(NotAKeyText):
        decode(text)


def test_leaves_have_the_names_that_people_know() -> None:
    """Files and packages by name, parameters by their dotted path."""
    roots = [[".", [["a.py", "0" * 64, 3]]], ["lib", [["b.py", "1" * 64, 4]]]]
    code = {"policy": "imports", "roots": roots, "command": None}
    assert set(leaves("code", canonical(code))) == {
        "code.a.py", "code.lib/b.py", "code.policy", "code.command",
    }  # fmt: skip
    env = {"policy": "core", "dists": [["torch", "2.9"]], "vars": [["A", None]], "python": "3.11"}
    assert leaves("env", canonical(env))["env.torch"] == "2.9"
    params = {"policy": "all", "values": {"net": {"layers": [8, 9]}}, "ignored": []}
    assert leaves("params", canonical(params))["params.net.layers[1]"] == 9


@pytest.mark.parametrize(
    ("one", "other"), [(1, 1.0), (1, True), (1, "1"), (None, "null"), ([], {}), ([1], [1, 2])]
)
def test_equal_looking_values_differ(one: object, other: object) -> None:
    """What has two texts is told apart."""
    here, there = (canonical({"values": {"x": value}}) for value in (one, other))
    assert [found.path for found in differences("params", here, there)]


def test_one_line_for_people() -> None:
    """Both values are in it, and what is absent is said to be."""
    here = canonical({"dists": [["torch", "2.9"]], "vars": []})
    there = canonical({"dists": [["torch", "2.10"]], "vars": []})
    assert first_difference(here, there) == "env.torch 2.9 -> 2.10"
    gone = canonical({"dists": [], "vars": []})
    assert first_difference(here, gone) == "env.torch 2.9 -> absent"
    assert "could not be read" in first_difference(here, "rubbish")
