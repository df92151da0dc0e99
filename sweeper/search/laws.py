"""The laws of single parameters: quantiles, supports, lists of values, random draws.

Owns: what values a parameter can take and how probable they are. Must not import optuna; scipy is
imported only where a beta variable is in the space.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from decimal import Decimal
from random import Random
from statistics import NormalDist

from sweeper.model import (
    Beta,
    Categorical,
    Constant,
    Continuous,
    IntUniform,
    LogNormal,
    LogUniform,
    Normal,
    Quantized,
    Uniform,
    Value,
)
from sweeper.search.values import identity, multiple

__all__ = [
    "EDGE",
    "Leafy",
    "allowed",
    "at_quantile",
    "count_range",
    "cumulative",
    "draw",
    "interval",
    "is_counted",
    "listed",
    "quantile",
    "value_count",
]

Leafy = Constant | Categorical | IntUniform | Continuous | Quantized

# Quantiles stay this far from 0 and 1, where a normal variable would be infinite: seven standard
# deviations, which no sweep can tell from the whole law.
EDGE = 1e-12
_LARGEST_LOG = 700.0  # exp(709.8) overflows


def quantile(law: Continuous, u: float) -> float:
    """Return the value below which a share ``u`` of the law lies, 0 < u < 1."""
    match law:
        case Uniform(low, high):
            return _inside(low + (high - low) * u, low, high)
        case LogUniform(low, high):
            between = math.log(low) + (math.log(high) - math.log(low)) * u
            return _inside(math.exp(between), low, high)
        case Normal(mu, sigma):
            return NormalDist(mu, sigma).inv_cdf(u)
        case LogNormal(mu, sigma):
            return math.exp(min(NormalDist(mu, sigma).inv_cdf(u), _LARGEST_LOG))
        case Beta(a, b):
            from scipy.special import betaincinv

            return float(betaincinv(a, b, u))


def cumulative(law: Continuous, x: float) -> float:
    """Return the share of the law below ``x``: the inverse of ``quantile``."""
    match law:
        case Uniform(low, high):
            return _inside((x - low) / (high - low), 0.0, 1.0)
        case LogUniform(low, high):
            return 0.0 if x <= low else min(math.log(x / low) / math.log(high / low), 1.0)
        case Normal(mu, sigma):
            return NormalDist(mu, sigma).cdf(x)
        case LogNormal(mu, sigma):
            return 0.0 if x <= 0 else NormalDist(mu, sigma).cdf(math.log(x))
        case Beta(a, b):
            from scipy.special import betainc

            return float(betainc(a, b, _inside(x, 0.0, 1.0)))


def _inside(x: float, low: float, high: float) -> float:
    return min(max(x, low), high)


def at_quantile(parameter: Continuous | Quantized | Categorical, u: float) -> Value:
    """Return the value of a parameter at a quantile, rounded to its multiples where it has any."""
    match parameter:
        case Categorical(values, weights):
            assert weights is not None  # what has none is drawn by its index
            return values[min(bisect_right(_shares(weights), u), _last_possible(weights))]
        case Quantized(base, q):
            return multiple(round(quantile(base, u) / q), q)
        case _:
            return quantile(parameter, u)


def interval(parameter: Quantized | Categorical, position: int) -> tuple[float, float]:
    """Return the quantiles between which a value lies.

    Args:
        parameter: A quantised or a weighted one.
        position: The value as a count of ``q``, or as its index.
    """
    if isinstance(parameter, Categorical):
        assert parameter.weights is not None  # as above
        shares = (0.0, *_shares(parameter.weights))
        return shares[position], shares[position + 1]
    q = parameter.q
    return (
        cumulative(parameter.base, (position - 0.5) * q),
        cumulative(parameter.base, (position + 0.5) * q),
    )


def _shares(weights: Sequence[float]) -> tuple[float, ...]:
    """Return the running sums of weights; the last one is 1."""
    total = math.fsum(weights)
    return tuple(part / total for part in itertools.accumulate(weights))


def _last_possible(weights: Sequence[float]) -> int:
    return max(index for index, weight in enumerate(weights) if weight > 0)


def is_counted(parameter: Quantized) -> bool:
    """Tell whether every multiple of ``q`` from bound to bound is as good as any other.

    Both bounds of a uniform base are multiples of ``q``: Optuna can walk them in steps. W&B gives
    the two end points half the weight of an inner one, which a search does not notice.
    """
    if not isinstance(parameter.base, Uniform):
        return False
    q = Decimal(repr(parameter.q))
    return all(Decimal(repr(b)) % q == 0 for b in (parameter.base.low, parameter.base.high))


def count_range(parameter: Quantized) -> tuple[int, int] | None:
    """Return the smallest and largest multiple that has a chance, in units of q; None: endless.

    Source: W&B rounds half to even and does not clip to the range (docs.wandb.ai, sweep
    configuration, q_uniform); a multiple that only the very end of the range rounds to is never
    drawn.
    """
    match parameter.base:
        case Uniform(low, high) | LogUniform(low, high):
            pass
        case Beta():
            low, high = 0.0, 1.0
        case _:
            return None
    q, half = Decimal(repr(parameter.q)), Decimal("0.5")
    if is_counted(parameter):
        return round(Decimal(repr(low)) / q), round(Decimal(repr(high)) / q)
    first = math.floor(Decimal(repr(low)) / q + half)
    return first, max(math.ceil(Decimal(repr(high)) / q - half), first)


def value_count(parameter: Leafy) -> int | None:
    """Count the values of a parameter; None: endless."""
    match parameter:
        case Constant():
            return 1
        case Categorical():
            return len(_possible(parameter))
        case IntUniform(low, high):
            return high - low + 1
        case Quantized():
            ends = count_range(parameter)
            return None if ends is None else ends[1] - ends[0] + 1
        case _:
            return None


def listed(parameter: Leafy) -> Iterator[Value]:
    """Yield the values of a parameter that has finitely many, in their order."""
    match parameter:
        case Constant(value):
            yield value
        case Categorical():
            yield from _possible(parameter)
        case IntUniform(low, high):
            yield from range(low, high + 1)
        case Quantized() if (ends := count_range(parameter)) is not None:
            yield from (multiple(count, parameter.q) for count in range(ends[0], ends[1] + 1))
        case _:
            raise ValueError(f"{parameter} is endless")


def _possible(parameter: Categorical) -> list[Value]:
    """Return the values that have a chance, each once."""
    weights = parameter.weights or (1.0,) * len(parameter.values)
    pairs = zip(parameter.values, weights, strict=True)
    return list({identity(value): value for value, weight in pairs if weight > 0}.values())


def draw(parameter: Leafy, random: Random) -> Value:
    """Draw a value by the parameter's own law."""
    match parameter:
        case Constant(value):
            return value
        case Categorical(values, weights):
            return random.choices(values, weights)[0] if weights else random.choice(values)
        case IntUniform(low, high):
            return random.randint(low, high)
        case Quantized() if is_counted(parameter) and (ends := count_range(parameter)):
            return multiple(random.randint(*ends), parameter.q)
        case _:
            return at_quantile(parameter, min(max(random.random(), EDGE), 1 - EDGE))


def allowed(parameter: Leafy) -> str:
    """Say in words what a parameter can be, for messages."""
    match parameter:
        case Constant(value):
            return repr(value)
        case Categorical():
            return f"one of {_possible(parameter)!r}"
        case IntUniform(low, high):
            return f"a whole number from {low} to {high}"
        case Uniform(low, high) | LogUniform(low, high):
            return f"a number from {low:g} to {high:g}"
        case Normal():
            return "a number"
        case LogNormal():
            return "a number above 0"
        case Beta():
            return "a number from 0 to 1"
        case Quantized(q=q):
            ends = count_range(parameter)
            between = "" if ends is None else f" from {ends[0] * q:g} to {ends[1] * q:g}"
            return f"a multiple of {q:g}{between}"
