from __future__ import annotations

import pytest

from sweeper.model import (
    AttemptId,
    Busy,
    Cause,
    CauseKind,
    Point,
    Source,
    SweepEnded,
    SweepState,
    TrialParked,
    TrialReported,
    TrialState,
    Use,
    Verdict,
)
from sweeper.reporting.tally import Tally
from sweeper.testing.histories import measured, record_uid
from tests.reporting.samples import (
    FACTORS,
    FRONT,
    Clock,
    attempt_of,
    began,
    constrained,
    settled,
    started,
)


def _tally(budget_trials: int | None = None) -> tuple[Tally, Clock]:
    clock = Clock()
    return Tally(budget_trials=budget_trials, factors=FACTORS, clock=clock), clock


def test_settled_trials_are_counted_once() -> None:
    """States and sources count settled trials; the budget does not count duplicates."""
    tally, _ = _tally()
    for event in (
        began(),
        settled(0, [0.5], energy=1.0),
        settled(1, [0.5], state=TrialState.PRUNED, energy=2.0),
        settled(2, [0.5], source=Source.CACHE, energy=4.0),
        settled(3, [0.5], source=Source.DUPLICATE, energy=4.0),
    ):
        tally.take(event)
    assert (tally.settled, tally.done) == (4, 3)
    assert tally.states[TrialState.COMPLETE] == 3
    assert tally.sources[Source.CACHE] == 1


def test_lost_attempt_is_paid_for_and_runs_again() -> None:
    """An attempt that was not told adds joules, leaves the running ones and is no settled trial."""
    tally, _ = _tally()
    for event in (
        began(),
        started(0),
        settled(0, [0.5], state=TrialState.LOST, energy=5.0, told=False),
    ):
        tally.take(event)
    assert tally.settled == 0
    assert not tally.running
    assert tally.spent.energy_j == 5.0


def test_joules_in_flight_are_spent_too() -> None:
    """The spent energy grows with reports and is not counted twice when the trial settles."""
    tally, _ = _tally()
    tally.take(began())
    tally.take(started(0))
    assert (tally.spent.energy_j, tally.spent.missing) == (0.0, 0)
    tally.take(TrialReported(AttemptId(0, 0, 0), Point(1, (0.5,), 3.0, 1.0), Verdict(False)))
    assert tally.spent.energy_j == 3.0
    tally.take(settled(0, [0.5], energy=4.0))
    assert tally.spent.energy_j == 4.0


def test_unknown_joules_are_missing() -> None:
    """A trained trial without joules is counted as missing; the weakest source labels the sum."""
    tally, _ = _tally()
    tally.take(settled(0, energy=None))
    tally.take(settled(1, energy=2.0))
    tally.take(settled(2, energy=measured(1.0, source="estimated:cpu_load")))
    assert (tally.spent.energy_j, tally.spent.missing) == (3.0, 1)
    assert tally.source == "estimated:cpu_load"


def test_avoided_by_the_store_live_and_after_a_continuation() -> None:
    """A hit avoids its use's joules; one of the sweep's own past has no use but the same joules."""
    use = Use(record_uid(1), Source.CACHE, 1, 7.0, comparable=True)
    tally, _ = _tally()
    tally.take(settled(0, [0.5], source=Source.CACHE, energy=7.0, use=use))
    tally.take(settled(1, [0.5], source=Source.ATTACHED, energy=2.0, replayed=True))
    assert tally.avoided.energy_j == 9.0
    assert tally.spent.energy_j == 0.0


def test_time_left_needs_three_trained_trials() -> None:
    """Time left is median seconds x remaining trials / workers, unknown before three trials."""
    tally, _ = _tally()
    tally.take(began(budget_trials=10))
    for number in (0, 1):
        tally.take(started(number))
    seconds = [10.0, 20.0, 100.0]
    for number, elapsed_s in enumerate(seconds):
        assert tally.left_s is None
        tally.take(settled(number, [0.5], elapsed_s=elapsed_s))
    assert tally.left_s == pytest.approx(20.0 * 7 / 2)


def test_time_left_without_a_budget_is_unknown() -> None:
    """An open sweep has no time left to tell."""
    tally, _ = _tally()
    tally.take(began(budget_trials=None))
    tally.take(started(0))
    for number in range(5):
        tally.take(settled(number, [0.5]))
    assert tally.left_s is None


def test_parked_trial_waits_until_it_starts_or_settles() -> None:
    """A parked trial is shown until it is trained here or answered."""
    busy = Busy("alice", "node9", 3, 30, 60.0)
    tally, _ = _tally()
    for number in (0, 1):
        tally.take(TrialParked(attempt_of(number), busy))
    assert sorted(tally.parked) == [(0, 0), (1, 0)]
    tally.take(started(0))
    tally.take(settled(1, [0.5], source=Source.ATTACHED))
    assert not tally.parked


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)], ids=["ascending", "descending"])
def test_best_is_that_of_the_summary(order: tuple[int, ...]) -> None:
    """The best is the same in whatever order trials end; of equally good ones the first."""
    values = {0: 0.4, 1: 0.9, 2: 0.9}
    tally, _ = _tally()
    tally.take(began())
    for number in order:
        tally.take(settled(number, [values[number]]))
    assert tally.best is not None
    assert tally.best.number == 1


def test_elapsed_and_end() -> None:
    """Time counts from the beginning of the sweep; the end and the last failure are kept."""
    tally, clock = _tally()
    clock.now = 5.0
    tally.take(began())
    clock.now = 8.0
    cause = Cause(CauseKind.ERROR, "no")
    tally.take(settled(4, state=TrialState.FAILED, cause=cause))
    tally.take(SweepEnded(SweepState.FAILED, "failures"))
    assert tally.elapsed_s == 3.0
    assert tally.last_failure == (4, cause)
    assert tally.ended is not None


def test_replicates_are_one_trial_with_their_mean() -> None:
    """A trial is counted when its last replicate ends; its value is the mean, its time the sum."""
    tally, _ = _tally(10)
    tally.take(began())
    for replicate in range(3):
        tally.take(started(0, replicate=replicate))
    assert len(tally.running) == 3
    ended = [
        tally.take(settled(0, [value], replicate=n, energy=2.0, told=n == 2))
        for n, value in enumerate([0.90, 0.92, 0.94])
    ]
    assert ended[:2] == [None, None]
    assert (tally.settled, tally.sources[Source.RUN]) == (1, 1)
    assert tally.best is not None
    assert tally.best.worth.written() == "val_accuracy 0.92 ± 0.02 (3 seeds)"
    assert tally.spent.energy_j == 6.0
    assert not tally.running


def test_replicates_from_two_places_count_as_trained() -> None:
    """A trial of which one replicate was trained is trained; what the store gave is avoided."""
    tally, _ = _tally()
    tally.take(began())
    tally.take(settled(0, [0.5], source=Source.CACHE, energy=7.0, told=False))
    tally.take(settled(0, [0.5], replicate=1, energy=3.0))
    assert (tally.sources[Source.RUN], tally.sources[Source.CACHE]) == (1, 0)
    assert (tally.spent.energy_j, tally.avoided.energy_j) == (3.0, 7.0)


def test_one_failed_replicate_fails_its_trial() -> None:
    """A trial is complete only if all replicates are, in whatever order they end."""
    cause = Cause(CauseKind.ERROR, "no")
    tally, _ = _tally()
    tally.take(began())
    tally.take(settled(0, [0.5], told=False))
    tally.take(settled(0, state=TrialState.FAILED, replicate=1, cause=cause, told=False))
    tally.take(settled(0, [0.5], replicate=2))
    assert (tally.states[TrialState.FAILED], tally.settled) == (1, 1)
    assert tally.last_failure == (0, cause)
    assert tally.best is None


def test_retried_replicate_counts_with_its_last_end() -> None:
    """A failure that is tried again is replaced by what came of the next attempt."""
    tally, _ = _tally()
    tally.take(began())
    tally.take(settled(0, state=TrialState.FAILED, told=False))
    tally.take(settled(0, [0.5]))
    assert (tally.states[TrialState.COMPLETE], tally.states[TrialState.FAILED]) == (1, 0)


def test_best_is_feasible() -> None:
    """A trial that breaks a constraint on outcomes or params is not the best."""
    tally, _ = _tally()
    tally.take(began(goals=constrained("latency_ms <= 20", "lr < 1", names=["latency_ms"])))
    tally.take(settled(0, [(0.9, 30.0)]))
    tally.take(settled(1, [(0.8, 10.0)], params={"lr": 2.0}))
    assert tally.best is None
    tally.take(settled(2, [(0.7, 10.0)]))
    assert tally.best is not None
    assert tally.best.number == 2


def test_front_grows_and_shrinks() -> None:
    """With several objectives the trials that no other one beats are counted, duplicates once."""
    tally, _ = _tally()
    tally.take(began(goals=FRONT))
    sizes = []
    for number, (value, energy) in enumerate([(0.5, 5.0), (0.9, 9.0), (0.4, 6.0), (0.9, 4.0)]):
        tally.take(settled(number, [(value, None)], energy=energy, final=(value, energy)))
        sizes.append(tally.on_front)
    tally.take(settled(4, [(0.9, None)], final=(0.9, 4.0), source=Source.DUPLICATE))
    assert sizes == [1, 2, 2, 1]
    assert tally.on_front == 1


def test_value_on_the_way_is_the_first_objective() -> None:
    """A built-in objective is known while the trial runs; a report without a value keeps it."""
    tally, _ = _tally()
    tally.take(began(goals=FRONT))
    tally.take(started(0))
    for step, value in ((1, 0.25), (2, None)):
        point = Point(step, (value, None), 3.0, 1.0)
        tally.take(TrialReported(AttemptId(0, 0, 0), point, Verdict(False)))
    running = tally.running[0, 0]
    assert (running.value, running.point and running.point.step) == (0.25, 2)
