"""Parameters that are one of some values: ``value``, ``values`` and ``probabilities``.

Owns: what a value may be, and when two are the same. Imports nothing but ``sweeper.model`` and this
room.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from sweeper.config.numbers import fail, weights
from sweeper.config.problems import Path, Problem, Several, kind, shown
from sweeper.model import Categorical, Constant


def constant(raw: Mapping[str, Any]) -> Constant:
    """Read ``value``: any JSON value."""
    _check_json(raw["value"], ("value",))
    return Constant(raw["value"])


def categorical(raw: Mapping[str, Any]) -> Categorical:
    """Read ``values``; a repeated one counts once, as in W&B's grid."""
    distinct: dict[str, Any] = {}
    for value in _values(raw):
        distinct.setdefault(_identity(value), value)
    return Categorical(tuple(distinct.values()))


def weighted(raw: Mapping[str, Any]) -> Categorical:
    """Read ``values`` with ``probabilities``.

    The probabilities of a repeated value are added; a value of probability 0 is none.
    """
    values = _values(raw)
    try:
        shares = weights(raw["probabilities"], len(values))
    except Several as several:
        raise Several(it.below(("probabilities",)) for it in several.problems) from several
    distinct: dict[str, tuple[Any, float]] = {}
    for value, share in zip(values, shares, strict=True):
        if share > 0:
            first, before = distinct.get(_identity(value), (value, 0.0))
            distinct[_identity(value)] = (first, before + share)
    chosen, chances = zip(*distinct.values(), strict=True)
    return Categorical(chosen, chances)


def _values(raw: Mapping[str, Any]) -> list[Any]:
    """Read the list of values."""
    values = raw["values"]
    if not isinstance(values, list):
        what = f"must be a list, got {kind(values)}; write values: [{shown(values)}]"
        fail(("values",), what)
    if not values:
        fail(("values",), "must not be empty")
    _check_json(values, ("values",))
    return values


def _identity(value: object) -> str:
    """Return equal texts for equal values: as JSON, 1, 1.0 and true differ."""
    return json.dumps(value, sort_keys=True)


def _check_json(value: object, path: Path) -> None:
    """Check that a value can be kept: JSON has neither infinities nor NaN."""
    problems = [
        Problem(place, f"must be finite, got {shown(number)}; quote it if it is text")
        for place, number in _floats(value, path)
        if not math.isfinite(number)
    ]
    if problems:
        raise Several(problems)


def _floats(value: object, path: Path) -> Iterator[tuple[Path, float]]:
    """Walk over the floats of a value."""
    if isinstance(value, float):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _floats(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _floats(item, (*path, index))
