"""A space laid flat: its leaves, and when each of them is there.

Owns: paths, conditions and their order; putting values into nested params and listing every point.
Must not import optuna.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from sweeper.errors import SpaceError
from sweeper.expression import Expression
from sweeper.model import Conditional, Nested, Parameter, Params, Space, Value
from sweeper.search import laws
from sweeper.search.laws import Leafy

__all__ = ["FlatSpace", "Leaf", "check_names", "flatten"]

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A parameter that has a value of its own.

    Attributes:
        path: Its names from the top of the space.
        parameter: What it can be.
        conditions: Its own and those of the groups above; it is there when all of them hold.
        name: Optuna's name of it; no parameter's name holds a slash.
    """

    path: Path
    parameter: Leafy
    conditions: tuple[Expression, ...] = ()
    name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", "/".join(self.path))

    @property
    def dotted(self) -> str:
        """Return the path as a sweep file writes it."""
        return ".".join(self.path)

    def ignored(self, without: frozenset[str]) -> bool:
        """Tell whether the leaf, or a group above it, is among the ignored paths."""
        return any(".".join(self.path[:n]) in without for n in range(1, len(self.path) + 1))


class FlatSpace:
    """The leaves of a space, each after those that its conditions name.

    Args:
        leaves: In any order.
        groups: Paths of the mappings that hold them.

    Raises:
        SpaceError: If a condition names no parameter, or conditions wait for each other.
    """

    def __init__(self, leaves: Sequence[Leaf], groups: frozenset[Path] = frozenset()) -> None:
        self.by_path = tuple(sorted(leaves, key=lambda leaf: leaf.path))
        self.leaves = _ordered(self.by_path)
        self.groups = groups
        self.conditional = any(leaf.conditions for leaf in leaves)

    def active(self, leaf: Leaf, chosen: Mapping[str, Value]) -> bool:
        """Tell whether a leaf is there, given the values of the leaves before it, by name."""
        if not leaf.conditions:
            return True
        point = self.nest(chosen)
        return all(condition.holds(point) for condition in leaf.conditions)

    def grow(self, choose: Callable[[Leaf], Value]) -> dict[str, Value]:
        """Ask for the value of each active leaf in order; return them by name."""
        chosen: dict[str, Value] = {}
        for leaf in self.leaves:
            if self.active(leaf, chosen):
                chosen[leaf.name] = choose(leaf)
        return chosen

    def nest(self, chosen: Mapping[str, Value]) -> dict[str, Value]:
        """Put values by name into the mappings that the objective gets, names sorted."""
        point: dict[str, Value] = {}
        for leaf in self.by_path:
            if leaf.name in chosen:
                place = point
                for name in leaf.path[:-1]:
                    place = place.setdefault(name, {})
                place[leaf.path[-1]] = chosen[leaf.name]
        return point

    def random_point(self, random: Random) -> Params:
        """Draw a point, each active parameter by its own law."""
        return self.nest(self.grow(lambda leaf: laws.draw(leaf.parameter, random)))

    def points(self) -> Iterator[dict[str, Value]]:
        """Enumerate a finite space without repetition, as values by name.

        The order of the leaves decides: the last one varies fastest.
        """
        axes = {leaf.name: list(laws.listed(leaf.parameter)) for leaf in self.leaves}
        return self._walk(0, axes, {})

    def _walk(
        self, position: int, axes: Mapping[str, Sequence[Value]], chosen: dict[str, Value]
    ) -> Iterator[dict[str, Value]]:
        if position == len(self.leaves):
            yield dict(chosen)
            return
        leaf = self.leaves[position]
        if not self.active(leaf, chosen):
            yield from self._walk(position + 1, axes, chosen)
            return
        for value in axes[leaf.name]:
            chosen[leaf.name] = value
            yield from self._walk(position + 1, axes, chosen)
        del chosen[leaf.name]


def flatten(space: Space) -> FlatSpace:
    """Lay a space flat.

    Raises:
        SpaceError: If a condition names no parameter, or conditions wait for each other.
    """
    leaves: list[Leaf] = []
    groups: set[Path] = set()

    def visit(path: Path, parameter: Parameter, conditions: tuple[Expression, ...]) -> None:
        if isinstance(parameter, Conditional):
            conditions, parameter = (*conditions, parameter.when), parameter.parameter
        if isinstance(parameter, Nested):
            groups.add(path)
            for name, inner in parameter.parameters.items():
                visit((*path, name), inner, conditions)
        else:
            leaves.append(Leaf(path, parameter, conditions))

    for name, parameter in space.items():
        visit((name,), parameter, ())
    return FlatSpace(leaves, frozenset(groups))


def check_names(key: str, names: Sequence[str], leaves: Sequence[Leaf]) -> None:
    """Refuse a condition over something that is no parameter.

    Raises:
        SpaceError: With ``key`` first.
    """
    for name in names:
        if not _named(name, leaves):
            known = ", ".join(leaf.dotted for leaf in leaves)
            raise SpaceError(f"{key}: names {name!r}, which is no parameter; there are {known}")


def _named(name: str, leaves: Sequence[Leaf]) -> list[Leaf]:
    """Return what a dotted name stands for: a leaf, those of a group, or one that it looks into."""
    exact = [leaf for leaf in leaves if leaf.dotted == name]
    return exact or [
        leaf
        for leaf in leaves
        if leaf.dotted.startswith(f"{name}.") or name.startswith(f"{leaf.dotted}.")
    ]


def _ordered(leaves: Sequence[Leaf]) -> tuple[Leaf, ...]:
    """Put each leaf after those that its conditions name, else by path."""
    needs: dict[str, set[str]] = {}
    for leaf in leaves:
        names = [name for condition in leaf.conditions for name in condition.names]
        check_names(f"parameters.{leaf.dotted}.when", names, leaves)
        needs[leaf.name] = {other.name for name in names for other in _named(name, leaves)}
    followers: defaultdict[str, list[int]] = defaultdict(list)
    for position, leaf in enumerate(leaves):
        for name in needs[leaf.name]:
            followers[name].append(position)
    open_needs = [len(needs[leaf.name]) for leaf in leaves]
    ready = [position for position, count in enumerate(open_needs) if not count]
    ordered: list[Leaf] = []
    while ready:
        leaf = leaves[heapq.heappop(ready)]  # the first by path of those that may come now
        ordered.append(leaf)
        for position in followers[leaf.name]:
            open_needs[position] -= 1
            if not open_needs[position]:
                heapq.heappush(ready, position)
    if len(ordered) < len(leaves):
        waiting = next(leaf for leaf in leaves if leaf not in ordered)
        raise SpaceError(
            f"parameters.{waiting.dotted}.when: waits for itself by way of other "
            "conditions; let the conditions go one way"
        )
    return tuple(ordered)
