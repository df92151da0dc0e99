"""When two values, and two points, are the same.

Owns: the identity of JSON values. Must not import optuna.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from decimal import Decimal

from sweeper.model import Params, Value

__all__ = ["identity", "multiple", "point_identity", "without_ignored"]


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


def point_identity(params: Params, without: frozenset[str]) -> Hashable:
    """Return what makes a point the same point as another.

    Args:
        params: The point.
        without: Names, or dotted paths into mappings, that do not make points different.
    """
    return identity(
        {n: without_ignored(v, n, without) for n, v in params.items() if n not in without}
    )


def without_ignored(value: Value, path: str, without: frozenset[str]) -> Value:
    """Return what is left of a value at a dotted path when ignored paths are taken out."""
    if not isinstance(value, Mapping):
        return value
    inner = {f"{path}.{key}": (key, item) for key, item in value.items()}
    return {k: without_ignored(v, p, without) for p, (k, v) in inner.items() if p not in without}
