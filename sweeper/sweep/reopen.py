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
        The trials that have no end: they run first, with their numbers and params.
    """
    past = read_past(rows)
    attempts: dict[int, Attempt] = {}
    for row in past.rows:
        if row.source is Source.RUN:
            book.budget.settled(row.id, row.energy_j)
    for is_tell, row in past.events:
        number = row.id.number
        if is_tell:
            book.retell(attempts[number], row)
        else:
            proposal = past.repeat(crew.study, row)
            attempts[number] = book.admit(proposal, row.asked, past.tries[number])
    book.position = past.next_position
    return [attempt for number, attempt in sorted(attempts.items()) if number in past.untold]


def follow(crew: Crew, book: TrialBook, rows: Sequence[TrialRow]) -> list[Attempt]:
    """Ask what the earlier sweep asked, and answer from the store, within this sweep's budget.

    Returns:
        The trials that the store does not answer: they are trained first.
    """
    past = read_past(rows)
    hits = _hits(crew, past.rows)
    attempts: dict[int, Attempt] = {}
    for is_tell, row in past.events:
        if crew.ladder.urgency:
            break
        number = row.id.number
        if is_tell:
            if number in attempts:
                _answer(book, attempts[number], row, hits)
        elif len(attempts) == number and book.has_room():
            attempt = book.admit(past.repeat(crew.study, row), book.next_position())
            crew.ledger.start(replace(attempt, parked=True))
            attempts[number] = attempt
    unanswered = [attempt for n, attempt in sorted(attempts.items()) if not book.is_settled(n)]
    for attempt in unanswered:
        if book.is_duplicate(attempt.id.number):
            book.share_or_wait(attempt, started=True)
    return [attempt for attempt in unanswered if not book.is_duplicate(attempt.id.number)]


def _hits(crew: Crew, rows: Sequence[TrialRow]) -> Mapping[str, Hit]:
    keys = [crew.key(row.params) for row in rows]
    return crew.cache.lookup([key for key in keys if not isinstance(key, Uncacheable)])


def _answer(book: TrialBook, attempt: Attempt, row: TrialRow, hits: Mapping[str, Hit]) -> None:
    if book.is_duplicate(attempt.id.number):
        book.share_if_known(attempt)
        return
    hit = None if attempt.key is None else hits.get(attempt.key.run_key)
    outcome = None if hit is None else Past.answer(row, hit.record)
    if hit is not None and outcome is not None:
        book.rejudge(attempt.id.number, outcome)
        book.settle(attempt, outcome, Source.CACHE, use=use_of(hit, outcome, Source.CACHE))
