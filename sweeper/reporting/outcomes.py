"""From attempts to trials: which attempts count, whether a trial is settled, how it ended.

Owns: the rule "one trial, one number", however often it was tried and however many replicates it
has. Imports ``sweeper.model`` only.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from sweeper.model import Source, SweepHistory, TrialRow, TrialState

__all__ = ["TrialView", "from_store", "trials_of", "whole_state"]

# One training that went wrong makes the trial so, the worse one first.
_WORST_FIRST = (TrialState.FAILED, TrialState.PRUNED, TrialState.COMPLETE)


@dataclass(frozen=True, slots=True)
class TrialView:
    """One trial with everything that was tried for it.

    Attributes:
        replicates: The latest attempt of each replicate, in their order; there is at least one.
        attempts: All rows of this number, by replicate and attempt.
        trainings: What its value is the mean of: its replicates; of a duplicate those of its twin.
    """

    replicates: tuple[TrialRow, ...]
    attempts: tuple[TrialRow, ...]
    trainings: tuple[TrialRow, ...]

    @property
    def first(self) -> TrialRow:
        """Return the replicate that early stopping judged: its curve stands for the trial."""
        return self.replicates[0]

    @property
    def number(self) -> int:
        """Return the trial's number."""
        return self.first.id.number

    @property
    def settled(self) -> bool:
        """Tell whether it has ended for good: a failed attempt that is to be retried has not."""
        told = any(row.told is not None for row in self.attempts)
        return told and all(row.state.settled for row in self.replicates)

    @property
    def state(self) -> TrialState:
        """Return how it ended, or how the part stands that is still missing."""
        states = [row.state for row in self.replicates]
        if self.settled:
            return whole_state(states)
        going = [state for state in states if not state.settled]
        wrong = [state for state in states if state is not TrialState.COMPLETE]
        return next(iter([*going, *wrong]), TrialState.RUNNING)

    @property
    def complete(self) -> bool:
        """Tell whether it is settled with a value."""
        return self.settled and self.state is TrialState.COMPLETE

    @property
    def cause(self) -> str | None:
        """Return why it ended otherwise than by completing."""
        causes = [row.cause for row in self.replicates if row.state is self.state]
        return next((cause for cause in causes if cause is not None), self.first.cause)

    @property
    def source(self) -> Source | None:
        """Return where it came from; trained, if any part of it was; None: nowhere yet."""
        if any(row.trained for row in self.replicates):
            return Source.RUN
        elsewhere = (row.source for row in self.replicates if row.source is not Source.RUN)
        return next((source for source in elsewhere if source is not None), None)

    @property
    def energy_j(self) -> float | None:
        """Return what its trainings used, wherever they took place; None: not wholly known."""
        known = [row.energy_j for row in self.replicates if row.energy_j is not None]
        return sum(known) if len(known) == len(self.replicates) else None

    @property
    def elapsed_s(self) -> float | None:
        """Return the seconds of its trainings; None: unknown."""
        known = [row.elapsed_s for row in self.trainings if row.elapsed_s is not None]
        return sum(known) if known else None


def whole_state(states: Collection[TrialState]) -> TrialState:
    """Return how a trial ended whose replicates ended so: complete only if all of them did."""
    return next(state for state in _WORST_FIRST if state in states)


def trials_of(history: SweepHistory) -> tuple[TrialView, ...]:
    """Return the sweep's trials in ascending order of their numbers."""
    rows: defaultdict[int, list[TrialRow]] = defaultdict(list)
    for row in sorted(history.attempts, key=lambda r: (r.id.replicate, r.id.attempt)):
        rows[row.id.number].append(row)
    trained: dict[str, tuple[TrialRow, ...]] = {}
    return tuple(_view(rows[number], trained) for number in sorted(rows))


def _view(rows: list[TrialRow], trained: dict[str, tuple[TrialRow, ...]]) -> TrialView:
    """Put a trial together; a duplicate's row holds the mean of its twin's trainings only."""
    latest = tuple({row.id.replicate: row for row in rows}.values())
    params = json.dumps(latest[0].params, sort_keys=True, default=str)
    trainings = latest
    if latest[0].source is Source.DUPLICATE:
        twin = trained.get(params, ())
        trainings = twin if len(twin) > 1 else latest
    else:
        trained.setdefault(params, latest)
    return TrialView(latest, tuple(rows), trainings)


def from_store(trial: TrialView, history: SweepHistory) -> bool:
    """Tell whether all of a trial was trained outside this sweep, or is a copy of such."""
    return all(_from_store(row, history) for row in trial.replicates)


def _from_store(row: TrialRow, history: SweepHistory) -> bool:
    hits = (Source.CACHE, Source.ATTACHED)
    if row.source is not Source.DUPLICATE:
        return row.source in hits
    return row.record_uid is not None and any(
        other.source in hits and other.record_uid == row.record_uid for other in history.attempts
    )
