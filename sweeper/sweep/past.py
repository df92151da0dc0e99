"""What the ledger knows of a sweep, in the order in which it happened.

Must not decide anything: ``reopen.py`` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.errors import SweeperError
from sweeper.model import (
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
from sweeper.sweep.records import served

__all__ = ["Past", "outcome_of", "read_past"]


@dataclass(frozen=True, slots=True)
class Past:
    """The events of a sweep.

    Attributes:
        rows: All attempts.
        events: ``(is_tell, row)`` in their old order; one ask and at most one tell per trial.
        tries: The attempt that comes next, by trial number.
        untold: Numbers of trials that have no told end.
    """

    rows: Sequence[TrialRow]
    events: tuple[tuple[bool, TrialRow], ...]
    tries: dict[int, int]
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
            return served(record, row.state, curve, final=row.final)
        if row.state is TrialState.PRUNED:
            cause = Cause.parse(row.cause) if row.cause else None
            return served(record, row.state, curve, cause=cause)
        return None


def read_past(rows: Sequence[TrialRow]) -> Past:
    """Put the attempts of a sweep into the order of its events."""
    first: dict[int, TrialRow] = {}
    tries: dict[int, int] = {}
    for row in rows:
        number = row.id.number
        if number not in first or row.id.attempt < first[number].id.attempt:
            first[number] = row
        tries[number] = max(tries.get(number, 0), row.id.attempt + 1)
    told = [row for row in rows if row.told is not None and not _cut_by_budget(row)]
    asks = [(row.asked, False, row) for row in first.values()]
    tells = [(row.told, True, row) for row in told if row.told is not None]
    ordered = sorted([*asks, *tells], key=lambda event: event[:2])
    return Past(
        rows=rows,
        events=tuple((is_tell, row) for _, is_tell, row in ordered),
        tries=tries,
        untold=frozenset(first) - {row.id.number for row in told},
    )


def _cut_by_budget(row: TrialRow) -> bool:
    """Tell whether only the budget ended a trial: with another budget it has no end."""
    return row.cause is not None and Cause.parse(row.cause).kind is CauseKind.BUDGET


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
    )
