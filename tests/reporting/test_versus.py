"""How best values grow with joules, and sweeps against each other: worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from rich.console import Console

from sweeper.errors import SweeperError
from sweeper.model import (
    Direction,
    Goals,
    Metric,
    Source,
    SweepHistory,
    TrialRow,
    TrialState,
)
from sweeper.reporting.comparison import versus_page
from sweeper.reporting.trajectory import trajectory_of
from sweeper.reporting.versus import Versus, versus
from sweeper.testing.histories import history_of, sweep_row, trial_row, use_row
from tests.reporting.random_ledgers import ledgers
from tests.reporting.samples import FACTORS, GOALS, constrained, summary_of

# Attempts start one second after the other and take 10 s: trial 0 from 0 to 10 with 10 W, trial 1
# from 1 to 11 with 5 W. Trial 2 is a hit of 30 J. Overhead: a tenth of what trials used.
SWEEP = history_of(
    trial_row(0, [0.5], energy=100.0),
    trial_row(1, [0.7], energy=50.0),
    trial_row(2, [0.6], energy=30.0, source=Source.CACHE),
    uses=[use_row(2, 30.0)],
    sweep=sweep_row(overhead_j=15.0),
)


def test_joules_at_the_end_of_each_trial() -> None:
    """At 10 s: 100 J + 9 s x 5 W = 145 J, and 14.5 J overhead. At the end: all of it."""
    first, second, hit = trajectory_of(SWEEP, GOALS, FACTORS)
    assert (first.number, first.best, first.elapsed_s) == (0, 0.5, 10.0)
    assert first.spent_j == pytest.approx(159.5)
    assert (second.best, second.spent_j, second.elapsed_s) == (0.7, 165.0, 11.0)
    assert (hit.value, hit.best, hit.spent_j) == (0.6, 0.7, 165.0)
    assert [first.cold_j, second.cold_j, hit.cold_j] == [first.spent_j, 165.0, 195.0]


def test_unknown_joules_are_told() -> None:
    """Where one training has no joules nobody knows what had been consumed."""
    rows = (trial_row(0, [0.5], energy=100.0), trial_row(1, [0.7]))
    assert [it.spent_j for it in trajectory_of(history_of(*rows), GOALS, FACTORS)] == [None, None]
    unknown_hit = history_of(
        trial_row(0, [0.5], energy=100.0),
        trial_row(1, [0.7], source=Source.CACHE),
        uses=[use_row(1, None)],
    )
    assert [it.cold_j for it in trajectory_of(unknown_hit, GOALS, FACTORS)] == [100.0, None]


def test_lost_attempts_and_retries_are_consumed() -> None:
    """What a lost worker used counts when the retry ends."""
    rows = (
        trial_row(0, [0.5], energy=7.0, state=TrialState.LOST),
        trial_row(0, [0.5], energy=20.0, attempt=1),
    )
    (moment,) = trajectory_of(history_of(*rows), GOALS, FACTORS)
    assert moment.spent_j == 27.0


def test_what_breaks_a_constraint_is_no_best_value() -> None:
    """It has used its joules all the same."""
    goals = constrained("val_accuracy <= 0.6")
    first, second, hit = trajectory_of(SWEEP, goals, FACTORS)
    assert [first.best, second.value, second.best, hit.best] == [0.5, None, 0.5, 0.6]


@settings(max_examples=60, deadline=None)
@given(history=ledgers(GOALS, replicates=False))
def test_the_path_ends_where_the_summary_stands(history: SweepHistory) -> None:
    """The best value is that of the summary, and nobody had consumed more than all."""
    summary = summary_of(history)
    moments = trajectory_of(history, GOALS, FACTORS)
    best = None if summary.best is None else summary.best.value
    assert (moments[-1].best if moments else None) == best
    if not summary.energy.unknown_terms:
        spent_j = summary.energy.spent_j or 0.0
        known = [it.spent_j for it in moments if it.spent_j is not None]
        assert all(0 <= it <= spent_j * (1 + 1e-9) for it in known)


def cheap(*rows: TrialRow) -> SweepHistory:
    """Return a sweep of another name without overhead."""
    return history_of(*rows, sweep=replace(sweep_row(), name="cheap"))


def compared(goals: Goals = GOALS) -> Versus:
    """Compare ``SWEEP`` with one that finds 0.9 in its second trial of 20 J."""
    other = cheap(trial_row(0, [0.65], energy=20.0), trial_row(1, [0.9], energy=20.0))
    return versus(
        [
            (SWEEP, summary_of(SWEEP, goals=goals), "grid"),
            (other, summary_of(other, goals=goals), "bayes"),
        ]
    )


def test_two_sweeps_by_hand() -> None:
    """The worse one found 0.7: it took that 165 J, the other one 40 J."""
    found = compared()
    assert found.quality == 0.7
    grid, bayes = found.contenders
    assert (grid.to_quality_j, grid.spent_j, grid.cold_j) == (165.0, 165.0, 195.0)
    assert (bayes.to_quality_j, bayes.to_quality_s, bayes.best) == (40.0, 11.0, 0.9)
    document = found.to_json()
    assert document["quality"] == 0.7
    assert [it["energy_to_quality_j"] for it in document["sweeps"]] == [165.0, 40.0]
    assert document["sweeps"][1]["curve"][-1] == {"cold_j": 40.0, "spent_j": 40.0, "best": 0.9}


def test_the_terminal_has_the_same_figures() -> None:
    """What the table shows is what the JSON has."""
    console = Console(width=150, record=True)
    console.print(versus_page(compared()))
    text = console.export_text()
    for written in ("common quality 0.7", "165 J", "195 J", "40.0 J", "digits-mlp-7f3a", "cheap"):
        assert written in text


def test_one_without_a_value_leaves_nothing_to_reach() -> None:
    """Its joules are still told."""
    failed = cheap(trial_row(0, [], state=TrialState.FAILED, energy=9.0))
    found = versus([(it, summary_of(it), "random") for it in (SWEEP, failed)])
    assert found.quality is None
    assert [it.to_quality_j for it in found.contenders] == [None, None]
    assert found.contenders[1].spent_j == 9.0


def test_different_metrics_are_refused() -> None:
    """Nobody can say which is better."""
    other = Goals.of(Metric("loss", Direction.MINIMIZE))
    with pytest.raises(SweeperError, match=r"maximize val_accuracy.*minimize loss"):
        versus([(SWEEP, summary_of(SWEEP), "a"), (SWEEP, summary_of(SWEEP, goals=other), "b")])
