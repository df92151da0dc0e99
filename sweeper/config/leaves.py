"""A search space as a list: every parameter with its dotted path and its place in the file.

Owns: how nested groups are walked. Imports nothing but ``sweeper.model`` and this room.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sweeper.config.problems import Path
from sweeper.expression import Expression
from sweeper.model import Conditional, Nested, Parameter, Unconditional


@dataclass(frozen=True, slots=True)
class Entry:
    """A parameter or a group of a search space.

    Attributes:
        dotted: Its names from the top, with dots between.
        place: Where it stands below the file's ``parameters``.
        parameter: What it is, its condition taken off.
        conditions: Its own and those of the groups around it, outermost first, each with its place.
    """

    dotted: str
    place: Path
    parameter: Unconditional
    conditions: tuple[tuple[Path, Expression], ...]

    @property
    def is_group(self) -> bool:
        """Tell whether it holds parameters instead of a value."""
        return isinstance(self.parameter, Nested)


def entries(space: Mapping[str, Parameter]) -> Iterator[Entry]:
    """Walk over a space: each group before what it holds."""
    return _below(space, Entry("", (), Nested(space), ()))


def _below(space: Mapping[str, Parameter], group: Entry) -> Iterator[Entry]:
    for name, parameter in space.items():
        place = (*group.place, *(("parameters",) if group.dotted else ()), name)
        dotted = f"{group.dotted}.{name}" if group.dotted else name
        conditions = group.conditions
        if isinstance(parameter, Conditional):
            conditions = (*conditions, ((*place, "when"), parameter.when))
            parameter = parameter.parameter
        entry = Entry(dotted, place, parameter, conditions)
        yield entry
        if isinstance(parameter, Nested):
            yield from _below(parameter.parameters, entry)
