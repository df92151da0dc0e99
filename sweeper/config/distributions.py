"""The distributions of a search space: their keys, how each is built and how each is written.

Owns: the table of W&B's distributions
(https://docs.wandb.ai/guides/sweeps/sweep-config-keys#distribution-options-for-random-and-bayesian-search;
``beta``, ``q_beta`` and the defaults of the normal ones are in the schema of W&B's client).
Imports nothing but ``sweeper.model`` and this room.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sweeper.config import laws
from sweeper.config.choices import categorical, constant, weighted
from sweeper.config.laws import Note
from sweeper.config.numbers import EXACT, check_order, is_int
from sweeper.config.problems import Problem, Several, kind, looks_like_number, shown
from sweeper.model import (
    Beta,
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
    Quantized,
    Unconditional,
    Uniform,
)


@dataclass(frozen=True, slots=True)
class Form:
    """A distribution: its keys and how it is built from them."""

    required: tuple[str, ...]
    optional: tuple[str, ...]
    build: Callable[[Mapping[str, Any], Note], Unconditional]

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
        case Conditional(when, inner):
            return {**_written(inner), "when": when.text}
        case Nested(parameters):
            return {"parameters": written_space(parameters)}
        case Constant(value):
            return {"distribution": "constant", "value": value}
        case Categorical(values, None):
            return {"distribution": "categorical", "values": list(values)}
        case Categorical(values, weights):
            name = "categorical_w_probabilities"
            return {
                "distribution": name,
                "values": list(values),
                "probabilities": list(weights or ()),
            }
        case IntUniform(low, high):
            return {"distribution": "int_uniform", "min": low, "max": high}
        case Quantized(base, q):
            law = _written_law(base)
            return {**law, "distribution": f"q_{law['distribution']}", "q": q}
        case _:
            return _written_law(parameter)


def _written_law(law: Continuous) -> dict[str, Any]:
    """Write a continuous distribution."""
    match law:
        case Uniform(low, high):
            return {"distribution": "uniform", "min": low, "max": high}
        case LogUniform(low, high):
            return {"distribution": "log_uniform_values", "min": low, "max": high}
        case Normal(mu, sigma):
            return {"distribution": "normal", "mu": mu, "sigma": sigma}
        case LogNormal(mu, sigma):
            return {"distribution": "log_normal", "mu": mu, "sigma": sigma}
        case Beta(a, b):
            return {"distribution": "beta", "a": a, "b": b}


def _int_uniform(raw: Mapping[str, Any], note: Note) -> IntUniform:
    """Read whole bounds; 2.0 is one, with a warning."""
    problems = []
    whole: dict[str, int] = {}
    for key in ("min", "max"):
        number = raw[key]
        if isinstance(number, float) and number.is_integer():
            note((key,), f"{shown(number)} is read as {int(number)}: int_uniform is whole numbers")
            number = int(number)
        if not is_int(number):
            mend = "; use distribution: uniform" if isinstance(number, float) else ""
            mend = "; write it without quotes" if looks_like_number(number) else mend
            problems.append(Problem((key,), f"must be a whole number, got {kind(number)}{mend}"))
        elif abs(number) > EXACT:
            problems.append(Problem((key,), f"must be within 2**53, got {shown(number)}"))
        else:
            whole[key] = number
    if problems:
        raise Several(problems)
    check_order(raw)
    return IntUniform(whole["min"], whole["max"])


_BOUNDS = ("min", "max")
_MOMENTS = ("mu", "sigma")
# Every distribution; nested parameters are a form without one.
FORMS: dict[str, Form] = {
    "constant": Form(("value",), (), lambda raw, note: constant(raw)),
    "categorical": Form(("values",), (), lambda raw, note: categorical(raw)),
    "categorical_w_probabilities": Form(
        ("values", "probabilities"), (), lambda raw, note: weighted(raw)
    ),
    "int_uniform": Form(_BOUNDS, (), _int_uniform),
    "uniform": Form(_BOUNDS, (), laws.uniform),
    "q_uniform": Form(_BOUNDS, ("q",), laws.quantized(laws.uniform)),
    "log_uniform": Form(_BOUNDS, (), laws.log_uniform),
    "log_uniform_values": Form(_BOUNDS, (), laws.log_uniform_values),
    "q_log_uniform": Form(_BOUNDS, ("q",), laws.quantized(laws.log_uniform)),
    "q_log_uniform_values": Form(_BOUNDS, ("q",), laws.quantized(laws.log_uniform_values)),
    "inv_log_uniform": Form(_BOUNDS, (), laws.inv_log_uniform),
    # The logarithm of 1/x is uniform exactly when that of x is.
    "inv_log_uniform_values": Form(_BOUNDS, (), laws.log_uniform_values),
    "normal": Form((), _MOMENTS, laws.normal),
    "q_normal": Form((), (*_MOMENTS, "q"), laws.quantized(laws.normal)),
    "log_normal": Form((), _MOMENTS, laws.log_normal),
    "q_log_normal": Form((), (*_MOMENTS, "q"), laws.quantized(laws.log_normal)),
    "beta": Form((), ("a", "b"), laws.beta),
    "q_beta": Form((), ("a", "b", "q"), laws.quantized(laws.beta)),
}
