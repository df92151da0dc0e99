"""The grid search that a sweep replaces: its levels, its points, and what lies on it.

Owns: which values a parameter would have in a grid. Must not import optuna.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sweeper.errors import SpaceError
from sweeper.expression import Expression
from sweeper.model import (
    Categorical,
    Conditional,
    Constant,
    Continuous,
    IntUniform,
    LogNormal,
    LogUniform,
    Nested,
    Normal,
    Parameter,
    Params,
    Quantized,
    Space,
    Uniform,
    Value,
)
from sweeper.search.flat import FlatSpace, Leaf, flatten
from sweeper.search.laws import (
    Leafy,
    allowed,
    at_quantile,
    listed,
    value_count,
)
from sweeper.search.space import count_points
from sweeper.search.values import identity, multiple, point_identity

__all__ = ["DEFAULT_LEVELS", "SHORT", "Levels", "Replaced", "replaced_grid"]

# A number of values for every parameter, or for each by dotted path a number or the values.
Levels = int | Mapping[str, int | Sequence[Value]]

SHORT = 10  # up to so many numbers are all tried
DEFAULT_LEVELS = 3  # of what is longer


@dataclass(frozen=True, slots=True)
class Replaced:
    """A grid over a space.

    Attributes:
        flat: The space with a list of values for each parameter.
        constraints: What a point must satisfy.
        without: Names or dotted paths that do not make points different.
    """

    flat: FlatSpace
    constraints: tuple[Expression, ...] = ()
    without: frozenset[str] = frozenset()

    @property
    def levels(self) -> dict[str, int]:
        """Return how many values each parameter has that is not constant, by dotted path."""
        return {
            leaf.dotted: count
            for leaf in self.flat.by_path
            if (count := value_count(leaf.parameter)) is not None
            and not isinstance(leaf.parameter, Constant)
        }

    def count(self) -> int | None:
        """Count the points; None: conditions or constraints make them too many to be listed."""
        return count_points(self.flat, self.without, self.constraints)

    def place(self, params: Params) -> Hashable | None:
        """Return what names the grid's point that params are; None: they are none of its points.

        Numbers are compared by value: a grid's 2 is a trial's 2.0.
        """
        found: dict[str, Value] = {}
        for leaf in self.flat.leaves:
            given, there = _looked_up(params, leaf.path)
            if leaf.ignored(self.without):
                continue
            if there != self.flat.active(leaf, found):
                return None
            if there:
                near = _same(leaf.parameter, given)
                if near is None:
                    return None
                found[leaf.name] = near[0]
        nested = self.flat.nest(found)
        if not all(constraint.allows(nested) for constraint in self.constraints):
            return None
        return point_identity(nested, self.without)

    def listed(self) -> Space:
        """Return the grid as a space of lists of values."""
        return self._space(lambda leaf: leaf.parameter)

    def ordinal(self) -> Space:
        """Return the grid as a space to search: numbers by their place, in their order.

        What conditions or constraints name stays a list of values. ``decoded`` leads back.
        """
        return self._space(self._axis)

    def _space(self, axis: Callable[[Leaf], Leafy]) -> Space:
        space: dict[str, Parameter] = {}
        for leaf in self.flat.by_path:
            place = space
            for name in leaf.path[:-1]:
                group = place.setdefault(name, Nested({}))
                assert isinstance(group, Nested)
                place = group.parameters  # type: ignore[assignment] # made two lines above
            place[leaf.path[-1]] = _under(leaf, axis(leaf))
        return space

    def decoded(self, params: Params) -> Params:
        """Return the grid's point that params of ``ordinal`` mean."""
        chosen: dict[str, Value] = {}
        for leaf in self.flat.by_path:
            given, there = _looked_up(params, leaf.path)
            if there:
                by_place = isinstance(self._axis(leaf), IntUniform)
                chosen[leaf.name] = list(listed(leaf.parameter))[given] if by_place else given
        return self.flat.nest(chosen)

    def _axis(self, leaf: Leaf) -> Constant | Categorical | IntUniform:
        parameter = leaf.parameter
        assert isinstance(parameter, Constant | Categorical)
        named = {name for it in self.flat.leaves for when in it.conditions for name in when.names}
        named |= {name for it in self.constraints for name in it.names}
        is_named = any(leaf.dotted == n or leaf.dotted.startswith(f"{n}.") for n in named)
        if isinstance(parameter, Constant) or is_named or not _are_numbers(parameter.values):
            return parameter
        return IntUniform(0, len(parameter.values) - 1)

    def points(self) -> Iterator[Params]:
        """Yield the allowed points, the last parameter by path varying fastest."""
        leaves = [
            replace(leaf, parameter=Constant(next(iter(listed(leaf.parameter)))))
            if leaf.ignored(self.without)
            else leaf
            for leaf in self.flat.leaves
        ]
        fixed = FlatSpace(leaves, self.flat.groups)
        for chosen in fixed.points():
            point = fixed.nest(chosen)
            if all(constraint.allows(point) for constraint in self.constraints):
                yield point


def replaced_grid(
    space: Space,
    levels: Levels | None = None,
    *,
    constraints: Sequence[Expression] = (),
    without: frozenset[str] = frozenset(),
) -> Replaced:
    """Lay a grid over a space.

    Args:
        space: The parameters.
        levels: As the sweep file says; None, or for a parameter that is not named: all values of
            lists and of up to 10 numbers, else 3. Numbers of values are spread evenly from end to
            end, on the parameter's own scale; where it has no ends, in the middle of equally
            probable parts.
        constraints: What points must satisfy.
        without: Names or dotted paths that do not make points different.

    Raises:
        SpaceError: If a value cannot be the parameter's; the message begins with its key.
    """
    flat = flatten(space)
    leaves = [replace(leaf, parameter=_gridded(leaf, _asked(leaf, levels))) for leaf in flat.leaves]
    return Replaced(FlatSpace(leaves, flat.groups), tuple(constraints), without)


def _asked(leaf: Leaf, levels: Levels | None) -> int | Sequence[Value] | None:
    if levels is None or isinstance(levels, int):
        is_list = isinstance(leaf.parameter, Categorical)
        return None if is_list else levels
    return levels.get(leaf.dotted)


def _gridded(leaf: Leaf, asked: int | Sequence[Value] | None) -> Constant | Categorical:
    parameter = leaf.parameter
    if isinstance(parameter, Constant):
        return parameter
    if asked is not None and not isinstance(asked, int):
        return Categorical(_checked(leaf, asked))
    values = _spread(parameter, asked)
    return Categorical(tuple({identity(value): value for value in values}.values()))


def _checked(leaf: Leaf, values: Sequence[Value]) -> tuple[Value, ...]:
    """Return the parameter's own values that a file means.

    Raises:
        SpaceError: If one of them cannot be.
    """
    found: dict[Hashable, Value] = {}
    for value in values:
        near = _possible(leaf.parameter, value)
        if near is None:
            what = f"must be {allowed(leaf.parameter)}, got {value!r}"
            raise SpaceError(f"grid.levels.{leaf.dotted}: {what}")
        found[identity(near[0])] = near[0]
    return tuple(found.values())


def _spread(parameter: Leafy, asked: int | None) -> Sequence[Value]:
    """Return so many values of a parameter, or all where that is the default."""
    count = value_count(parameter)
    everything = isinstance(parameter, Categorical) or (count is not None and count <= SHORT)
    if count is not None and (everything if asked is None else asked >= count):
        return list(listed(parameter))
    number = DEFAULT_LEVELS if asked is None else asked
    match parameter:
        case IntUniform(low, high):
            return [low + place for place in _places(high - low + 1, number)]
        case Constant() | Categorical():
            values = list(listed(parameter))
            return [values[place] for place in _places(len(values), number)]
        case _:
            return [_at(parameter, u) for u in _shares(parameter, number)]


def _at(parameter: Continuous | Quantized, u: float) -> Value:
    """Return the value at a quantile; the ends of a range are those of the file to the last bit."""
    if isinstance(parameter, Uniform | LogUniform) and u in (0, 1):
        return parameter.high if u else parameter.low
    return at_quantile(parameter, u)


def _places(count: int, number: int) -> list[int]:
    """Return some of so many places, evenly from the first to the last; one is in the middle."""
    if number == 1:
        return [(count - 1) // 2]
    return [round(k * (count - 1) / (number - 1)) for k in range(number)]


def _shares(parameter: Continuous | Quantized, count: int) -> list[float]:
    """Return quantiles from end to end; in the middle of equal parts where there are no ends."""
    law = parameter.base if isinstance(parameter, Quantized) else parameter
    if count == 1 or isinstance(law, Normal | LogNormal):
        return [(k + 0.5) / count for k in range(count)]
    return [k / (count - 1) for k in range(count)]


def _under(leaf: Leaf, parameter: Leafy) -> Parameter:
    """Put a parameter under the conditions of its leaf."""
    if not leaf.conditions:
        return parameter
    whole = " and ".join(f"({condition.text})" for condition in leaf.conditions)
    return Conditional(Expression(whole), parameter)


def _are_numbers(values: Sequence[Value]) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _looked_up(params: Params, path: Sequence[str]) -> tuple[Value, bool]:
    """Return what stands at a path of nested params, and whether anything does."""
    place: Value = params
    for name in path:
        if not isinstance(place, Mapping) or name not in place:
            return None, False
        place = place[name]
    return place, True


def _same(parameter: Leafy, given: Value) -> tuple[Value] | None:
    """Return the listed value that a trial's value is, in a box; None: none of them."""
    for value in listed(parameter):
        if identity(value) == identity(given) or _equal(value, given):
            return (value,)
    return None


def _equal(left: Value, right: Value) -> bool:
    numbers = (int, float)
    if isinstance(left, bool) or isinstance(right, bool):
        return False
    if not isinstance(left, numbers) or not isinstance(right, numbers):
        return False
    return math.isclose(left, right, rel_tol=1e-12)


def _possible(parameter: Leafy, given: Value) -> tuple[Value] | None:
    """Return the parameter's own value that a file means, in a box; None: it cannot be."""
    if value_count(parameter) is not None and not isinstance(parameter, IntUniform):
        return _same(parameter, given)
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        return None
    match parameter:
        case IntUniform(low, high):
            fits = low <= given <= high and float(given).is_integer()
            return (int(given),) if fits else None
        case Uniform(low, high) | LogUniform(low, high):
            return (given,) if low <= given <= high else None
        case Quantized(q=q):
            count = round(given / q)
            return (multiple(count, q),) if _equal(multiple(count, q), given) else None
        case LogNormal():
            return (given,) if given > 0 else None
        case Normal():
            return (given,)
        case _:
            return (given,) if 0 <= given <= 1 else None
