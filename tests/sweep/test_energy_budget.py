"""Budgets of joules, grams and money: what they see, what they expect, what they stop."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.errors import PoolError
from sweeper.model import (
    AttemptId,
    Ended,
    Factors,
    Order,
    PoolEvent,
    Source,
    StepReport,
    TrialRow,
    TrialState,
)
from sweeper.sweep.budget import Budget, Limits
from sweeper.sweep.stop import StopLadder, Urgency
from sweeper.testing.scripted_pool import ScriptedPool
from sweeper.testing.scripted_study import ScriptedStudy

from .bench import FACTORS, Bench, descending, points


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return a bench on an empty store."""
    return Bench(tmp_path)


def numbered(number: int) -> AttemptId:
    """Name the first attempt of a trial."""
    return AttemptId(number, 0, 0)


def costing(costs: Sequence[int]) -> Callable[[Order], list[tuple[int, Mapping[str, float]]]]:
    """Make an objective whose point x takes ``costs[x]`` steps, and so many joules."""

    def train(order: Order) -> list[tuple[int, Mapping[str, float]]]:
        return [(step, {"loss": 1.0}) for step in range(1, costs[order.params["x"]] + 1)]

    return train


def told(rows: Sequence[TrialRow]) -> list[tuple[int, object, TrialState, float | None]]:
    """Return what was told, in its order, with what it cost."""
    ends = sorted((row for row in rows if row.told is not None), key=lambda row: row.told or 0)
    return [(row.id.number, row.params["x"], row.state, row.energy_j) for row in ends]


def test_a_trial_that_the_rest_cannot_carry_is_not_started(bench: Bench) -> None:
    """Each uses 4 J: of 11 J two are trained, and 3 J are left rather than wasted."""
    result = bench.run(points(9), limits=Limits(energy_j=11.0))
    assert result.stopped_by == "budget.energy"
    assert [row.state for row in bench.history.attempts] == [TrialState.COMPLETE] * 2


def test_what_runs_has_its_part_of_the_rest(bench: Bench) -> None:
    """Two workers: the second does not start on joules that the first will still use."""
    bench.run(points(1), limits=Limits(energy_j=11.0))
    result = bench.run(points(9), workers=2, limits=Limits(energy_j=11.0))
    assert (result.stopped_by, bench.trained) == ("budget.energy", 1)


def test_overhead_is_spent_too(bench: Bench) -> None:
    """4 J of a trial and 7 J of its worker leave nothing of 14 J for another 4 J."""
    pool = ScriptedPool(descending, overhead_j=7.0)
    result = bench.run(points(9), pool, limits=Limits(energy_j=14.0))
    assert (result.stopped_by, len(pool.started)) == ("budget.energy", 1)


def test_overhead_of_earlier_drivers_is_spent_too(bench: Bench) -> None:
    """A continued sweep does not get its worker's joules back."""
    bench.run(points(1), ScriptedPool(descending, overhead_j=7.0))
    result = bench.run(points(9), limits=Limits(energy_j=14.0))
    assert (result.stopped_by, bench.trained) == ("budget.energy", 0)


def test_a_trial_of_unknown_energy_counts_as_the_mean(bench: Bench) -> None:
    """Three trials of which one is unknown use 12 J, as far as the budget goes."""
    pool = ScriptedPool(descending, unknown={1})
    result = bench.run(points(9), pool, limits=Limits(energy_j=13.0))
    assert (result.stopped_by, len(pool.started)) == ("budget.energy", 3)


def test_a_training_that_no_worker_took_is_not_among_the_known_ones(bench: Bench) -> None:
    """It used nothing, which says nothing about another one: unknown ones count 4 J as before."""

    class Broken(ScriptedPool):
        """Cannot start."""

        def start(self, order: Order) -> None:
            """Raise.

            Raises:
                PoolError: Always.
            """
            raise PoolError("no worker could be started")

    with pytest.raises(PoolError):
        bench.run(points(9), Broken(descending))
    pool = ScriptedPool(descending, unknown={1})
    bench.run(points(9), pool, limits=Limits(energy_j=11.0))
    assert bench.trained == 2


def test_what_the_store_answers_is_served_when_the_rest_carries_no_training(bench: Bench) -> None:
    """The store holds the later points: they cost nothing, so they are found, too."""
    bench.run(points(6)[1:])
    result = bench.run(
        [{"x": 9}, *points(6)[1:], {"x": 10}], digest="e" * 64, limits=Limits(energy_j=5.0)
    )
    sources = [row.source for row in bench.history.attempts]
    assert sources == [Source.RUN, *[Source.CACHE] * 5]
    assert result.stopped_by == "budget.energy"


def test_what_the_store_answers_is_served_after_an_overshoot(bench: Bench) -> None:
    """The budget was passed by the trial that it cut short; hits are as free as before."""
    bench.run(points(6)[1:])
    result = bench.run(
        [{"x": 9}, *points(6)[1:], {"x": 10}], digest="e" * 64, limits=Limits(energy_j=2.5)
    )
    rows = bench.history.attempts
    assert (rows[0].state, rows[0].energy_j) == (TrialState.PRUNED, 3.0)
    assert [row.source for row in rows] == [Source.RUN, *[Source.CACHE] * 5]
    assert result.stopped_by == "budget.energy"


@pytest.mark.parametrize(
    "limits", [Limits(energy_j=6.5), Limits(trials=2, energy_j=6.5)], ids=["space", "trials"]
)
def test_a_sweep_whose_last_trial_was_cut_was_stopped_by_the_budget(
    bench: Bench, limits: Limits
) -> None:
    """Nothing is left to ask, and yet not everything was trained to its end."""
    pool = ScriptedPool(costing([3, 9]))
    assert bench.run(points(2), pool, limits=limits).stopped_by == "budget.energy"
    assert bench.history.attempts[1].state is TrialState.PRUNED


def test_a_larger_budget_goes_on_where_the_smaller_ended(bench: Bench) -> None:
    """The point that was too dear is the first that is trained now."""
    bench.run(points(4), limits=Limits(energy_j=5.0))
    assert bench.run(points(4), limits=Limits(energy_j=17.0)).stopped_by == "space"
    assert [row.params["x"] for row in bench.history.attempts] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "limits",
    [
        Limits(co2e_g=11.0 / 3.6e6 * 400),
        Limits(cost=11.0 / 3.6e6 * 0.2),
    ],
    ids=["grams", "money"],
)
def test_grams_and_money_follow_from_joules(bench: Bench, limits: Limits) -> None:
    """The same rule, through the factors."""
    factors = Factors(400.0, "test", price_per_kwh=0.2)
    result = bench.run(points(9), limits=limits, factors=factors)
    assert (result.stopped_by, bench.trained) == (limits.joules, 2)


# --- the limit of one trial ---


def test_a_trial_that_uses_more_than_one_may_is_pruned(bench: Bench) -> None:
    """It ends at the report that says so, and the sweep goes on."""
    result = bench.run(points(2), trial_energy_j=1.5)
    assert result.stopped_by == "space"
    row = bench.history.attempts[0]
    assert (row.state, row.steps) == (TrialState.PRUNED, 2)
    assert row.cause == "budget: trial.energy: used 2 J of 1.5 J"


def test_an_own_limit_is_an_end(bench: Bench) -> None:
    """Neither the same sweep nor another one with this limit trains it again."""
    bench.run(points(2), trial_energy_j=1.5)
    bench.run(points(3), trial_energy_j=1.5)
    assert bench.trained == 1
    bench.run(points(3), trial_energy_j=1.5, digest="e" * 64)
    assert bench.trained == 0
    assert {row.state for row in bench.history.attempts} == {TrialState.PRUNED}


def test_a_duplicate_of_a_trial_whose_replicate_was_over_its_limit_stays_told(
    bench: Bench,
) -> None:
    """The limit is no smaller when the sweep goes on, so nothing of the pair is asked again."""

    class Twice(ScriptedStudy):
        """Proposes one point twice."""

        def __init__(self) -> None:
            super().__init__([{"x": 0}, {"x": 0}])

    def dearer(order: Order) -> list[tuple[int, Mapping[str, float]]]:
        return [(step, {"loss": 1.0}) for step in range(1, 2 + 3 * order.id.replicate)]

    bench.run(Twice(), dearer, replicates=2, trial_energy_j=2.5)
    before = told(bench.history.attempts)
    bench.run(Twice(), dearer, replicates=2, trial_energy_j=2.5)
    assert bench.trained == 0
    assert told(bench.history.attempts) == before
    assert {row.source for row in bench.history.attempts} == {Source.RUN, Source.DUPLICATE}


def test_a_trial_of_unknown_energy_has_no_limit(bench: Bench) -> None:
    """What nobody knows cannot be too much."""
    bench.run(points(1), ScriptedPool(descending, unknown={0}), trial_energy_j=0.5)
    assert bench.history.attempts[0].state is TrialState.COMPLETE


def test_the_last_step_is_never_cut(bench: Bench) -> None:
    """There, nothing is left to save."""
    bench.run(points(1), max_steps=4, trial_energy_j=3.5)
    assert bench.history.attempts[0].state is TrialState.COMPLETE


# --- the books alone ---


def test_a_training_of_unknown_energy_counts_as_the_mean_of_all_known_ones() -> None:
    """Failed ones count for what was spent, but not for what the next one may use."""
    budget = Budget(Limits(), FACTORS)
    ends = [(8.0, TrialState.COMPLETE), (2.0, TrialState.FAILED), (None, TrialState.COMPLETE)]
    for number, (energy_j, state) in enumerate(ends):
        budget.started(numbered(number))
        budget.settled(numbered(number), energy_j, state)
    assert (budget.assumed, budget.assumed_j) == (1, 5.0)
    assert (budget.spent_j, budget.expected_j) == (15.0, 8.0)


def test_without_any_known_training_nothing_is_assumed() -> None:
    """Nor is the next one refused."""
    budget = Budget(Limits(energy_j=1.0), FACTORS)
    budget.started(numbered(0))
    budget.settled(numbered(0), None, TrialState.COMPLETE)
    assert (budget.assumed, budget.assumed_j, budget.short_of()) == (1, 0.0, None)


# --- laws ---


class Auditor(ScriptedPool):
    """Keeps books of its own, and says of each start what it was expected to bring the sum to.

    Attributes:
        expected_j: By start: everything spent or pledged, and the mean for the new one; None:
            nothing was known.
    """

    def __init__(self, costs: Sequence[int], *, workers: int, overhead_j: float) -> None:
        super().__init__(costing(costs), workers=workers, overhead_j=overhead_j)
        self.expected_j: list[float | None] = []
        self._heard_j = 0.0
        self._so_far_j: dict[AttemptId, float] = {}
        self._ended_j: list[float] = []
        self._said_j = overhead_j

    def start(self, order: Order) -> None:
        """Write down what is expected."""
        mean_j = math.fsum(self._ended_j) / len(self._ended_j) if self._ended_j else None
        if mean_j is None:
            self.expected_j.append(None)
        else:
            running_j = math.fsum(max(mean_j, it) for it in self._so_far_j.values())
            parts_j = [*self._ended_j, self._heard_j, running_j, mean_j]
            self.expected_j.append(math.fsum(parts_j))
        self._so_far_j[order.id] = 0.0
        super().start(order)

    def next_event(self, timeout_s: float) -> PoolEvent | None:
        """Listen to what is said."""
        event = super().next_event(timeout_s)
        match event:
            case StepReport(energy_j=float(energy_j)):
                self._so_far_j[event.id] = energy_j
            case Ended():
                self._heard_j = self._said_j
                del self._so_far_j[event.id]
                self._ended_j.append(event.energy.total_j or 0.0)
        return event


@settings(max_examples=80, deadline=None)
@given(
    costs=st.lists(st.integers(1, 9), min_size=1, max_size=12),
    limit=st.integers(1, 60),
    workers=st.integers(1, 4),
    overhead=st.integers(0, 5),
)
def test_no_limit_is_passed_by_more_than_a_step_of_each_worker(
    tmp_path_factory: pytest.TempPathFactory,
    costs: list[int],
    limit: int,
    workers: int,
    overhead: int,
) -> None:
    """Whatever trials turn out to cost; and none starts that the rest was expected not to carry."""
    bench = Bench(tmp_path_factory.mktemp("bench"))
    pool = Auditor(costs, workers=workers, overhead_j=float(overhead))
    bench.run(points(len(costs)), pool, workers=workers, limits=Limits(energy_j=float(limit)))
    spent_j = math.fsum(row.energy_j or 0.0 for row in bench.history.attempts)
    # A scripted worker first says at an end what it used between trials.
    assert spent_j <= limit - 1 + workers
    assert all(it is None or it <= limit + 1e-9 for it in pool.expected_j)


@settings(max_examples=60, deadline=None)
@given(
    costs=st.lists(st.integers(1, 9), min_size=1, max_size=10),
    limit=st.integers(1, 50),
    stops=st.lists(st.integers(0, 9), max_size=3),
    unknown=st.sets(st.integers(0, 9)),
)
def test_an_interruption_changes_no_decision(
    tmp_path_factory: pytest.TempPathFactory,
    costs: list[int],
    limit: int,
    stops: list[int],
    unknown: set[int],
) -> None:
    """A sweep that was drained and gone on with trains and cuts what one in a piece does."""
    space, limits = points(len(costs)), Limits(energy_j=float(limit))
    whole = Bench(tmp_path_factory.mktemp("bench"))
    end = whole.run(space, ScriptedPool(costing(costs), unknown=unknown), limits=limits)
    parts = Bench(tmp_path_factory.mktemp("bench"))
    for stop in [*stops, None]:
        result = parts.run(
            ScriptedStudy(space),
            ScriptedPool(_stopping(costs, ladder := _ladder(), stop), unknown=unknown),
            limits=limits,
            ladder=ladder,
        )
        if result.stopped_by != "interrupt":
            break
    assert result == result.__class__(result.uid, end.state, end.stopped_by)
    assert told(parts.history.attempts) == told(whole.history.attempts)


def _ladder() -> StopLadder:
    return StopLadder(lambda text: None)


def _stopping(
    costs: Sequence[int], ladder: StopLadder, at: int | None
) -> Callable[[Order], list[tuple[int, Mapping[str, float]]]]:
    """Make an objective during whose training of point ``at`` somebody presses Ctrl-C."""
    train = costing(costs)

    def interrupted(order: Order) -> list[tuple[int, Mapping[str, float]]]:
        if order.params["x"] == at:
            ladder.urgency = Urgency.DRAIN
        return train(order)

    return interrupted
