from __future__ import annotations

import json
import math

import pytest

from sweeper.errors import SweeperError
from sweeper.model import Decision, Goals, RegionEnergy, Source, TrialState, Verdict
from sweeper.reporting.documents import sweep_json, trial_json
from sweeper.reporting.trial_files import TrialFolder
from sweeper.testing.histories import history_of, trial_row
from tests.reporting.gpus import GIB, SHARED, account
from tests.reporting.samples import ACCURACY, ENERGY, MIXED, constrained, summary_of

NO_FILES = TrialFolder("/state/0", {})


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
    retried = trial_json(MIXED, 2, summary, [TrialFolder("/state/2", {"stderr.log": ()})])
    assert [attempt["state"] for attempt in retried["attempts"]] == ["lost", "complete"]
    assert retried["curve"][-1]["metrics"] == {"val_accuracy": 0.9}
    assert retried["energy"]["source"] == "measured:counter"
    assert retried["producer"] is None
    assert (retried["folder"], retried["files"]) == ("/state/2", ["stderr.log"])
    assert "folders" not in retried
    cached = trial_json(MIXED, 3, summary, [NO_FILES])
    assert (cached["producer"]["who"], cached["producer"]["avoided_j"]) == ("alice", 21.0)


def test_every_decision_of_early_stopping_is_in_the_document() -> None:
    """Each decision comes with its step, rule, rung, value, threshold and verdict."""
    decisions = (
        Decision(3, Verdict(False, "hyperband", 3, 0.6, 0.5)),
        Decision(9, Verdict(True, "hyperband", 9, 0.4, math.nan)),
    )
    history = history_of(trial_row(0, [0.5], decisions=decisions))
    document = trial_json(history, 0, summary_of(history), [NO_FILES])
    first = {"step": 3, "rule": "hyperband", "rung": 3, "value": 0.6, "threshold": 0.5}
    last = {"step": 9, "rule": "hyperband", "rung": 9, "value": 0.4, "threshold": None}
    assert document["decisions"] == [{**first, "verdict": "go_on"}, {**last, "verdict": "prune"}]


def test_all_metrics_of_the_curve_built_in_ones_too() -> None:
    """A point holds what was reported there, and what joules and seconds say."""
    history = history_of(trial_row(0, [(0.5, None), (None, None)], final=(0.5, 6.0), energy=6.0))
    summary = summary_of(history, goals=Goals.of(ACCURACY, ENERGY))
    curve = trial_json(history, 0, summary, [NO_FILES])["curve"]
    assert [point["metrics"] for point in curve] == [
        {"val_accuracy": 0.5, "energy_j": 3.0},
        {"energy_j": 6.0},
    ]


def test_replicates_have_mean_spread_and_folders() -> None:
    """A trial with several seeds says how many, their mean and spread, and where all files are."""
    rows = [
        trial_row(0, [0.25], energy=1.0, source=Source.CACHE, told=None),
        trial_row(0, [0.75], energy=2.0, replicate=1),
    ]
    history = history_of(*rows)
    folders = [NO_FILES, TrialFolder("/state/0-r1", {"stdout.log": ("x",)})]
    document = trial_json(history, 0, summary_of(history), folders)
    assert (document["state"], document["source"], document["from_cache"]) == (
        "complete",
        "run",
        False,
    )
    assert (document["metrics"], document["replicates"]) == ({"val_accuracy": 0.5}, 2)
    assert document["spread"] == pytest.approx({"val_accuracy": 0.125**0.5})
    assert (document["spent_j"], document["energy_j"], document["elapsed_s"]) == (2.0, 3.0, 20.0)
    assert document["folders"] == [
        {"folder": "/state/0", "files": []},
        {"folder": "/state/0-r1", "files": ["stdout.log"]},
    ]


def test_broken_constraints_are_in_the_list_of_trials() -> None:
    """Each complete trial of a constrained sweep says what it breaks, and by how much."""
    history = history_of(
        trial_row(0, [0.5]), trial_row(1, [0.9]), trial_row(2, [0.1], state=TrialState.PRUNED)
    )
    summary = summary_of(history, goals=constrained("val_accuracy >= 0.75"))
    listed = sweep_json(history, summary)["trial_list"]
    assert listed[0]["broken"] == {"val_accuracy >= 0.75": 0.25}
    assert listed[1]["broken"] == {}
    assert "broken" not in listed[2]


def test_documents_are_strict_json() -> None:
    """Non-finite params, joules and values are null."""
    history = history_of(trial_row(0, [math.inf], energy=math.nan, params={"a": math.nan}))
    summary = summary_of(history)
    for document in (sweep_json(history, summary), trial_json(history, 0, summary, [NO_FILES])):
        assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_unknown_trial_is_an_error() -> None:
    """A trial that the sweep does not have raises."""
    with pytest.raises(SweeperError, match="no trial 7"):
        trial_json(MIXED, 7, summary_of(MIXED), [NO_FILES])


def test_a_trials_gpus_stand_beside_its_energy() -> None:
    """Utilisation and peak memory are fields of each trial; unknown is null."""
    document = sweep_json(SHARED, summary_of(SHARED))
    assert [
        (trial["gpu_utilisation"], trial["gpu_memory_peak_bytes"])
        for trial in document["trial_list"]
    ] == [(pytest.approx(0.10), 8 * GIB), (pytest.approx(0.16), 6 * GIB)]
    plain = sweep_json(MIXED, summary_of(MIXED))["trial_list"][0]
    assert (plain["gpu_utilisation"], plain["gpu_memory_peak_bytes"]) == (None, None)


def test_a_trials_account_is_whole_in_its_json() -> None:
    """Regions, parts and the board's line are there as they were measured."""
    region = RegionEnergy("inference", 30.0, 3.0, 2)
    history = history_of(trial_row(0, [0.5], energy=account(400.0, regions=(region,))))
    energy = trial_json(history, 0, summary_of(history), [NO_FILES])["energy"]
    assert energy["regions"] == [
        {"name": "inference", "energy_j": 30.0, "elapsed_s": 3.0, "passages": 2}
    ]
    assert (energy["idle_j"], energy["u_rel"]) == (100.0, 0.06)
    assert energy["gpus"][0]["temp_end_c"] == 55.0
