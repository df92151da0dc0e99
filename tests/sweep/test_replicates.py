"""Replicates: one trial is several trainings, and the study hears their mean once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sweeper.errors import CacheError
from sweeper.model import (
    Attempt,
    AttemptId,
    Busy,
    Cause,
    CauseKind,
    Energy,
    Hit,
    Key,
    Mine,
    Notice,
    Order,
    Outcome,
    Params,
    Point,
    PoolEvent,
    Record,
    Source,
    SweepState,
    TrialSettled,
    TrialState,
    Uncacheable,
)
from sweeper.seams import Cache
from sweeper.sweep.budget import Limits
from sweeper.sweep.replicates import combined
from sweeper.testing.failing_store import FailingLedger
from sweeper.testing.scripted_pool import ScriptedPool, WorkerDies
from sweeper.testing.scripted_study import ScriptedStudy
from tests.sweep.bench import Bench, points

Reports = Iterator[tuple[int, Mapping[str, float]]]
Name = tuple[int, int, int]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return an empty store with drivers."""
    return Bench(tmp_path)


def noisy(order: Order) -> Reports:
    """Train two steps; the loss ends at ten times x plus the replicate."""
    yield 1, {"loss": 100.0}
    yield 2, {"loss": 10.0 * order.params["x"] + order.id.replicate}


def slower(order: Order) -> Reports:
    """Train as ``noisy``; all but the first replicate take four steps."""
    yield 1, {"loss": 100.0}
    if order.id.replicate:
        yield 2, {"loss": 90.0}
        yield 3, {"loss": 80.0}
    yield 4, {"loss": 10.0 * order.params["x"] + order.id.replicate}


def name_of(attempt: AttemptId) -> Name:
    """Return number, replicate and attempt."""
    return attempt.number, attempt.replicate, attempt.attempt


def started(bench: Bench) -> list[Name]:
    """Return what the last run's workers were given, in order."""
    assert isinstance(bench.pool, ScriptedPool)
    return [name_of(order.id) for order in bench.pool.started]


def told(bench: Bench) -> dict[Name, int]:
    """Return the positions of the tells of the last sweep."""
    return {name: row.told for name, row in bench.rows.items() if row.told is not None}


def killed_after(count: int) -> ScriptedPool:
    """Return a pool whose driver is killed when so many attempts have started."""

    class Killed(ScriptedPool):
        def start(self, order: Order) -> None:
            if len(self.started) == count:
                raise KeyboardInterrupt
            super().start(order)

    return Killed(noisy)


# --- the ordinary way ---


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_study_hears_the_mean_once(bench: Bench, workers: int) -> None:
    """Every replicate has its own row, seed and record; the last one to end was told."""
    study = ScriptedStudy(points(2))
    bench.run(study, noisy, replicates=4, workers=workers)
    assert sorted(study.told) == [
        (0, TrialState.COMPLETE, (1.5,)),
        (1, TrialState.COMPLETE, (11.5,)),
    ]
    rows = bench.rows
    assert sorted(rows) == [(n, r, 0) for n in range(2) for r in range(4)]
    assert [row.final for row in rows.values() if row.id.number == 1] == [
        (10.0,),
        (11.0,),
        (12.0,),
        (13.0,),
    ]
    assert {row.state for row in rows.values()} == {TrialState.COMPLETE}
    assert sorted(number for number, _, _ in told(bench)) == [0, 1]
    assert len({hit.record.seed for hit in bench.store.hits}) == 8


def test_one_worker_finishes_a_trial_before_it_asks_for_the_next(bench: Bench) -> None:
    """The first replicate goes first, the others before any new proposal."""
    bench.run(points(2), noisy, replicates=3)
    assert started(bench) == [(n, r, 0) for n in range(2) for r in range(3)]
    assert told(bench) == {(0, 2, 0): 1, (1, 2, 0): 3}


def test_replicates_run_side_by_side_while_workers_are_free(bench: Bench) -> None:
    """After the first one the others start at once, before new proposals."""
    bench.run(points(3), noisy, replicates=3, workers=3)
    order = started(bench)
    assert order[:3] == [(0, 0, 0), (1, 0, 0), (2, 0, 0)]
    assert sorted(order) == [(n, r, 0) for n in range(3) for r in range(3)]


def test_the_budget_counts_trials_not_trainings(bench: Bench) -> None:
    """One proposal uses one of ``budget.trials``, however often it is trained."""
    result = bench.run(points(9), noisy, replicates=3, limits=Limits(trials=2))
    assert (result.state, result.stopped_by) == (SweepState.COMPLETE, "budget.trials")
    assert bench.trained == 6


def test_each_replicate_has_its_own_folder(bench: Bench) -> None:
    """Files of one training never overwrite those of another."""
    bench.run(points(1), noisy, replicates=2)
    assert isinstance(bench.pool, ScriptedPool)
    folders = [Path(order.folder).name for order in bench.pool.started]
    assert folders == ["0-r0.0", "0-r1.0"]


def test_observers_see_each_end_and_which_one_settled_the_trial(bench: Bench) -> None:
    """Only the last end of a trial has a position in the order of tells."""
    bench.run(points(1), noisy, replicates=3)
    seen = [event.settled for event in bench.observer.of(TrialSettled)]
    assert [(s.attempt.id.replicate, s.told is not None) for s in seen] == [
        (0, False),
        (1, False),
        (2, True),
    ]


def test_without_a_key_replicates_still_differ_in_their_seeds(bench: Bench) -> None:
    """What cannot be cached is trained with a seed for each number and replicate."""
    bench.run(
        points(2),
        noisy,
        replicates=2,
        key=lambda params, replicate: Uncacheable("params.token", "a secret"),
    )
    assert isinstance(bench.pool, ScriptedPool)
    assert len({order.seed for order in bench.pool.started}) == 4


# --- early stopping and failures ---


def test_only_the_first_replicate_is_judged(bench: Bench) -> None:
    """The pruner sees one curve per trial."""
    study = ScriptedStudy(points(1))
    bench.run(study, noisy, replicates=3)
    assert study.judged == [(0, 1, 100.0), (0, 2, 0.0)]


def test_a_pruned_first_replicate_is_the_end_of_its_trial(bench: Bench) -> None:
    """What is bad enough to be pruned is not trained again with another seed."""
    study = ScriptedStudy(points(2), prune_at=[(0, 1)])
    bench.run(study, noisy, replicates=2)
    assert started(bench) == [(0, 0, 0), (1, 0, 0), (1, 1, 0)]
    assert study.told == [(0, TrialState.PRUNED, ()), (1, TrialState.COMPLETE, (10.5,))]


def failing(*bad: tuple[int, int]) -> ScriptedPool:
    """Return a pool in which these replicates of these points raise."""

    def script(order: Order) -> Reports:
        if (order.params["x"], order.id.replicate) in bad:
            raise ValueError("bad seed")
        yield from noisy(order)

    return ScriptedPool(script)


def test_a_failed_first_replicate_is_the_end_of_its_trial(bench: Bench) -> None:
    """A configuration that fails with one seed is not tried with others."""
    study = ScriptedStudy(points(1))
    bench.run(study, failing((0, 0)), replicates=3)
    assert started(bench) == [(0, 0, 0)]
    assert study.told == [(0, TrialState.FAILED, ())]
    assert bench.rows[0, 0, 0].cause == "error: ValueError: bad seed"


def test_a_later_replicate_that_fails_fails_the_trial(bench: Bench) -> None:
    """The others are trained and kept all the same; a duplicate shares the failure and its name."""
    study = ScriptedStudy([{"x": 0}, {"x": 0}, {"x": 1}])
    bench.run(study, failing((0, 1)), replicates=3)
    assert started(bench)[:3] == [(0, 0, 0), (0, 1, 0), (0, 2, 0)]
    assert study.told == [
        (0, TrialState.FAILED, ()),
        (1, TrialState.FAILED, ()),
        (2, TrialState.COMPLETE, (11.0,)),
    ]
    assert bench.rows[1, 0, 0].cause == "error: replicate 1: ValueError: bad seed"
    assert (bench.folder / "0-r1.0" / "error.txt").exists()
    again = ScriptedStudy([{"x": 0}, {"x": 0}, {"x": 1}])
    bench.run(again, failing(), replicates=3)
    assert (bench.trained, again.told) == (0, study.told), "it goes on as it was told"


def test_a_replicate_that_loses_its_worker_starts_again(bench: Bench) -> None:
    """Each replicate has its own retries, and an attempt that is retried is not told."""
    deaths = iter([True, False])

    def dies_once(order: Order) -> Reports:
        if order.id.replicate == 1 and next(deaths):
            raise WorkerDies("killed")
        yield from noisy(order)

    study = ScriptedStudy(points(1))
    bench.run(study, dies_once, replicates=3, retries=1)
    assert sorted(bench.rows) == [(0, 0, 0), (0, 1, 0), (0, 1, 1), (0, 2, 0)]
    assert bench.rows[0, 1, 0].told is None
    assert study.told == [(0, TrialState.COMPLETE, (1.0,))]
    notices = [event.text for event in bench.observer.of(Notice)]
    assert notices == ["trial 0, replicate 1 starts again now"]


# --- the store and duplicates ---


def test_a_duplicate_shares_the_mean(bench: Bench) -> None:
    """It has one row with the trial's values, and avoided all its trainings."""
    study = ScriptedStudy([{"x": 0}, {"x": 0}])
    bench.run(study, noisy, replicates=3, workers=2)
    assert bench.trained == 3
    assert study.told == [(0, TrialState.COMPLETE, (1.0,)), (1, TrialState.COMPLETE, (1.0,))]
    row = bench.rows[1, 0, 0]
    assert (row.final, row.source) == ((1.0,), Source.DUPLICATE)
    assert [(use.number, use.kind, use.avoided_j) for use in bench.history.uses] == [
        (1, Source.DUPLICATE, 6.0)
    ]
    again = ScriptedStudy([{"x": 0}, {"x": 0}])
    bench.run(again, noisy, replicates=3)
    assert (bench.trained, again.told) == (0, study.told)


def test_more_replicates_train_only_the_further_ones(bench: Bench) -> None:
    """Each seed is a cached training of its own."""
    bench.run(points(1), noisy, replicates=2)
    study = ScriptedStudy(points(1))
    bench.run(study, noisy, replicates=4, digest="e" * 64)
    assert started(bench) == [(0, 2, 0), (0, 3, 0)]
    assert [bench.rows[0, r, 0].source for r in range(4)] == [
        Source.CACHE,
        Source.CACHE,
        Source.RUN,
        Source.RUN,
    ]
    assert study.told == [(0, TrialState.COMPLETE, (1.5,))]
    assert [(use.replicate, use.avoided_j) for use in bench.history.uses] == [(0, 2.0), (1, 2.0)]


def test_a_prefix_is_no_answer_for_a_replicate_that_is_not_judged(bench: Bench) -> None:
    """What was cut short is trained whole: a mean needs values."""
    bench.run(points(1), slower, replicates=2, limits=Limits(energy_j=5.0))
    assert bench.rows[0, 1, 0].cause == "budget: budget.energy is spent"
    bench.run(points(1), slower, replicates=2, digest="e" * 64)
    assert started(bench) == [(0, 1, 0)]
    assert bench.rows[0, 1, 0].state is TrialState.COMPLETE


class BusyOnce:
    """A cache in which somebody else trains the second replicate, and then has."""

    def __init__(self, inner: Cache, record: Record) -> None:
        self._inner = inner
        self._record = record
        self._asked = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def acquire(self, key: Key, attempt: Attempt, *, beyond: int = -1) -> Hit | Busy | Mine:
        """Say twice that the second replicate is being trained."""
        if attempt.id.replicate != 1 or beyond >= 0:
            return self._inner.acquire(key, attempt, beyond=beyond)
        self._asked += 1
        if self._asked <= 2:
            return Busy("bob", "elsewhere", 1, None, 60.0)
        return Hit(self._record, "bob", 1e9)


def test_a_replicate_waits_for_somebody_elses_training(bench: Bench) -> None:
    """It is parked while others go on, and answered by the record of who trained it."""
    bench.run(points(1), noisy, replicates=2)
    record = bench.store.hits[1].record
    study = ScriptedStudy([{"x": 5}])
    bench.run(
        study,
        noisy,
        replicates=3,
        digest="e" * 64,
        wrap_cache=lambda inner: BusyOnce(inner, record),  # type: ignore[return-value,arg-type] # the rest is passed on
    )
    assert started(bench) == [(0, 0, 0), (0, 2, 0)]
    assert bench.rows[0, 1, 0].source is Source.ATTACHED
    assert study.told == [(0, TrialState.COMPLETE, ((50 + 1 + 52) / 3,))]


# --- going on ---


@pytest.mark.parametrize("count", range(1, 6))
def test_what_is_settled_of_a_trial_is_not_trained_again(bench: Bench, count: int) -> None:
    """Killed anywhere in the middle of replicates, the sweep goes on with what is missing."""
    every = [(n, r) for n in range(2) for r in range(3)]
    bench.run(points(2), killed_after(count), replicates=3)
    assert [name[:2] for name in started(bench)] == every[:count]
    study = ScriptedStudy(points(2))
    result = bench.run(study, noisy, replicates=3)
    assert result.state is SweepState.COMPLETE
    assert [name[:2] for name in started(bench)] == every[count:]
    assert study.told == [(0, TrialState.COMPLETE, (1.0,)), (1, TrialState.COMPLETE, (11.0,))]
    assert study.judged == [
        (0, 1, 100.0),
        (0, 2, 0.0),
        (1, 1, 100.0),
        (1, 2, 10.0),
    ], "the study hears the same, in the same order"
    assert sorted(number for number, _, _ in told(bench)) == [0, 1]


def test_a_finished_sweep_of_replicates_is_only_read_again(bench: Bench) -> None:
    """Also where a replicate failed for good with its worker."""

    def dies(order: Order) -> Reports:
        if order.id.replicate == 1:
            raise WorkerDies("killed")
        yield from noisy(order)

    first = ScriptedStudy(points(2))
    bench.run(first, dies, replicates=3)
    assert [state for _, state, _ in first.told] == [TrialState.FAILED] * 2
    second = ScriptedStudy(points(2))
    bench.run(second, dies, replicates=3)
    assert (bench.trained, second.told) == (0, first.told)


def test_a_replicate_that_only_the_budget_cut_goes_on_with_a_larger_one(bench: Bench) -> None:
    """Its siblings are not trained again, and the trial is told anew."""
    study = ScriptedStudy(points(1))
    bench.run(
        study, ScriptedPool(slower, workers=2), replicates=3, limits=Limits(energy_j=6.0), workers=2
    )
    assert study.told == [(0, TrialState.PRUNED, ())]
    study = ScriptedStudy(points(1))
    bench.run(study, slower, replicates=3, limits=Limits(energy_j=100.0))
    assert study.told == [(0, TrialState.COMPLETE, (1.0,))]
    assert {name[1] for name in started(bench)} == {1, 2}
    study = ScriptedStudy(points(1))
    bench.run(study, slower, replicates=3, limits=Limits(energy_j=100.0))
    assert (bench.trained, study.told) == (0, [(0, TrialState.COMPLETE, (1.0,))])


@pytest.mark.parametrize("fail_at", range(1, 16))
def test_a_ledger_that_fails_between_replicates_loses_nothing(bench: Bench, fail_at: int) -> None:
    """Whatever call fails, the next run tells each trial once, with its mean."""
    with contextlib.suppress(CacheError):
        bench.run(
            points(2),
            noisy,
            replicates=3,
            wrap_ledger=lambda inner: FailingLedger(inner, fail_at),
        )
    bench.now_s += 1000  # whoever could not close the sweep is taken for dead by now
    study = ScriptedStudy(points(2))
    bench.run(study, noisy, replicates=3)
    assert study.told == [(0, TrialState.COMPLETE, (1.0,)), (1, TrialState.COMPLETE, (11.0,))]
    assert sorted(number for number, _, _ in told(bench)) == [0, 1]


@pytest.mark.parametrize("workers", [1, 3])
def test_following_answers_every_replicate_from_the_store(bench: Bench, workers: int) -> None:
    """A fresh sweep of the same file hears the same means and trains nothing."""
    cold = ScriptedStudy(points(4), prune_at=[(1, 1)])
    bench.run(cold, noisy, replicates=3, workers=workers)
    warm = ScriptedStudy(points(4))
    bench.run(warm, noisy, replicates=3, workers=workers, fresh=True)
    assert (bench.trained, warm.told) == (0, cold.told)
    assert {row.source for row in bench.rows.values()} == {Source.CACHE}
    assert len(told(bench)) == 4


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_following_trains_the_replicates_that_the_store_lost(bench: Bench, lost: int) -> None:
    """The others are answered, whichever is missing."""
    bench.run(points(2), failing((0, lost)), replicates=3)
    study = ScriptedStudy([])  # everything that is asked comes from the followed sweep
    bench.run(study, noisy, replicates=3, fresh=True)
    assert study.told[-1] == (0, TrialState.COMPLETE, (1.0,))
    assert (1, TrialState.COMPLETE, (11.0,)) in study.told
    assert {name[:2] for name in started(bench)} == {
        (0, r) for r in (range(3) if lost == 0 else [lost])
    }


# --- what replicates amount to ---


def end(
    value: float = 0.0,
    *,
    state: TrialState = TrialState.COMPLETE,
    energy_j: float | None = 1.0,
    cause: Cause | None = None,
) -> Outcome:
    """Return how one training ended."""
    final = (value,) if state is TrialState.COMPLETE else ()
    account = Energy(energy_j, source="measured:counter", scope="gpu", lo_j=0.5, coverage=0.9)
    curve = (Point(1, (value,), energy_j, 1.0),)
    return Outcome(state, curve, final, energy=account, elapsed_s=2.0, cause=cause)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=6))
@example([1.7976931348623157e308] * 3)
@example([5e-324] * 2)
def test_the_mean_lies_between_the_values(values: list[float]) -> None:
    """For any finite values, the largest and the smallest ones too."""
    mean = combined({index: end(value) for index, value in enumerate(values)}).final[0]
    assert min(values) <= mean <= max(values)


def test_joules_and_seconds_are_those_of_all_trainings() -> None:
    """And unknown if those of one are."""
    whole = combined({0: end(1.0), 1: end(2.0, energy_j=5.0)})
    assert (whole.energy.total_j, whole.energy.lo_j, whole.energy.hi_j) == (6.0, 1.0, None)
    assert (whole.elapsed_s, whole.energy.coverage) == (4.0, 0.9)
    assert combined({0: end(), 1: end(energy_j=None)}).energy.total_j is None


@pytest.mark.parametrize(
    ("kinds", "state", "cause"),
    [
        ([CauseKind.BUDGET], TrialState.PRUNED, "budget: replicate 1: why"),
        ([CauseKind.BUDGET, CauseKind.ERROR], TrialState.FAILED, "error: replicate 2: why"),
        ([CauseKind.ERROR, CauseKind.OOM], TrialState.FAILED, "error: replicate 1: why"),
    ],
    ids=["budget", "failure-wins", "first-failure"],
)
def test_a_trial_says_which_replicate_ended_it(
    kinds: list[CauseKind], state: TrialState, cause: str
) -> None:
    """A failure weighs more than a budget that cut another one short."""
    ends = {0: end()}
    for index, kind in enumerate(kinds, start=1):
        ended = TrialState.PRUNED if kind is CauseKind.BUDGET else TrialState.FAILED
        ends[index] = end(state=ended, cause=Cause(kind, "why"))
    whole = combined(ends)
    assert (whole.state, str(whole.cause), whole.final) == (state, cause, ())
    assert whole.curve == ends[0].curve


def test_a_long_cause_stays_one_line_that_the_store_takes() -> None:
    """The name of the replicate does not push a cause over 300 characters."""
    bad = end(state=TrialState.FAILED, cause=Cause(CauseKind.ERROR, "x" * 300))
    cause = combined({0: end(), 1: bad}).cause
    assert cause is not None
    assert len(cause.text) == 300


# --- the law ---


@settings(max_examples=80, deadline=None)
@given(
    xs=st.lists(st.integers(0, 4), max_size=8),
    workers=st.integers(1, 4),
    replicates=st.integers(1, 3),
    prune=st.sets(st.tuples(st.integers(0, 7), st.integers(1, 2)), max_size=3),
    fails=st.sets(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=3),
    dies=st.sets(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=2),
    budget=st.one_of(st.none(), st.integers(1, 8)),
    cut=st.integers(0, 12),
)
def test_every_trial_is_told_once_and_every_replicate_trained_once(
    tmp_path_factory: pytest.TempPathFactory,
    xs: list[int],
    workers: int,
    replicates: int,
    prune: set[tuple[int, int]],
    fails: set[tuple[int, int]],
    dies: set[tuple[int, int]],
    budget: int | None,
    cut: int,
) -> None:
    """Through failures, prunings, lost workers and a kill, and the same again when read back."""
    bench = Bench(tmp_path_factory.mktemp("law"))
    proposals: list[Params] = [{"x": x} for x in xs]
    died: set[tuple[int, int]] = set()

    def script(order: Order) -> Reports:
        place = (order.params["x"], order.id.replicate)
        if place in fails:
            raise ValueError("bad")
        yield 1, {"loss": 100.0}
        if place in dies and place not in died:
            died.add(place)
            raise WorkerDies("killed")
        yield 2, {"loss": float(order.params["x"])}

    class Killed(ScriptedPool):
        def next_event(self, timeout_s: float) -> PoolEvent | None:
            if cut and len(self.started) > cut:
                raise KeyboardInterrupt
            return super().next_event(timeout_s)

    def go_on(pool: ScriptedPool) -> ScriptedStudy:
        study = ScriptedStudy(proposals, prune_at=prune)
        limits = Limits(trials=budget)
        bench.run(study, pool, replicates=replicates, retries=1, limits=limits)
        return study

    go_on(Killed(script, workers=workers))
    study = go_on(ScriptedPool(script, workers=workers))
    rows = list(bench.rows.values())
    asked = {row.id.number: row.asked for row in rows}
    tells = {row.id.number: row.told for row in rows if row.told is not None}
    assert [number for number, _, _ in study.told] == sorted(tells, key=lambda n: tells[n] or 0)
    assert tells.keys() == asked.keys(), "nothing is left without an end"
    assert len(told(bench)) == len(tells)
    assert len({*tells.values(), *asked.values()}) == len(tells) + len(asked)
    trained = [
        (row.params["x"], row.id.replicate)
        for row in rows
        if row.source is Source.RUN and row.state in (TrialState.COMPLETE, TrialState.PRUNED)
    ]
    assert len(trained) == len(set(trained))
    ends = [row for row in rows if row.told is not None]
    counted = [row for row in ends if row.source is not Source.DUPLICATE]
    assert budget is None or len(counted) <= budget
    for number, state, values in study.told:
        whole = [row for row in rows if row.id.number == number and row.state.settled]
        complete = {row.id.replicate for row in whole if row.state is TrialState.COMPLETE}
        if state is TrialState.COMPLETE:
            assert values == pytest.approx((proposals[number]["x"],))
            shared = whole[0].source is Source.DUPLICATE
            assert complete == ({0} if shared else set(range(replicates)))
    again = go_on(ScriptedPool(script, workers=workers))
    assert (bench.trained, again.told) == (0, study.told)
