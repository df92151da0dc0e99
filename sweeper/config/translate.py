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
from sweeper.config.energy import Energy
from sweeper.config.goals import MetricKeys
from sweeper.config.grid import Grid
from sweeper.config.models import SweepConfig
from sweeper.config.problems import (
    Path,
    Problem,
    Several,
    kind,
    listed,
    looks_like_number,
    not_a_key,
    shown,
)
from sweeper.config.proposing import Scheduler
from sweeper.config.samplers import SAMPLERS, owners_of
from sweeper.config.section import Section
from sweeper.config.stopping import RULES
from sweeper.config.wandb import LAUNCH, LAUNCH_REFUSED

# The model behind each place of the file, positions in lists left out.
_SECTIONS: Mapping[Path, type[Section]] = {
    (): SweepConfig,
    ("metric",): MetricKeys,
    ("metrics",): MetricKeys,
    ("scheduler",): Scheduler,
    ("grid",): Grid,
    ("budget",): sections.Budget,
    ("trial",): sections.Trial,
    ("resources",): sections.Resources,
    ("ray",): sections.Ray,
    ("energy",): Energy,
    ("cache",): caching.Cache,
    ("cache", "code"): caching.Code,
    ("cache", "data"): caching.DataVersion,
}
_EXAMPLES: Mapping[Path, str] = {
    ("name",): "what the sweep is called",
    ("method",): "grid, random, bayes or custom",
    ("metric", "name"): "the key under which the objective reports it",
    ("metrics", "name"): "the key under which the objective reports it",
    ("parameters",): "such as parameters: {lr: {min: 0.001, max: 0.1}}",
    ("scheduler", "engine"): "optuna, ax or wandb",
    ("grid", "levels"): "how many values or which, such as levels: {lr: 5}",
    ("early_terminate", "patience"): "so many reports without an improvement, such as patience: 5",
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
    if any(key in raw for key in LAUNCH):  # that says what to train, if not how
        found = [problem for problem in found if problem.path]
    return found


def _unknown_key(path: Path, raw: Mapping[str, Any]) -> str:
    """Say that a key is not known: W&B's, misplaced, another sampler's, or mistyped."""
    *above, key = (part for part in path if isinstance(part, str))
    if not above:
        known = SweepConfig.key_names()
        return LAUNCH_REFUSED if key in LAUNCH else not_a_key(key, "a sweep file", known)
    if key in SweepConfig.key_names():
        return "stands one level too deep; move it to the top level of the file"
    if above == ["sampler"] and (owners := owners_of(key)):
        return f"is an option of type: {listed(owners)}"
    names = _section(tuple(above), raw).key_names()
    return not_a_key(key, ".".join(above), names)


def _section(path: Path, raw: Mapping[str, Any]) -> type[Section]:
    """Return the model behind a place of the file."""
    if path in _SECTIONS:
        return _SECTIONS[path]
    given: Any = raw
    for part in path:
        given = given[part]
    name = given["type"] if isinstance(given, Mapping) else given
    return SAMPLERS[name] if path == ("sampler",) else RULES[name]


def _sentence(detail: ErrorDetails) -> str:
    """Say what a built-in check of pydantic found."""
    what, given, path = detail["type"], detail["input"], detail["loc"]
    if what == "missing":
        example = _EXAMPLES.get(tuple(part for part in path if isinstance(part, str)))
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
