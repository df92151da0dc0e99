"""The ``grid`` section: the grid search that a sweep replaces.

Owns: how its levels are written. Which values they are is the search's business. Imports pydantic:
load lazily.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema

from sweeper.config.problems import Path, Problem, Several, kind, shown, unknown_name
from sweeper.config.section import Section

__all__ = ["Grid", "check_levels"]

# So many values of one parameter, or exactly these.
Levels = int | tuple[Any, ...]

_ONE: dict[str, Any] = {
    "anyOf": [{"type": "integer", "minimum": 1}, {"type": "array", "minItems": 1}]
}


def _read(raw: object) -> int | dict[str, Levels]:
    """Read ``levels``: a number for all parameters, or a number or list for each."""
    if not isinstance(raw, Mapping):
        return _count((), raw)
    problems: list[Problem] = []
    levels: dict[str, Levels] = {}
    for name, value in raw.items():
        try:
            levels[str(name)] = _levels(str(name), value)
        except Several as several:
            problems.extend(several.problems)
    if problems:
        raise Several(problems)
    return levels


def _levels(name: str, raw: object) -> Levels:
    if isinstance(raw, list | tuple):
        if not raw:
            raise Several([Problem((name,), "must have a value, got an empty list")])
        return tuple(raw)
    return _count((name,), raw)


def _count(path: Path, raw: object) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int) or raw < 1:
        given = shown(raw) if not isinstance(raw, list | dict) else kind(raw)
        what = "a whole number >= 1" if path else "a whole number >= 1 or one for each parameter"
        mend = " or a list of values" if path else ""
        raise Several([Problem(path, f"must be {what}{mend}, got {given}")])
    return raw


def _written(levels: int | Mapping[str, Levels]) -> int | dict[str, Any]:
    if isinstance(levels, int):
        return levels
    return {name: list(it) if isinstance(it, tuple) else it for name, it in levels.items()}


class Grid(Section):
    """The grid search that this sweep replaces; changes no result, only what is compared."""

    levels: Annotated[
        int | Mapping[str, Levels],
        PlainValidator(_read),
        PlainSerializer(_written),
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": "integer", "minimum": 1},
                    {"type": "object", "additionalProperties": _ONE},
                ]
            }
        ),
    ] = Field(
        description="Values of each parameter: how many, or which; a number alone is for all that "
        "are not listed. Default: all of a list and of up to 10 numbers, else 3.",
        examples=[{"lr": 5, "hidden": [32, 64, 128]}],
    )


def check_levels(grid: Grid, paths: tuple[str, ...]) -> None:
    """Refuse levels of what is no parameter.

    Args:
        grid: The section.
        paths: Dotted paths of the parameters.

    Raises:
        Several: With places relative to the section.
    """
    if isinstance(grid.levels, Mapping):
        problems = [
            Problem(("levels", name), unknown_name(name, "parameter", paths))
            for name in grid.levels
            if name not in paths
        ]
        if problems:
            raise Several(problems)
