from __future__ import annotations

import json

import pytest

from sweeper.model import Direction, Goals, Metric, Source, TrialRow, TrialState
from sweeper.reporting.documents import sweep_json
from sweeper.reporting.outcomes import trials_of
from sweeper.testing.histories import history_of, measured, trial_row
from tests.reporting.samples import ACCURACY, FRONT, constrained, summary_of


def test_front_lists_what_nothing_beats_by_number() -> None:
    """Ties stay, what is beaten, pruned or a duplicate is not there; best is null."""
    run, twin = Source.RUN, Source.DUPLICATE
    points = [(0.9, 9.0, run), (0.8, 5.0, run), (0.7, 6.0, run), (0.8, 5.0, run), (0.9, 9.0, twin)]
    rows = [
        trial_row(n, [(value, None)], final=(value, energy), energy=energy, source=source)
        for n, (value, energy, source) in enumerate(points)
    ]
    pruned = trial_row(5, [(0.99, None)], energy=1.0, state=TrialState.PRUNED)
    document = summary_of(history_of(*rows, pruned), goals=FRONT).to_json()
    assert document["best"] is None
    assert [it["number"] for it in document["front"]] == [0, 1, 3]
    assert document["front"][1] == {
        "number": 1,
        "params": {"lr": 0.05},
        "metrics": {"val_accuracy": 0.8, "energy_j": 5.0},
        "step": 1,
        "from_cache": False,
        "producer": None,
    }


@pytest.mark.parametrize(
    ("goals", "there"), [(Goals.of(ACCURACY), False), (FRONT, True)], ids=["one", "several"]
)
def test_front_is_there_only_with_several_objectives(goals: Goals, there: bool) -> None:
    """With one objective there is no front; with several there is one, empty at first."""
    document = summary_of(history_of(), goals=goals).to_json()
    assert ("front" in document) is there
    assert document.get("front", []) == []


def test_infeasible_trial_is_not_the_best() -> None:
    """The best is the best of those that meet the constraints; these are counted."""
    rows = [trial_row(n, [(value, ms)]) for n, (value, ms) in enumerate([(0.9, 30), (0.8, 20)])]
    goals = constrained("latency_ms <= 20", names=["latency_ms"])
    document = summary_of(history_of(*rows), goals=goals).to_json()
    assert document["best"]["number"] == 1
    assert document["best"]["metrics"] == {"val_accuracy": 0.8, "latency_ms": 20}
    assert document["trials"]["feasible"] == 1
    assert "nearest" not in document


def test_constraints_may_name_params_and_built_in_metrics() -> None:
    """Nested params by dotted path and joules are looked at as well."""
    goals = constrained("energy_j <= 5 * net.layers", names=["energy_j"])
    rows = [
        trial_row(n, [(0.5 + n / 10, None)], final=(0.5 + n / 10, 9.0), energy=9.0,
                  params={"net": {"layers": layers}})
        for n, layers in enumerate([2, 1])
    ]  # fmt: skip
    best = summary_of(history_of(*rows), goals=goals).best
    assert best is not None
    assert best.number == 0


def test_nearest_breaks_the_fewest_constraints_least() -> None:
    """Where nothing is feasible, fewer broken constraints come before smaller violations."""
    goals = constrained("val_accuracy >= 0.9", "latency_ms <= 20", names=["latency_ms"])
    points = [(0.89, 21.0), (0.95, 90.0), (0.95, 80.0)]
    rows = [trial_row(n, [point]) for n, point in enumerate(points)]
    summary = summary_of(history_of(*rows), goals=goals)
    assert summary.best is None
    assert summary.trials.feasible == 0
    assert summary.to_json()["nearest"]["number"] == 2


def test_constraints_hold_for_the_front_too() -> None:
    """An infeasible trial beats nobody."""
    goals = Goals(FRONT.metrics, FRONT.names, constrained("energy_j <= 5").constraints)
    rows = [
        trial_row(n, [(value, None)], final=(value, energy), energy=energy)
        for n, (value, energy) in enumerate([(0.9, 9.0), (0.8, 5.0), (0.7, 4.0)])
    ]
    front = summary_of(history_of(*rows), goals=goals).finds.front
    assert [it.number for it in front] == [1, 2]


def test_trial_without_a_value_of_an_objective_is_no_find() -> None:
    """A complete trial whose joules nobody knows is not compared by joules."""
    row = trial_row(0, [(0.9, None)], final=(), energy=measured(None, source="unavailable"))
    document = summary_of(history_of(row), goals=FRONT).to_json()
    assert document["front"] == []
    assert document["trials"]["complete"] == 1


def test_unknown_metric_meets_no_constraint() -> None:
    """A constraint on what was not reported does not hold, and JSON stays strict."""
    row = trial_row(0, [(0.9, None)], final=())
    goals = constrained("latency_ms <= 20", names=["latency_ms"])
    document = summary_of(history_of(row), goals=goals).to_json()
    assert document["trials"]["feasible"] == 0
    assert document["nearest"]["metrics"] == {"val_accuracy": 0.9}
    json.dumps(document, allow_nan=False)


def test_metric_that_the_objective_reports_wins_over_a_built_in_one() -> None:
    """An own ``duration_s`` is what counts, not the seconds of training."""
    duration = Metric("duration_s", Direction.MINIMIZE)
    history = history_of(trial_row(0, [3.0, 2.0], elapsed_s=99.0))
    best = summary_of(history, goals=Goals.of(duration)).best
    assert best is not None
    assert best.value == 2.0


def test_replicates_decide_by_their_mean() -> None:
    """A lucky first seed does not win; mean and spread are those of the complete replicates."""
    lucky = [trial_row(0, [value], replicate=n) for n, value in enumerate([0.99, 0.51])]
    steady = [trial_row(1, [value], replicate=n) for n, value in enumerate([0.80, 0.82])]
    best = summary_of(history_of(*lucky, *steady)).best
    assert best is not None
    assert best.number == 1
    assert best.worth.written() == "val_accuracy 0.81 ± 0.014 (2 seeds)"


def test_a_duplicate_is_worth_what_its_twins_trainings_are() -> None:
    """Its one row has the mean; spread, seeds and seconds are those of what was trained."""
    twin = [trial_row(0, [value], replicate=n, params={"x": 1}) for n, value in enumerate([1, 3])]
    copy = trial_row(1, [1], final=(2.0,), source=Source.DUPLICATE, params={"x": 1})
    first, second = sweep_json(history_of(*twin, copy), summary_of(history_of(*twin, copy)))[
        "trial_list"
    ]
    for key in ("metrics", "replicates", "spread", "elapsed_s"):
        assert second[key] == first[key]
    assert second["source"] == "duplicate"


@pytest.mark.parametrize(
    ("second", "state", "counted"),
    [
        pytest.param(trial_row(0, [0.5], replicate=1), "complete", "complete", id="complete"),
        pytest.param(
            trial_row(0, replicate=1, state=TrialState.FAILED, cause="error: no"),
            "failed", "failed", id="failed",
        ),
        pytest.param(
            trial_row(0, [0.5], replicate=1, state=TrialState.PRUNED, cause="budget: time"),
            "pruned", "pruned", id="pruned",
        ),
        pytest.param(
            trial_row(0, [0.5], replicate=1, state=TrialState.RUNNING),
            "running", "unfinished", id="running",
        ),
        pytest.param(None, "running", "unfinished", id="not-started"),
    ],
)  # fmt: skip
def test_state_of_a_replicated_trial(second: TrialRow | None, state: str, counted: str) -> None:
    """A trial is as its replicates together: one that is missing or failed decides."""
    rows = [trial_row(0, [0.5], told=None)]
    history = history_of(*rows, *([] if second is None else [second]))
    assert trials_of(history)[0].state.value == state
    counts = summary_of(history).trials.to_json()
    named = ("complete", "pruned", "failed", "unfinished")
    assert {name: counts[name] for name in named if counts[name]} == {counted: 1}


def test_trial_with_one_trained_replicate_is_trained() -> None:
    """A trial of which one replicate was trained and one came from the store counts as trained."""
    rows = [
        trial_row(0, [0.5], source=Source.CACHE, told=None),
        trial_row(0, [0.5], energy=2.0, replicate=1),
        trial_row(1, [0.4], source=Source.CACHE, told=None),
        trial_row(1, [0.4], source=Source.CACHE, replicate=1),
    ]
    document = summary_of(history_of(*rows)).to_json()
    counts = {name: document["trials"][name] for name in ("asked", "trained", "cached")}
    assert counts == {"asked": 2, "trained": 1, "cached": 1}
    assert document["best"]["from_cache"] is False
    assert document["energy"]["spent_j"] == 2.0
