from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.energy.board import GpuProcess, ProcessSample
from sweeper.energy.owners import Owners, Whose
from sweeper.energy.processes import ProcessBook, Reading
from sweeper.testing.scripted_meter import HandClock

from .node_bench import STRANGER, HandBoard, NodeBench

EPOCH_US = 1_700_000_000_000_000


@pytest.fixture
def node(tmp_path: Path) -> NodeBench:
    return NodeBench(tmp_path)


def owners_of(node: NodeBench) -> Owners:
    return Owners(node.proc, first_namespace=True)


def book_of(node: NodeBench, owners: Owners) -> ProcessBook:
    book = ProcessBook(node.board, owners, node.clock, node.clock())
    book.note(book.read(), node.clock())
    return book


def samples(*rows: tuple[int, float, float]) -> tuple[ProcessSample, ...]:
    """Return samples from pid, seconds and share."""
    return tuple(ProcessSample(pid, EPOCH_US + round(at_s * 1e6), sm) for pid, at_s, sm in rows)


def busy(book: ProcessBook, elapsed_s: float) -> dict[str, float]:
    """Return the weights of an interval that must be readable."""
    weights = book.activity(elapsed_s, {}).busy
    assert weights is not None
    return dict(weights)


def test_a_process_belongs_to_the_worker_it_descends_from(node: NodeBench) -> None:
    """Up the parents to a registered root; names with brackets and spaces do not confuse it."""
    owners = owners_of(node)
    root = node.new_pid()
    owners.register("a", root)
    node.start(5001, root)
    node.start(5002, 5001)
    assert [owners.of(pid) for pid in (root, 5001, 5002)] == ["a", "a", "a"]
    assert owners.of(STRANGER) is Whose.STRANGER
    assert owners.of(70000) is Whose.ABSENT


def test_an_orphan_stays_its_workers(node: NodeBench) -> None:
    """Who was once seen below a worker is its own, also when the worker is gone and forgotten."""
    owners = owners_of(node)
    root = node.new_pid()
    owners.register("a", root)
    node.start(5001, root)
    assert owners.of(5001) == "a"
    node.start(5001, 1)
    node.end(root)
    assert owners.gone("a")
    owners.forget("a")
    assert owners.of(5001) == "a"


def test_a_pid_that_is_used_again_is_another_process(node: NodeBench) -> None:
    """A pid and the time of its start name a process, a pid alone does not."""
    owners = owners_of(node)
    root = node.new_pid()
    owners.register("a", root)
    node.start(5001, root)
    assert owners.of(5001) == "a"
    node.start(5001, 1, started=99)
    assert owners.of(5001) is Whose.STRANGER


def test_a_later_worker_may_own_a_stranger(node: NodeBench) -> None:
    """What was a stranger is looked at again when a worker registers."""
    owners = owners_of(node)
    assert owners.of(STRANGER) is Whose.STRANGER
    owners.register("a", STRANGER)
    assert owners.of(STRANGER) == "a"


def test_a_root_that_was_never_seen_is_not_gone(node: NodeBench) -> None:
    """Where the worker's process cannot be seen, nobody says that it is dead."""
    owners = owners_of(node)
    owners.register("a", 70000)
    assert not owners.gone("a")
    assert not owners.gone("nobody")


def test_parents_that_go_round_in_a_ring_end(node: NodeBench) -> None:
    """A folder that changes while it is read cannot hold the agent up."""
    node.start(5001, 5002)
    node.start(5002, 5001)
    assert owners_of(node).of(5001) is Whose.STRANGER


def test_samples_count_by_their_own_age(node: NodeBench) -> None:
    """Half a second at 0.8 and half a second at 0.4 are 0.6 of the second that was waited."""
    owners = owners_of(node)
    pid = node.new_pid()
    owners.register("a", pid)
    book = book_of(node, owners)
    book.note(Reading((), samples((pid, 10.0, 0.1))), 10.0)
    book.note(Reading((), samples((pid, 10.5, 0.8), (pid, 11.0, 0.4))), 11.0)
    assert busy(book, 2.0) == pytest.approx({"a": 1.2})


def test_processes_sampled_at_different_times_each_have_their_own_age(node: NodeBench) -> None:
    """Each sample goes back to the last one of its own process, not to the newest of all."""
    owners = owners_of(node)
    left, right = node.new_pid(), node.new_pid()
    owners.register("left", left)
    owners.register("right", right)
    book = book_of(node, owners)
    book.note(Reading((), samples((left, 9.8, 0.5), (right, 10.0, 0.5))), 10.0)
    book.note(Reading((), samples((left, 10.8, 0.5), (right, 11.0, 0.5))), 11.0)
    assert busy(book, 1.0) == pytest.approx({"left": 0.5, "right": 0.5})


def test_a_stale_mixture_counts_no_longer_than_was_waited(node: NodeBench) -> None:
    """Samples that are ten seconds apart, as some drivers return, do not stretch an interval."""
    owners = owners_of(node)
    pid = node.new_pid()
    owners.register("a", pid)
    book = book_of(node, owners)
    book.note(Reading((), samples((pid, 1.0, 1.0), (pid, 11.0, 0.5))), 1.0)
    assert busy(book, 1.0) == pytest.approx({"a": 0.5})


def test_between_two_samples_the_last_ones_hold(node: NodeBench) -> None:
    """The driver samples now and then: for a second its last word stands, then silence is idle."""
    owners = owners_of(node)
    pid = node.new_pid()
    owners.register("a", pid)
    book = book_of(node, owners)
    book.note(Reading((), samples((pid, 1.0, 0.5))), 1.0)
    book.note(Reading((), ()), 1.5)
    assert busy(book, 0.5) == pytest.approx({"a": 0.25})
    book.note(Reading((), ()), 2.5)
    assert busy(book, 1.0) == {}


def test_a_process_that_nobody_ever_saw_is_nobodys(node: NodeBench) -> None:
    """It ended before it was listed: neither ours nor a stranger's can be said of it."""
    book = book_of(node, owners_of(node))
    book.note(Reading((), samples((70000, 1.0, 0.5))), 1.0)
    activity = book.activity(1.0, {})
    assert (activity.busy, activity.external_busy) == ({}, 0.0)


def test_one_process_that_cannot_be_seen_is_its_workers_own(node: NodeBench) -> None:
    """In another PID namespace, one process on a board that was booked whole is the trial's."""
    book = book_of(node, owners_of(node))
    book.note(Reading((GpuProcess(70000, None),), (), absent=True), 1.0)
    assert book.activity(1.0, {"a": 1.0}).exclusive
    assert not book.activity(1.0, {"a": 0.5}).exclusive
    book.note(Reading((GpuProcess(70000, None), GpuProcess(70001, None)), (), absent=True), 2.0)
    assert not book.activity(1.0, {"a": 1.0}).exclusive


def test_a_slow_driver_is_not_asked_between_trials(node: NodeBench) -> None:
    """A call that took 50 ms is left to the agent's own time."""
    book = book_of(node, owners_of(node))
    assert book.cheap
    book.note(Reading((), (), took_s=0.05), 1.0)
    assert not book.cheap


@given(
    st.lists(
        st.tuples(
            st.floats(0.0, 5.0),
            st.lists(
                st.tuples(st.sampled_from([1, STRANGER]), st.floats(0.0, 1e4), st.floats(0.0, 1.0)),
                max_size=5,
            ),
        ),
        max_size=10,
    )
)
def test_nobody_is_busy_for_longer_than_there_was_time(
    rounds: list[tuple[float, list[tuple[int, float, float]]]],
) -> None:
    """Whatever a driver says, a share of the time is between none and all of it."""
    clock = HandClock()
    board = HandBoard(clock)
    owners = Owners(Path("/proc"), first_namespace=True)
    owners.register("a", 1)
    book = ProcessBook(board, owners, clock, 0.0)
    now_s = 0.0
    for elapsed_s, rows in rounds:
        now_s += elapsed_s
        book.note(Reading((), samples(*rows)), now_s)
        assert all(0.0 <= share <= 1.0 for share in busy(book, 1.0).values())
        assert book.activity(1.0, {}).external_busy >= 0.0
