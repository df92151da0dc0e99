"""The ``parameters`` of a sweep file as a search space.

Owns: the forms of a parameter and how its distribution is inferred. A form means what it means to
W&B (https://docs.wandb.ai/guides/sweeps/sweep-config-keys); the written type decides: ``max: 10``
is a whole number and ``max: 10.0`` is not. Imports nothing but ``sweeper.model`` and this room.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NoReturn

from sweeper.config.distributions import FORMS, Note, fail, is_int, is_number
from sweeper.config.problems import Problem, Several, kind, listed, nearest, not_a_key, shown
from sweeper.model import Parameter

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")

# Distributions of W&B, and keys of its parameters, that this version does not have.
_OTHER_DISTRIBUTIONS = frozenset(
    {
        "beta",
        "categorical_w_probabilities",
        "inv_log_uniform",
        "inv_log_uniform_values",
        "log_normal",
        "log_uniform",
        "normal",
        "q_beta",
        "q_log_normal",
        "q_log_uniform",
        "q_log_uniform_values",
        "q_normal",
    }
)
_OTHER_KEYS = {
    "when": "conditional parameters are not in this version yet",
    "parameters": "nested parameters are a W&B form that this version does not have yet",
    "probabilities": "weighted values are a W&B form that this version does not have yet",
}


def read_space(raw: object, note: Note) -> dict[str, Parameter]:
    """Read the ``parameters`` of a sweep file.

    Args:
        raw: As the file has it.
        note: Takes warnings; places are relative to ``raw``.

    Returns:
        The search space, by name in alphabetical order, so that proposals do not depend on the
        order of the lines in the file.

    Raises:
        Several: Everything that is wrong, with places relative to ``raw``.
    """
    if not isinstance(raw, Mapping) or not raw:
        given = "an empty one" if raw == {} else kind(raw)
        fail((), f"must be a mapping of at least one parameter, got {given}")
    space: dict[str, Parameter] = {}
    problems: list[Problem] = []
    for name in sorted(raw):
        if not _NAME.fullmatch(name):
            what = "is no parameter name: letters, digits, _, . and -, beginning with a letter or _"
            problems.append(Problem((name,), what))
        try:
            space[name] = _parameter(raw[name], _below(name, note))
        except Several as several:
            problems.extend(problem.below((name,)) for problem in several.problems)
    if problems:
        raise Several(problems)
    return space


def _below(name: str, note: Note) -> Note:
    """Let warnings about a parameter name it."""
    return lambda path, what: note((name, *path), what)


def _parameter(raw: object, note: Note) -> Parameter:
    """Read one parameter."""
    if not isinstance(raw, Mapping):
        _refuse_bare(raw)
    for key, what in _OTHER_KEYS.items():
        if key in raw:
            fail((key,), what)
    name = raw["distribution"] if "distribution" in raw else _inferred(raw, note)
    if not isinstance(name, str) or name not in FORMS:
        _refuse_distribution(name)
    form = FORMS[name]
    needs = f"{name} needs {listed(form.required, 'and')}"
    problems = [
        Problem((), f"{needs}; {key} is missing") for key in form.required if key not in raw
    ]
    for key in raw:
        if key not in ("distribution", *form.keys):
            problems.append(Problem((key,), not_a_key(key, f"distribution {name}", form.keys)))
    if problems:
        raise Several(problems)
    return form.build(raw, note)


def _refuse_bare(raw: object) -> NoReturn:
    """Say how a value that stands for itself is written."""
    if raw is None:
        fail((), "is empty; write {value: ...}, {values: [...]} or {min: ..., max: ...}")
    key = "values" if isinstance(raw, list) else "value"
    fail((), f"must be a mapping, got {kind(raw)}; write {{{key}: {shown(raw)}}}")


def _refuse_distribution(given: object) -> NoReturn:
    """Say which distributions there are."""
    has = f"it has: {', '.join(FORMS)}"
    if isinstance(given, str) and given in _OTHER_DISTRIBUTIONS:
        hint = "; log_uniform_values takes the bounds themselves" if given == "log_uniform" else ""
        what = f"{given} is a W&B distribution that this version does not have yet; {has}{hint}"
        fail(("distribution",), what)
    near = nearest(given, list(FORMS)) if isinstance(given, str) else None
    mend = f"; did you mean {near}?" if near else ""
    fail(("distribution",), f"{shown(given)} is no distribution; {has}{mend}")


def _inferred(raw: Mapping[str, Any], note: Note) -> str:
    """Tell the distribution from the keys that are there."""
    forms = [key for key in ("value", "values") if key in raw]
    bounds = [key for key in ("min", "max") if key in raw]
    if len(forms) + bool(bounds) > 1:
        given = listed((*forms, *bounds), "and")
        fail((), f"mixes {given}; keep one form: value, values, or min and max")
    if forms:
        return "constant" if forms == ["value"] else "categorical"
    if not bounds:
        mend = f"a mapping as a value is written {{value: {shown(raw)}}}"
        if raw.keys() & {"mu", "sigma", "a", "b", "q"}:
            mend = "name the distribution"
        fail((), f"has neither value, values, nor min and max; {mend}")
    if "q" in raw:
        fail(("q",), "needs distribution: q_uniform")
    whole = [is_int(raw[key]) for key in bounds]
    if any(whole) and not all(whole) and all(is_number(raw[key]) for key in bounds):
        given = " ".join(f"{key}={shown(raw[key])}" for key in bounds)
        note((), f"mixes a whole number and a fraction, {given}: read as uniform, giving fractions")
    return "int_uniform" if all(whole) else "uniform"
