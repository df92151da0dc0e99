"""What a search space holds, in words: paths, ranges, and what a grid cannot count.

Owns: the wording of a range. Imports nothing but ``sweeper.model`` and this room.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from sweeper.config.leaves import Entry, entries
from sweeper.config.problems import Path, clipped
from sweeper.expression import Expression
from sweeper.model import (
    Beta,
    Categorical,
    Constant,
    Continuous,
    IntUniform,
    LogNormal,
    LogUniform,
    Nested,
    Normal,
    Parameter,
    Quantized,
    Unconditional,
    Uniform,
    Value,
)

_MOST = 10  # values that are listed one by one
_LONGEST = 40  # characters of one value


def parameter_paths(space: Mapping[str, Parameter]) -> tuple[str, ...]:
    """Return the dotted paths of all parameters and of all nested groups, sorted."""
    return tuple(sorted(entry.dotted for entry in entries(space)))


def uncountable(space: Mapping[str, Parameter]) -> tuple[tuple[Path, str], ...]:
    """Return the parameters that a grid cannot count.

    W&B's grid takes constant, categorical, int_uniform and q_uniform.

    Returns:
        The place of each below ``parameters``, and what to do about it.
    """
    found = ((entry.place, _why_uncountable(entry.parameter)) for entry in entries(space))
    return tuple((place, what) for place, what in found if what)


def _why_uncountable(parameter: Unconditional) -> str | None:
    """Say why a grid cannot count a parameter; None: it can."""
    others = "or method: random or bayes"
    match parameter:
        case Constant() | IntUniform() | Nested() | Categorical(_, None):
            return None
        case Categorical():
            return f"has probabilities, which a grid cannot follow; drop them, {others}"
        case Quantized(Uniform()):
            return None
        case Quantized():
            return f"is not counted by a grid; list values, use distribution: q_uniform, {others}"
        case _:
            return (
                "is continuous, which a grid cannot count; list values, use distribution: "
                f"q_uniform, {others}"
            )


def ranges(space: Mapping[str, Parameter]) -> tuple[tuple[str, str], ...]:
    """Return the dotted path of each parameter and, in words, what it can be and when."""
    return tuple((entry.dotted, _range(entry)) for entry in entries(space) if not entry.is_group)


def _range(entry: Entry) -> str:
    conditions = [condition for _, condition in entry.conditions]
    when = f" when {_all_of(conditions)}" if conditions else ""
    return f"{_described(entry.parameter)}{when}"


def _all_of(conditions: Sequence[Expression]) -> str:
    """Join conditions that must all hold."""
    if len(conditions) == 1:
        return conditions[0].text
    return " and ".join(f"({condition})" for condition in conditions)


def _described(parameter: Unconditional) -> str:
    """Say what a parameter can be."""
    match parameter:
        case Constant(value):
            return f"always {_shown(value)}"
        case Categorical(values, None):
            return f"one of {_several([_shown(value) for value in values])}"
        case Categorical(values, weights):
            shares = zip(values, weights or (), strict=True)
            return f"one of {_several([f'{_shown(it)} ({share:.3g})' for it, share in shares])}"
        case IntUniform(low, high):
            return f"whole number in [{low}, {high}]"
        case Quantized(base, q):
            return f"multiple of {_number(q)}{_law(base, q)}"
        case Nested():
            return "group of parameters"
        case Normal() | LogNormal():
            return _law(parameter, None).removeprefix(", ")
        case _:
            return f"real number{_law(parameter, None)}"


def _law(law: Continuous, q: float | None) -> str:
    """Say how a number is drawn; with ``q``, of its multiples."""
    match law:
        case Uniform(low, high):
            return f" in {_interval(low, high, q)}"
        case LogUniform(low, high):
            return f" in {_interval(low, high, q)}, log scale"
        case Normal(mu, sigma):
            return f", normal, mean {_number(mu)}, deviation {_number(sigma)}"
        case LogNormal(mu, sigma):
            moments = f"mean {_number(mu)}, deviation {_number(sigma)}"
            return f", log-normal, of the logarithm {moments}"
        case Beta(a, b):
            return f" in {_interval(0.0, 1.0, q)}, beta, a {_number(a)}, b {_number(b)}"


def _interval(low: float, high: float, q: float | None) -> str:
    """Write an interval; bounds are rounded to multiples of ``q``, as the values are."""
    if q is not None:  # nothing is clipped, so that the ends may leave the range
        low, high = round(low / q) * q, round(high / q) * q
    return f"[{_number(low)}, {_number(high)}]"


def _number(number: float) -> str:
    return f"{number:.6g}"


def _several(words: Sequence[str]) -> str:
    """List words, the middle of many left out."""
    if len(words) <= _MOST:
        return ", ".join(words)
    return f"{', '.join(words[: _MOST - 2])} ... {words[-1]} ({len(words)} values)"


def _shown(value: Value) -> str:
    return clipped(json.dumps(value, ensure_ascii=False), _LONGEST)
