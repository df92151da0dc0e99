"""Search spaces that the tests of this room share, and how a space is read there."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from sweeper.config.parameters import (
    read_space,
)
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
    Uniform,
)


def read(raw: object) -> dict[str, Parameter]:
    """Read a space of which nothing is to be warned."""

    def refuse(path: object, what: str) -> None:
        raise AssertionError((path, what))

    return read_space(raw, refuse)


def canonical(value: object) -> str:
    """Write a value so that exactly equal values of equal types are equal texts."""
    return json.dumps(value, sort_keys=True)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
REAL = st.floats(-1e300, 1e300)
POSITIVE = st.floats(1e-3, 80.0)
INTERVAL = st.tuples(REAL, REAL).filter(lambda bounds: bounds[0] < bounds[1])
VALUES = st.lists(JSON, min_size=1, max_size=4, unique_by=canonical)
WEIGHTED = st.tuples(JSON, JSON).filter(lambda pair: canonical(pair[0]) != canonical(pair[1]))
LAWS = (
    INTERVAL.map(lambda bounds: Uniform(*bounds))
    | st.builds(LogUniform, st.floats(1e-9, 1.0), st.floats(1.5, 1e9))
    | st.builds(Normal, st.floats(-1e6, 1e6), POSITIVE)
    | st.builds(LogNormal, st.floats(-50, 50), POSITIVE)
    | st.builds(Beta, POSITIVE, POSITIVE)
)
LEAVES = (
    st.builds(Constant, JSON)
    | VALUES.map(lambda values: Categorical(tuple(values)))
    | st.builds(
        lambda values, share: Categorical(values, (share, 1 - share)), WEIGHTED, st.floats(0.1, 0.9)
    )
    | st.builds(IntUniform, st.integers(-100, 0), st.integers(1, 100))
    | LAWS
    | st.builds(Quantized, LAWS, st.floats(0.1, 2) | st.integers(1, 3))
)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]*", fullmatch=True).filter(lambda name: name != "top")


def conditional(parameters: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Let a parameter have a condition over ``top``, which every space below has."""
    when = st.sampled_from(["top == 1", "top > 0 or top in [3, 'x']"]).map(Expression)
    return parameters | st.builds(Conditional, when, parameters)


PARAMETERS = st.recursive(
    LEAVES,
    lambda inner: st.dictionaries(NAMES, conditional(inner), min_size=1, max_size=3).map(Nested),
    max_leaves=6,
)


SPACES = st.dictionaries(NAMES, conditional(PARAMETERS)).map(
    lambda space: {**space, "top": IntUniform(0, 3)}
)
