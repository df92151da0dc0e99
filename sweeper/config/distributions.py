"""The distributions of a search space: their keys, how each is built and how each is written.

Owns: the table of distributions and the checks of their values. Imports nothing but
``sweeper.model`` and this room.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeGuard

from sweeper.config.problems import Path, Problem, Several, kind, looks_like_number, shown
from sweeper.model import (
    Categorical,
    Constant,
    IntUniform,
    LogUniform,
    Parameter,
    Quantized,
    Uniform,
)

# Takes a warning: the place below the parameter, and what it says.
Note = Callable[[Path, str], None]

_EXACT = 2**53  # samplers work in double precision, which is exact for whole numbers up to here
_LARGEST = 8e307  # twice this is still finite, so that the width of a range is


@dataclass(frozen=True, slots=True)
class Form:
    """A distribution: its keys and how it is built from them."""

    required: tuple[str, ...]
    optional: tuple[str, ...]
    build: Callable[[Mapping[str, Any], Note], Parameter]

    @property
    def keys(self) -> tuple[str, ...]:
        """Return its keys besides ``distribution``."""
        return (*self.required, *self.optional)


def written_space(space: Mapping[str, Parameter]) -> dict[str, dict[str, Any]]:
    """Write a search space as ``read_space`` reads it, every distribution named."""
    return {name: _written(parameter) for name, parameter in space.items()}


def _written(parameter: Parameter) -> dict[str, Any]:
    """Write one parameter."""
    match parameter:
        case Constant(value):
            return {"distribution": "constant", "value": value}
        case Categorical(values):
            return {"distribution": "categorical", "values": list(values)}
        case IntUniform(low, high):
            return {"distribution": "int_uniform", "min": low, "max": high}
        case Uniform(low, high):
            return {"distribution": "uniform", "min": low, "max": high}
        case LogUniform(low, high):
            return {"distribution": "log_uniform_values", "min": low, "max": high}
        case Quantized(low, high, q):
            return {"distribution": "q_uniform", "min": low, "max": high, "q": q}


def _constant(raw: Mapping[str, Any], note: Note) -> Constant:
    _check_json(raw["value"], ("value",))
    return Constant(raw["value"])


def _categorical(raw: Mapping[str, Any], note: Note) -> Categorical:
    values = raw["values"]
    if not isinstance(values, list):
        what = f"must be a list, got {kind(values)}; write values: [{shown(values)}]"
        fail(("values",), what)
    if not values:
        fail(("values",), "must not be empty")
    _check_json(values, ("values",))
    distinct: dict[str, Any] = {}
    for value in values:  # as JSON text, values of different types differ: 1, 1.0 and true
        distinct.setdefault(json.dumps(value, sort_keys=True), value)
    return Categorical(tuple(distinct.values()))


def _int_uniform(raw: Mapping[str, Any], note: Note) -> IntUniform:
    problems = []
    bounds: dict[str, int] = {}
    for key in ("min", "max"):
        number = raw[key]
        if isinstance(number, float) and number.is_integer():
            note((key,), f"{shown(number)} is read as {int(number)}: int_uniform is whole numbers")
            number = int(number)
        if not is_int(number):
            mend = "; use distribution: uniform" if isinstance(number, float) else ""
            problems.append(Problem((key,), f"must be a whole number, got {kind(number)}{mend}"))
        elif abs(number) > _EXACT:
            problems.append(Problem((key,), f"must be within 2**53, got {shown(number)}"))
        else:
            bounds[key] = number
    if problems:
        raise Several(problems)
    _check_order(raw)
    return IntUniform(bounds["min"], bounds["max"])


def _uniform(raw: Mapping[str, Any], note: Note) -> Uniform:
    return Uniform(*_real_bounds(raw))


def _log_uniform(raw: Mapping[str, Any], note: Note) -> LogUniform:
    low, high = _real_bounds(raw)
    if low <= 0:
        fail(("min",), f"must be more than 0 for a logarithmic scale, got {shown(raw['min'])}")
    return LogUniform(low, high)


def _quantized(raw: Mapping[str, Any], note: Note) -> Quantized:
    low, high = _real_bounds(raw)
    q = raw.get("q", 1.0)
    if not is_number(q) or not 0 < q <= _LARGEST:
        fail(("q",), f"must be a number more than 0, got {kind(q)}")
    if max(abs(low), abs(high)) / q > _LARGEST:
        fail(("q",), f"is too small for the range: {low:g} to {high:g} in steps of {q:g}")
    return Quantized(low, high, q)


FORMS: dict[str, Form] = {
    "constant": Form(("value",), (), _constant),
    "categorical": Form(("values",), (), _categorical),
    "int_uniform": Form(("min", "max"), (), _int_uniform),
    "uniform": Form(("min", "max"), (), _uniform),
    "log_uniform_values": Form(("min", "max"), (), _log_uniform),
    "q_uniform": Form(("min", "max"), ("q",), _quantized),
}


def _real_bounds(raw: Mapping[str, Any]) -> tuple[float, float]:
    """Check ``min`` and ``max`` as real numbers."""
    problems = []
    for key in ("min", "max"):
        number = raw[key]
        if not is_number(number):
            mend = "; write it without quotes" if looks_like_number(number) else ""
            problems.append(Problem((key,), f"must be a number, got {kind(number)}{mend}"))
        elif not abs(number) <= _LARGEST:
            problems.append(Problem((key,), f"must be finite, got {shown(number)}"))
    if problems:
        raise Several(problems)
    _check_order(raw)
    return float(raw["min"]), float(raw["max"])


def _check_order(raw: Mapping[str, Any]) -> None:
    """Check that ``min`` is smaller than ``max``."""
    low, high = raw["min"], raw["max"]
    if low < high:
        return
    mend = "swap them" if low > high else f"a fixed number is {{value: {shown(low)}}}"
    what = f"must be smaller than max, got min={shown(low)} max={shown(high)}; {mend}"
    raise Several([Problem(("min",), what, beside="max")])


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


def is_number(value: object) -> TypeGuard[int | float]:
    """Tell whether a value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_int(value: object) -> TypeGuard[int]:
    """Tell whether a value is a whole number as written; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def fail(path: Path, what: str) -> NoReturn:
    """Raise a single problem."""
    raise Several([Problem(path, what)])
