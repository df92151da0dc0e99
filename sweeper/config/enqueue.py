"""The ``enqueue`` section: points that are tried first.

Owns: how a point is written, and that its names are parameters. Values are checked by the search,
which knows what each parameter can be. Imports pydantic: load lazily.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, ValidationInfo

from sweeper.config.parameters import parameter_paths
from sweeper.config.problems import Path, Problem, Several, kind, shown, unknown_name
from sweeper.config.section import defined
from sweeper.model import Conditional, Nested, Parameter, Params, Space


def read_points(raw: object, space: Space | None) -> tuple[Params, ...]:
    """Read ``enqueue``.

    Args:
        raw: A list of points, each partial: names, or dotted paths of nested ones, to values.
        space: What they are points of; None: the space is wrong, names are not looked at.

    Returns:
        The points as the objective would get them: nested parameters are mappings.

    Raises:
        Several: Everything that is wrong, with places relative to ``raw``.
    """
    if not isinstance(raw, list | tuple):
        mend = "; write enqueue: [{...}]" if isinstance(raw, Mapping) else ""
        raise Several([Problem((), f"must be a list of points, got {kind(raw)}{mend}")])
    points: list[Params] = []
    problems: list[Problem] = []
    for index, point in enumerate(raw):
        try:
            points.append(_read_point(point, space))
        except Several as several:
            problems.extend(problem.below((index,)) for problem in several.problems)
    if problems:
        raise Several(problems)
    return tuple(points)


def _read_point(raw: object, space: Space | None) -> Params:
    """Read one point."""
    if not isinstance(raw, Mapping) or not raw:
        given = "an empty one" if raw == {} else kind(raw)
        raise Several([Problem((), f"must be a mapping of parameters to values, got {given}")])
    if space is None:
        return raw
    reading = _Reading(parameter_paths(space))
    point: dict[str, Any] = {}
    for key, value in raw.items():
        reading.put(point, key, value, space=space, place=(key,))
    if reading.problems:
        raise Several(reading.problems)
    return _in_order(point, space)


class _Reading:
    """One point on its way into the space; gathers what is wrong."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        self.problems: list[Problem] = []
        self._paths = paths

    def put(
        self,
        point: dict[str, Any],
        key: str,
        value: Any,
        *,
        space: Space,
        place: Path,
        above: str = "",
    ) -> None:
        """Put one value, or those of a group, where they belong.

        Args:
            point: What ``space`` gets; changed in place.
            key: A name of ``space``, or a dotted path into it.
            value: As written.
            space: The parameters that stand beside each other here.
            place: Where it is written.
            above: The dotted path that leads here, with a dot at its end.
        """
        name, rest = _split(key, space)
        if name is None:
            self._wrong(place, unknown_name(f"{above}{key}", "parameter", self._paths))
            return
        group = _group(space[name])
        if group is None:
            if name in point:
                self._wrong(place, "is given twice; keep one")
            self._check_value(value, place)
            point[name] = value
            return
        below, inside = point.setdefault(name, {}), f"{above}{name}."
        if rest:
            self.put(below, rest, value, space=group, place=place, above=inside)
        elif isinstance(value, Mapping):
            for inner in value:
                there = (*place, inner)
                self.put(below, inner, value[inner], space=group, place=there, above=inside)
        else:
            self._wrong(place, f"is a group of parameters and takes a mapping, got {kind(value)}")

    def _check_value(self, value: Any, place: Path) -> None:
        """Check that a value can be kept: JSON has neither infinities nor NaN."""
        try:
            json.dumps(value, allow_nan=False)
        except ValueError:
            self._wrong(place, f"must be finite, got {shown(value)}")

    def _wrong(self, place: Path, what: str) -> None:
        self.problems.append(Problem(place, what))


def _in_order(point: Params, space: Space) -> Params:
    """Return a point in the order of the space: how it was written changes nothing."""
    groups = {name: _group(space[name]) for name in space if name in point}
    return {
        name: point[name] if group is None else _in_order(point[name], group)
        for name, group in groups.items()
    }


def _split(key: str, space: Space) -> tuple[str | None, str]:
    """Split a dotted path into a parameter's name, which may hold dots, and what is below it."""
    if key in space:
        return key, ""
    parts = key.split(".")
    for length in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:length])
        if name in space and _group(space[name]) is not None:
            return name, ".".join(parts[length:])
    return None, ""


def _group(parameter: Parameter) -> Space | None:
    """Return the parameters of a nested group; None: it is none."""
    bare = parameter.parameter if isinstance(parameter, Conditional) else parameter
    return bare.parameters if isinstance(bare, Nested) else None


def _read(raw: object, info: ValidationInfo) -> tuple[Params, ...]:
    """Read the section of a sweep whose space has been read before."""
    return read_points(raw, info.data.get("space"))


# Points, as the file has them and as the program's own value.
PointsField = Annotated[
    tuple[Params, ...], PlainValidator(_read), PlainSerializer(list), defined("enqueue")
]
