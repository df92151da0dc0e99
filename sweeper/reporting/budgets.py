"""What a sweep was allowed to consume, held against what it did consume.

Owns: this comparison. Imports ``sweeper.model`` only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sweeper.model import Factors, Value
from sweeper.reporting.clean import jsonable

__all__ = ["Budgets", "Spending", "spendings"]


@dataclass(frozen=True, slots=True)
class Budgets:
    """The limits of a sweep file that are held against joules; None: not given."""

    energy_j: float | None = None
    co2e_g: float | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Spending:
    """One limit and what was spent of it, in the limit's unit.

    Attributes:
        key: Of the sweep file.
        limit: What it allows.
        spent: What is known to be consumed, and what was assumed; None: unknown.
        assumed: The part of ``spent`` that unknown trials were taken for.
    """

    key: str
    limit: float
    spent: float | None
    assumed: float

    @property
    def over(self) -> float | None:
        """Return what was spent beyond the limit, 0 if nothing; None: unknown."""
        return None if self.spent is None else max(0.0, self.spent - self.limit)

    def to_json(self) -> dict[str, Value]:
        """Return the documented object."""
        return {
            "key": self.key,
            "limit": jsonable(self.limit),
            "spent": jsonable(self.spent),
            "over": jsonable(self.over),
            "assumed": jsonable(self.assumed),
        }


def spendings(
    budgets: Budgets, factors: Factors, *, spent_j: float | None, assumed_j: float
) -> tuple[Spending, ...]:
    """Hold what was consumed against each limit that is given.

    Args:
        budgets: The limits.
        factors: From joules to grams and money.
        spent_j: What is known to be consumed; None: nothing is known.
        assumed_j: What the budget took trials of unknown energy for, beside that.
    """
    counted_j = None if spent_j is None else spent_j + assumed_j
    limits: list[tuple[str, float | None, Callable[[float | None], float | None]]] = [
        ("budget.energy", budgets.energy_j, lambda energy_j: energy_j),
        ("budget.co2e", budgets.co2e_g, factors.co2e_g),
        ("budget.cost", budgets.cost, factors.cost),
    ]
    return tuple(
        Spending(key, limit, convert(counted_j), convert(assumed_j) or 0.0)
        for key, limit, convert in limits
        if limit is not None
    )
