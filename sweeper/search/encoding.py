"""Params to Optuna's distributions and back.

Owns: how each parameter is drawn by Optuna. Categorical values travel as their index, so that
lists, mappings and null are values like any other; multiples between two of them as a count; what
Optuna has no distribution for as the quantile of its law.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from sweeper.errors import SpaceError
from sweeper.model import (
    Beta,
    Categorical,
    Constant,
    IntUniform,
    LogNormal,
    LogUniform,
    Params,
    Quantized,
    Uniform,
    Value,
)
from sweeper.search.flat import FlatSpace, Leaf
from sweeper.search.laws import (
    EDGE,
    Leafy,
    allowed,
    at_quantile,
    count_range,
    cumulative,
    interval,
    is_counted,
)
from sweeper.search.values import identity, multiple

__all__ = ["Encoding", "Point"]


@dataclass(frozen=True, slots=True)
class Point:
    """A point of the space.

    Attributes:
        params: As the objective gets it, each number of its parameter's type.
        drawn: As Optuna keeps it: one value per active leaf that varies, by name.
    """

    params: Params
    drawn: Mapping[str, Any]


# Some leaves by name: the value of each, and as Optuna keeps it.
Part = Mapping[str, tuple[Value, Any]]


class Encoding:
    """The mapping between the points of a space and what Optuna keeps of them."""

    def __init__(self, space: FlatSpace) -> None:
        self.space = space
        found = {leaf.name: _distribution(leaf.parameter) for leaf in space.leaves}
        self.distributions: dict[str, BaseDistribution] = {
            name: item for name, item in found.items() if item is not None
        }

    def decode(self, drawn: Mapping[str, Any]) -> Params:
        """Turn what Optuna drew into what the objective gets; inactive parameters are absent."""
        return self.space.nest(self.space.grow(lambda leaf: self.value(leaf, drawn.get(leaf.name))))

    def value(self, leaf: Leaf, drawn: Any) -> Value:
        """Turn what Optuna drew for one parameter into its value; a constant needs no drawing."""
        return _decoded(leaf.parameter, drawn)

    def read(self, params: Params, *, where: str = "parameters") -> Point:
        """Turn params into a point; a constant may be left out.

        Args:
            params: As recorded, or as written by a person.
            where: What an error message starts with.

        Raises:
            SpaceError: If they are not a point of the space: a wrong value, an active parameter
                that is missing, or one that is not there.
        """
        drawn: dict[str, Any] = {}

        def choose(leaf: Leaf) -> Value:
            value, raw = self._read(leaf, params, where)
            if not isinstance(leaf.parameter, Constant):
                drawn[leaf.name] = raw
            return value

        point = self.space.nest(self.space.grow(choose))
        self._refuse_extra(params, point, (), where)
        return Point(point, drawn)

    def read_part(self, params: Params, *, where: str) -> Part:
        """Read some of the parameters of a point; a sampler chooses the others.

        Args:
            params: As written by a person.
            where: What an error message starts with.

        Raises:
            SpaceError: For a wrong value, a name that is no parameter, or a parameter whose
                condition does not hold by what is given.
        """
        found = {leaf.name: self._given(leaf, params, where) for leaf in self.space.leaves}
        part = {name: it for name, it in found.items() if it is not None}
        fixed = {
            leaf.name: leaf.parameter.value
            for leaf in self.space.leaves
            if isinstance(leaf.parameter, Constant)
        }
        given = {name: value for name, (value, _) in part.items()}
        point = self.space.nest({**fixed, **given})
        for leaf in self.space.leaves:
            refused = [it.text for it in leaf.conditions if not it.holds(point)]
            if leaf.name in part and refused:
                raise SpaceError(
                    f"{where}.{leaf.dotted}: is there only when {refused[0]}; give that, too, or "
                    "leave it out"
                )
        self._refuse_extra(params, self.space.nest(given), (), where)
        return part

    def _read(self, leaf: Leaf, params: Params, where: str) -> tuple[Value, Any]:
        found = self._given(leaf, params, where)
        if found is None and isinstance(leaf.parameter, Constant):
            return leaf.parameter.value, None
        if found is None:
            raise SpaceError(f"{where}.{leaf.dotted}: is missing; it is {allowed(leaf.parameter)}")
        return found

    def _given(self, leaf: Leaf, params: Params, where: str) -> tuple[Value, Any] | None:
        """Return the value that is given for a leaf, and as Optuna keeps it; None: none is."""
        given: Value = params
        for name in leaf.path:
            if not isinstance(given, Mapping) or name not in given:
                return None
            given = given[name]
        found = _encoded(leaf.parameter, given)
        if found is None:
            raise SpaceError(
                f"{where}.{leaf.dotted}: {given!r} is not in the space; "
                f"it is {allowed(leaf.parameter)}"
            )
        return found

    def _refuse_extra(
        self, given: Params, point: Params, above: tuple[str, ...], where: str
    ) -> None:
        for name, value in given.items():
            path = (*above, str(name))
            if name not in point:
                known = path in self.space.groups or any(
                    leaf.path == path for leaf in self.space.leaves
                )
                why = "its condition does not hold here" if known else "is no parameter"
                raise SpaceError(f"{where}.{'.'.join(path)}: {why}; leave it out")
            if path in self.space.groups:
                self._refuse_extra(value, point[name], path, where)


def _distribution(parameter: Leafy) -> BaseDistribution | None:
    match parameter:
        case Constant():
            return None
        case Categorical(values, weights) if weights is None:
            return CategoricalDistribution(list(range(len(values))))
        case IntUniform(low, high):
            return IntDistribution(low, high)
        case Quantized() if is_counted(parameter) and (ends := count_range(parameter)):
            return IntDistribution(*ends)
        case Uniform(low, high):
            return FloatDistribution(low, high)
        case LogUniform(low, high):
            return FloatDistribution(low, high, log=True)
        case _:
            return FloatDistribution(EDGE, 1 - EDGE)


def _decoded(parameter: Leafy, drawn: Any) -> Value:
    match parameter:
        case Constant(value):
            return value
        case Categorical(values, weights) if weights is None:
            return values[drawn]
        case IntUniform():
            return int(drawn)
        case Quantized() if is_counted(parameter):
            return multiple(int(drawn), parameter.q)
        case Uniform(low, high) | LogUniform(low, high):
            return min(max(float(drawn), low), high)
        case _:
            return at_quantile(parameter, _open(drawn))


def _open(u: float) -> float:
    return min(max(float(u), EDGE), 1 - EDGE)


def _encoded(parameter: Leafy, value: Value) -> tuple[Value, Any] | None:
    """Return a value in its parameter's type, and as Optuna keeps it; None: it is none of its."""
    match parameter:
        case Constant(constant):
            return (constant, None) if identity(constant) == identity(value) else None
        case Categorical():
            return _encoded_choice(parameter, value)
        case _ if not _is_number(value):
            return None
        case IntUniform(low, high):
            return (value, value) if isinstance(value, int) and low <= value <= high else None
        case Quantized():
            return _encoded_multiple(parameter, value)
        case Uniform(low, high) | LogUniform(low, high):
            return (float(value), float(value)) if low <= value <= high else None
        case LogNormal() if value <= 0:
            return None
        case Beta() if not 0 <= value <= 1:
            return None
        case _:
            return float(value), _open(cumulative(parameter, float(value)))


def _is_number(value: Value) -> bool:
    """Tell whether a value is a number that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= sys.float_info.max


def _encoded_choice(parameter: Categorical, value: Value) -> tuple[Value, Any] | None:
    wanted = identity(value)
    for index, candidate in enumerate(parameter.values):
        if identity(candidate) == wanted:
            if parameter.weights is None:
                return candidate, index
            if parameter.weights[index] > 0:
                return candidate, _middle(parameter, index)
    return None


def _encoded_multiple(parameter: Quantized, value: int | float) -> tuple[Value, Any] | None:
    count, ends = round(value / parameter.q), count_range(parameter)
    canonical = multiple(count, parameter.q)
    if canonical != value or (ends is not None and not ends[0] <= count <= ends[1]):
        return None
    if isinstance(parameter.base, LogNormal) and count < 0:
        return None
    return canonical, count if is_counted(parameter) else _middle(parameter, count)


def _middle(parameter: Quantized | Categorical, position: int) -> float:
    """Return the middle of the quantiles that a value stands for."""
    low, high = interval(parameter, position)
    return _open((_open(low) + _open(high)) / 2)
