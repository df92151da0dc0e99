from __future__ import annotations

from dataclasses import replace

import pytest

from sweeper.model import CUT_SHORT, Energy, SweepHistory, TrialRow
from sweeper.reporting.boards import BoardAccount, board_accounts
from sweeper.testing.histories import history_of, sweep_row, trial_row
from tests.reporting.gpus import (
    OTHER,
    OVERHEAD,
    SHARED,
    TRIALS,
    UUID,
    account,
    board,
    overhead,
)
from tests.reporting.samples import summary_of


def test_the_accounts_of_a_board_add_up() -> None:
    """Trials + overhead + strangers are what the board used: the promise, in the JSON."""
    energy = summary_of(SHARED).to_json()["energy"]
    assert energy["closure"] == [
        {
            "uuid": UUID,
            "trials_j": 1000.0,
            "overhead_j": 200.0,
            "external_j": 50.0,
            "device_j": 1250.0,
            "difference_j": 0.0,
            "closes": True,
        }
    ]
    assert energy["spent_j"] == 1200.0, "strangers are told apart and never counted"
    assert energy["external_j"] == 50.0
    assert energy["hi_j"] == 1250.0, "not more than the board used"


def test_a_boards_line_says_how_it_stood() -> None:
    """Utilisation, memory and the sensor come from the agents, what they lack from a trial."""
    [line] = summary_of(SHARED).to_json()["energy"]["gpus"]
    assert line["uuid"] == UUID
    assert (line["name"], line["utilisation"], line["idle_w"]) == ("NVIDIA H200", 0.3, 75.0)
    assert (line["update_s"], line["power_limit_w"]) == (0.1, 700.0)


def only(rows: tuple[TrialRow, ...], agents: Energy | None) -> BoardAccount:
    """Return the account of the one board."""
    [found] = board_accounts(rows, agents)
    return found


_UNKNOWN = replace(TRIALS[1].energy or OVERHEAD, gpus=(board(None),))


@pytest.mark.parametrize(
    ("rows", "agents"),
    [
        pytest.param((*TRIALS[:1], replace(TRIALS[1], energy=_UNKNOWN)), OVERHEAD, id="trial"),
        pytest.param(
            (*TRIALS[:1], replace(TRIALS[1], energy=None, gpus=(UUID,))), OVERHEAD, id="no-account"
        ),
        pytest.param(
            (*TRIALS[:1], replace(TRIALS[1], energy=None, gpus=())), OVERHEAD, id="lost-somewhere"
        ),
        pytest.param(
            (trial_row(0, energy=account(5.0, flags=(CUT_SHORT,))),), OVERHEAD, id="cut-short-trial"
        ),
        pytest.param(TRIALS, None, id="no-overhead"),
        pytest.param(TRIALS, overhead(board(200.0, external_j=50.0)), id="no-device"),
        pytest.param(
            TRIALS,
            overhead(board(200.0, device_j=1250.0, external_j=50.0), flags=(CUT_SHORT,)),
            id="cut-short-overhead",
        ),
    ],
)
def test_nothing_is_claimed_where_a_term_is_unknown(
    rows: tuple[TrialRow, ...], agents: Energy | None
) -> None:
    """Neither a difference nor that the accounts add up."""
    found = only(rows, agents)
    assert (found.difference_j, found.closes) == (None, None)


def test_what_is_nobodys_is_told() -> None:
    """Joules that the board used and no account has are a difference."""
    found = only(TRIALS, overhead(board(200.0, device_j=1300.0, external_j=50.0)))
    assert found.difference_j == pytest.approx(50.0)
    assert found.closes is False


def test_a_trial_too_short_to_measure_had_nothing_booked() -> None:
    """Its energy is unknown, but its joules are in the next interval, so the accounts add up."""
    short = replace(account(0.0, board(None)), total_j=None, flags=("counter_unchanged",))
    found = only((*TRIALS, trial_row(2, energy=short)), OVERHEAD)
    assert found.closes is True


def test_a_board_that_no_trial_used_is_all_overhead() -> None:
    """A board that stood idle has an account too."""
    lines = (*OVERHEAD.gpus, board(30.0, uuid=OTHER, device_j=30.0, external_j=0.0))
    accounts = board_accounts(TRIALS, overhead(*lines))
    assert [it.line.uuid for it in accounts] == [UUID, OTHER]
    assert [it.closes for it in accounts] == [True, True]
    assert accounts[1].trials_j == 0.0


def test_cpu_trials_have_no_boards() -> None:
    """Without GPUs there is nothing to add up, and strangers are unknown."""
    history: SweepHistory = history_of(trial_row(0, [0.5], energy=5.0), sweep=sweep_row())
    energy = summary_of(history).to_json()["energy"]
    assert (energy["gpus"], energy["closure"], energy["external_j"]) == ([], [], None)
