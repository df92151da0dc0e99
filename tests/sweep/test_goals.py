"""Goals in a sweep: several metrics, built-in ones, constraints, decisions of early stopping."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from sweeper.expression import Expression
from sweeper.model import (
    UNAVAILABLE,
    Decision,
    Direction,
    Ended,
    Factors,
    Goals,
    Metric,
    Order,
    Params,
    PoolEvent,
    RecordStatus,
    Source,
    StepReport,
    Take,
    TrialSettled,
    TrialState,
    Verdict,
)
from sweeper.sweep.budget import Limits
from sweeper.testing.scripted_pool import ScriptedPool
from sweeper.testing.scripted_study import ScriptedStudy
from tests.sweep.bench import Bench, ComparingStudy, points

LOW, HIGH = Direction.MINIMIZE, Direction.MAXIMIZE
ACCURACY = Metric("accuracy", HIGH)
PRICED = Factors(400.0, "test", price_per_kwh=0.25)
Curve = list[tuple[int, Mapping[str, float]]]
RISING: Curve = [(step, {"accuracy": step / 10}) for step in range(1, 5)]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return an empty store with drivers."""
    return Bench(tmp_path)


def with_constraints(goals: Goals, *texts: str, names: tuple[str, ...] = ()) -> Goals:
    """Return goals with constraints, and columns for what only they name."""
    constraints = tuple(Expression(text) for text in texts)
    return replace(goals, constraints=constraints, names=(*goals.names, *names))


def always(curve: Curve) -> Callable[[Order], Curve]:
    """Return a script that reports the same curve for every trial."""
    return lambda order: curve


class Unmeasured(ScriptedPool):
    """A pool on a host without any sensor."""

    def next_event(self, timeout_s: float) -> PoolEvent | None:
        """Play one turn without any joules."""
        event = super().next_event(timeout_s)
        if isinstance(event, StepReport):
            return replace(event, energy_j=None)
        return replace(event, energy=UNAVAILABLE) if isinstance(event, Ended) else None


# --- several metrics ---


def test_built_in_metrics_come_from_joules_and_seconds(bench: Bench) -> None:
    """The study hears one value per objective; what is derived is stored nowhere as a value."""
    goals = Goals.of(ACCURACY, *(Metric(name, LOW) for name in ("energy_kwh", "duration_s")))
    study = ScriptedStudy(points(1))
    bench.run(study, always([(1, {"accuracy": 0.5}), (2, {"accuracy": 0.9})]), goals=goals)
    assert study.told == [(0, TrialState.COMPLETE, (0.9, 2 / 3.6e6, 2.0))]
    row = bench.history.attempts[0]
    assert row.final == (0.9, 2 / 3.6e6, 2.0)
    assert [point.values for point in row.curve] == [(0.5, None, None), (0.9, None, None)]
    assert bench.store.hits[0].record.final == (0.9, None, None)


def test_grams_and_money_follow_the_factors(bench: Bench) -> None:
    """Grams and cost are those of the sweep that asks, also of a stored record."""
    goals = Goals.of(ACCURACY, Metric("co2e_g", LOW), Metric("cost", LOW))
    script = always([(1, {"accuracy": 0.5})])
    bench.run(points(1), script, goals=goals, factors=PRICED)
    assert bench.history.attempts[0].final == pytest.approx((0.5, 400 / 3.6e6, 0.25 / 3.6e6))
    elsewhere = Factors(100.0, "test", price_per_kwh=1.0)
    study = ScriptedStudy(points(1))
    bench.run(study, script, goals=goals, factors=elsewhere, digest="e" * 64)
    assert bench.trained == 0
    assert study.told[0][2] == pytest.approx((0.5, 100 / 3.6e6, 1.0 / 3.6e6))


def test_a_metric_that_the_objective_reports_itself_wins(bench: Bench) -> None:
    """An objective that knows its own kilowatt-hours is believed, and they are a fact to keep."""
    goals = Goals.of(ACCURACY, Metric("energy_kwh", LOW))
    study = ScriptedStudy(points(1))
    bench.run(study, always([(1, {"accuracy": 0.5, "energy_kwh": 7.0})]), goals=goals)
    assert study.told[0][2] == (0.5, 7.0)
    assert bench.store.hits[0].record.final == (0.5, 7.0)
    assert bench.history.attempts[0].curve[0].values == (0.5, 7.0)


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("energy_kwh", "energy_kwh is unknown: nothing measures or estimates the energy of this"),
        ("co2e_g", "co2e_g is unknown: nothing measures or estimates the energy of this trial"),
        ("latency_ms", "the objective ended without reporting latency_ms; report it with yield"),
    ],
)
def test_an_unknown_value_fails_the_trial_with_the_reason(
    bench: Bench, name: str, cause: str
) -> None:
    """A trial without one of its values is no result, and its row says what is missing."""
    goals = Goals.of(ACCURACY, Metric(name, LOW))
    study = ScriptedStudy(points(1))
    bench.run(study, Unmeasured(always([(1, {"accuracy": 0.5})])), goals=goals)
    assert study.told == [(0, TrialState.FAILED, ())]
    kind = "missing" if name == "latency_ms" else "error"
    assert (bench.history.attempts[0].cause or "").startswith(f"{kind}: {cause}")


def test_a_cost_without_a_price_says_what_to_add(bench: Bench) -> None:
    """Joules are known here, the price is not."""
    bench.run(points(1), always([(1, {"a": 1.0})]), goals=Goals.of(Metric("cost", LOW)))
    assert bench.history.attempts[0].cause == "error: cost needs energy.price_per_kwh"


def test_a_stored_record_can_lack_a_value_for_this_sweep(bench: Bench) -> None:
    """A replay fails as the training itself would have failed, and consumes nothing."""
    goals = Goals.of(ACCURACY, Metric("cost", LOW))
    bench.run(points(1), always(RISING), goals=goals, factors=PRICED)
    bench.run(points(1), always(RISING), goals=goals, digest="e" * 64)
    row = bench.history.attempts[0]
    assert (row.state, row.source, bench.trained) == (TrialState.FAILED, Source.CACHE, 0)
    assert row.cause == "error: cost needs energy.price_per_kwh"


def test_a_sweep_of_built_in_metrics_counts_every_report(bench: Bench) -> None:
    """Who is judged by joules alone need not report any metric."""
    goals = Goals.of(Metric("energy_j", LOW))
    study = ScriptedStudy(points(2))

    def script(order: Order) -> Curve:
        return [] if order.params["x"] else [(1, {}), (2, {"lr": 0.1})]

    bench.run(study, script, goals=goals)
    assert study.judged == [(0, 1, 1.0), (0, 2, 2.0)]
    assert study.told == [(0, TrialState.COMPLETE, (2.0,)), (1, TrialState.COMPLETE, (0.0,))]


def test_a_report_without_any_of_the_sweeps_own_metrics_is_no_point(bench: Bench) -> None:
    """A built-in metric alone does not make a report count where others are asked for."""
    goals = Goals.of(ACCURACY, Metric("loss", LOW), Metric("energy_kwh", LOW))
    curve: Curve = [
        (1, {"energy_kwh": 1.0}),
        (2, {"loss": 0.5}),
        (3, {"accuracy": 0.9, "energy_kwh": 2.0}),
    ]
    bench.run(points(1), always(curve), goals=goals)
    row = bench.history.attempts[0]
    assert [(p.step, p.values) for p in row.curve] == [
        (2, (None, 0.5, None)),
        (3, (0.9, None, 2.0)),
    ]
    assert row.final == (0.9, 0.5, 2.0)
    assert bench.store.hits[0].record.final == (0.9, 0.5, 2.0)


def test_each_metric_takes_its_own_report(bench: Bench) -> None:
    """``take: best`` chooses per metric; the record keeps what was reported last."""
    goals = Goals.of(Metric("accuracy", HIGH, take=Take.BEST), Metric("loss", LOW))
    curve: Curve = [(1, {"accuracy": 0.9, "loss": 3.0}), (2, {"accuracy": 0.7, "loss": 2.0})]
    bench.run(points(1), always(curve), goals=goals)
    assert bench.history.attempts[0].final == (0.9, 2.0)
    assert bench.store.hits[0].record.final == (0.7, 2.0)


def test_any_metric_of_the_sweep_can_diverge(bench: Bench) -> None:
    """An infinite second objective ends the trial and is named."""
    goals = Goals.of(ACCURACY, Metric("loss", LOW))
    bench.run(points(1), always([(1, {"accuracy": 0.5, "loss": math.inf})]), goals=goals)
    row = bench.history.attempts[0]
    assert row.cause == "diverged: the objective reported loss=inf at step 1"
    assert bench.store.hits[0].record.status is RecordStatus.DIVERGED


# --- early stopping ---


@pytest.mark.parametrize(
    ("judged", "heard"),
    [(0, [(0, 1, 0.5), (0, 3, 0.9)]), (1, [(0, 2, 2.0)]), (2, [(0, 1, 1.0), (0, 2, 2.0)])],
    ids=["first", "second", "built-in"],
)
def test_early_stopping_judges_the_metric_that_it_was_given(
    bench: Bench, judged: int, heard: list[tuple[int, int, float]]
) -> None:
    """A report without the judged metric is not judged; a built-in one every report has."""
    goals = replace(Goals.of(ACCURACY, Metric("loss", LOW), Metric("energy_j", LOW)), judged=judged)
    curve: Curve = [(1, {"accuracy": 0.5}), (2, {"loss": 2.0}), (3, {"accuracy": 0.9})]
    study = ScriptedStudy(points(1))
    bench.run(study, always(curve), goals=goals)
    assert study.judged[: len(heard)] == heard
    assert len(study.judged) == len(heard) + (judged == 2)


def test_a_pruned_trial_of_several_metrics_is_told_without_values(bench: Bench) -> None:
    """Its curve stays as it was reported."""
    goals = replace(Goals.of(ACCURACY, Metric("loss", LOW)), judged=1)
    curve: Curve = [(1, {"accuracy": 0.5, "loss": 3.0}), (2, {"loss": 2.0}), (3, {"loss": 1.0})]
    study = ScriptedStudy(points(1), prune_at=[(0, 2)])
    bench.run(study, always(curve), goals=goals)
    row = bench.history.attempts[0]
    assert (row.state, row.final) == (TrialState.PRUNED, ())
    assert [point.values for point in row.curve] == [(0.5, 3.0), (None, 2.0)]
    assert study.told == [(0, TrialState.PRUNED, ())]
    assert study.violations == {0: ()}


def decision(step: int, value: float, *, prune: bool) -> Decision:
    """Return what the bench's study decides."""
    threshold = value if prune else value + 1
    return Decision(step, Verdict(prune, "script", step, value, threshold))


def test_every_verdict_that_compared_something_is_kept(bench: Bench) -> None:
    """In a run, in a replay of its record, when the sweep goes on, and when it is followed."""
    goals = Goals.of(ACCURACY)
    kept = (decision(1, 0.1, prune=False), decision(3, 0.3, prune=True))

    def study() -> ComparingStudy:
        return ComparingStudy(points(2), prune_at=[(0, 3)], compare_at=[(0, 1)])

    bench.run(study(), always(RISING), goals=goals)
    assert [row.decisions for row in bench.history.attempts] == [kept, ()]
    bench.run(study(), always(RISING), goals=goals)
    assert bench.observer.of(TrialSettled)[0].settled.outcome.decisions == kept, "it goes on"
    bench.run(study(), always(RISING), goals=goals, fresh=True)
    assert bench.history.attempts[0].decisions == kept, "it is followed"
    bench.run(study(), always(RISING), goals=goals, digest="e" * 64)
    assert bench.trained == 0
    assert bench.history.attempts[0].decisions == kept, "it is replayed"


def test_at_the_horizon_the_comparison_is_kept_and_nothing_is_pruned(bench: Bench) -> None:
    """The decision that was taken is to go on."""
    bench.run(
        ScriptedStudy(points(1), prune_at=[(0, 4)]),
        always(RISING),
        goals=Goals.of(ACCURACY),
        max_steps=4,
    )
    row = bench.history.attempts[0]
    assert row.state is TrialState.COMPLETE
    assert row.decisions == (Decision(4, Verdict(False, "script", 4, 0.4, 0.4)),)


# --- constraints ---


def test_violations_are_told_with_complete_trials(bench: Bench) -> None:
    """One per constraint, over metrics, built-in ones and parameters; at most 0 where it holds."""
    goals = with_constraints(
        Goals.of(ACCURACY),
        "latency_ms <= 20",
        "x <= 1",
        "energy_j <= 1",
        names=("latency_ms", "energy_j"),
    )

    def script(order: Order) -> Curve:
        x = order.params["x"]
        if x == 3:
            raise ValueError("bad")
        return [(1, {"accuracy": 0.5, "latency_ms": 15.0 + 10 * x})]

    study = ScriptedStudy(points(4), prune_at=[(2, 1)])
    bench.run(study, script, goals=goals)
    assert study.violations == {0: (-5.0, -1.0, 0.0), 1: (5.0, 0.0, 0.0), 2: (), 3: ()}
    assert [values for _, _, values in study.told] == [(0.5,), (0.5,), (), ()]
    assert bench.history.attempts[1].final == (0.5, 25.0, 1.0)


def test_violations_are_told_again_when_the_sweep_goes_on(bench: Bench) -> None:
    """A resumed and a following study hear what the first one heard."""
    goals = with_constraints(Goals.of(ACCURACY), "x <= 0")
    heard = []
    for fresh in (False, False, True):
        study = ScriptedStudy(points(2))
        bench.run(study, always(RISING), goals=goals, fresh=fresh)
        heard.append((study.told, study.violations))
    assert heard[0][1] == {0: (0.0,), 1: (1.0,)}
    assert heard[0] == heard[1] == heard[2]


@pytest.mark.parametrize(("bound", "trained"), [("x <= 9", 1), ("x >= 2", 3)])
def test_only_a_feasible_trial_reaches_the_target(bench: Bench, bound: str, trained: int) -> None:
    """A value that breaks a constraint is as good as none."""
    goals = with_constraints(Goals.of(Metric("accuracy", HIGH, target=0.4)), bound)
    result = bench.run(points(5), always(RISING), goals=goals)
    assert (result.stopped_by, bench.trained) == ("target", trained)


def test_a_target_of_one_of_several_objectives_ends_nothing(bench: Bench) -> None:
    """With several objectives there is no single value to be content with."""
    goals = Goals.of(Metric("accuracy", HIGH, target=0.1), Metric("energy_j", LOW))
    result = bench.run(points(3), always(RISING), goals=goals, limits=Limits(trials=2))
    assert (result.stopped_by, bench.trained) == ("budget.trials", 2)


def test_a_duplicate_is_told_the_same_violations(bench: Bench) -> None:
    """It is the same point."""
    proposals: list[Params] = [{"x": 2}, {"x": 2}]
    study = ScriptedStudy(proposals)
    bench.run(study, always(RISING), goals=with_constraints(Goals.of(ACCURACY), "x <= 1"))
    assert study.violations == {0: (1.0,), 1: (1.0,)}
