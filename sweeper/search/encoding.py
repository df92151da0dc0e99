"""Params to Optuna's distributions and back.

Owns: how each parameter is drawn by Optuna. Categorical values travel as their index, so that
lists, mappings and null are values like any other; quantised ones as a count of quanta.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

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
from sweeper.search.space import identity, multiple, quanta

__all__ = ["decode", "distributions", "encode"]


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """Return Optuna's distribution of each parameter that varies, names sorted."""
    found = {name: _distribution(space[name]) for name in sorted(space)}
    return {name: item for name, item in found.items() if item is not None}


def _distribution(parameter: Parameter) -> BaseDistribution | None:
    match parameter:
        case Constant():
            return None
        case Categorical(values):
            return CategoricalDistribution(list(range(len(values))))
        case IntUniform(low, high):
            return IntDistribution(low, high)
        case Quantized():
            return IntDistribution(*quanta(parameter))
        case Uniform(low, high):
            return FloatDistribution(low, high)
        case LogUniform(low, high):
            return FloatDistribution(low, high, log=True)


def decode(space: Space, drawn: Mapping[str, Any]) -> dict[str, Value]:
    """Turn what Optuna drew into what the objective gets."""
    return {name: _decode(space[name], drawn.get(name)) for name in sorted(space)}


def _decode(parameter: Parameter, drawn: Any) -> Value:
    match parameter:
        case Constant(value):
            return value
        case Categorical(values):
            return values[drawn]
        case Quantized(q=q):
            return multiple(drawn, q)
        case IntUniform():
            return int(drawn)
        case _:
            return float(drawn)


def encode(space: Space, params: Params) -> dict[str, Any]:
    """Turn params into what Optuna would have drawn.

    Raises:
        SpaceError: If they are not a point of the space.
    """
    if set(params) != set(space):
        raise SpaceError(f"a recorded trial has the parameters {sorted(params)}, not those here")
    drawn = {
        name: _encode(name, space[name], value)
        for name, value in params.items()
        if not isinstance(space[name], Constant)
    }
    return {name: drawn[name] for name in sorted(drawn)}


def _encode(name: str, parameter: Parameter, value: Value) -> Any:
    match parameter:
        case Categorical(values):
            wanted = identity(value)
            for index, candidate in enumerate(values):
                if identity(candidate) == wanted:
                    return index
        case IntUniform(low, high) if isinstance(value, int) and low <= value <= high:
            return value
        case Quantized(q=q) if isinstance(value, int | float):
            count, (first, last) = round(value / q), quanta(parameter)
            if first <= count <= last and multiple(count, q) == value:
                return count
        case Uniform(low, high) | LogUniform(low, high) if isinstance(value, int | float):
            if low <= value <= high:
                return float(value)
        case _:
            pass
    raise SpaceError(
        f"parameters.{name}: a recorded trial has {value!r}, which is not in the space"
    )
