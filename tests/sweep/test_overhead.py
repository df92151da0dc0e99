"""What workers used outside attempts: what is known while they live, and when they are gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.model import (
    CUT_SHORT,
    NOTHING,
    UNAVAILABLE,
    AttemptId,
    Ended,
    Ending,
    Energy,
    GpuEnergy,
)
from sweeper.seams import Ledger
from sweeper.sweep.overhead import Overhead
from sweeper.testing.scripted_pool import ScriptedPool

from .bench import Bench, descending, points


def account(total_j: float | None, *uuids: str) -> Energy:
    """Make a measured account with a line per board."""
    lines = tuple(GpuEnergy(uuid, "H200", total_j, external_j=1.0) for uuid in uuids)
    return Energy(total_j, "measured:counter", "gpu", gpus=lines)


def said(worker: str, overhead_j: float | None, *, answered: bool = True) -> Ended:
    """Make what a worker says at the end of an attempt."""
    return Ended(
        id=AttemptId(0, 0, 0),
        ending=Ending.RETURNED if answered else Ending.LOST,
        cause=None,
        traceback=None,
        energy=account(4.0),
        elapsed_s=1.0,
        node="here",
        imported=() if answered else None,
        worker=worker,
        overhead_j=overhead_j,
        answered=answered,
    )


def heard(*words: Ended, earlier: Energy = NOTHING) -> Overhead:
    """Return the books after these words."""
    books = Overhead()
    books.earlier = earlier
    for word in words:
        books.heard(word)
    return books


def test_the_latest_word_of_each_worker_counts() -> None:
    """What a worker says is what it used so far, not since it last spoke."""
    books = heard(said("a", 3.0), said("b", 1.0), said("a", 5.0), said("b", None))
    assert books.known_j == 6.0
    so_far = books.so_far()
    assert (so_far.total_j, so_far.flags) == (6.0, (CUT_SHORT,))
    assert (so_far.source, so_far.scope) == ("measured:counter", "gpu")


def test_nothing_is_known_before_anybody_spoke() -> None:
    """Zero joules would be a measurement."""
    assert Overhead().so_far() == UNAVAILABLE
    assert heard(said("a", None)).so_far().total_j is None
    assert Overhead().known_j == 0.0


def test_what_earlier_drivers_booked_stays_with_its_boards() -> None:
    """A kill -9 of the second driver loses neither the joules nor the boards of the first."""
    books = heard(said("a", 3.0), earlier=account(7.0, "GPU-0"))
    so_far = books.so_far()
    assert (so_far.total_j, so_far.lo_j, so_far.flags) == (10.0, 10.0, (CUT_SHORT,))
    assert [line.uuid for line in so_far.gpus] == ["GPU-0"]
    assert heard(earlier=account(7.0)).so_far().total_j == 7.0


def test_the_whole_is_what_was_booked_and_what_the_pool_says() -> None:
    """The words on the way are in the pool's account already."""
    books = heard(said("a", 3.0), earlier=account(7.0))
    assert (books.whole(account(4.0)).total_j, books.whole(account(4.0)).flags) == (11.0, ())
    assert heard(earlier=account(7.0)).whole(NOTHING) == account(7.0)


@pytest.mark.parametrize(
    ("earlier", "now", "least_j"),
    [
        pytest.param(account(7.0), account(None, "GPU-1"), 10.0, id="a-worker-is-silent"),
        pytest.param(UNAVAILABLE, account(4.0, "GPU-1"), 4.0, id="an-earlier-driver-died"),
        pytest.param(UNAVAILABLE, account(None, "GPU-1"), 3.0, id="both"),
    ],
)
def test_an_unknown_part_leaves_the_least(earlier: Energy, now: Energy, least_j: float) -> None:
    """It says so, and keeps what is known of the boards."""
    whole = heard(said("a", 3.0), earlier=earlier).whole(now)
    assert (whole.total_j, whole.lo_j, whole.hi_j) == (least_j, least_j, None)
    assert CUT_SHORT in whole.flags
    assert whole.source == "measured:counter"
    assert [line.external_j for line in whole.gpus] == [1.0]


@pytest.mark.parametrize("earlier", [NOTHING, UNAVAILABLE], ids=["new", "continued"])
def test_where_nothing_is_measured_nothing_is_known(earlier: Energy) -> None:
    """A sweep without joules has no overhead of 0 J."""
    assert heard(said("a", None), earlier=earlier).whole(UNAVAILABLE).total_j is None
    assert heard(earlier=UNAVAILABLE).whole(NOTHING).total_j is None


def test_a_lost_worker_does_not_tell_source_and_scope() -> None:
    """Its account is what others kept of it."""
    assert heard(said("a", 3.0, answered=False)).like is None


def test_a_killed_driver_leaves_what_its_workers_said(tmp_path: Path) -> None:
    """The last heartbeat is what the next driver adds to, still flagged as the least."""
    bench = Bench(tmp_path)
    kept: list[Ledger] = []

    def keep(ledger: Ledger) -> Ledger:
        kept.append(ledger)
        return ledger

    bench.run(points(1), ScriptedPool(descending, overhead_j=7.0), wrap_ledger=keep)
    kept[0].flush({}, elapsed_s=1.0, overhead=heard(said("scripted", 5.0)).so_far())
    bench.run(points(2), ScriptedPool(descending, overhead_j=2.0))
    overhead = bench.history.sweep.overhead
    assert overhead is not None
    assert (overhead.total_j, overhead.flags) == (7.0, (CUT_SHORT,))
