from __future__ import annotations

import json
import math

import pytest

from sweeper.errors import SweeperError
from sweeper.model import SweepState
from sweeper.report.documents import ListedSweep, sweep_json, sweeps_json, trial_json
from sweeper.testing.histories import START, SWEEP_UID, history_of, trial_row
from tests.report.samples import MIXED, summary_of


def test_sweep_document_holds_the_summary_and_every_trial() -> None:
    """The document of a sweep is its summary and its trials, whose spent joules add up."""
    summary = summary_of(MIXED)
    document = sweep_json(MIXED, summary)
    assert {key: document[key] for key in summary.to_json()} == summary.to_json()
    trials = document["trial_list"]
    assert [trial["number"] for trial in trials] == list(range(6))
    spent = sum(trial["spent_j"] or 0.0 for trial in trials)
    assert spent + document["energy"]["overhead_j"] == pytest.approx(document["energy"]["spent_j"])
    assert (trials[3]["spent_j"], trials[3]["energy_j"], trials[3]["from_cache"]) == (0, 21, True)
    assert trials[5]["spent_j"] is None


def test_trial_document_holds_curve_attempts_and_producer() -> None:
    """The document of a trial has its curve by metric name, all attempts, and who trained it."""
    summary = summary_of(MIXED)
    retried = trial_json(MIXED, 2, summary, "/state/2", {"stderr.log": ()})
    assert [attempt["state"] for attempt in retried["attempts"]] == ["lost", "complete"]
    assert retried["curve"][-1]["metrics"] == {"val_accuracy": 0.9}
    assert retried["energy"]["source"] == "measured:counter"
    assert retried["producer"] is None
    assert retried["files"] == ["stderr.log"]
    cached = trial_json(MIXED, 3, summary, "/state/3", {})
    assert (cached["producer"]["who"], cached["producer"]["avoided_j"]) == ("alice", 21.0)


def test_documents_are_strict_json() -> None:
    """Non-finite params, joules and values are null."""
    history = history_of(trial_row(0, [math.inf], energy=math.nan, params={"a": math.nan}))
    summary = summary_of(history)
    for document in (sweep_json(history, summary), trial_json(history, 0, summary, "", {})):
        assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_unknown_trial_is_an_error() -> None:
    """A trial that the sweep does not have raises."""
    with pytest.raises(SweeperError, match="no trial 7"):
        trial_json(MIXED, 7, summary_of(MIXED), "", {})


def test_list_of_sweeps() -> None:
    """The list has one object per sweep."""
    listed = ListedSweep("a-7f3a", SWEEP_UID, SweepState.RUNNING, 3, START, "bob", "node1")
    assert sweeps_json([listed]) == [
        {
            "sweep": "a-7f3a",
            "uid": str(SWEEP_UID),
            "state": "running",
            "settled": 3,
            "started_at": START,
            "who": "bob",
            "host": "node1",
        }
    ]
