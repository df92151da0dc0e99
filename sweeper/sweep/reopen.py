"""Brings a sweep to where it stood: its own past, or that of an earlier sweep which it follows.

Several workers make the order of results an accident, on which proposals and pruning depend. So
both pasts are told pinned, in their old order of events. What the own past settled was paid for
already; a followed trial is answered by the store, or trained again with the same params.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sweeper.model import Attempt, Hit, Source, TrialRow, Uncacheable
from sweeper.sweep.crew import Crew
from sweeper.sweep.past import Past, read_past
from sweeper.sweep.records import use_of
from sweeper.sweep.trial_book import TrialBook

__all__ = ["follow", "resume"]


def resume(crew: Crew, book: TrialBook, rows: Sequence[TrialRow]) -> list[Attempt]:
    """Rebuild the own past; nothing is written.

    Returns:
        The trainings that have no end: they run first, with their numbers and params.
    """
    past = read_past(rows)
    book.tries = past.tries
    firsts: dict[int, Attempt] = {}
    for row in past.rows:
        if row.trained:
            book.budget.settled(row.id, row.energy_j, row.state)
    for is_tell, row in past.events:
        number = row.id.number
        if is_tell:
            book.retell(firsts[number], past.ends[number])
        else:
            firsts[number] = book.admit(past.repeat(crew.study, row), row.asked)
    book.position = past.next_position
    unended: list[Attempt] = []
    for number in sorted(past.untold):
        book.restore(firsts[number], past.ends[number])
        unended += book.due(firsts[number])
    return unended


def follow(crew: Crew, book: TrialBook, rows: Sequence[TrialRow]) -> list[Attempt]:
    """Ask what the earlier sweep asked, and answer from the store, within this sweep's budget.

    Returns:
        The trainings that the store does not answer: they run first.
    """
    past = read_past(rows)
    hits = _hits(crew, past.rows)
    firsts: dict[int, Attempt] = {}
    for is_tell, row in past.events:
        if crew.ladder.urgency:
            break
        number = row.id.number
        if is_tell:
            if number in firsts:
                _answer(crew, book, firsts[number], past.ends[number], hits)
        elif len(firsts) == number and book.has_room():
            first = book.admit(past.repeat(crew.study, row), book.next_position())
            crew.ledger.start(replace(first, parked=True))
            firsts[number] = first
    unanswered = [first for n, first in sorted(firsts.items()) if not book.is_settled(n)]
    for first in unanswered:
        if book.is_duplicate(first.id.number):
            book.share_or_wait(first, started=True)
    trained = [first for first in unanswered if not book.is_duplicate(first.id.number)]
    return [attempt for first in trained for attempt in book.due(first)]


def _hits(crew: Crew, rows: Sequence[TrialRow]) -> Mapping[str, Hit]:
    keys = [crew.key(row.params, row.id.replicate) for row in rows]
    return crew.cache.lookup([key for key in keys if not isinstance(key, Uncacheable)])


def _answer(
    crew: Crew,
    book: TrialBook,
    first: Attempt,
    rows: Mapping[int, TrialRow],
    hits: Mapping[str, Hit],
) -> None:
    """Answer a followed trial, as many of its replicates as the store knows."""
    if book.is_duplicate(first.id.number):
        book.share_if_known(first)
        return
    for replicate, row in sorted(rows.items()):
        attempt = book.replicate(first, replicate) if replicate else first
        hit = None if attempt.key is None else hits.get(attempt.key.run_key)
        outcome = None if hit is None else Past.answer(row, hit.record)
        if hit is not None and outcome is not None:
            if replicate == 0:
                book.judging.rejudge(first.id, outcome.curve)
            use = use_of(hit, outcome, Source.CACHE, crew.hardware)
            book.settle(attempt, outcome, Source.CACHE, use=use)
        elif replicate == 0:
            return  # the others wait for it
