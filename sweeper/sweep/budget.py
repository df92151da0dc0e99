"""What a sweep may spend, and what it has spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sweeper.model import AttemptId, Factors

__all__ = ["Budget", "Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The budget of the sweep file; None: no limit.

    Attributes:
        trials: Settled trials, trained or from the store, failed ones too, duplicates not.
        time_s: Time with a driver, over all continuations.
        energy_j: Joules consumed.
        co2e_g: Grams of CO2e of what was consumed.
        cost: Money for what was consumed.
    """

    trials: int | None = None
    time_s: float | None = None
    energy_j: float | None = None
    co2e_g: float | None = None
    cost: float | None = None

    @property
    def any(self) -> bool:
        """Tell whether there is any limit."""
        values = (self.trials, self.time_s, self.energy_j, self.co2e_g, self.cost)
        return any(value is not None for value in values)


class Budget:
    """Keeps the books that the limits are held against.

    Args:
        limits: Of the sweep file.
        factors: For grams and money.
        spent_j: Joules that earlier drivers of this sweep consumed.
    """

    def __init__(self, limits: Limits, factors: Factors, spent_j: float = 0.0) -> None:
        self._limits = limits
        self._factors = factors
        self._settled_j = spent_j
        self._running_j: dict[AttemptId, float] = {}

    def running(self, attempt: AttemptId, energy_j: float | None) -> None:
        """Note what a running attempt has consumed so far."""
        if energy_j is not None:
            self._running_j[attempt] = energy_j

    def settled(self, attempt: AttemptId, energy_j: float | None) -> None:
        """Note what an attempt consumed in all; unknown counts what was last known of it."""
        last_known = self._running_j.pop(attempt, 0.0)
        self._settled_j += last_known if energy_j is None else energy_j

    @property
    def spent_j(self) -> float:
        """Return the joules known to be consumed."""
        return self._settled_j + sum(self._running_j.values())

    def has_room(self, trials: int) -> bool:
        """Tell whether another trial fits after ``trials`` counted ones."""
        return self._limits.trials is None or trials < self._limits.trials

    def spent(self, elapsed_s: float) -> str | None:
        """Return the limit that is reached, as a key path; None: none but perhaps ``trials``."""
        used: Mapping[str, tuple[float | None, float | None]] = {
            "budget.time": (elapsed_s, self._limits.time_s),
            "budget.energy": (self.spent_j, self._limits.energy_j),
            "budget.co2e": (self._factors.co2e_g(self.spent_j), self._limits.co2e_g),
            "budget.cost": (self._factors.cost(self.spent_j), self._limits.cost),
        }
        for name, (value, limit) in used.items():
            if value is not None and limit is not None and value >= limit:
                return name
        return None
