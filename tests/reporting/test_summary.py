from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.model import (
    UNAVAILABLE,
    Direction,
    Energy,
    Factors,
    Goals,
    Metric,
    Source,
    SweepHistory,
    SweepState,
    Take,
    TrialRow,
    TrialState,
)
from sweeper.testing.histories import (
    curve_of,
    history_of,
    measured,
    record_uid,
    sweep_row,
    trial_row,
    use_row,
)
from tests.reporting.samples import FACTORS, GOALS, MIXED, summary_of

LOSS = Metric("loss", Direction.MINIMIZE)


def test_hand_computed_counts() -> None:
    """Each trial is one number in one source and one state, whatever it took to get there."""
    assert summary_of(MIXED).to_json()["trials"] == {
        "asked": 6,
        "trained": 4,
        "cached": 1,
        "duplicate": 1,
        "attached": 0,
        "complete": 4,
        "pruned": 1,
        "failed": 1,
        "unfinished": 0,
    }


def test_hand_computed_energy() -> None:
    """Lost and failed attempts are paid for, unknown joules are counted, uses are not netted."""
    energy = summary_of(MIXED).to_json()["energy"]
    assert energy["spent_j"] == pytest.approx(74.5)
    assert energy["overhead_j"] == 7.5
    assert energy["avoided_cache_j"] == 21.0
    assert energy["avoided_duplicate_j"] == 21.0
    assert energy["avoided_pruning_j"] == pytest.approx(96.0)
    assert (energy["source"], energy["scope"]) == ("measured:counter", "gpu")
    assert energy["coverage"] == pytest.approx(0.8)
    assert energy["missing"] == 1


def test_grams_and_cost_follow_what_was_spent() -> None:
    """CO2e and cost are those of all that was consumed, overhead included."""
    summary = summary_of(MIXED)
    assert summary.co2e_g == pytest.approx(74.5 / 3.6e6 * 360.0)
    assert summary.cost == pytest.approx(74.5 / 3.6e6 * 0.15)


def test_documented_keys_in_their_order() -> None:
    """The JSON starts with exactly the documented keys, at every level."""
    document = summary_of(MIXED).to_json()
    assert list(document)[:11] == [
        "sweep",
        "state",
        "stopped_by",
        "trials",
        "best",
        "energy",
        "co2e_g",
        "cost",
        "currency",
        "elapsed_s",
        "ray_started",
    ]
    assert list(document["trials"])[:8] == [
        "asked",
        "trained",
        "cached",
        "duplicate",
        "attached",
        "complete",
        "pruned",
        "failed",
    ]
    assert list(document["best"])[:5] == ["number", "params", "metrics", "step", "from_cache"]
    assert list(document["energy"])[:8] == [
        "spent_j",
        "overhead_j",
        "avoided_cache_j",
        "avoided_pruning_j",
        "source",
        "scope",
        "coverage",
        "missing",
    ]


def test_best_is_described() -> None:
    """The best trial comes with its params, its value by name, and the step of the value."""
    assert summary_of(MIXED).to_json()["best"] == {
        "number": 2,
        "params": {"lr": 0.02, "hidden": 64},
        "metrics": {"val_accuracy": 0.9},
        "step": 2,
        "from_cache": False,
        "producer": None,
    }


@pytest.mark.parametrize(
    ("metric", "number", "step"),
    [
        pytest.param(replace(LOSS, take=Take.LAST), 1, 3, id="last"),
        pytest.param(replace(LOSS, take=Take.BEST), 0, 2, id="best"),
        pytest.param(replace(LOSS, direction=Direction.MAXIMIZE), 0, 3, id="maximize"),
    ],
)
def test_best_obeys_direction_and_take(metric: Metric, number: int, step: int) -> None:
    """Direction and take decide which trial is best, and at which step."""
    goals = Goals.of(metric)
    rows = []
    for n, curve in enumerate([curve_of([0.9, 0.1, 0.8]), curve_of([0.9, 0.5, 0.3])]):
        final = goals.final(curve, UNAVAILABLE, 10.0, FACTORS)[0]
        assert final is not None
        rows.append(replace(trial_row(n), curve=curve, final=(final,)))
    best = summary_of(history_of(*rows), goals=goals).best
    assert best is not None
    assert (best.number, best.worth.step) == (number, step)


def test_first_of_equally_good_trials_is_best() -> None:
    """A tie goes to the lowest number."""
    best = summary_of(history_of(trial_row(1, [0.5]), trial_row(0, [0.5]))).best
    assert best is not None
    assert best.number == 0


def test_pruned_trial_is_never_best() -> None:
    """Only complete trials can be best, however good a pruned one looked."""
    history = history_of(trial_row(0, [0.99], state=TrialState.PRUNED))
    assert summary_of(history).to_json()["best"] is None


@pytest.mark.parametrize(
    ("source", "expected"),
    [(Source.RUN, False), (Source.CACHE, True), (Source.ATTACHED, True)],
    ids=lambda value: str(value),
)
def test_best_says_whether_it_is_from_the_store(source: Source, expected: bool) -> None:
    """A best trial that this sweep did not train says so."""
    best = summary_of(history_of(trial_row(0, [0.5], source=source))).best
    assert best is not None
    assert best.from_cache is expected


@pytest.mark.parametrize(
    ("leader", "expected"), [(Source.RUN, False), (Source.CACHE, True)], ids=["run", "cache"]
)
def test_duplicate_inherits_where_its_leader_is_from(leader: Source, expected: bool) -> None:
    """The duplicate of a stored result is from the store; that of an own training is not."""
    failed = replace(
        trial_row(0, [0.5], source=leader, record=record_uid(1)), state=TrialState.PRUNED
    )
    twin = trial_row(1, [0.5], source=Source.DUPLICATE, record=record_uid(1))
    best = summary_of(history_of(failed, twin)).best
    assert best is not None
    assert best.from_cache is expected


def test_failed_attempt_that_will_be_retried_is_not_settled() -> None:
    """A failure that was not told is paid for but is no failed trial yet."""
    row = trial_row(0, energy=5.0, state=TrialState.FAILED, told=None)
    summary = summary_of(history_of(row))
    assert summary.trials.failed == 0
    assert summary.trials.unfinished == 1
    assert summary.energy.spent_j == 5.0


def test_interrupted_sweep() -> None:
    """Running joules count as spent; a parked trial without a source is asked by nobody yet."""
    history = history_of(
        trial_row(0, [0.5], energy=3.0, state=TrialState.LOST),
        trial_row(1, [0.5], energy=4.0, state=TrialState.RUNNING),
        trial_row(2, state=TrialState.PARKED, source=None, elapsed_s=None),
        sweep=sweep_row(state=SweepState.STOPPED, stopped_by="interrupt"),
    )
    document = summary_of(history).to_json()
    assert (document["state"], document["stopped_by"]) == ("stopped", "interrupt")
    assert document["trials"]["asked"] == 2
    assert document["trials"]["unfinished"] == 3
    assert document["energy"]["spent_j"] == 7.0
    assert document["best"] is None


@pytest.mark.parametrize(
    ("overhead_j", "spent_j"), [(None, 0.0), (3.0, 3.0)], ids=["unknown", "known"]
)
def test_empty_history_consumed_nothing(overhead_j: float | None, spent_j: float) -> None:
    """Where nothing was trained, 0 J is a measurement and only the overhead counts."""
    energy = summary_of(history_of(sweep=sweep_row(overhead_j=overhead_j))).to_json()["energy"]
    assert energy["spent_j"] == spent_j
    assert energy["source"] == "none"
    assert energy["coverage"] == 1.0
    assert energy["missing"] == 0
    assert energy["avoided_cache_j"] == 0.0
    assert energy["avoided_pruning_j"] == 0.0


def test_nothing_known_is_null() -> None:
    """Energy that was never measured is null, and so are grams and cost."""
    history = history_of(
        trial_row(0, [0.5], energy=measured(None, source="unavailable")),
        sweep=sweep_row(overhead_j=None),
    )
    document = summary_of(history).to_json()
    assert document["energy"]["spent_j"] is None
    assert document["energy"]["source"] == "unavailable"
    assert document["energy"]["coverage"] == 0.0
    assert document["co2e_g"] is None
    assert document["cost"] is None


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (["measured:counter", "measured:rapl"], "measured:rapl"),
        (["declared", "estimated:cpu_load"], "declared"),
        (["estimated:tdp", "measured:power_legacy", "estimated:util"], "estimated:tdp"),
        (["measured:counter", "measured:crystal_ball"], "measured:crystal_ball"),
    ],
    ids=["measured", "declared", "three", "unlisted"],
)
def test_source_of_a_sum_is_its_weakest(sources: list[str], expected: str) -> None:
    """A sum is no better than its weakest part; a source that nobody knows is the weakest."""
    rows = [
        trial_row(n, [0.5], energy=measured(1.0, source=source)) for n, source in enumerate(sources)
    ]
    assert summary_of(history_of(*rows)).energy.source == expected


def test_missing_term_does_not_change_the_label() -> None:
    """An unavailable attempt is counted as missing instead of making the sum unavailable."""
    unknown = Energy(None, source="unavailable", scope="none")
    history = history_of(trial_row(0, energy=1.0), trial_row(1, energy=unknown))
    energy = summary_of(history).energy
    assert (energy.source, energy.scope, energy.missing) == ("measured:counter", "gpu", 1)


def test_flushed_joules_without_an_account_have_an_unknown_source() -> None:
    """Joules that a dead driver had flushed are known, but not where they came from."""
    row = replace(trial_row(0, energy=5.0, state=TrialState.LOST), energy=None)
    energy = summary_of(history_of(row)).energy
    assert (energy.spent_j, energy.source, energy.missing) == (5.0, "unknown", 1)


def test_different_scopes_are_mixed() -> None:
    """A sum over GPU joules and CPU joules says that it is mixed."""
    rows = [trial_row(n, energy=measured(1.0, scope=s)) for n, s in enumerate(["gpu", "cpu"])]
    assert summary_of(history_of(*rows)).energy.scope == "mixed"


def test_replicates_are_paid_for_but_are_one_trial() -> None:
    """All replicates consume; the trial's value is their mean, and its spread is told."""
    rows = [trial_row(0, [0.1 * (r + 1)], energy=10.0, replicate=r) for r in range(3)]
    summary = summary_of(history_of(*rows))
    assert summary.trials.asked == 1
    assert summary.energy.spent_j == pytest.approx(30.0)
    assert summary.best is not None
    assert summary.best.value == pytest.approx(0.2)
    document = summary.best.to_json()
    assert document["replicates"] == 3
    assert document["spread"] == pytest.approx({"val_accuracy": 0.1})


@pytest.mark.parametrize(
    ("avoided", "joules", "missing"),
    [([None], None, 1), ([None, 4.0], 4.0, 1), ([], 0.0, 0), ([1.0, 2.0], 3.0, 0)],
    ids=["unknown", "partly", "none", "known"],
)
def test_avoided_by_the_store(
    avoided: list[float | None], joules: float | None, missing: int
) -> None:
    """Unknown avoided joules are counted; null only where nothing is known."""
    uses = [use_row(n, joules, kind=Source.ATTACHED) for n, joules in enumerate(avoided)]
    rows = [trial_row(n, [0.5], source=Source.ATTACHED) for n in range(len(uses))]
    total = summary_of(history_of(*rows, uses=uses)).energy.avoided_store
    assert (total.energy_j, total.missing) == (joules, missing)


def test_other_hardware_is_shown_apart() -> None:
    """Joules of another kind of device are in the sum, unconverted, and told apart."""
    uses = [use_row(0, 5.0), use_row(1, 7.0, comparable=False)]
    energy = summary_of(history_of(uses=uses)).energy
    assert (energy.avoided_store.energy_j, energy.other_hardware_j) == (12.0, 7.0)


@pytest.mark.parametrize(
    ("row", "max_steps", "expected"),
    [
        pytest.param(trial_row(0, [1, 1], energy=4.0, state=TrialState.PRUNED), 10, 16.0, id="est"),
        pytest.param(
            trial_row(0, [1, 1], energy=4.0, state=TrialState.PRUNED), None, None, id="open"
        ),
        pytest.param(trial_row(0, [1, 1], energy=4.0, state=TrialState.PRUNED), 1, 0.0, id="past"),
        pytest.param(trial_row(0, [1], state=TrialState.PRUNED), 10, None, id="unknown-joules"),
        pytest.param(trial_row(0, [], energy=4.0, state=TrialState.PRUNED), 10, None, id="no-step"),
        pytest.param(
            trial_row(0, [1], energy=4.0, state=TrialState.PRUNED, source=Source.CACHE),
            10,
            0.0,
            id="from-the-store",
        ),
        pytest.param(
            trial_row(0, [1], energy=4.0, state=TrialState.PRUNED, cause="budget: time"),
            10,
            0.0,
            id="not-the-pruner",
        ),
        pytest.param(trial_row(0, [1], energy=4.0), None, 0.0, id="none-pruned"),
    ],
)
def test_avoided_by_pruning(row: TrialRow, max_steps: int | None, expected: float | None) -> None:
    """Only trained trials that the pruner stopped avoid anything, at their own joules per step."""
    energy = summary_of(history_of(row), max_steps=max_steps).energy
    assert energy.avoided_pruning.energy_j == expected


def test_failures_are_grouped_by_what_they_say() -> None:
    """Failures that differ in numbers only are one kind, with its count and its first trial."""
    causes = ["error: bad 1", "error: bad 2", "oom: 80 GiB", "error: bad 3e-5"]
    rows = [trial_row(n, state=TrialState.FAILED, cause=c) for n, c in enumerate(causes)]
    assert summary_of(history_of(*rows)).to_json()["causes"] == [
        {"cause": "error: bad 1", "count": 3, "example": 0},
        {"cause": "oom: 80 GiB", "count": 1, "example": 2},
    ]


def test_producers_are_named_with_what_they_answered() -> None:
    """Who trained the store's answers is named once each, the most used first."""
    uses = [
        use_row(0, 1.0, producer="carol"),
        use_row(1, 1.0),
        use_row(2, 1.0, kind=Source.ATTACHED),
        use_row(3, 1.0, kind=Source.DUPLICATE, producer="bob"),
    ]
    producers = summary_of(history_of(uses=uses)).producers
    assert [(p.who, p.trials) for p in producers] == [("alice", 2), ("carol", 1)]


def test_non_finite_never_reaches_json() -> None:
    """Whatever the store holds, the document is strict JSON."""
    row = trial_row(0, [math.inf], energy=math.nan, params={"a": math.nan, "b": [math.inf, (1,)]})
    history = history_of(
        row, sweep=sweep_row(overhead_j=math.inf, elapsed_s=math.nan), uses=[use_row(0, -math.inf)]
    )
    document = summary_of(history, factors=Factors(math.nan, "broken")).to_json()
    text = json.dumps(document, allow_nan=False)
    assert json.loads(text) == document
    assert document["energy"]["missing"] == 1


# --- laws ---

_joules = st.none() | st.floats(-1e9, 1e12)
_rows = st.builds(
    trial_row,
    st.integers(0, 9),
    st.lists(st.floats(-1e6, 1e6), max_size=4),
    state=st.sampled_from(TrialState),
    source=st.sampled_from([*Source, None]),
    energy=_joules,
    attempt=st.integers(0, 3),
    replicate=st.integers(0, 2),
    elapsed_s=st.none() | st.floats(0, 1e6),
)
_uses = st.builds(
    use_row,
    st.integers(0, 9),
    _joules,
    kind=st.sampled_from([Source.CACHE, Source.ATTACHED, Source.DUPLICATE]),
    comparable=st.booleans(),
)
_histories = st.builds(
    lambda rows, uses, overhead_j: history_of(
        *rows, uses=uses, sweep=sweep_row(overhead_j=overhead_j)
    ),
    st.lists(_rows, max_size=8, unique_by=lambda row: row.id),
    st.lists(_uses, max_size=5),
    _joules,
)


@given(_histories)
def test_consumed_does_not_depend_on_uses(history: SweepHistory) -> None:
    """Deleting every use changes no consumed figure."""
    with_uses, without = summary_of(history), summary_of(replace(history, uses=()))
    consumed = ("spent_j", "overhead_j", "source", "scope", "coverage", "missing")
    for name in consumed:
        assert getattr(with_uses.energy, name) == getattr(without.energy, name)
    assert (with_uses.co2e_g, with_uses.cost) == (without.co2e_g, without.cost)


@given(_histories, st.none() | st.integers(1, 100))
def test_avoided_is_never_negative(history: SweepHistory, max_steps: int | None) -> None:
    """No avoided figure is below zero, whatever the store holds."""
    energy = summary_of(history, max_steps=max_steps).energy
    for total in (energy.avoided_store, energy.avoided_duplicate, energy.avoided_pruning):
        assert total.energy_j is None or total.energy_j >= 0


@given(_histories)
def test_summary_adds_up_and_is_strict_json(history: SweepHistory) -> None:
    """Counts add up, coverage is a share, and the document survives strict JSON unchanged."""
    document = summary_of(history).to_json()
    trials = document["trials"]
    assert trials["asked"] == sum(
        trials[name] for name in ("trained", "cached", "duplicate", "attached")
    )
    ended = trials["complete"] + trials["pruned"] + trials["failed"]
    assert ended + trials["unfinished"] == len({row.id.number for row in history.attempts})
    assert 0 <= document["energy"]["coverage"] <= 1
    assert json.loads(json.dumps(document, allow_nan=False)) == document


@given(_histories)
def test_order_of_rows_does_not_matter(history: SweepHistory) -> None:
    """The same rows in another order give the same document."""
    attempts, uses = list(history.attempts), list(history.uses)
    attempts.reverse()
    uses.reverse()
    turned = SweepHistory(history.sweep, tuple(attempts), tuple(uses))
    assert summary_of(turned).to_json() == summary_of(history).to_json()


def test_metric_and_factors_are_not_in_the_history() -> None:
    """Other factors change grams and cost, and nothing else."""
    dear = summary_of(MIXED, factors=replace(FACTORS, g_per_kwh=720.0, price_per_kwh=None))
    plain = summary_of(MIXED, goals=GOALS)
    assert dear.energy == plain.energy
    assert dear.co2e_g == pytest.approx(2 * (plain.co2e_g or 0.0))
    assert dear.cost is None
