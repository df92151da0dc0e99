"""What pydantic found wrong, in our words.

Owns: the one table from pydantic's error types to sentences. A user never sees pydantic's own
wording or links. Imports pydantic for its types only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from sweeper.config import caching, sections
from sweeper.config.models import SweepConfig
from sweeper.config.problems import (
    Path,
    Problem,
    Several,
    kind,
    looks_like_number,
    not_a_key,
    shown,
)
from sweeper.config.section import Section
from sweeper.config.stopping import RULES

_SECTIONS: Mapping[Path, type[Section]] = {
    (): SweepConfig,
    ("metric",): sections.MetricKeys,
    ("sampler",): sections.Sampler,
    ("budget",): sections.Budget,
    ("trial",): sections.Trial,
    ("resources",): sections.Resources,
    ("ray",): sections.Ray,
    ("energy",): sections.Energy,
    ("cache",): caching.Cache,
    ("cache", "code"): caching.Code,
}
_EXAMPLES: Mapping[Path, str] = {
    ("name",): "what the sweep is called",
    ("objective",): "the training function, such as objective: train.py:train",
    ("method",): "grid, random or bayes",
    ("metric",): "such as metric: {name: val_loss, goal: minimize}",
    ("metric", "name"): "the key under which the objective reports it",
    ("parameters",): "such as parameters: {lr: {min: 0.001, max: 0.1}}",
    ("sampler", "type"): "tpe or random",
}
# Keys of W&B that mean nothing without its service.
DISPLAY_ONLY = ("entity", "project", "controller", "apiVersion", "kind")
_PROGRAM = (
    "is a W&B key that this version does not run yet; name a function with objective: "
    "file.py:function"
)
_NOT_RUN = "is a W&B key that this version does not run yet"
_OTHER_KEYS: Mapping[Path, str] = {
    ("program",): _PROGRAM,
    ("command",): _PROGRAM,
    **{(key,): _NOT_RUN for key in ("metrics", "scheduler", "job", "image_uri")},
    **{("metric", key): _NOT_RUN for key in ("impute", "impute_while_running")},
}
_KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "model_type": "a mapping",
    "tuple_type": "a list",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than_equal": ("le", "at most"),
}


def problems_of(error: ValidationError, raw: Mapping[str, Any]) -> list[Problem]:
    """Say in our words what pydantic found.

    Args:
        error: Of ``SweepConfig.model_validate(raw)``.
        raw: What was validated.
    """
    found: list[Problem] = []
    for detail in error.errors(include_url=False):
        path, cause = detail["loc"], detail.get("ctx", {}).get("error")
        if isinstance(cause, Several):
            found.extend(problem.below(path) for problem in cause.problems)
        elif isinstance(cause, ValueError):
            found.append(Problem(path, str(cause)))
        elif detail["type"] == "extra_forbidden":
            found.append(Problem(path, _unknown_key(path, raw)))
        else:
            found.append(Problem(path, _sentence(detail)))
    return found


def _unknown_key(path: Path, raw: Mapping[str, Any]) -> str:
    """Say that a key is not known: W&B's, misplaced, or mistyped."""
    if path in _OTHER_KEYS:
        return _OTHER_KEYS[path]
    *above, key = path
    section = _section(tuple(above), raw)
    if not above:
        return not_a_key(str(key), "a sweep file", section.key_names())
    if key in _SECTIONS[()].key_names():
        return "stands one level too deep; move it to the top level of the file"
    named = ".".join(part for part in above if isinstance(part, str))
    return not_a_key(str(key), named, section.key_names())


def _section(path: Path, raw: Mapping[str, Any]) -> type[Section]:
    """Return the model behind a place of the file."""
    if path == ("early_terminate",):
        return RULES[raw["early_terminate"]["type"]]
    return _SECTIONS.get(path, caching.DataVersion)


def _sentence(detail: ErrorDetails) -> str:
    """Say what a built-in check of pydantic found."""
    what, given, path = detail["type"], detail["input"], detail["loc"]
    if what == "missing":
        example = _EXAMPLES.get(path)
        return f"is required: {example}" if example else "is required"
    if what in _BOUNDS:
        key, words = _BOUNDS[what]
        bound = float(detail["ctx"][key])
        limit = int(bound) if bound.is_integer() else bound
        return f"must be {words} {limit}, got {shown(given)}"
    if what not in _KINDS:
        return f"is not valid here, got {shown(given)}"
    return f"must be {_KINDS[what]}, got {kind(given)}{_mend(what, given)}"


def _mend(what: str, given: object) -> str:
    """Say how a value of the wrong kind is mended."""
    if what == "string_type" and isinstance(given, int | float):
        return f'; quote it: "{shown(given)}"'
    if what == "tuple_type" and isinstance(given, str):
        return f"; write [{given}]"
    if what in ("int_type", "float_type") and looks_like_number(given):
        return "; write it without quotes"
    return ""
