"""The search space as the product sees it: sizes, grids, random points.

Owns: what a whole space holds. Must not import optuna: the mapping to it is ``encoding.py``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from random import Random

from sweeper.errors import SpaceError
from sweeper.expression import Expression
from sweeper.model import (
    Categorical,
    Conditional,
    Constant,
    Nested,
    Parameter,
    Params,
    Quantized,
    Space,
    Unconditional,
    Uniform,
    Value,
)
from sweeper.search.flat import FlatSpace, Leaf, flatten
from sweeper.search.laws import Leafy, listed, value_count
from sweeper.search.values import identity, point_identity, without_ignored

__all__ = [
    "ENUMERABLE",
    "count_points",
    "every_point",
    "gridded",
    "identity",
    "point_identity",
    "random_point",
    "size",
]

ENUMERABLE = 100_000  # a space of up to so many points is listed, to count it or to exhaust it
_MOST_VALUES = 1_000_000  # of one parameter in a grid
_MOST_SORTED = 1_000_000  # points of a grid with conditions, which is put in order as a whole


def size(
    space: Space,
    *,
    without: frozenset[str] = frozenset(),
    constraints: Sequence[Expression] = (),
) -> int | None:
    """Count the points of a space; None: it is endless, or too large to be counted.

    Without conditions and constraints the count is exact at any size. With them the points are
    enumerated, up to 100,000; beyond that there is no count, since a bound is none.

    Args:
        space: The parameters.
        without: Names or dotted paths that do not make points different.
        constraints: What points must satisfy to count.
    """
    return count_points(flatten(space), without, constraints)


def count_points(
    flat: FlatSpace, without: frozenset[str], constraints: Sequence[Expression]
) -> int | None:
    """Do what ``size`` does for a space that is laid flat already."""
    used = {
        name.split(".")[0]
        for expression in _conditions(flat, constraints)
        for name in expression.names
    }
    leaves = [
        replace(leaf, parameter=Constant(None))
        if leaf.ignored(without) and leaf.path[0].split(".")[0] not in used
        else leaf
        for leaf in flat.leaves
    ]
    if not used:
        return _product(leaves, without)
    if any(value_count(leaf.parameter) is None for leaf in leaves):
        return None
    points = [*itertools.islice(FlatSpace(leaves, flat.groups).points(), ENUMERABLE + 1)]
    if len(points) > ENUMERABLE:
        return None
    nested = (flat.nest(point) for point in points)
    feasible = (p for p in nested if all(constraint.allows(p) for constraint in constraints))
    return len({point_identity(point, without) for point in feasible})


def _conditions(flat: FlatSpace, constraints: Sequence[Expression]) -> Iterator[Expression]:
    yield from constraints
    for leaf in flat.leaves:
        yield from leaf.conditions


def _product(leaves: Sequence[Leaf], without: frozenset[str]) -> int | None:
    counts = [_count(leaf, without) for leaf in leaves]
    return None if None in counts else math.prod(count for count in counts if count is not None)


def _count(leaf: Leaf, without: frozenset[str]) -> int | None:
    if not isinstance(leaf.parameter, Categorical):
        return value_count(leaf.parameter)
    values = (without_ignored(value, leaf.dotted, without) for value in listed(leaf.parameter))
    return len({identity(value) for value in values})


def random_point(space: Space, random: Random) -> Params:
    """Draw a point, each active parameter by its own law."""
    return flatten(space).random_point(random)


def every_point(space: Space) -> Iterator[Params]:
    """Enumerate a finite space as W&B's grid does.

    Names are sorted, values stand as written, the last name varies fastest, nested mappings are
    part of the product; what differs only in parameters that are not there is one point.

    Source: wandb/sweeps, ``grid_search.py``.

    Raises:
        SpaceError: If the space is endless, or has conditions and too many points to be sorted.
    """
    flat = flatten(space)
    for leaf in flat.leaves:
        if value_count(leaf.parameter) is None:
            raise SpaceError(f"parameters.{leaf.dotted}: {_NO_LIST}")
    chosen = flat.points()
    return (flat.nest(point) for point in (_sorted(flat, chosen) if flat.conditional else chosen))


_NO_LIST = (
    "method grid needs a finite list of values; give values: [...] or use method random or bayes"
)


def _sorted(flat: FlatSpace, chosen: Iterator[dict[str, Value]]) -> list[dict[str, Value]]:
    """Put points in the order in which the plain product of all leaves has each first."""
    points = list(itertools.islice(chosen, _MOST_SORTED + 1))
    if len(points) > _MOST_SORTED:
        raise SpaceError(
            f"parameters: method grid would try more than {_MOST_SORTED:,} points of a space with "
            "conditions; list fewer values, or use method random or bayes"
        )
    places = {
        leaf.name: {identity(value): place for place, value in enumerate(listed(leaf.parameter))}
        for leaf in flat.by_path
    }

    def place(point: dict[str, Value]) -> tuple[int, ...]:
        return tuple(
            places[leaf.name][identity(point[leaf.name])] if leaf.name in point else 0
            for leaf in flat.by_path
        )

    return sorted(points, key=place)


def gridded(space: Space) -> Space:
    """Replace each parameter by the list of values that grid search tries.

    Source: W&B's grid search; its q_uniform leaves out the upper bound, and it takes no
    probabilities.

    Raises:
        SpaceError: If a parameter has no finite list of values.
    """
    return {name: _gridded(name, parameter) for name, parameter in space.items()}


def _gridded(path: str, parameter: Parameter) -> Parameter:
    if isinstance(parameter, Conditional):
        return Conditional(parameter.when, _listable(path, parameter.parameter))
    return _listable(path, parameter)


def _listable(path: str, parameter: Unconditional) -> Unconditional:
    if isinstance(parameter, Nested):
        inner = {n: _gridded(f"{path}.{n}", p) for n, p in parameter.parameters.items()}
        return Nested(inner)
    return parameter if isinstance(parameter, Constant) else Categorical(_grid(path, parameter))


def _grid(path: str, parameter: Leafy) -> tuple[Value, ...]:
    if isinstance(parameter, Categorical) and parameter.weights is not None:
        raise SpaceError(
            f"parameters.{path}: method grid tries every value once and takes no probabilities; "
            "leave them out, or use method random or bayes"
        )
    if isinstance(parameter, Quantized) and not isinstance(parameter.base, Uniform):
        raise SpaceError(f"parameters.{path}: {_NO_LIST}")
    count = value_count(parameter)
    if count is None:
        raise SpaceError(f"parameters.{path}: {_NO_LIST}")
    if count > _MOST_VALUES:
        raise SpaceError(
            f"parameters.{path}: method grid would try {count:,} values, more than "
            f"{_MOST_VALUES:,}; list fewer values, or use method random or bayes"
        )
    if isinstance(parameter, Quantized) and isinstance(parameter.base, Uniform):
        return _arange(parameter.base.low, parameter.base.high, parameter.q)
    return tuple(listed(parameter))


def _arange(low: float, high: float, q: int | float) -> tuple[Value, ...]:
    start, stop, step = (Decimal(repr(number)) for number in (low, high, q))
    count = math.ceil((stop - start) / step)
    points = [start + i * step for i in range(count)]
    whole = isinstance(q, int)
    return tuple(int(p) if whole and p == int(p) else float(p) for p in points)
