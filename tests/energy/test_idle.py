from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.energy.idle import IdleBook, Quiet


def watched(book: IdleBook, from_s: float, until_s: float, watts: float, quiet: Quiet) -> None:
    """Let a gap go by, watched every second."""
    now_s = from_s
    while now_s <= until_s:
        book.note(now_s, watts * now_s, quiet)
        now_s += 1.0
    book.note(until_s, watts * until_s, None)


def test_a_gap_of_five_seconds_tells_the_idle_power() -> None:
    """Shorter ones are not believed."""
    book = IdleBook()
    watched(book, 0.0, 4.0, 60.0, Quiet.NO_CONTEXT)
    assert book.watts is None
    watched(book, 10.0, 15.0, 60.0, Quiet.NO_CONTEXT)
    assert book.watts == pytest.approx(60.0)


def test_with_a_context_is_what_counts() -> None:
    """Between trials a context is there and clocks stay up: that draw is preferred."""
    book = IdleBook()
    watched(book, 0.0, 10.0, 60.0, Quiet.NO_CONTEXT)
    watched(book, 20.0, 30.0, 80.0, Quiet.CONTEXT)
    watched(book, 40.0, 50.0, 55.0, Quiet.NO_CONTEXT)
    assert book.watts == pytest.approx(80.0)


def test_the_least_of_all_gaps_counts() -> None:
    """A gap in which the board was still hot is put right by a later one, and stays so."""
    book = IdleBook()
    for from_s, watts in [(0.0, 90.0), (20.0, 70.0), (40.0, 85.0)]:
        watched(book, from_s, from_s + 10.0, watts, Quiet.CONTEXT)
    assert book.watts == pytest.approx(70.0)


def test_what_was_given_is_not_measured() -> None:
    """Watts of the file win."""
    book = IdleBook(50.0)
    watched(book, 0.0, 10.0, 90.0, Quiet.CONTEXT)
    assert book.watts == 50.0


@given(st.lists(st.tuples(st.floats(0.1, 9.0), st.floats(0.0, 500.0), st.sampled_from([*Quiet]))))
def test_load_is_never_idle(moves: list[tuple[float, float, Quiet]]) -> None:
    """Between two loads of less than five seconds each, nothing is learnt at all."""
    book = IdleBook()
    now_s = energy_j = 0.0
    for elapsed_s, watts, quiet in moves:
        book.note(now_s, energy_j, quiet)
        now_s, energy_j = now_s + elapsed_s / 2, energy_j + watts
        book.note(now_s, energy_j, None)
    assert book.watts is None
