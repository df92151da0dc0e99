"""The continuous distributions, and their multiples of ``q``.

Owns: how each is built from its keys, and how far it reaches. Imports nothing but ``sweeper.model``
and this room.

Source: https://docs.wandb.ai/guides/sweeps/sweep-config-keys and the schema of W&B's client, which
alone has ``beta`` and the defaults of the normal ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from sweeper.config.numbers import LARGEST, LARGEST_EXPONENT, bounds, fail, reals, step
from sweeper.config.problems import Path, Several, shown
from sweeper.model import Beta, Continuous, LogNormal, LogUniform, Normal, Quantized, Uniform

# Takes a warning: the place below the parameter, and what it says.
Note = Callable[[Path, str], None]

# Deprecated by W&B, whose bounds are natural logarithms, and what takes the bounds themselves.
MODERN = {
    "log_uniform": "log_uniform_values",
    "q_log_uniform": "q_log_uniform_values",
    "inv_log_uniform": "log_uniform_values",
}
# Standard deviations from the mean that no sweep will ever see.
_FAR = 8.0


def uniform(raw: Mapping[str, Any], note: Note) -> Uniform:
    """Read a real number between bounds."""
    return Uniform(*bounds(raw))


def log_uniform_values(raw: Mapping[str, Any], note: Note) -> LogUniform:
    """Read a real number between bounds, uniform in its logarithm."""
    low, high = bounds(raw)
    if low <= 0:
        fail(("min",), f"must be more than 0 for a logarithmic scale, got {shown(raw['min'])}")
    return LogUniform(low, high)


def log_uniform(raw: Mapping[str, Any], note: Note) -> LogUniform:
    """Read the same with bounds that are natural logarithms, which W&B deprecates."""
    low, high = bounds(raw)
    return _from_exponents(raw, low, high, note)


def inv_log_uniform(raw: Mapping[str, Any], note: Note) -> LogUniform:
    """Read a number whose inverse is ``log_uniform``, which W&B deprecates."""
    low, high = bounds(raw)
    return _from_exponents(raw, -high, -low, note)


def _from_exponents(raw: Mapping[str, Any], low: float, high: float, note: Note) -> LogUniform:
    """Turn natural logarithms into the bounds themselves, and say which these are."""
    name = raw["distribution"]
    mend = f"write distribution: {MODERN[name]}"
    if max(-low, high) > LARGEST_EXPONENT:
        key = max(("min", "max"), key=lambda key: abs(raw[key]))
        what = (
            f"is an exponent of e in {name}, where it must be within {LARGEST_EXPONENT:g}, got "
            f"{shown(raw[key])}; {mend}, which takes the bounds themselves"
        )
        fail((key,), what)
    law = LogUniform(math.exp(low), math.exp(high))
    if not law.low < law.high:
        fail(("min",), f"and max are exponents of e in {name}, and too close to each other")
    what = f"is in [{law.low:.3g}, {law.high:.3g}], for {name} takes exponents of e"
    if raw["min"] > 0:  # so small learning rates and large layers are not written
        meant = f"if {shown(raw['min'])} to {shown(raw['max'])} is meant, {mend}"
        note((), f"{what}; {meant}; if not, min: {law.low!r}, max: {law.high!r} with it")
    else:
        note((), f"{what}; W&B deprecates it: {mend}, min: {law.low!r}, max: {law.high!r}")
    return law


def normal(raw: Mapping[str, Any], note: Note) -> Normal:
    """Read a normal variable."""
    mu, sigma = reals(raw, {"mu": 0.0, "sigma": 1.0}, positive=("sigma",))
    if _reach(mu, sigma) > LARGEST:
        fail(("sigma",), f"reaches beyond what a number can be, got {shown(sigma)}")
    return Normal(mu, sigma)


def log_normal(raw: Mapping[str, Any], note: Note) -> LogNormal:
    """Read the exponential of a normal variable."""
    mu, sigma = reals(raw, {"mu": 0.0, "sigma": 1.0}, positive=("sigma",))
    if mu + _FAR * sigma > LARGEST_EXPONENT:
        key = "mu" if mu > _FAR * sigma else "sigma"
        what = f"reaches e to the {mu + _FAR * sigma:g}, more than a number can be; mu and sigma "
        fail((key,), f"{what}are of the logarithm")
    return LogNormal(mu, sigma)


def beta(raw: Mapping[str, Any], note: Note) -> Beta:
    """Read a beta variable on [0, 1]."""
    return Beta(*reals(raw, {"a": 1.0, "b": 1.0}, positive=("a", "b")))


def _reach(mu: float, sigma: float) -> float:
    """Return how far from 0 a normal variable ever is."""
    return abs(mu) + _FAR * sigma


def _largest(law: Continuous) -> float:
    """Return the largest number, without its sign, that a law gives."""
    match law:
        case Uniform(low, high) | LogUniform(low, high):
            return max(abs(low), abs(high))
        case Normal(mu, sigma):
            return _reach(mu, sigma)
        case LogNormal(mu, sigma):
            return math.exp(mu + _FAR * sigma)
        case Beta():
            return 1.0


def quantized(
    build: Callable[[Mapping[str, Any], Note], Continuous],
) -> Callable[[Mapping[str, Any], Note], Quantized]:
    """Return how a distribution is built whose values are rounded to multiples of ``q``."""

    def quantized(raw: Mapping[str, Any], note: Note) -> Quantized:
        try:
            base = build(raw, note)
        except Several as several:
            problems = list(several.problems)
            try:
                step(raw, 1.0)
            except Several as more:
                problems.extend(more.problems)
            raise Several(problems) from several
        return Quantized(base, step(raw, _largest(base)))

    return quantized
