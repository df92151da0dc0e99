"""From the trainings of a trial to the trial: which are missing, what they amount to together.

Owns: the rules "the first one decides whether there are others" and "complete with the mean, if
all are complete".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean
from uuid import UUID

from sweeper.model import AttemptId, Cause, Outcome, TrialState, joined

__all__ = ["End", "Replicates", "combined", "whole_of"]

_LONGEST = 300  # of a cause


@dataclass(frozen=True, slots=True)
class End:
    """How a trial or a replicate of one ended, and the record that says so; None: there is none."""

    outcome: Outcome
    record_uid: UUID | None


class Replicates:
    """Keeps the ends of replicates until their trial is told.

    Args:
        count: How many trainings one trial is.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._ends: dict[int, dict[int, End]] = {}

    def whole_with(self, attempt: AttemptId, end: End) -> End | None:
        """Return how the trial ended, if it has with this end; None: replicates are missing."""
        if attempt.replicate == 0 and end.outcome.state is not TrialState.COMPLETE:
            return end
        ends = {**self._ends.get(attempt.number, {}), attempt.replicate: end}
        if any(replicate not in ends for replicate in range(self._count)):
            return None
        return whole_of(ends)

    def keep(self, number: int, ends: Mapping[int, End]) -> None:
        """Remember ends of a trial that goes on."""
        self._ends.setdefault(number, {}).update(ends)

    def forget(self, number: int) -> None:
        """Let a trial go that was told."""
        self._ends.pop(number, None)

    def missing(self, number: int) -> list[int]:
        """Return which replicates must be trained next: the first one, then all the others."""
        ends = self._ends.get(number, {})
        if 0 not in ends:
            return [0]
        return [replicate for replicate in range(self._count) if replicate not in ends]


def whole_of(ends: Mapping[int, End]) -> End:
    """Return how a trial ended; its record is that of the first replicate."""
    outcome = combined({replicate: end.outcome for replicate, end in ends.items()})
    return End(outcome, ends[0].record_uid)


def combined(ends: Mapping[int, Outcome]) -> Outcome:
    """Return what a trial amounts to whose replicates have all ended.

    Args:
        ends: By replicate; the first, 0, is always there. It alone was judged, so its curve and
            decisions are those of the trial.

    Returns:
        Complete with the mean of each final value; else failed, or pruned if only a budget cut
        some short. Joules and seconds are those of all trainings together.
    """
    first = ends[0]
    if len(ends) == 1:
        return first
    outcomes = [ends[replicate] for replicate in sorted(ends)]
    whole = replace(
        first,
        energy=joined([outcome.energy for outcome in outcomes]),
        elapsed_s=math.fsum(outcome.elapsed_s for outcome in outcomes),
    )
    for state in (TrialState.FAILED, TrialState.PRUNED):
        for replicate, outcome in sorted(ends.items()):
            if outcome.state is state:
                return replace(whole, state=state, final=(), cause=_named(replicate, outcome.cause))
    return replace(whole, final=_means([outcome.final for outcome in outcomes]))


def _named(replicate: int, cause: Cause | None) -> Cause | None:
    if cause is None:
        return None
    return replace(cause, text=f"replicate {replicate}: {cause.text}"[:_LONGEST])


def _means(finals: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    # Not fmean: the sum of the values may be no finite number, though their mean is one.
    return tuple(mean(column) for column in zip(*finals, strict=True))
