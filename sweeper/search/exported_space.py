"""Params as Optuna's users know them: real scales, real choices, one distribution per name.

Owns: which of Optuna's distributions stands for a parameter in an export. Inside a study params
travel otherwise (``encoding.py``): there a sampler must be able to draw them.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from sweeper.model import (
    Beta,
    Categorical,
    Constant,
    IntUniform,
    LogNormal,
    LogUniform,
    Params,
    Quantized,
    Space,
    Uniform,
    Value,
)
from sweeper.search.flat import Path, flatten
from sweeper.search.laws import EDGE, Leafy, at_quantile, count_range
from sweeper.search.values import identity, multiple

__all__ = ["ExportedSpace", "NamedParams"]

_EXACT = 2**53  # Optuna keeps every number as a float

# A point: for each name what Optuna is given, and its distribution.
NamedParams = Mapping[str, tuple[Any, BaseDistribution]]


@dataclass(frozen=True, slots=True)
class _Axis:
    """One parameter of an export.

    Attributes:
        as_text: Its values are JSON texts, for Optuna cannot hold them, or tell them apart.
    """

    name: str
    distribution: BaseDistribution
    as_text: bool

    def value(self, value: Value) -> Any:
        """Return a value as Optuna is given it."""
        if self.as_text:
            return _text(value)
        return float(value) if isinstance(self.distribution, FloatDistribution) else value


class ExportedSpace:
    """The parameters of some points, as Optuna's users know them.

    A parameter is called by its dotted path; by its path with slashes where two would be called
    alike. What is not in the space, and a value that is none of its parameter's (a sweep may have
    been continued with another file), makes the parameter a choice among the values that are there.

    Args:
        space: What the points were drawn from.
        points: All of them.
    """

    def __init__(self, space: Space, points: Sequence[Params]) -> None:
        leaves = {leaf.path: leaf.parameter for leaf in flatten(space).leaves}
        seen = [dict(_parts(point, (), leaves)) for point in points]
        values: dict[Path, list[Value]] = {}
        for point in seen:
            for path, value in point.items():
                values.setdefault(path, []).append(value)
        readings = Counter(".".join(path) for path in values)
        self._axes = {
            path: _axis(
                ("." if readings[".".join(path)] == 1 else "/").join(path), leaves.get(path), found
            )
            for path, found in values.items()
        }
        self._leaves = leaves

    def named(self, point: Params) -> NamedParams:
        """Return a point of those that the space was made with; what is not there is absent."""
        named = ((self._axes[path], value) for path, value in _parts(point, (), self._leaves))
        return {axis.name: (axis.value(value), axis.distribution) for axis, value in named}


def _parts(
    values: Params, above: Path, leaves: Mapping[Path, Leafy]
) -> Iterator[tuple[Path, Value]]:
    """Yield the values of a point by their paths; a parameter's own mapping is one value."""
    for name, value in values.items():
        path = (*above, str(name))
        if isinstance(value, Mapping) and value and path not in leaves:
            yield from _parts(value, path, leaves)
        else:
            yield path, value


def _axis(name: str, parameter: Leafy | None, values: Sequence[Value]) -> _Axis:
    if isinstance(parameter, Categorical):
        choices = {identity(choice) for choice in parameter.values}
        if all(identity(value) in choices for value in values):
            return _choice(name, parameter.values)
    elif parameter is not None and not isinstance(parameter, Constant):
        distribution = _range(parameter, values)
        if distribution is not None and all(_is_in(distribution, value) for value in values):
            return _Axis(name, distribution, as_text=False)
    return _choice(name, list({identity(value): value for value in values}.values()))


def _choice(name: str, values: Sequence[Value]) -> _Axis:
    as_text = not all(_is_plain(value) for value in values) or len(set(values)) < len(values)
    choices = [_text(value) for value in values] if as_text else list(values)
    return _Axis(name, CategoricalDistribution(choices), as_text)


def _is_plain(value: Value) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def _text(value: Value) -> str:
    return json.dumps(value, sort_keys=True)


def _range(parameter: Leafy, values: Sequence[Value]) -> FloatDistribution | IntDistribution | None:
    """Return the numbers that a parameter is drawn from; None: Optuna has no such range."""
    try:
        match parameter:
            case IntUniform(low, high):
                return IntDistribution(low, high)
            case Uniform(low, high):
                return FloatDistribution(low, high)
            case LogUniform(low, high):
                return FloatDistribution(low, high, log=True)
            case Beta():
                return FloatDistribution(0.0, 1.0)
            case Quantized():
                return _multiples(parameter, values)
            case _:
                return _unbounded(parameter, values)
    except (ValueError, OverflowError):  # bounds that Optuna refuses
        return None


def _multiples(
    parameter: Quantized, values: Sequence[Value]
) -> FloatDistribution | IntDistribution:
    """Return multiples of q; those of an unbounded law reach as far as it does."""
    q, ends = parameter.q, count_range(parameter)
    if ends is None:
        edges = (at_quantile(parameter, EDGE), at_quantile(parameter, 1 - EDGE))
        counts = [round(edge / q) for edge in (*edges, *values)]
        ends = min(counts), max(counts)
    low, high = multiple(ends[0], q), multiple(ends[1], q)
    if isinstance(q, int):
        log = isinstance(parameter.base, LogUniform | LogNormal) and q == 1 and low >= 1
        return IntDistribution(int(low), int(high), log=log, step=1 if log else q)
    return FloatDistribution(low, high, step=q)


def _unbounded(parameter: Leafy, values: Sequence[Value]) -> FloatDistribution:
    """Return the range that can be drawn, widened to what a person gave."""
    assert not isinstance(parameter, Constant | IntUniform)  # they have other ranges
    edges = (at_quantile(parameter, EDGE), at_quantile(parameter, 1 - EDGE))
    reached = [float(it) for it in (*edges, *values)]
    low, high = min(reached), max(reached)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise OverflowError
    return FloatDistribution(low, high, log=isinstance(parameter, LogNormal) and low > 0)


def _is_in(distribution: FloatDistribution | IntDistribution, value: Value) -> bool:
    """Tell whether Optuna can keep a number exactly."""
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > _EXACT:
        return isinstance(value, float) and isinstance(distribution, FloatDistribution)
    if isinstance(distribution, IntDistribution) and not isinstance(value, int):
        return False
    return distribution._contains(float(value))
