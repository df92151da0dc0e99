"""The search space as the product sees it: values, sizes, identity, random points.

Owns: what each parameter can be. Must not import optuna: the mapping to it is ``encoding.py``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Iterator, Mapping
from decimal import Decimal
from random import Random

from sweeper.errors import SpaceError
from sweeper.model import (
    Categorical,
    Constant,
    IntUniform,
    LogUniform,
    Parameter,
    Params,
    Quantized,
    Space,
    Uniform,
    Value,
)

__all__ = [
    "every_point",
    "gridded",
    "identity",
    "multiple",
    "point_identity",
    "quanta",
    "random_point",
    "size",
]


_MOST_VALUES = 1_000_000  # of one parameter in a grid


def identity(value: Value) -> Hashable:
    """Return a hashable, equal for equal JSON values only: ``1``, ``1.0`` and True differ."""
    if isinstance(value, Mapping):
        return ("mapping", frozenset((key, identity(item)) for key, item in value.items()))
    if isinstance(value, list | tuple):
        return ("list", tuple(identity(item) for item in value))
    return (type(value).__name__, value)


def multiple(count: int, q: int | float) -> int | float:
    """Return ``count * q`` without binary rounding noise: an int for an int ``q``."""
    return count * q if isinstance(q, int) else float(count * Decimal(repr(q)))


def quanta(parameter: Quantized) -> tuple[int, int]:
    """Return the smallest and largest multiple of ``q`` that the parameter can take, in units of q.

    Source: W&B's q_uniform is ``round(u / q) * q``, half to even, not clipped to the range.
    """
    return round(parameter.low / parameter.q), round(parameter.high / parameter.q)


def size(space: Space, *, without: frozenset[str] = frozenset()) -> int | None:
    """Count the points of a space; None: it is endless.

    Args:
        space: The parameters.
        without: Parameters that do not make points different.
    """
    counts = [_count(parameter) for name, parameter in space.items() if name not in without]
    return None if None in counts else math.prod(count for count in counts if count is not None)


def _count(parameter: Parameter) -> int | None:
    match parameter:
        case Constant():
            return 1
        case Categorical(values):
            return len({identity(value) for value in values})
        case IntUniform(low, high):
            return high - low + 1
        case Quantized():
            first, last = quanta(parameter)
            return last - first + 1
        case _:
            return None


def gridded(space: Space) -> Space:
    """Replace each parameter by the list of values that grid search tries.

    Source: W&B's grid search; its q_uniform leaves out the upper bound.

    Raises:
        SpaceError: If a parameter has no finite list of values.
    """
    return {
        name: parameter if isinstance(parameter, Constant) else Categorical(_grid(name, parameter))
        for name, parameter in space.items()
    }


def every_point(space: Space) -> Iterator[dict[str, Value]]:
    """Enumerate a finite space: names sorted, values as written, the last name varying fastest.

    Raises:
        SpaceError: If the space is endless.
    """
    axes = {name: _values(name, space[name]) for name in sorted(space)}
    return (dict(zip(axes, point, strict=True)) for point in itertools.product(*axes.values()))


def _values(name: str, parameter: Parameter) -> tuple[Value, ...]:
    match parameter:
        case Constant(value):
            return (value,)
        case Categorical(values):
            return tuple({identity(value): value for value in values}.values())
        case IntUniform(low, high):
            return tuple(range(low, high + 1))
        case Quantized():
            first, last = quanta(parameter)
            return tuple(multiple(count, parameter.q) for count in range(first, last + 1))
        case _:
            raise SpaceError(
                f"parameters.{name}: method grid needs a finite list of values, got a range of "
                "real numbers; give values: [...] or use method random or bayes"
            )


def _grid(name: str, parameter: Parameter) -> tuple[Value, ...]:
    count = _count(parameter)
    if count is not None and count > _MOST_VALUES:
        raise SpaceError(
            f"parameters.{name}: method grid would try {count:,} values, more than "
            f"{_MOST_VALUES:,}; list fewer values, or use method random or bayes"
        )
    if isinstance(parameter, Quantized):
        return _arange(parameter.low, parameter.high, parameter.q)
    return _values(name, parameter)


def _arange(low: float, high: float, q: int | float) -> tuple[Value, ...]:
    start, stop, step = (Decimal(repr(number)) for number in (low, high, q))
    count = math.ceil((stop - start) / step)
    points = [start + i * step for i in range(count)]
    whole = isinstance(q, int)
    return tuple(int(p) if whole and p == int(p) else float(p) for p in points)


def random_point(space: Space, random: Random) -> dict[str, Value]:
    """Draw a point, each parameter by its own law."""
    return {name: _draw(space[name], random) for name in sorted(space)}


def _draw(parameter: Parameter, random: Random) -> Value:
    match parameter:
        case Constant(value):
            return value
        case Categorical(values):
            return random.choice(values)
        case IntUniform(low, high):
            return random.randint(low, high)
        case Quantized():
            return multiple(random.randint(*quanta(parameter)), parameter.q)
        case Uniform(low, high):
            return random.uniform(low, high)
        case LogUniform(low, high):
            drawn = math.exp(random.uniform(math.log(low), math.log(high)))
            return min(max(drawn, low), high)


def point_identity(params: Params, without: frozenset[str]) -> Hashable:
    """Return what makes a point the same point as another.

    Args:
        params: The point.
        without: Names, or dotted paths into mappings, that do not make points different.
    """
    return identity({n: _without(v, n, without) for n, v in params.items() if n not in without})


def _without(value: Value, path: str, without: frozenset[str]) -> Value:
    if not isinstance(value, Mapping):
        return value
    inner = {f"{path}.{key}": (key, item) for key, item in value.items()}
    return {k: _without(v, p, without) for p, (k, v) in inner.items() if p not in without}
