"""What is no parameter at all, and how what was probably meant is written.

Owns: the wording for values without a form and for distributions that do not exist. Imports nothing
but this room.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any, NoReturn

from sweeper.config.distributions import FORMS
from sweeper.config.laws import MODERN
from sweeper.config.numbers import fail
from sweeper.config.problems import kind, listed, nearest, shown

# What other tools call them: Optuna, Hyperopt, Ray Tune, NumPy and SciPy.
_ELSEWHERE = {
    "choice": "categorical",
    "float": "uniform",
    "gaussian": "normal",
    "int": "int_uniform",
    "integer": "int_uniform",
    "log": "log_uniform_values",
    "loguniform": "log_uniform_values",
    "lognormal": "log_normal",
    "qloguniform": "q_log_uniform_values",
    "qlognormal": "q_log_normal",
    "qnormal": "q_normal",
    "quniform": "q_uniform",
    "randint": "int_uniform",
}
_COMPARED = 20  # keys; nobody misspells more of one parameter
_FORM_KEYS = ("value", "values", "min", "max", "parameters", "distribution")
# Keys that only a named distribution has, and which one they probably mean.
_TELLING = {"mu": "normal", "sigma": "normal", "a": "beta", "b": "beta", "q": "q_uniform"}


def refuse_bare(raw: object) -> NoReturn:
    """Say how a value that stands for itself is written."""
    if raw is None:
        fail((), "is empty; write {value: ...}, {values: [...]} or {min: ..., max: ...}")
    key = "values" if isinstance(raw, list) else "value"
    fail((), f"must be a mapping, got {kind(raw)}; write {{{key}: {shown(raw)}}}")


def refuse_formless(raw: Mapping[str, Any]) -> NoReturn:
    """Say which form a mapping of other keys may be."""
    telling = [key for key in _TELLING if key in raw]
    first = islice(raw, _COMPARED)
    misspelt = {key: near for key in first if (near := nearest(key, _FORM_KEYS))}
    if telling:
        mend = f"name the distribution, such as distribution: {_TELLING[telling[0]]}"
    elif misspelt:
        mend = "; ".join(f"for {key}, did you mean {near}?" for key, near in misspelt.items())
    elif any(_is_parameter(value) for value in raw.values()):
        mend = "a group of parameters is written {parameters: {...}}"
    else:
        mend = f"a mapping as a value is written {{value: {shown(raw)}}}"
    fail((), f"has neither value, values, nor min and max; {mend}")


def _is_parameter(value: object) -> bool:
    return isinstance(value, Mapping) and not value.keys().isdisjoint(_FORM_KEYS)


def refuse_distribution(given: object) -> NoReturn:
    """Say which distributions there are."""
    modern = [name for name in FORMS if name not in MODERN]
    what = f"{shown(given)} is no distribution"
    if not isinstance(given, str):
        fail(("distribution",), f"{what}; there is {listed(modern)}")
    plain = given.casefold().replace("-", "_")
    near = _ELSEWHERE.get(plain.replace("_", "")) or nearest(plain, list(FORMS))
    if near:
        fail(("distribution",), f"{what}; did you mean {MODERN.get(near, near)}?")
    fail(("distribution",), f"{what}; there is {listed(modern)}")
