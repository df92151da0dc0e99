"""What the ledger knows of a sweep, in the order in which it happened.

Must not decide anything: ``reopen.py`` does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from sweeper.errors import SweeperError
from sweeper.model import (
    TRANSIENT,
    UNAVAILABLE,
    Cause,
    CauseKind,
    Outcome,
    Proposal,
    Record,
    RecordStatus,
    TrialRow,
    TrialState,
)
from sweeper.seams import Study
from sweeper.sweep.budget import is_own_limit
from sweeper.sweep.records import served

__all__ = ["Past", "outcome_of", "read_past", "reopened"]


@dataclass(frozen=True, slots=True)
class Past:
    """The events of a sweep.

    Attributes:
        rows: All attempts.
        events: ``(is_tell, row)`` in their old order; one ask and at most one tell per trial.
        tries: The attempt that comes next, by trial number and replicate.
        ends: By trial number and replicate, how the replicates ended that need no other try.
        untold: Numbers of trials that have no told end.
    """

    rows: Sequence[TrialRow]
    events: tuple[tuple[bool, TrialRow], ...]
    tries: Mapping[tuple[int, int], int]
    ends: Mapping[int, Mapping[int, TrialRow]]
    untold: frozenset[int]

    @property
    def next_position(self) -> int:
        """Return the position of the next event."""
        positions = [row.asked for row in self.rows]
        positions += [row.told for row in self.rows if row.told is not None]
        return max(positions, default=-1) + 1

    def repeat(self, study: Study, row: TrialRow) -> Proposal:
        """Ask a study for a recorded trial again.

        Raises:
            SweeperError: If the numbers have come apart: the ledger lacks a trial.
        """
        proposal = study.repeat(row.params)
        if proposal.number != row.id.number:
            raise SweeperError(
                f"the ledger lacks trial {proposal.number}, so the sweep cannot be continued; "
                "run it with --fresh: what the store holds is not trained again"
            )
        return proposal

    @staticmethod
    def answer(row: TrialRow, record: Record) -> Outcome | None:
        """Answer a followed trial in its recorded state; None: the record does not fit."""
        curve = tuple(point for point in record.curve if point.step <= row.steps)
        if [(p.step, p.values) for p in curve] != [(p.step, p.values) for p in row.curve]:
            return None  # too short, or another training than the one that was told
        if row.state is TrialState.COMPLETE and record.status is RecordStatus.COMPLETE:
            return served(record, row.state, curve, final=row.final, decisions=row.decisions)
        if row.state is TrialState.PRUNED:
            cause = Cause.parse(row.cause) if row.cause else None
            return served(record, row.state, curve, cause=cause, decisions=row.decisions)
        return None


def read_past(rows: Sequence[TrialRow]) -> Past:
    """Put the attempts of a sweep into the order of its events."""
    trials: defaultdict[int, list[TrialRow]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row.id.number, row.id.replicate, row.id.attempt)):
        trials[row.id.number].append(row)
    tells = [tell for trial in trials.values() if (tell := _tell_of(trial)) is not None]
    asks = [(trial[0].asked, False, trial[0]) for trial in trials.values()]
    ordered = sorted([*asks, *tells], key=lambda event: event[:2])
    return Past(
        rows=rows,
        events=tuple((is_tell, row) for _, is_tell, row in ordered),
        tries={place: row.id.attempt + 1 for place, row in _latest(rows).items()},
        ends={number: _ends_of(trial) for number, trial in trials.items()},
        untold=frozenset(trials) - {row.id.number for _, _, row in tells},
    )


def reopened(rows: Sequence[TrialRow], causes: Set[CauseKind]) -> Sequence[TrialRow]:
    """Return a sweep's attempts as if trials that failed for such a cause had not ended.

    Nothing is rewritten: the next attempt's end is told later, and the last word counts.
    """
    trials: defaultdict[int, list[TrialRow]] = defaultdict(list)
    for row in rows:
        trials[row.id.number].append(row)
    failed = {number for number, trial in trials.items() if _failed_of(trial, causes)}
    return [_unended(row) if row.id.number in failed else row for row in rows]


def _failed_of(trial: Sequence[TrialRow], causes: Set[CauseKind]) -> bool:
    if all(row.told is None for row in trial):
        return False
    ends = [row for row in _latest(trial).values() if row.state is TrialState.FAILED]
    return any(row.cause is not None and Cause.parse(row.cause).kind in causes for row in ends)


def _unended(row: TrialRow) -> TrialRow:
    failed = row.state is TrialState.FAILED
    return replace(row, told=None, state=TrialState.LOST if failed else row.state)


def _latest(rows: Sequence[TrialRow]) -> dict[tuple[int, int], TrialRow]:
    """Return the last attempt of each replicate of each trial."""
    ordered = sorted(rows, key=lambda row: row.id.attempt)
    return {(row.id.number, row.id.replicate): row for row in ordered}


def _tell_of(trial: Sequence[TrialRow]) -> tuple[int, bool, TrialRow] | None:
    """Return the event at which a trial was told; None: one of its replicates has no end."""
    told = [(row.told, True, row) for row in trial if row.told is not None]
    whole = len(_ends_of(trial)) == len(_latest(trial))
    return max(told, key=lambda event: event[0]) if told and whole else None


def _ends_of(trial: Sequence[TrialRow]) -> dict[int, TrialRow]:
    """Return how the replicates of a trial ended, without those that need another try."""
    told = any(row.told is not None for row in trial)
    return {
        replicate: row
        for (_, replicate), row in _latest(trial).items()
        if row.state.settled and not _cut_by_budget(row) and (told or not _to_retry(row))
    }


def _to_retry(row: TrialRow) -> bool:
    """Tell whether a failed attempt of a trial that goes on was to be tried again."""
    if row.state is not TrialState.FAILED:
        return False
    # A first replicate that fails for good ends its trial, and would have been told with it.
    transient = row.cause is not None and Cause.parse(row.cause).kind in TRANSIENT
    return transient or row.id.replicate == 0


def _cut_by_budget(row: TrialRow) -> bool:
    """Tell whether only the budget ended a trial: with another budget it has no end."""
    if row.cause is None:
        return False
    cause = Cause.parse(row.cause)
    return cause.kind is CauseKind.BUDGET and not is_own_limit(cause)


def outcome_of(row: TrialRow) -> Outcome:
    """Read the outcome of a told attempt back."""
    return Outcome(
        state=row.state,
        curve=row.curve,
        final=row.final,
        energy=row.energy or UNAVAILABLE,
        elapsed_s=row.elapsed_s or 0.0,
        cause=Cause.parse(row.cause) if row.cause else None,
        node=row.node,
        gpus=row.gpus,
        decisions=row.decisions,
    )
