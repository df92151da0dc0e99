"""What the parts of the loop share: who works, the book, what is in the air, who is next.

Owns: the line of attempts that wait for a worker. Must not train, judge or settle anything.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sweeper.model import Attempt, AttemptId
from sweeper.sweep.crew import Crew, Plan
from sweeper.sweep.flight import Flight
from sweeper.sweep.trial_book import TrialBook

__all__ = ["Airfield", "Line"]


_FIRST_LOOK_S = 0.5


class Line:
    """Who is next: what was begun, else what was parked and is due, else a new proposal.

    Args:
        crew: Whose study and clock.
        plan: How often parked attempts are looked at.
        book: Admits proposals.

    Attributes:
        exhausted: The study has nothing more to propose.
    """

    def __init__(self, crew: Crew, plan: Plan, book: TrialBook) -> None:
        self._crew = crew
        self._plan = plan
        self._book = book
        self._begun: deque[Attempt] = deque()  # asked before: resumed, retried, followed
        self._parked: list[tuple[float, Attempt]] = []  # when to look again, and whose
        self._looks: Counter[AttemptId] = Counter()  # how often parked ones were looked at
        self._random = random.Random()  # with --local the global one is the objective's
        self.exhausted = False

    def next(self, *, in_flight: int) -> Attempt | None:
        """Take the next attempt out of the line; None: nobody may start now.

        Args:
            in_flight: With twice as many parked as could run, no more are asked for.
        """
        if self._begun:
            return self._begun.popleft()
        for item in self._parked:
            if item[0] <= self._crew.clock():
                self._parked.remove(item)
                return item[1]
        crowded = len(self._parked) > 2 * (in_flight + 1)
        if crowded or self.exhausted or not self._book.has_room():
            return None
        proposal = self._crew.study.ask()
        if proposal is None:
            self.exhausted = True
            return None
        return self._book.admit(proposal, self._book.next_position())

    def first(self, attempts: Sequence[Attempt]) -> None:
        """Let these go before everybody else, in their order."""
        self._begun.extendleft(reversed(attempts))

    def last(self, attempts: Sequence[Attempt]) -> None:
        """Let these wait behind what was begun, before everything new."""
        self._begun.extend(attempts)

    def again(self, attempt: Attempt, *, after_s: float = 0.0) -> None:
        """Try once more what has no end, by this driver or the next one."""
        name = replace(attempt.id, attempt=attempt.id.attempt + 1)
        once_more = replace(attempt, id=name, parked=False)
        if after_s > 0:
            self._parked.append((self._crew.clock() + after_s, once_more))
        else:
            self.last([once_more])

    def park(self, attempt: Attempt) -> None:
        """Look at an attempt again after a while: soon at first, as short trainings end soon."""
        often = min(self._looks[attempt.id], 16)  # 2 ** 16 is past any interval
        self._looks[attempt.id] += 1
        wait_s = min(self._random.uniform(*self._plan.poll_s), _FIRST_LOOK_S * 2**often)
        self._parked.append((self._crew.clock() + wait_s, attempt))

    @property
    def nothing_left(self) -> bool:
        """Tell whether every trial that may be asked was asked, and nobody waits."""
        waiting = self._begun or self._parked or self._book.duplicates_wait
        return not waiting and (self.exhausted or not self._book.has_room())


@dataclass(frozen=True, slots=True)
class Airfield:
    """One opened sweep: crew, plan, books, and what is in the air.

    Attributes:
        handle: What people call the sweep.
        flights: What workers train now.
    """

    crew: Crew
    plan: Plan
    handle: str
    book: TrialBook
    line: Line
    flights: dict[AttemptId, Flight] = field(default_factory=dict)

    @classmethod
    def of(cls, crew: Crew, plan: Plan, handle: str) -> Airfield:
        """Open the books of a sweep in which nothing has happened."""
        book = TrialBook(crew, plan)
        return cls(crew, plan, handle, book, Line(crew, plan, book))

    def folder(self, attempt: AttemptId) -> str:
        """Return the folder of an attempt's files."""
        name = (attempt.number, attempt.attempt, attempt.replicate)
        return self.plan.trial_folder(self.handle, *name)
