"""What a sweep may spend, what it has spent, and whether the rest carries another training."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from sweeper.model import AttemptId, Cause, CauseKind, Factors, TrialState
from sweeper.sweep.overhead import Overhead

__all__ = ["Budget", "Limits", "is_own_limit", "over_own_limit"]

_OWN_LIMIT = "trial.energy: "


def over_own_limit(energy_j: float | None, limit_j: float | None) -> Cause | None:
    """Say that a training has used more than one may; None: it has not, or nobody knows."""
    if energy_j is None or limit_j is None or energy_j <= limit_j:
        return None
    return Cause(CauseKind.BUDGET, f"{_OWN_LIMIT}used {energy_j:.6g} J of {limit_j:.6g} J")


def is_own_limit(cause: Cause) -> bool:
    """Tell whether a training, or one of several, reached the limit of a single one.

    No larger budget of the sweep lifts that.
    """
    return cause.kind is CauseKind.BUDGET and _OWN_LIMIT in cause.text


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
        return self.trials is not None or self.time_s is not None or self.joules is not None

    @property
    def joules(self) -> str | None:
        """Return the key of the first limit for which joules must be known; None: there is none."""
        limits = {"energy": self.energy_j, "co2e": self.co2e_g, "cost": self.cost}
        return next((f"budget.{key}" for key, limit in limits.items() if limit is not None), None)


@dataclass(slots=True)
class _Ended:
    """What ended trainings used.

    Attributes:
        known_j: Sum of the known ones.
        known: How many those are.
        typical_j: Sum of those that ran to their end or were pruned: what the next may use.
        typical: How many those are.
        unknown: How many there are beside the known ones.
    """

    known_j: float = 0.0
    known: int = 0
    typical_j: float = 0.0
    typical: int = 0
    unknown: int = 0


class Budget:
    """Keeps the books that the limits are held against.

    What was spent is all that the sweep consumed: ended trainings, running ones as far as they
    reported, and what workers used outside them. A training of unknown energy counts as the mean
    of the known ones.

    Args:
        limits: Of the sweep file.
        factors: For grams and money.

    Attributes:
        overhead: What workers used outside trainings.
    """

    def __init__(self, limits: Limits, factors: Factors) -> None:
        self.overhead = Overhead()
        self._limits = limits
        self._factors = factors
        self._ended = _Ended()
        self._running_j: dict[AttemptId, float] = {}

    # --- the books ---

    def started(self, attempt: AttemptId) -> None:
        """Note that a worker took an attempt."""
        self._running_j[attempt] = 0.0

    def running(self, attempt: AttemptId, energy_j: float | None) -> None:
        """Note what a running attempt has consumed so far."""
        if energy_j is not None:
            self._running_j[attempt] = energy_j

    def settled(self, attempt: AttemptId, energy_j: float | None, state: TrialState) -> None:
        """Note what an attempt consumed in all, and how it ended."""
        self._running_j.pop(attempt, None)
        if energy_j is None:
            self._ended.unknown += 1
            return
        self._ended.known_j += energy_j
        self._ended.known += 1
        if state in (TrialState.COMPLETE, TrialState.PRUNED):
            self._ended.typical_j += energy_j
            self._ended.typical += 1

    # --- what they say ---

    @property
    def expected_j(self) -> float | None:
        """Return what another training may be expected to use; None: nothing is known yet."""
        ended = self._ended
        return ended.typical_j / ended.typical if ended.typical else None

    @property
    def assumed(self) -> int:
        """Return how many ended trainings are of unknown energy."""
        return self._ended.unknown

    @property
    def assumed_j(self) -> float:
        """Return what those are taken to have used: the mean of the known ones each."""
        ended = self._ended
        return ended.unknown * ended.known_j / ended.known if ended.known else 0.0

    @property
    def spent_j(self) -> float:
        """Return the joules consumed, as far as they are known, and else assumed."""
        running_j = math.fsum(self._running_j.values())
        return self._ended.known_j + self.assumed_j + running_j + self.overhead.known_j

    def has_room(self, trials: int) -> bool:
        """Tell whether another trial fits after ``trials`` counted ones."""
        return self._limits.trials is None or trials < self._limits.trials

    def is_late(self, elapsed_s: float) -> bool:
        """Tell whether the time is up."""
        return self._limits.time_s is not None and elapsed_s >= self._limits.time_s

    def spent(self, elapsed_s: float) -> str | None:
        """Return the limit that is reached, as a key path; None: none but perhaps ``trials``."""
        if self.is_late(elapsed_s):
            return "budget.time"
        spent_j = self.spent_j
        return next((key for key, limit_j in self._limits_j() if spent_j >= limit_j), None)

    def short_of(self) -> str | None:
        """Return the limit of joules that is reached, or whose rest should not carry a training.

        What the running ones are still expected to use is spoken for. Nothing is expected before
        anything is known.
        """
        expected_j, spent_j = self.expected_j or 0.0, self.spent_j
        pledged_j = math.fsum(
            max(0.0, expected_j - so_far_j) for so_far_j in self._running_j.values()
        )
        needed_j = spent_j + pledged_j + expected_j
        for key, limit_j in self._limits_j():
            if spent_j >= limit_j or needed_j > limit_j:
                return key
        return None

    def _limits_j(self) -> Iterator[tuple[str, float]]:
        """Yield the limits for which joules count, in joules."""
        if self._limits.energy_j is not None:
            yield "budget.energy", self._limits.energy_j
        per_joule = {
            "budget.co2e": (self._limits.co2e_g, self._factors.co2e_g(1.0)),
            "budget.cost": (self._limits.cost, self._factors.cost(1.0)),
        }
        for key, (limit, each) in per_joule.items():
            if limit is not None and each:
                yield key, limit / each
