"""The loop: what is trained, told, stored and counted."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.errors import CacheError
from sweeper.model import (
    AttemptId,
    Cause,
    Direction,
    Metric,
    Notice,
    Order,
    Params,
    PoolEvent,
    RecordStatus,
    Source,
    SweepState,
    Take,
    TrialSettled,
    TrialState,
    Uncacheable,
)
from sweeper.sweep.budget import Limits
from sweeper.sweep.loop import SweepResult
from sweeper.sweep.stop import StopLadder, Urgency
from sweeper.testing.failing_store import FailingCache, FailingLedger
from sweeper.testing.scripted_pool import ScriptedPool, WorkerDies
from sweeper.testing.scripted_study import ScriptedStudy
from tests.sweep.bench import Bench, descending, points

Reports = Iterator[tuple[int, Mapping[str, float]]]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return an empty store with drivers."""
    return Bench(tmp_path)


def ended(result: SweepResult) -> tuple[SweepState, str]:
    """Return how a sweep ended."""
    return result.state, result.stopped_by


def states(bench: Bench) -> list[tuple[TrialState, Source | None]]:
    """Return state and source of each attempt of the last sweep."""
    return [(row.state, row.source) for row in bench.history.attempts]


# --- the ordinary way ---


def test_every_proposal_is_trained_told_and_stored(bench: Bench) -> None:
    """A sweep over an exhausted space ends complete, with one record per trial."""
    study = ScriptedStudy(points(3))
    result = bench.run(study)
    assert ended(result) == (SweepState.COMPLETE, "space")
    assert study.told == [(n, TrialState.COMPLETE, (n + 0.25,)) for n in range(3)]
    assert states(bench) == [(TrialState.COMPLETE, Source.RUN)] * 3
    assert [row.energy_j for row in bench.history.attempts] == [4.0] * 3
    assert [hit.record.status for hit in bench.store.hits] == [RecordStatus.COMPLETE] * 3


@pytest.mark.parametrize("workers", [1, 3])
def test_the_trial_budget_is_kept_exactly(bench: Bench, workers: int) -> None:
    """With any number of workers, ``budget.trials`` trials settle, not one more."""
    result = bench.run(points(10), workers=workers, limits=Limits(trials=4))
    assert ended(result) == (SweepState.COMPLETE, "budget.trials")
    assert bench.trained == 4
    assert len(bench.history.attempts) == 4


def test_overhead_of_the_workers_is_booked_apart(bench: Bench) -> None:
    """What no trial used is in the sweep's row."""
    bench.run(points(1), ScriptedPool(descending, overhead_j=7.5))
    assert bench.history.sweep.overhead_j == 7.5


def test_a_pruned_trial_keeps_its_curve_and_says_why(bench: Bench) -> None:
    """The curve up to the cut is told, stored and explained."""
    study = ScriptedStudy(points(2), prune_at=[(1, 2)])
    bench.run(study)
    row = bench.history.attempts[1]
    assert (row.state, row.steps, row.final) == (TrialState.PRUNED, 2, ())
    assert row.cause == "pruner: script at rung 2: value 1.5, threshold 1.5"
    assert study.told[1] == (1, TrialState.PRUNED, ())
    assert bench.store.hits[1].record.status is RecordStatus.PRUNED


def test_no_trial_is_pruned_at_the_planned_horizon(bench: Bench) -> None:
    """Whoever has trained to the end is complete: there is nothing left to save."""
    bench.run(ScriptedStudy(points(1), prune_at=[(0, 4)]), max_steps=4)
    assert states(bench) == [(TrialState.COMPLETE, Source.RUN)]


def test_a_report_past_the_horizon_is_not_counted_and_ends_the_trial(bench: Bench) -> None:
    """An endless objective is cut at ``max_steps`` and complete."""

    def endless(order: Order) -> Reports:
        for step in range(1, 1000):
            yield step, {"loss": float(step)}

    bench.run(points(1), endless, max_steps=3)
    row = bench.history.attempts[0]
    assert (row.state, row.steps, row.final) == (TrialState.COMPLETE, 3, (3.0,))


@pytest.mark.parametrize(("take", "value"), [(Take.LAST, 9.0), (Take.BEST, 1.0)])
def test_take_chooses_the_trials_value(bench: Bench, take: Take, value: float) -> None:
    """The value is the last report, or the best one."""
    study = ScriptedStudy(points(1))
    curve = [(1, {"loss": 3.0}), (2, {"loss": 1.0}), (3, {"loss": 9.0})]
    metric = Metric("loss", Direction.MINIMIZE, take=take)
    bench.run(study, lambda order: curve, metric=metric)
    assert study.told == [(0, TrialState.COMPLETE, (value,))]


def test_reports_without_the_metric_are_no_points(bench: Bench) -> None:
    """An objective may report other things more often."""
    curve = [(1, {"lr": 0.1}), (2, {"loss": 1.0, "lr": 0.1}), (3, {"lr": 0.1})]
    bench.run(points(1), lambda order: curve)
    row = bench.history.attempts[0]
    assert (row.state, [point.step for point in row.curve]) == (TrialState.COMPLETE, [2])


def test_a_target_ends_the_sweep(bench: Bench) -> None:
    """Once a report reaches the target no new trial starts."""
    metric = Metric("loss", Direction.MINIMIZE, target=1.25)
    result = bench.run(points(5)[::-1], metric=metric)
    assert ended(result) == (SweepState.COMPLETE, "target")
    assert bench.trained == 4
    bench.run(points(5)[1:], metric=metric, digest="e" * 64)
    assert bench.trained == 0, "the stored value of the first point reaches it as well"


# --- failures ---


@pytest.mark.parametrize(
    ("curve", "cause", "status"),
    [
        (
            [(1, {"loss": math.nan})],
            "diverged: the objective reported loss=nan at step 1",
            "diverged",
        ),
        ([(2, {"loss": 1.0}), (2, {"loss": 1.0})], "error: steps must ascend: ", "error"),
        ([(1, {"lr": 1.0})], "missing: the objective ended without reporting loss", "error"),
        ([], "missing: the objective ended without reporting loss", "error"),
    ],
    ids=["nan", "repeated-step", "other-metric", "silent"],
)
def test_a_bad_report_is_one_failed_trial(
    bench: Bench, curve: list[tuple[int, dict[str, float]]], cause: str, status: str
) -> None:
    """The cause is told, the study hears of a failure, the sweep goes on, nothing is served."""

    def script(order: Order) -> Reports:
        yield from curve if order.params["x"] == 0 else descending(order)

    study = ScriptedStudy(points(2))
    assert bench.run(study, script).state is SweepState.COMPLETE
    row = bench.history.attempts[0]
    assert row.cause is not None
    assert row.cause.startswith(cause)
    assert [state for _, state, _ in study.told] == [TrialState.FAILED, TrialState.COMPLETE]
    assert bench.store.hits[0].record.status is RecordStatus(status)
    assert (bench.folder / "0-r0.0" / "error.txt").read_text().startswith(cause)
    bench.run(points(2), script, fresh=True, digest="e" * 64)
    assert bench.trained == 1, "a failure is no answer: it is tried again"


def test_a_sweep_whose_trials_all_fail_has_failed(bench: Bench) -> None:
    """Without any value the sweep failed, and it does not go on for ever."""

    def raises(order: Order) -> Reports:
        raise RuntimeError("no data")

    result = bench.run(points(50), raises)
    assert ended(result) == (SweepState.FAILED, "failures")
    assert bench.trained == 10


def test_a_lost_worker_costs_an_attempt_not_the_trial(bench: Bench) -> None:
    """The trial starts again with its number and params; both attempts are paid for."""
    deaths = iter([True, False])

    def dies_once(order: Order) -> Reports:
        yield 1, {"loss": 1.0}
        if next(deaths):
            raise WorkerDies("killed")
        yield 2, {"loss": 0.5}

    study = ScriptedStudy(points(1))
    bench.run(study, dies_once, retries=1)
    assert [(row.id.attempt, row.state, row.told) for row in bench.history.attempts] == [
        (0, TrialState.FAILED, None),
        (1, TrialState.COMPLETE, 1),
    ]
    assert study.told == [(0, TrialState.COMPLETE, (0.5,))]
    assert len(bench.store.hits) == 1, "a lost worker says nothing about the configuration"
    assert any(isinstance(event, Notice) for event in bench.events)


def test_after_the_last_retry_a_lost_worker_is_a_failure(bench: Bench) -> None:
    """A configuration that always kills its worker fails in the end."""

    def always_dies(order: Order) -> Reports:
        yield 1, {"loss": 1.0}
        raise WorkerDies("killed")

    result = bench.run(points(1), always_dies, retries=2)
    assert result.state is SweepState.FAILED
    assert bench.trained == 3


def test_a_sweep_waits_for_the_replacement_of_its_only_worker(bench: Bench) -> None:
    """While no worker is there, there is still work: the sweep is not over."""

    def first_dies(order: Order) -> Reports:
        yield 1, {"loss": 1.0}
        if order.params["x"] == 1:
            raise WorkerDies("killed")

    pool = ScriptedPool(first_dies, respawn_turns=5)
    result = bench.run(points(9), pool, limits=Limits(trials=4))
    assert ended(result) == (SweepState.COMPLETE, "budget.trials")
    assert len(pool.started) == 4


def test_interruptions_use_up_no_retries(bench: Bench) -> None:
    """Only lost workers count against ``trial.retries``, not continuations."""
    for _ in range(3):
        assert bench.run(points(1), killed_at_report(), retries=1).state is SweepState.STOPPED
    deaths = iter([True, False])

    def dies_once(order: Order) -> Reports:
        yield 1, {"loss": 1.0}
        if next(deaths):
            raise WorkerDies("killed")

    assert bench.run(points(1), dies_once, retries=1).state is SweepState.COMPLETE


def killed_at_report() -> ScriptedPool:
    """Return a pool whose driver is killed when it has answered two reports."""

    class Killed(ScriptedPool):
        def go_on(self, attempt: AttemptId) -> None:
            self.answered = getattr(self, "answered", 0) + 1
            if self.answered > 2:
                raise KeyboardInterrupt
            super().go_on(attempt)

    return Killed(descending)


def test_joules_of_interrupted_attempts_are_kept_as_the_least(bench: Bench) -> None:
    """What was reported before a kill is spent, counts against the budget, and is flagged."""
    limits = Limits(energy_j=5.0)
    bench.run(points(1), killed_at_report(), limits=limits)
    row = bench.history.attempts[0]
    assert (row.state, row.energy_j) == (TrialState.LOST, 3.0)
    assert row.energy is not None
    assert row.energy.flags == ("cut_short",)
    bench.run(points(1), killed_at_report(), limits=limits)
    result = bench.run(points(1), limits=limits)
    assert result.stopped_by == "budget.energy"
    assert bench.trained == 0


def test_an_interruption_after_a_failure_is_an_interruption(bench: Bench) -> None:
    """That only failures are known yet is no verdict on the sweep."""

    def fails(order: Order) -> Reports:
        raise ValueError("bad")

    ladder = StopLadder(lambda text: None)

    class Pressed(ScriptedPool):
        def start(self, order: Order) -> None:
            super().start(order)
            ladder.urgency = Urgency.DRAIN

    result = bench.run(points(5), Pressed(fails), ladder=ladder)
    assert ended(result) == (SweepState.STOPPED, "interrupt")


def test_a_pruned_trial_whose_worker_dies_in_its_cleanup_stays_pruned(bench: Bench) -> None:
    """The decision was taken; there is nothing to try again."""

    class DiesWhenStopped(ScriptedPool):
        def stop(self, attempt: AttemptId, cause: Cause, *, now: bool = False) -> None:
            self._running[attempt] = self._dying()
            self.go_on(attempt)

        def _dying(self) -> Reports:
            raise WorkerDies("killed in finally")
            yield

    study = ScriptedStudy(points(1), prune_at=[(0, 2)])
    bench.run(study, DiesWhenStopped(descending), retries=3)
    assert study.told == [(0, TrialState.PRUNED, ())]


@pytest.mark.parametrize(("first_step", "cut_at"), [(0, 3), (1, 4)])
def test_the_horizon_is_met_by_who_counts_from_zero_too(
    bench: Bench, first_step: int, cut_at: int
) -> None:
    """``for epoch in range(max_steps)`` ends at max_steps - 1: no pruning there either."""
    curve = [(step, {"loss": 1.0}) for step in range(first_step, first_step + 4)]
    bench.run(ScriptedStudy(points(1), prune_at=[(0, cut_at)]), lambda order: curve, max_steps=4)
    assert states(bench) == [(TrialState.COMPLETE, Source.RUN)]


def test_a_target_is_judged_by_the_trials_value(bench: Bench) -> None:
    """With ``take: last`` a good report on the way is no result yet."""
    curve = [(1, {"loss": 0.1}), (2, {"loss": 0.9})]
    metric = Metric("loss", Direction.MINIMIZE, target=0.5)
    result = bench.run(points(3), lambda order: curve, metric=metric)
    assert result.stopped_by == "space"


def test_a_first_report_past_the_horizon_says_so(bench: Bench) -> None:
    """The cause names the horizon instead of asking for a report that was made."""
    bench.run(points(1), lambda order: [(100, {"loss": 1.0})], max_steps=5)
    assert "past max_steps 5" in (bench.history.attempts[0].cause or "")


def test_following_settles_duplicates_that_were_open(bench: Bench) -> None:
    """A duplicate that waited when the earlier sweep ended gets its twin's outcome here."""
    proposals: list[Params] = [{"x": 1}, {"x": 1}, {"x": 2}]
    bench.run(proposals, interrupted_after(2), limits=Limits(trials=2))
    first = bench.history.attempts
    assert any(row.source is Source.DUPLICATE or row.told is None for row in first)
    result = bench.run(proposals, fresh=True, limits=Limits(trials=2))
    assert result.state is SweepState.COMPLETE
    assert all(row.told is not None for row in bench.history.attempts)


def test_a_trial_over_its_time_limit_fails(bench: Bench) -> None:
    """``trial.timeout`` is a failure with its own cause; its prefix is kept."""
    bench.run(points(1), timeout_s=0.0)
    row = bench.history.attempts[0]
    assert row.state is TrialState.FAILED
    assert row.cause == "timeout: trained for more than 0 s (trial.timeout)"


# --- duplicates and the store ---


def test_a_duplicate_shares_its_twins_outcome_and_costs_nothing(bench: Bench) -> None:
    """A point that is asked again is told at once, and does not use the budget."""
    study = ScriptedStudy([{"x": 1}, {"x": 1}, {"x": 2}])
    bench.run(study, limits=Limits(trials=2))
    assert bench.trained == 2
    assert [state for state in states(bench)] == [
        (TrialState.COMPLETE, Source.RUN),
        (TrialState.COMPLETE, Source.DUPLICATE),
        (TrialState.COMPLETE, Source.RUN),
    ]
    assert study.told[0][1:] == study.told[1][1:]
    assert [(use.number, use.kind) for use in bench.history.uses] == [(1, Source.DUPLICATE)]


def test_a_duplicate_of_a_running_trial_waits_for_it(bench: Bench) -> None:
    """With free workers, a twin in flight is not trained twice."""
    bench.run([{"x": 1}, {"x": 1}, {"x": 1}, {"x": 2}], workers=3)
    assert bench.trained == 2
    sources = [source for _, source in states(bench)]
    assert sources == [Source.RUN, Source.DUPLICATE, Source.DUPLICATE, Source.RUN]


def test_a_duplicate_shares_failure_too(bench: Bench) -> None:
    """What failed is not tried again inside the same sweep."""

    def script(order: Order) -> Reports:
        raise ValueError("bad")

    bench.run([{"x": 1}, {"x": 1}], script)
    assert bench.trained == 1
    assert [state for state, _ in states(bench)] == [TrialState.FAILED, TrialState.FAILED]


def test_another_sweep_trains_nothing_that_is_known(bench: Bench) -> None:
    """An overlapping sweep trains only what is new, at the joules of what is new."""
    bench.run(points(3))
    bench.who = "bob"
    bench.run(points(5), digest="e" * 64)
    assert bench.trained == 2
    assert [source for _, source in states(bench)] == [Source.CACHE] * 3 + [Source.RUN] * 2
    assert [use.avoided_j for use in bench.history.uses] == [4.0] * 3
    assert {use.producer for use in bench.history.uses} == {"ann"}


def test_a_stored_curve_goes_through_this_sweeps_pruner(bench: Bench) -> None:
    """A complete record is cut where this pruner cuts, and avoids only that prefix."""
    bench.run(points(1))
    study = ScriptedStudy(points(1), prune_at=[(0, 2)])
    bench.run(study, digest="e" * 64)
    assert bench.trained == 0
    assert study.told == [(0, TrialState.PRUNED, ())]
    assert [(use.steps_used, use.avoided_j) for use in bench.history.uses] == [(2, 2.0)]


def test_a_record_that_is_too_short_is_trained_from_its_start(bench: Bench) -> None:
    """A pruned record answers only who would have pruned by then."""
    bench.run(ScriptedStudy(points(1), prune_at=[(0, 2)]))
    bench.run(points(1), digest="e" * 64)
    assert bench.trained == 1
    assert states(bench) == [(TrialState.COMPLETE, Source.RUN)]
    bench.run(points(1), digest="f" * 64)
    assert bench.trained == 0


def test_what_cannot_be_keyed_is_trained_and_says_so(bench: Bench) -> None:
    """An uncacheable trial has its reason in its row, and no record."""
    for _ in range(2):
        bench.run(
            points(1),
            key=lambda params, replicate: Uncacheable("params.token", "a secret"),
            fresh=True,
        )
        assert bench.trained == 1
        assert bench.history.attempts[0].uncached == "params.token: a secret"
    assert bench.store.hits == ()


def test_a_tainted_result_is_kept_but_not_served(bench: Bench) -> None:
    """When the code changed under the sweep, its results stay with it."""
    bench.run(points(1), tainted=lambda ended: "train.py changed since the sweep began")
    assert bench.store.hits[0].record.tainted == "train.py changed since the sweep began"
    bench.run(points(1), digest="e" * 64)
    assert bench.trained == 1


# --- going on ---


def interrupted_after(count: int, script: object = descending) -> ScriptedPool:
    """Return a pool that is killed when so many attempts have started."""

    class Killed(ScriptedPool):
        def start(self, order: Order) -> None:
            if len(self.started) == count:
                raise KeyboardInterrupt
            super().start(order)

    return Killed(script)  # type: ignore[arg-type] # a script


def test_the_same_sweep_goes_on_where_it_ended(bench: Bench) -> None:
    """What is settled is told in its old order, what was in flight runs again first."""
    first = bench.run(points(5), interrupted_after(3))
    assert ended(first) == (SweepState.STOPPED, "interrupt")
    study = ScriptedStudy(points(5))
    second = bench.run(study)
    assert second.uid == first.uid
    assert ended(second) == (SweepState.COMPLETE, "space")
    assert [order.params["x"] for order in bench.pool.started] == [3, 4]  # type: ignore[union-attr]
    assert [number for number, _, _ in study.told] == [0, 1, 2, 3, 4]
    assert [row.told for row in bench.history.attempts if row.told is not None] == [1, 3, 5, 7, 9]


def test_a_finished_sweep_is_only_read_again(bench: Bench) -> None:
    """Running it again asks nothing and trains nothing."""
    first = bench.run(points(2), limits=Limits(trials=2))
    again = bench.run(points(2), limits=Limits(trials=2))
    assert (again, bench.trained) == (first, 0)


def test_a_raised_budget_goes_on(bench: Bench) -> None:
    """The same sweep with more trials trains only the further ones."""
    first = bench.run(points(6), limits=Limits(trials=2))
    second = bench.run(points(6), limits=Limits(trials=5))
    assert second.uid == first.uid
    assert bench.trained == 3


@pytest.mark.parametrize("count", [1, 2])
def test_an_interruption_of_the_last_trials_is_no_completion(bench: Bench, count: int) -> None:
    """Although the whole budget was asked, what was stopped has no end: the sweep is not done."""

    class Pressed(ScriptedPool):
        def go_on(self, attempt: AttemptId) -> None:
            if count == 2:
                ladder.urgency = Urgency.STOP
            super().go_on(attempt)

        def next_event(self, timeout_s: float) -> PoolEvent | None:
            if count == 1 and self.started:
                raise KeyboardInterrupt
            return super().next_event(timeout_s)

    ladder = StopLadder(lambda text: None)
    result = bench.run(points(1), Pressed(descending), limits=Limits(trials=1), ladder=ladder)
    assert ended(result) == (SweepState.STOPPED, "interrupt")
    again = bench.run(points(1), limits=Limits(trials=1))
    assert ended(again) == (SweepState.COMPLETE, "budget.trials")


def test_interruption_drains_by_default(bench: Bench) -> None:
    """After one Ctrl-C running trials finish and are told."""
    pool = ScriptedPool(descending, workers=2)
    result = bench.run(points(5), pool, urgency=Urgency.DRAIN)
    assert ended(result) == (SweepState.STOPPED, "interrupt")
    assert bench.trained == 0


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("prune_at", [[], [(1, 2), (4, 1)]], ids=["complete", "pruned"])
def test_a_fresh_sweep_of_the_same_file_is_warm(
    bench: Bench, workers: int, prune_at: list[tuple[int, int]]
) -> None:
    """It follows the earlier one in its order: the same ends, nothing trained, with any pool."""
    cold = ScriptedStudy(points(6), prune_at=prune_at)
    bench.run(cold, workers=workers)
    before = bench.history
    bench.who = "bob"
    warm = ScriptedStudy(points(6))  # the recorded ends count, not what this pruner would say
    result = bench.run(warm, workers=workers, fresh=True)
    assert bench.trained == 0
    assert result.state is SweepState.COMPLETE
    assert warm.told == cold.told
    after = bench.history
    assert [(r.state, r.final, r.curve) for r in after.attempts] == [
        (r.state, r.final, r.curve) for r in before.attempts
    ]
    assert {row.source for row in after.attempts} == {Source.CACHE}


def test_following_trains_what_the_store_lost(bench: Bench) -> None:
    """A followed trial without an answer is trained with the recorded params."""

    def fails_first(order: Order) -> Reports:
        if order.params["x"] == 1 and order.id.attempt == 0 and not flag:
            raise ValueError("flaky")
        yield from descending(order)

    flag: list[int] = []
    bench.run(points(3), fails_first)
    flag.append(1)
    study = ScriptedStudy([])  # everything that is asked comes from the followed sweep
    bench.run(study, fails_first, fresh=True)
    assert bench.trained == 1
    assert sorted(number for number, _, _ in study.told) == [0, 1, 2]


def test_following_stays_within_this_sweeps_budget(bench: Bench) -> None:
    """A smaller budget follows only so far."""
    bench.run(points(6))
    result = bench.run(points(6), fresh=True, limits=Limits(trials=2))
    assert ended(result) == (SweepState.COMPLETE, "budget.trials")
    assert len(bench.history.attempts) == 2
    assert bench.trained == 0


# --- budgets ---


def longer(order: Order) -> list[tuple[int, Mapping[str, float]]]:
    """Train the first trial for two steps, all others for eight."""
    steps = 8 if order.params["x"] else 2
    return [(step, {"loss": 1 / step}) for step in range(1, steps + 1)]


def test_an_energy_budget_stops_at_the_report_that_reaches_it(bench: Bench) -> None:
    """With one worker the overshoot is at most one step."""
    result = bench.run(points(9), longer, limits=Limits(energy_j=6.0))
    assert ended(result) == (SweepState.COMPLETE, "budget.energy")
    rows = bench.history.attempts
    assert [row.state for row in rows] == [TrialState.COMPLETE, TrialState.PRUNED]
    assert rows[1].cause == "budget: budget.energy is spent"
    assert sum(row.energy_j or 0 for row in rows) == 6.0


def test_a_trial_that_has_reached_the_horizon_is_never_cut(bench: Bench) -> None:
    """Its training is paid for: a spent budget at the last step does not take its value away."""
    bench.run(points(1), max_steps=4, limits=Limits(energy_j=4.0))
    assert states(bench) == [(TrialState.COMPLETE, Source.RUN)]


def test_an_unexpected_error_leaves_the_sweep_resumable(bench: Bench) -> None:
    """Whatever goes wrong in the driver, the ledger is closed and nothing is claimed."""

    class Broken(ScriptedPool):
        def go_on(self, attempt: AttemptId) -> None:
            raise ZeroDivisionError("a defect")

    with pytest.raises(ZeroDivisionError):
        bench.run(points(2), Broken(descending))
    assert bench.history.sweep.state is SweepState.FAILED
    assert ended(bench.run(points(2))) == (SweepState.COMPLETE, "space")


def test_grams_are_a_budget_too(bench: Bench) -> None:
    """400 g/kWh: 4 J are 0.000444 g."""
    result = bench.run(points(9), limits=Limits(co2e_g=4 / 3.6e6 * 400))
    assert result.stopped_by == "budget.co2e"


def test_what_only_the_budget_ended_goes_on_with_a_larger_one(bench: Bench) -> None:
    """A trial that was cut for want of joules has no end yet; it is trained when there are some."""
    bench.run(points(2), longer, limits=Limits(energy_j=6.0))
    result = bench.run(points(2), longer, limits=Limits(energy_j=1000.0))
    assert result.stopped_by == "space"
    last = {row.id.number: row.state for row in bench.history.attempts}
    assert last == {0: TrialState.COMPLETE, 1: TrialState.COMPLETE}
    again = bench.run(points(2), longer, limits=Limits(energy_j=1000.0))
    assert (again.stopped_by, bench.trained) == ("space", 0)


def test_hits_do_not_use_the_energy_budget(bench: Bench) -> None:
    """What the store answers consumes nothing."""
    bench.run(points(5))
    result = bench.run(points(6), digest="e" * 64, limits=Limits(energy_j=4.0))
    assert len(bench.history.attempts) == 6
    assert result.stopped_by in ("budget.energy", "space")


# --- a broken store, and the laws ---


@pytest.mark.parametrize("fail_at", range(1, 14))
def test_a_ledger_that_fails_at_any_call_loses_nothing(bench: Bench, fail_at: int) -> None:
    """Whatever call fails, the error reaches the caller and the next run finishes the sweep."""
    with contextlib.suppress(CacheError):
        bench.run(points(3), wrap_ledger=lambda inner: FailingLedger(inner, fail_at))
    bench.now_s += 1000  # whoever could not close the sweep is taken for dead by now
    study = ScriptedStudy(points(3))
    result = bench.run(study)
    assert ended(result) == (SweepState.COMPLETE, "space")
    assert sorted(number for number, _, _ in study.told) == [0, 1, 2]
    told = [row.id.number for row in bench.history.attempts if row.told is not None]
    assert sorted(told) == [0, 1, 2]


@pytest.mark.parametrize("fail_at", range(1, 5))
def test_a_cache_that_fails_at_any_call_loses_nothing(bench: Bench, fail_at: int) -> None:
    """The same for the cache."""
    with contextlib.suppress(CacheError):
        bench.run(points(3), wrap_cache=lambda inner: FailingCache(inner, fail_at))
    result = bench.run(points(3))
    assert ended(result) == (SweepState.COMPLETE, "space")


@settings(max_examples=60, deadline=None)
@given(
    xs=st.lists(st.integers(0, 4), max_size=12),
    workers=st.integers(1, 4),
    prune=st.sets(st.tuples(st.integers(0, 11), st.integers(1, 4)), max_size=4),
    fails=st.sets(st.integers(0, 4), max_size=2),
    budget=st.one_of(st.none(), st.integers(1, 8)),
    cut=st.integers(0, 8),
)
def test_every_trial_is_told_once_and_every_point_trained_once(
    tmp_path_factory: pytest.TempPathFactory,
    xs: list[int],
    workers: int,
    prune: set[tuple[int, int]],
    fails: set[int],
    budget: int | None,
    cut: int,
) -> None:
    """Laws, through an interruption: told once each, points trained once, the budget kept."""
    bench = Bench(tmp_path_factory.mktemp("law"))
    proposals: list[Params] = [{"x": x} for x in xs]

    def script(order: Order) -> Reports:
        if order.params["x"] in fails:
            raise ValueError("bad")
        yield from descending(order)

    limits = Limits(trials=budget)

    class Killed(ScriptedPool):
        def next_event(self, timeout_s: float) -> PoolEvent | None:
            if cut and len(self.started) > cut:
                raise KeyboardInterrupt
            return super().next_event(timeout_s)

    bench.run(
        ScriptedStudy(proposals, prune_at=prune), Killed(script, workers=workers), limits=limits
    )
    study = ScriptedStudy(proposals, prune_at=prune)
    bench.run(study, ScriptedPool(script, workers=workers), limits=limits)

    rows = bench.history.attempts
    told = [row.id.number for row in rows if row.told is not None]
    assert len(told) == len(set(told)) == len(study.told)
    positions = [row.told for row in rows if row.told is not None]
    asked = {row.id.number: row.asked for row in rows}
    assert len({*positions, *asked.values()}) == len(positions) + len(asked)
    settled = [row for row in rows if row.told is not None and row.source is Source.RUN]
    trained = [row.params["x"] for row in settled]
    assert len(trained) == len(set(trained))
    counted = [row for row in rows if row.told is not None and row.source is not Source.DUPLICATE]
    assert budget is None or len(counted) <= budget
    seen = [event for event in bench.events if isinstance(event, TrialSettled)]
    assert len([event for event in seen if event.settled.told is not None]) == len(told)
