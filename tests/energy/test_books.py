from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.energy.accounts import Accounts, GpuSide
from sweeper.energy.books import At, GpuBook, Used
from sweeper.energy.cpu_load import LoadBook
from sweeper.testing.scripted_meter import HandClock

from .fakes import FakeCounter, board


def book_on(counter: FakeCounter, share: float = 1.0) -> GpuBook:
    return GpuBook(board(counter), share, 0.0)


def test_a_book_adds_its_share_of_each_difference() -> None:
    """Running totals grow by the counter's differences, the worker's part by its share of them."""
    counter = FakeCounter(1000.0)
    book = book_on(counter, share=0.25)
    for now_s, total_j in [(1.0, 1100.0), (2.0, 1100.0), (4.0, 1400.0)]:
        counter.total_j = total_j
        book.tick(now_s, At.EDGE)
    assert book.used == Used(share_j=100.0, device_j=400.0, seen_s=4.0)


def test_a_counter_that_went_down_is_a_reset() -> None:
    """The interval of a reset is unknown; those around it are not."""
    counter = FakeCounter(1000.0)
    book = book_on(counter)
    for now_s, total_j in [(1.0, 1100.0), (2.0, 5.0), (3.0, 25.0)]:
        counter.total_j = total_j
        book.tick(now_s, At.EDGE)
    assert book.used == Used(share_j=120.0, device_j=120.0, seen_s=2.0, resets=1)


def test_a_failed_reading_inside_an_account_is_made_up_for() -> None:
    """Only edges need a reading: a counter loses nothing while nobody looks."""
    counter = FakeCounter(0.0)
    book = book_on(counter)
    for total_j, at in [(10.0, At.INSIDE), (None, At.INSIDE), (30.0, At.EDGE)]:
        counter.total_j = total_j
        book.tick(3.0, at)
    assert book.used.complete
    assert book.used.share_j == 30.0


def test_a_failed_edge_leaves_a_gap_on_both_sides() -> None:
    """Joules around an edge that was not read belong to nobody."""
    counter = FakeCounter(0.0)
    book = book_on(counter)
    counter.total_j = None
    book.tick(1.0, At.EDGE)
    before = book.used
    counter.total_j = 500.0
    book.tick(2.0, At.EDGE)
    assert (before.gaps, book.used.gaps) == (1, 2)
    assert book.used.share_j == 0.0


moves = st.lists(
    st.tuples(st.sampled_from(["open", "close", "read"]), st.floats(0.0, 1e4), st.floats(0.1, 1e3)),
    max_size=40,
)


@given(moves, st.floats(0.01, 1.0))
def test_accounts_sum_to_the_counter_however_they_are_cut(
    steps: list[tuple[str, float, float]], share: float
) -> None:
    """Closed accounts and overhead are the share of the counter's difference, always."""
    counter, clock = FakeCounter(123.0), HandClock()
    books = (GpuBook(board(counter), share, 0.0),)
    accounts = Accounts(GpuSide(books), LoadBook(lambda at: 0.0, 12.0, 0.0), clock, 0.0)
    closed_j, used_j = 0.0, 0.0
    for step, more_j, elapsed_s in steps:
        used_j += more_j
        counter.total_j = 123.0 + used_j
        clock.advance(elapsed_s)
        if step == "open":
            accounts.open()
        elif step == "close":
            closed_j += close(accounts)
        else:
            accounts.read()
    overhead = accounts.overhead().gpu
    assert overhead is not None
    rest_j = overhead.total_j
    moved_j = (counter.total_j or 0.0) - 123.0
    if steps and not moved_j:  # time went by and the counter stood still: unknown, not 0
        assert rest_j is None
    else:
        assert rest_j is not None
        assert closed_j + rest_j == pytest.approx(share * moved_j, rel=1e-9, abs=1e-6)


def close(accounts: Accounts) -> float:
    """Close an account, give it out, and return what it has."""
    parts = accounts.close()
    if parts is None:
        return 0.0
    assert parts.gpu is not None
    accounts.give(parts.gpu.gpus)
    return parts.gpu.total_j or 0.0


@given(st.lists(st.tuples(st.floats(0.0, 1e6) | st.none(), st.sampled_from(At)), max_size=30))
def test_running_totals_never_fall(readings: list[tuple[float | None, At]]) -> None:
    """Whatever a counter does, nothing is ever booked that is below zero."""
    counter = FakeCounter(500.0)
    book = book_on(counter)
    for now_s, (total_j, at) in enumerate(readings, start=1):
        before = book.used
        counter.total_j = total_j
        book.tick(float(now_s), at)
        step = book.used - before
        assert min(step.share_j, step.device_j, step.seen_s, step.gaps, step.resets) >= 0
