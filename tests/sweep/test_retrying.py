"""What starts again after a failure, what does not, and when a sweep gives up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from sweeper.model import (
    TRANSIENT,
    AttemptId,
    Cause,
    CauseKind,
    Notice,
    Order,
    Outcome,
    SweepState,
    TrialState,
)
from sweeper.sweep.budget import Limits
from sweeper.sweep.retrying import Breaker, Retries, Retrying, retries_by_class
from sweeper.sweep.stalls import Stalls
from sweeper.testing.scripted_pool import ScriptedPool, WorkerDies
from tests.sweep.bench import Bench, descending, points

Reports = Iterator[tuple[int, Mapping[str, float]]]
FAILURES = [
    kind
    for kind in CauseKind
    if kind not in (CauseKind.PRUNER, CauseKind.BUDGET, CauseKind.STOPPED, CauseKind.HORIZON)
]
OFTEN = {
    CauseKind.WORKER: 3,
    CauseKind.NODE: 3,
    CauseKind.PREEMPTED: 3,
    CauseKind.MEMORY: 1,
    CauseKind.CRASH: 1,
    CauseKind.STALLED: 1,
}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def dies_of(kind: CauseKind, text: str = "so it is") -> Callable[[Order], Reports]:
    """Return a script whose trials all fail so."""

    def script(order: Order) -> Reports:
        yield 1, {"loss": 1.0}
        raise WorkerDies(text, kind)

    return script


@pytest.mark.parametrize("kind", FAILURES, ids=lambda kind: kind.value)
def test_each_class_starts_again_as_often_as_it_may(bench: Bench, kind: CauseKind) -> None:
    """A machine's failure as often as the file says, a doubtful one once, the rest never."""
    bench.run(points(1), dies_of(kind), retries=3)
    rows = bench.history.attempts
    assert len(rows) == 1 + OFTEN.get(kind, 0)
    assert [row.state for row in rows] == [TrialState.FAILED] * len(rows)
    assert [row.told is not None for row in rows] == [False] * (len(rows) - 1) + [True]
    assert all((row.cause or "").startswith(f"{kind.value}: ") for row in rows)
    assert all(row.energy_j for row in rows), "each attempt was paid for"
    files = [bench.folder / f"0-r0.{n}" / "error.txt" for n in range(len(rows))]
    assert all(file.read_text().startswith(kind.value) for file in files)


def test_no_retries_means_none() -> None:
    """Zero is zero for every class; a class that is named wins."""
    assert not any(retries_by_class(0).values())
    by_class = retries_by_class(2, {CauseKind.ERROR: 1, CauseKind.NODE: 5, CauseKind.CRASH: 0})
    assert by_class[CauseKind.ERROR] == 1
    assert by_class[CauseKind.NODE] == 5
    assert by_class[CauseKind.CRASH] == 0
    assert by_class[CauseKind.WORKER] == 2
    assert set(by_class) == {*TRANSIENT, CauseKind.ERROR}


def test_the_pause_doubles_up_to_five_minutes() -> None:
    """Each further failure of the same class waits twice as long, give or take a fifth."""
    retrying = Retrying(Retries({CauseKind.NODE: 9}, backoff_s=5.0))
    failed = Outcome(TrialState.FAILED, (), cause=Cause(CauseKind.NODE, "gone"))
    pauses = [retrying.again_in_s(AttemptId(0, 0, n), failed) for n in range(10)]
    for pause_s, expected_s in zip(pauses, [5, 10, 20, 40, 80, 160, 300, 300, 300], strict=False):
        assert pause_s is not None
        assert 0.8 * expected_s <= pause_s <= 1.2 * expected_s
    assert pauses[9] is None


def test_others_train_while_one_waits_for_its_retry(bench: Bench) -> None:
    """A pause holds nobody up, and the sweep does not end before it."""
    deaths = iter([True, False])

    def first_dies(order: Order) -> Reports:
        if order.params["x"] == 0 and next(deaths):
            raise WorkerDies("killed")
        yield from descending(order)

    result = bench.run(points(3), first_dies, retries=1, backoff_s=0.05)
    assert result.state is SweepState.COMPLETE
    assert isinstance(bench.pool, ScriptedPool)
    assert [order.id.number for order in bench.pool.started] == [0, 1, 2, 0]


def test_retries_are_counted_over_continuations(bench: Bench) -> None:
    """A driver that dies between the failure and the retry has not given a chance for nothing."""

    class Killed(ScriptedPool):
        def start(self, order: Order) -> None:
            if len(self.started) == 1:
                raise KeyboardInterrupt
            super().start(order)

    for _ in range(2):
        bench.run(points(1), Killed(dies_of(CauseKind.NODE)), retries=2)
    result = bench.run(points(1), dies_of(CauseKind.NODE), retries=2)
    assert result.state is SweepState.FAILED
    causes = [row.cause for row in bench.history.attempts if row.state is TrialState.FAILED]
    assert causes == ["node: so it is"] * 3


# --- giving up ---


def test_a_sweep_whose_trials_fail_alike_ends(bench: Bench) -> None:
    """After good ones, too: a disk that was unmounted fails every trial from then on."""

    def unmounted(order: Order) -> Reports:
        if order.params["x"] >= 3:
            raise FileNotFoundError(f"/data/{order.params['x']}.npy")
        yield from descending(order)

    result = bench.run(points(50), unmounted, same_failures=4, limits=Limits(trials=50))
    assert (result.state, result.stopped_by) == (SweepState.FAILED, "failures")
    assert bench.trained == 7
    (notice,) = [event.text for event in bench.observer.of(Notice)]
    assert "4 trials in a row failed the same way: error: FileNotFoundError: /data/6.npy" in notice
    assert "sweeper retry bench-" in notice


def test_who_runs_it_again_gets_as_many_chances(bench: Bench) -> None:
    """What failed before does not break the continued sweep at once."""

    def fails(order: Order) -> Reports:
        raise ValueError("bad")

    for _ in range(2):
        assert bench.run(points(50), fails, same_failures=4).state is SweepState.FAILED
        assert bench.trained == 4
    result = bench.run(points(50), limits=Limits(trials=20))
    assert result.state is SweepState.COMPLETE
    assert bench.trained == 12


def failed(kind: CauseKind, text: str) -> Outcome:
    """Make the end of a trial that failed so."""
    return Outcome(TrialState.FAILED, (), cause=Cause(kind, text))


COMPLETE = Outcome(TrialState.COMPLETE, ())


@pytest.mark.parametrize(
    ("ends", "breaks"),
    [
        ([COMPLETE, *[failed(CauseKind.ERROR, f"ValueError: {n}") for n in range(3)]], True),
        ([COMPLETE, *[failed(CauseKind.ERROR, f"E{n}: x (a.py:{n})") for n in range(9)]], False),
        ([COMPLETE, *[failed(CauseKind.ERROR, f"E: {n} (a.py:7)") for n in "abc"]], True),
        ([COMPLETE, *[failed(CauseKind.DIVERGED, "loss=nan at step 1")] * 9], False),
        ([COMPLETE, *[failed(CauseKind.OOM, "out of memory")] * 9], False),
        ([failed(CauseKind.DIVERGED, "loss=nan at step 1")] * 3, True),
        ([failed(CauseKind.ERROR, f"E{n}: x (a.py:{n})") for n in range(3)], True),
        ([failed(CauseKind.ERROR, "x"), COMPLETE] * 9, False),
    ],
    ids=["alike", "different", "same place", "diverged", "oom", "all first", "any first", "mixed"],
)
def test_what_breaks_a_sweep(ends: list[Outcome], breaks: bool) -> None:
    """Three failures alike in a row, or three first ones, and not what a search may come across."""
    breaker = Breaker(3)
    for outcome in ends:
        breaker.note(outcome)
    assert (breaker.why is not None) is breaks
    never = Breaker(None)
    for outcome in ends:
        never.note(outcome)
    assert never.why is None


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("ValueError: lr 0.1 (train.py:7)", "ValueError: lr 0.2 (train.py:7)", True),
        ("ValueError: lr 0.1 (train.py:7)", "ValueError: lr 0.1 (train.py:8)", False),
        ("ValueError: x (train.py:7)", "KeyError: x (train.py:7)", False),
        ("no file '/data/1.npy' at 0x7f", "no file '/data/2.npy' at 0x80", True),
        ("exit code 3: bad", "exit code 3: worse", False),
    ],
)
def test_failures_are_alike_by_exception_and_place(one: str, other: str, alike: bool) -> None:
    """Numbers and quotations differ from trial to trial; the place in the code does not."""
    signatures = {Cause(CauseKind.ERROR, text).signature for text in (one, other)}
    assert (len(signatures) == 1) is alike
    assert Cause(CauseKind.CRASH, one).signature not in signatures


# --- silence ---


def test_how_long_silence_may_last_is_learnt() -> None:
    """Nothing is known before three steps; then ten times the longest, and at least ten minutes."""
    stalls = Stalls(None)
    for _ in range(2):
        stalls.note(1.0)
    assert stalls.limit_s is None
    stalls.note(2.0)
    assert stalls.limit_s == 600.0
    stalls.note(120.0)
    assert stalls.limit_s == 1200.0
    assert Stalls(30.0).limit_s == 30.0


class Silent(ScriptedPool):
    """A pool whose trial hangs after its first report, until it is killed."""

    hung = True

    def go_on(self, attempt: AttemptId) -> None:
        """Let nothing happen while it hangs."""
        if not self.hung:
            super().go_on(attempt)

    def stop(self, attempt: AttemptId, cause: Cause, *, now: bool = False) -> None:
        """A hung trial ends only when it is killed."""
        assert now
        self.hung = False
        super().stop(attempt, cause, now=now)


def test_a_silent_trial_is_killed_and_tried_once_more(bench: Bench) -> None:
    """It is a failure of its own class, after which the retry trains to its end."""
    pool = Silent(descending)
    result = bench.run(points(1), pool, retries=2, stall_s=0.05)
    assert result.state is SweepState.COMPLETE
    first, second = bench.history.attempts
    assert (first.state, first.told) == (TrialState.FAILED, None)
    assert first.cause == "stalled: reported nothing for 0 s after step 1 (trial.stall)"
    assert second.state is TrialState.COMPLETE
    assert pool.stopped[first.id].kind is CauseKind.STALLED
