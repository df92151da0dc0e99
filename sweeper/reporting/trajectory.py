"""How the best value of a sweep grew with what it consumed.

Owns: what had been consumed when a trial ended, trials in flight and overhead included. Imports
``sweeper.model`` only.

A trial in flight has used the part of its joules that its time so far is of its whole time, and
overhead grows with what trials used: at the end both are exact.
"""

from __future__ import annotations

import math
import sys
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.model import Factors, Goals, SweepHistory, TrialRow
from sweeper.reporting.accounts import STORE
from sweeper.reporting.outcomes import TrialView, trials_of
from sweeper.reporting.physical import physical
from sweeper.reporting.worth import broken, worth_of

__all__ = ["Moment", "trajectory_of"]


@dataclass(frozen=True, slots=True)
class Moment:
    """How a sweep stood when one of its trials ended.

    Attributes:
        number: The trial's.
        value: Its value of the first metric; None: it has none, or breaks a constraint.
        best: The best value so far; None: there is none yet.
        spent_j: What the sweep had consumed; None: unknown.
        cold_j: The same with what the store answered charged in full: as if alone; None: unknown.
        elapsed_s: Seconds since the sweep's first attempt.
    """

    number: int
    value: float | None
    best: float | None
    spent_j: float | None
    cold_j: float | None
    elapsed_s: float


def trajectory_of(history: SweepHistory, goals: Goals, factors: Factors) -> tuple[Moment, ...]:
    """Return a moment per settled trial, in the order in which they ended."""
    trials = [trial for trial in trials_of(history) if trial.settled]
    trials.sort(key=_told)
    began = min((row.started_at for row in history.attempts), default=0.0)
    clock = _Clock(history)
    moments: list[Moment] = []
    best: float | None = None
    for trial in trials:
        value = _value(trial, goals, factors)
        if value is not None and (best is None or goals.first.direction.better(value, best)):
            best = value
        ended = max(row.ended_at or row.started_at for row in trial.replicates)
        told = _told(trial)
        moments.append(
            Moment(
                number=trial.number,
                value=value,
                best=best,
                spent_j=clock.used_j(ended, told, cold=False),
                cold_j=clock.used_j(ended, told, cold=True),
                elapsed_s=max(0.0, ended - began),
            )
        )
    return tuple(moments)


def _told(trial: TrialView) -> int:
    return max(row.told for row in trial.attempts if row.told is not None)


def _value(trial: TrialView, goals: Goals, factors: Factors) -> float | None:
    if not trial.complete:
        return None
    worth = worth_of(trial.trainings, goals, factors)
    if worth is None or broken(worth, trial.first.params, goals):
        return None
    return worth.values[0]


class _Clock:
    """Says what a sweep had consumed at any of its moments."""

    def __init__(self, history: SweepHistory) -> None:
        trained = [row for row in history.attempts if row.trained]
        self._trained = _Growth.of(trained)
        told = {trial.number: _told(trial) for trial in trials_of(history) if trial.settled}
        hits = [
            (told.get(use.number, sys.maxsize), physical(use.avoided_j))
            for use in history.uses
            if use.kind in STORE
        ]
        hits.sort(key=lambda hit: hit[0])
        self._hits_told = [place for place, _ in hits]
        self._hits_j: list[float | None] = [0.0]
        for _, joules in hits:
            before = self._hits_j[-1]
            self._hits_j.append(None if joules is None or before is None else before + joules)
        overhead_j = physical(history.sweep.overhead_j)
        self._overhead_j = 0.0 if overhead_j is None and not trained else overhead_j

    def used_j(self, at: float, told: int, *, cold: bool) -> float | None:
        """Return joules up to a moment; None: a term is unknown.

        Args:
            at: The moment, by the store's clock.
            told: Position of the trial that ended then.
            cold: Charge what the store answered up to there.
        """
        if self._trained is None or self._overhead_j is None:
            return None
        trained_j, whole_j = self._trained.at(at), self._trained.whole_j
        spent_j = trained_j + self._overhead_j * (trained_j / whole_j if whole_j else 1.0)
        if not cold:
            return spent_j
        avoided_j = self._hits_j[bisect_right(self._hits_told, told)]
        return None if avoided_j is None else spent_j + avoided_j


class _Growth:
    """Joules of some attempts over time, each growing evenly from its start to its end."""

    def __init__(self, spans: Sequence[tuple[float, float, float]]) -> None:
        changes: dict[float, float] = defaultdict(float)  # of the rate, in watts
        jumps: dict[float, float] = defaultdict(float)
        for began, ended, energy_j in spans:
            if ended > began:
                changes[began] += energy_j / (ended - began)
                changes[ended] -= energy_j / (ended - began)
            else:
                jumps[began] += energy_j
        self._times = sorted({*changes, *jumps})
        self._joules: list[float] = []
        self._rates: list[float] = []
        rate = so_far = 0.0
        for place, time in enumerate(self._times):
            so_far += rate * (time - self._times[place - 1]) if place else 0.0
            so_far += jumps.get(time, 0.0)
            rate += changes.get(time, 0.0)
            self._joules.append(so_far)
            self._rates.append(rate)
        self.whole_j = math.fsum(energy_j for _, _, energy_j in spans)

    @classmethod
    def of(cls, rows: Sequence[TrialRow]) -> _Growth | None:
        """Build it; None: the joules or the end of an attempt are unknown."""
        spans = [
            (row.started_at, row.ended_at, energy_j)
            for row in rows
            if row.ended_at is not None and (energy_j := physical(row.energy_j)) is not None
        ]
        return cls(spans) if len(spans) == len(rows) else None

    def at(self, time: float) -> float:
        """Return joules up to a moment; after the last end exactly all of them."""
        place = bisect_right(self._times, time) - 1
        if place < 0:
            return 0.0
        if place == len(self._times) - 1:
            return self.whole_j
        return self._joules[place] + self._rates[place] * (time - self._times[place])
