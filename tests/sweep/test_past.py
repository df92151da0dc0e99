"""What the ledger knows, in order: which trials have an end, and which must go on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sweeper.model import TrialRow, TrialState
from sweeper.sweep.past import read_past
from sweeper.testing.histories import trial_row

COMPLETE, PRUNED = TrialState.COMPLETE, TrialState.PRUNED
FAILED, LOST = TrialState.FAILED, TrialState.LOST
BUDGET = "budget: budget.energy is spent"
WORKER = "worker: killed"


def row(
    replicate: int = 0,
    state: TrialState = COMPLETE,
    *,
    attempt: int = 0,
    told: int | None = None,
    cause: str | None = None,
    number: int = 0,
) -> TrialRow:
    """Return one attempt; untold unless it says otherwise."""
    made = trial_row(
        number, (1.0,), state=state, replicate=replicate, attempt=attempt, told=told, cause=cause
    )
    return replace(made, asked=10 * number)


@pytest.mark.parametrize(
    ("rows", "ended"),
    [
        ([row(told=1)], {0}),
        ([row()], {0}),
        ([row(state=LOST)], set()),
        ([row(), row(1), row(2, LOST)], {0, 1}),
        ([row(), row(1, FAILED, cause="error: bad")], {0, 1}),
        ([row(), row(1, FAILED, cause=WORKER)], {0}),
        ([row(), row(1, FAILED, cause=WORKER), row(2, told=1)], {0, 1, 2}),
        ([row(), row(1, FAILED, cause=WORKER), row(1, attempt=1)], {0, 1}),
        ([row(), row(1, PRUNED, cause=BUDGET), row(2)], {0, 2}),
        ([row(0, PRUNED, told=1, cause=BUDGET)], set()),
        ([row(0, PRUNED, told=1, cause="pruner: asha")], {0}),
        ([row(0, PRUNED, told=1, cause=BUDGET), row(0, LOST, attempt=1)], set()),
    ],
    ids=[
        "told",
        "waits-for-others",
        "lost",
        "one-lost",
        "failed-for-good",
        "to-be-retried",
        "lost-its-worker-for-good",
        "was-retried",
        "cut-by-budget",
        "cut-and-told",
        "pruned",
        "cut-and-lost-again",
    ],
)
def test_replicates_have_an_end_unless_another_try_is_due(
    rows: list[TrialRow], ended: set[int]
) -> None:
    """What only a budget, a lost worker or a dead driver ended goes on."""
    assert set(read_past(rows).ends[0]) == ended


@pytest.mark.parametrize(
    ("rows", "told_at"),
    [
        ([row(), row(1), row(2, told=4)], 4),
        ([row(), row(1)], None),
        ([row(), row(1, PRUNED, cause=BUDGET), row(2, told=4)], None),
        (
            [row(), row(1, PRUNED, cause=BUDGET), row(1, attempt=1, told=7), row(2, told=4)],
            7,
        ),
        ([row(0, PRUNED, told=1, cause=BUDGET), row(attempt=1, told=5)], 5),
    ],
    ids=["whole", "untold", "cut", "told-anew", "one-replicate-anew"],
)
def test_a_trial_is_told_once_and_at_its_last_tell(
    rows: list[TrialRow], told_at: int | None
) -> None:
    """A tell does not count any more when a replicate of the trial has to run again."""
    past = read_past(rows)
    tells = [row.told for is_tell, row in past.events if is_tell]
    assert tells == ([] if told_at is None else [told_at])
    assert past.untold == (frozenset({0}) if told_at is None else frozenset())


def test_events_keep_their_order_and_attempts_their_count() -> None:
    """One ask per trial, however many attempts; the next try is counted per replicate."""
    rows = [
        row(1, LOST),
        row(0),
        row(1, attempt=1, told=12),
        row(number=1, told=11),
    ]
    past = read_past(rows)
    assert [(is_tell, row.id.number) for is_tell, row in past.events] == [
        (False, 0),
        (False, 1),
        (True, 1),
        (True, 0),
    ]
    assert past.tries == {(0, 0): 1, (0, 1): 2, (1, 0): 1}
    assert past.next_position == 13
