"""The ``when`` of a parameter: the condition under which it is there.

Owns: that it is an expression over other parameters, and that conditions do not go in a circle.
Imports nothing but ``sweeper.model``, ``sweeper.expression`` and this room.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from sweeper.config.leaves import Entry, entries
from sweeper.config.numbers import fail
from sweeper.config.problems import (
    Path,
    Problem,
    clipped,
    kind,
    listed,
    nearest,
    shown,
    unknown_name,
)
from sweeper.expression import Expression, ExpressionError
from sweeper.model import Categorical, Constant, Parameter

# Far more than a person's file has wrong; a generated one must not keep anybody waiting.
_GUESSES = 20
_COMPARED = 1000
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")


def read_when(raw: object) -> Expression:
    """Read the condition of a parameter.

    Raises:
        Several: If it is no expression, or names nothing.
    """
    if not isinstance(raw, str):
        fail(("when",), f"must be text such as optimizer == 'sgd', got {kind(raw)}")
    try:
        expression = Expression(raw.strip())
    except ExpressionError as error:
        fail(("when",), f"{shown(raw)} {error}")
    if not expression.names:
        fail(("when",), f"{shown(raw)} names no parameter")
    return expression


def condition_problems(space: Mapping[str, Parameter]) -> list[Problem]:
    """Find what is wrong with the conditions of a space.

    Returns:
        Names that are no other parameter's, and conditions that wait for each other.
    """
    known = {entry.dotted: entry for entry in entries(space)}
    problems: dict[tuple[Path, str], Problem] = {}
    needs: dict[str, dict[str, Path]] = {}
    for entry in known.values():
        waits = needs.setdefault(entry.dotted, {})
        for place, condition in entry.conditions:
            for name in condition.names:
                leaf = _leaf_of(name, known)
                if leaf is not None and leaf != entry.dotted:
                    waits[leaf] = place
                elif (place, name) not in problems:
                    guess = len(problems) < _GUESSES
                    what = _itself(entry, place) if leaf else _unknown(name, known, guess=guess)
                    problems[place, name] = Problem(place, what)
    return [*problems.values(), *_circles(known, needs)]


def _leaf_of(name: str, known: Mapping[str, Entry]) -> str | None:
    """Return the parameter that a name means, or whose value it looks into; None: none."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        path = ".".join(parts[:length])
        if path in known:
            exact = length == len(parts) and not known[path].is_group
            return path if exact or _holds_mappings(known[path]) else None
    return None


def _holds_mappings(entry: Entry) -> bool:
    """Tell whether a parameter's value can be a mapping, into which a name can look."""
    match entry.parameter:
        case Constant(value):
            return isinstance(value, Mapping)
        case Categorical(values):
            return any(isinstance(value, Mapping) for value in values)
        case _:
            return False


def _itself(entry: Entry, place: Path) -> str:
    """Say that a condition names a parameter that is there only when it holds."""
    if place == (*entry.place, "when"):
        return "names the parameter itself; name others"
    return f"names {_typed(entry.dotted)}, which is inside the group; name others"


def _unknown(name: str, known: Mapping[str, Entry], *, guess: bool) -> str:
    """Say that a name is no parameter's, and with ``guess`` which one may be meant."""
    what = (
        f"{name} is a group of parameters" if name in known else unknown_name(name, "parameter", ())
    )
    if not guess:
        return what
    leaves = [path for path, entry in known.items() if not entry.is_group]
    if name in known:
        inside = [_typed(path) for path in leaves if path.startswith(f"{name}.")]
        return f"{what}; name one of them: {listed(inside[:_GUESSES])}" if inside else what
    ending = [path for path in leaves if path.endswith(f".{name}")]
    near = ending[0] if ending else nearest(name, leaves[:_COMPARED])
    if near is None:
        return unknown_name(name, "parameter", leaves if len(leaves) <= _GUESSES else ())
    top = " (names are counted from the top of parameters)" if ending else ""
    return f"{what}; did you mean {_typed(near)}?{top}"


def _typed(path: str) -> str:
    """Write a path as an expression has it."""
    return path if _PLAIN.fullmatch(path) else f"`{path}`"


def _circles(
    known: Mapping[str, Entry], needs: Mapping[str, Mapping[str, Path]]
) -> Iterator[Problem]:
    """Find conditions that wait for each other, each circle once."""
    graph = {path: waits for path, waits in needs.items() if not known[path].is_group}
    for _ in range(_GUESSES):
        try:
            TopologicalSorter(graph).prepare()
            return
        except CycleError as error:
            circle: list[str] = error.args[1][::-1]  # each now needs the next, the last the first
        # From its smallest name, so that the same file always gives the same message.
        start = circle.index(min(circle))
        circle = [*circle[start:-1], *circle[: start + 1]]
        way = ", ".join(f"{_typed(one)} needs {_typed(two)}" for one, two in pairwise(circle))
        what = f"waits for itself: {clipped(way, 400)}; let conditions go one way"
        yield Problem(graph[circle[0]][circle[1]], what)
        graph |= {path: {} for path in circle}
