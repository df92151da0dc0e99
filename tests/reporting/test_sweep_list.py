from __future__ import annotations

import io

import pytest

from sweeper.model import SweepState
from sweeper.reporting.physical import Total
from sweeper.reporting.sweep_list import ListedBest, ListedSweep, SweepsTable, sweeps_json
from sweeper.reporting.tables import page_console
from sweeper.testing.histories import START, SWEEP_UID

RUNNING = ListedSweep("a-7f3a", SWEEP_UID, SweepState.RUNNING, 1234, START, "bob", "node1")
DONE = ListedSweep(
    handle="vit-abcd",
    uid=SWEEP_UID,
    state=SweepState.COMPLETE,
    settled=40,
    started_at=START,
    who="ann",
    host="node2",
    ended_at=START + 90.0,
    elapsed_s=83.0,
    stopped_by="budget.trials",
    method="bayes",
    metrics=("val_accuracy",),
    best=ListedBest(7, 0.98),
    spent=Total(1834.2, 1),
)


def _lines(*listed: ListedSweep, width: int = 200) -> list[str]:
    page, stream = SweepsTable(listed, now=START + 7300), io.StringIO()
    page_console(stream, is_terminal=False).print(page, width=width)
    return stream.getvalue().splitlines()


def test_a_line_says_how_it_ended_what_it_found_and_what_it_cost() -> None:
    """State and cause, method, trials, best value with its metric, energy, time, age, owner."""
    header, line = _lines(DONE)
    assert header.split() == [
        *("sweep", "state", "ended", "by", "method", "trials", "best"),
        *("energy", "time", "started", "who", "host"),
    ]
    assert line.split() == [
        *("vit-abcd", "complete", "budget.trials", "bayes", "40", "val_accuracy", "0.98"),
        *("at", "least", "1.83", "kJ", "1", "m", "23", "s", "2", "h", "ago", "ann", "node2"),
    ]


def test_columns_that_say_nothing_are_left_out() -> None:
    """A sweep that has just begun has no cause, no value, no figure."""
    header, line = _lines(RUNNING)
    assert header.split() == ["sweep", "state", "trials", "started", "who", "host"]
    assert line.split() == ["a-7f3a", "running", "1,234", "2", "h", "ago", "bob", "node1"]


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_a_narrow_terminal_keeps_what_matters(width: int) -> None:
    """Handle, state and trials stay, and no line is wider than the screen."""
    lines = _lines(DONE, RUNNING, width=width)
    assert len(lines) == 3
    assert all(len(line) <= width for line in lines)
    assert lines[1].split()[:2] == ["vit-abcd", "complete"]
    assert ("val_accuracy 0.98" in lines[1]) == (width >= 60)


def test_a_front_has_a_size_instead_of_a_best_value() -> None:
    """With several objectives there is no one best trial."""
    front = ListedSweep("a-7f3a", SWEEP_UID, SweepState.COMPLETE, 9, START, "bob", "node1", front=4)
    assert "front of 4" in _lines(front)[1]


def test_unknown_energy_says_so() -> None:
    """Trained attempts of unknown joules are no 0 J."""
    dark = ListedSweep(
        "a-7f3a", SWEEP_UID, SweepState.COMPLETE, 9, START, "bob", "node1", spent=Total(None, 9)
    )
    assert "unknown" in _lines(dark)[1]


def test_no_sweeps() -> None:
    """An empty list says so."""
    assert _lines() == ["no sweeps"]


def test_list_of_sweeps_as_json() -> None:
    """The list has one object per sweep; what is unknown is null."""
    full, bare = sweeps_json([DONE, RUNNING])
    assert full == {
        "sweep": "vit-abcd",
        "uid": str(SWEEP_UID),
        "state": "complete",
        "settled": 40,
        "started_at": START,
        "who": "ann",
        "host": "node2",
        "ended_at": START + 90.0,
        "elapsed_s": 83.0,
        "stopped_by": "budget.trials",
        "method": "bayes",
        "metrics": ["val_accuracy"],
        "best": {"number": 7, "value": 0.98},
        "front": None,
        "spent_j": 1834.2,
        "spent_missing": 1,
    }
    assert (bare["best"], bare["spent_j"], bare["elapsed_s"]) == (None, None, None)
