"""Which points of a sweep were asked already, and which were not.

Owns: twins, unexplored points, the end of a finite space. Must not import optuna.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator
from dataclasses import replace
from random import Random

from sweeper.model import Constant, Params
from sweeper.search.drawing import Domain
from sweeper.search.flat import FlatSpace
from sweeper.search.laws import draw, value_count
from sweeper.search.space import ENUMERABLE, count_points
from sweeper.search.values import point_identity

__all__ = ["Explored"]


class Explored:
    """The points asked so far.

    Args:
        domain: The points that there are.
        without: Parameters that do not make points different.
    """

    def __init__(self, domain: Domain, without: frozenset[str]) -> None:
        self._domain = domain
        self._without = without
        self._first_asker: dict[Hashable, int] = {}
        self._first_point: Params | None = None
        self._size: int | None = None
        self._is_counted = False
        self.twins_in_a_row = 0

    @property
    def first_point(self) -> Params | None:
        """Return the first point that was asked; None: none was."""
        return self._first_point

    def add(self, params: Params, number: int) -> int | None:
        """Note a point that is asked; return the earlier trial of the same point."""
        if self._first_point is None:
            self._first_point = params
        twin = self._first_asker.setdefault(self._identity(params), number)
        self.twins_in_a_row = 0 if twin == number else self.twins_in_a_row + 1
        return None if twin == number else twin

    def is_new(self, params: Params) -> bool:
        """Tell whether a point was never asked."""
        return self._identity(params) not in self._first_asker

    def _identity(self, params: Params) -> Hashable:
        return point_identity(params, self._without)

    @property
    def is_everything(self) -> bool:
        """Tell whether every point was asked.

        Where counting means listing, the count is taken when the first twin shows that it may
        matter.
        """
        space, constraints = self._domain.space, self._domain.constraints
        is_cheap = not space.conditional and not constraints
        if not self._is_counted and (is_cheap or self.twins_in_a_row):
            self._size = count_points(space, self._without, constraints)
            self._is_counted = True
        return self._size is not None and len(self._first_asker) >= self._size

    def unexplored(self, random: Random) -> Params | None:
        """Draw an allowed point that was never asked; None: there seems to be none."""
        drawn = (point for point in self._domain.random_points(random) if self.is_new(point))
        point = next(drawn, None)
        if point is not None:
            return point
        rest = [point for point in self._listed(random) if self.is_new(point)]
        return random.choice(rest) if rest else None

    def _listed(self, random: Random) -> Iterator[Params]:
        """List the allowed points of a finite space; what makes no difference is drawn once."""
        leaves = [
            replace(leaf, parameter=Constant(draw(leaf.parameter, random)))
            if leaf.ignored(self._without)
            else leaf
            for leaf in self._domain.space.leaves
        ]
        if any(value_count(leaf.parameter) is None for leaf in leaves):
            return iter(())
        fixed = FlatSpace(leaves, self._domain.space.groups)
        listed = itertools.islice(fixed.points(), ENUMERABLE)
        return (p for p in map(fixed.nest, listed) if self._domain.allows(p))
