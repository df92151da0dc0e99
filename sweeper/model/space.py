"""The search space: what each parameter can be, and when it is there at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweeper.expression import Expression

# A parameter's value: any JSON value (null, boolean, integer, float, text, list, mapping).
Value = Any
# A point as the objective gets it: nested parameters are mappings, inactive ones are absent.
Params = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Constant:
    """A parameter that the search does not vary."""

    value: Value


@dataclass(frozen=True, slots=True)
class Categorical:
    """One of the listed values; lists, mappings and null are values like any other.

    Attributes:
        values: What it can be, without repetition.
        weights: Probability of each, summing to 1; None: all alike.
    """

    values: tuple[Value, ...]
    weights: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class IntUniform:
    """A whole number between ``low`` and ``high``, both included."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Uniform:
    """A real number between ``low`` and ``high``."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class LogUniform:
    """A real number between ``low`` > 0 and ``high``, uniform in its logarithm."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Normal:
    """A normal variable; ``sigma`` > 0. Unbounded."""

    mu: float
    sigma: float


@dataclass(frozen=True, slots=True)
class LogNormal:
    """The exponential of a normal variable; ``sigma`` > 0."""

    mu: float
    sigma: float


@dataclass(frozen=True, slots=True)
class Beta:
    """A beta variable on [0, 1]; ``a``, ``b`` > 0."""

    a: float
    b: float


Continuous = Uniform | LogUniform | Normal | LogNormal | Beta


@dataclass(frozen=True, slots=True)
class Quantized:
    """A multiple of ``q``: ``round(x / q) * q`` for x drawn from ``base``, half to even.

    The value is not clipped to the range of ``base``, as in W&B; it is an int when ``q`` is an int,
    else a float.
    """

    base: Continuous
    q: int | float


@dataclass(frozen=True, slots=True)
class Nested:
    """A mapping of parameters; the objective gets a mapping of their values."""

    parameters: Mapping[str, Parameter]


@dataclass(frozen=True, slots=True)
class Conditional:
    """A parameter that is there only when a condition over other parameters holds.

    Attributes:
        when: Names parameters by their dotted path from the top of the space.
        parameter: What it is then; it is no ``Conditional`` itself.
    """

    when: Expression
    parameter: Unconditional


Unconditional = Constant | Categorical | IntUniform | Continuous | Quantized | Nested
Parameter = Unconditional | Conditional
Space = Mapping[str, Parameter]
