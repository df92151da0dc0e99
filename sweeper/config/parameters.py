"""The ``parameters`` of a sweep file as a search space: the entrance of what is about it.

Owns: the forms of a parameter, how its distribution is inferred, and names. A form means what it
means to W&B (https://docs.wandb.ai/guides/sweeps/sweep-config-keys); the written type decides:
``max: 10`` is a whole number and ``max: 10.0`` is not. Imports nothing but ``sweeper.model`` and
this room.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sweeper.config.conditions import condition_problems, read_when
from sweeper.config.distributions import FORMS
from sweeper.config.laws import Note
from sweeper.config.leaves import entries
from sweeper.config.numbers import fail, is_int, is_number
from sweeper.config.parameter_schema import parameter_schema
from sweeper.config.problems import Problem, Several, kind, listed, not_a_key, shown
from sweeper.config.ranges import parameter_paths, ranges, uncountable
from sweeper.config.refusals import refuse_bare, refuse_distribution, refuse_formless
from sweeper.model import Conditional, Constant, Nested, Parameter, Unconditional

__all__ = ["parameter_paths", "parameter_schema", "ranges", "read_space", "uncountable"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_NAME_RULE = "is no parameter name: letters, digits, _, . and -, beginning with a letter or _"
# Keys that one parameter is told not to have; a wrong indentation can put the whole file there.
_SAID = 20
# Stands for a parameter that is wrong until all problems are found; its value may hold any name.
_UNREAD = Constant({})


def read_space(raw: object, note: Note) -> dict[str, Parameter]:
    """Read the ``parameters`` of a sweep file.

    Args:
        raw: As the file has it.
        note: Takes warnings; places are relative to ``raw``.

    Returns:
        The search space, by name in alphabetical order on each level, so that proposals do not
        depend on the order of the lines in the file.

    Raises:
        Several: Everything that is wrong, with places relative to ``raw``.
    """
    problems: list[Problem] = []
    space = _parameters(raw, note, problems)
    problems += _repeated_paths(space)
    problems += condition_problems(space)
    if problems:
        raise Several(problems)
    _note_dots(space, note)
    return space


def _parameters(raw: object, note: Note, problems: list[Problem]) -> dict[str, Parameter]:
    """Read one level of parameters, gathering what is wrong."""
    if not isinstance(raw, Mapping) or not raw:
        given = "an empty one" if raw == {} else kind(raw)
        what = f"must be a mapping of at least one parameter, got {given}"
        problems.append(Problem((), what))
        return {}
    space: dict[str, Parameter] = {}
    for name in sorted(raw):
        found: list[Problem] = []
        if not _NAME.fullmatch(name):
            found.append(Problem((), _NAME_RULE))
        space[name] = _parameter(raw[name], _below(note, name), found)
        problems.extend(problem.below((name,)) for problem in found)
    return space


def _below(note: Note, *path: str) -> Note:
    """Let warnings about a parameter name it."""
    return lambda place, what: note((*path, *place), what)


def _parameter(raw: object, note: Note, problems: list[Problem]) -> Parameter:
    """Read one parameter or group, gathering what is wrong."""
    when = None
    if isinstance(raw, Mapping) and "when" in raw:
        try:
            when = read_when(raw["when"])
        except Several as several:
            problems.extend(several.problems)
        raw = {key: value for key, value in raw.items() if key != "when"}
    parameter = _unconditional(raw, note, problems)
    return parameter if when is None else Conditional(when, parameter)


def _unconditional(raw: object, note: Note, problems: list[Problem]) -> Unconditional:
    """Read a parameter without its condition, gathering what is wrong."""
    try:
        if isinstance(raw, Mapping) and "parameters" in raw:
            return _nested(raw, note, problems)
        return _distribution(raw, note)
    except Several as several:
        problems.extend(several.problems)
        return _UNREAD


def _nested(raw: Mapping[str, Any], note: Note, problems: list[Problem]) -> Nested:
    """Read a group of parameters."""
    others = [key for key in raw if key != "parameters"]
    if others:
        fail((others[0],), "stands beside parameters, which makes a group; keep one of the two")
    found: list[Problem] = []
    group = Nested(_parameters(raw["parameters"], _below(note, "parameters"), found))
    problems.extend(problem.below(("parameters",)) for problem in found)
    return group


def _distribution(raw: object, note: Note) -> Unconditional:
    """Read a parameter that has a value of its own."""
    if not isinstance(raw, Mapping):
        refuse_bare(raw)
    name = raw["distribution"] if "distribution" in raw else _inferred(raw, note)
    if not isinstance(name, str) or name not in FORMS:
        refuse_distribution(name)
    form = FORMS[name]
    problems = []
    for key in form.required:
        if key not in raw:
            what = f"{name} needs {listed(form.required, 'and')}; {key} is missing"
            problems.append(Problem((), what))
    extra = [key for key in raw if key not in ("distribution", *form.keys)]
    for key in extra[:_SAID]:
        problems.append(Problem((key,), _extra_key(key, name)))
    if problems:
        raise Several(problems)
    return form.build(raw, note)


def _extra_key(key: str, name: str) -> str:
    """Say that a distribution has no such key."""
    if key == "probabilities" and name == "categorical":
        return "needs distribution: categorical_w_probabilities"
    if key == "q" and f"q_{name}" in FORMS:
        return f"needs distribution: q_{name}"
    return not_a_key(key, f"distribution {name}", FORMS[name].keys)


def _inferred(raw: Mapping[str, Any], note: Note) -> str:
    """Tell the distribution from the keys that are there."""
    forms = [key for key in ("value", "values") if key in raw]
    bounds = [key for key in ("min", "max") if key in raw]
    if len(forms) + bool(bounds) > 1:
        given = listed((*forms, *bounds), "and")
        fail((), f"mixes {given}; keep one form: value, values, or min and max")
    if forms == ["values"] and "probabilities" in raw:
        return "categorical_w_probabilities"
    if forms:
        return "constant" if forms == ["value"] else "categorical"
    if not bounds:
        refuse_formless(raw)
    if "q" in raw:
        fail(("q",), "needs distribution: q_uniform")
    whole = [is_int(raw[key]) for key in bounds]
    if any(whole) and not all(whole) and all(is_number(raw[key]) for key in bounds):
        given = " ".join(f"{key}={shown(raw[key])}" for key in bounds)
        note((), f"mixes a whole number and a fraction, {given}: read as uniform, giving fractions")
    return "int_uniform" if all(whole) else "uniform"


def _repeated_paths(space: Mapping[str, Parameter]) -> list[Problem]:
    """Find names with dots that are also the path of a nested parameter."""
    seen: set[str] = set()
    problems = []
    for entry in entries(space):
        if entry.dotted in seen:
            what = f"is the path {entry.dotted}, which another parameter has; rename one of them"
            problems.append(Problem(entry.place, what))
        seen.add(entry.dotted)
    return problems


def _note_dots(space: Mapping[str, Parameter], note: Note) -> None:
    """Say once that a dot in a name makes no mapping."""
    dots = [entry for entry in entries(space) if "." in str(entry.place[-1])]
    if dots:
        more = f", as {len(dots) - 1} more are" if len(dots) > 1 else ""
        what = f"is passed on as one name with a dot{more}; nest parameters for a mapping"
        note(dots[0].place, what)
