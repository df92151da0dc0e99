"""The sweep's book of trials: what was asked, what was told, who shares whose outcome.

Owns: the one order of events, the count that the budget goes by, the duplicates. Every end passes
through ``settle``: first the ledger, then the study, then the observers.
"""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from sweeper.model import (
    Attempt,
    AttemptId,
    Claim,
    Outcome,
    Proposal,
    Record,
    Settled,
    Source,
    TrialRow,
    TrialSettled,
    TrialState,
    Uncacheable,
    Use,
)
from sweeper.sweep.budget import Budget
from sweeper.sweep.crew import Crew, Plan
from sweeper.sweep.past import outcome_of

__all__ = ["TrialBook"]


class TrialBook:
    """Keeps the trials of one sweep.

    Attributes:
        budget: What was spent.
        counted: Trials that use ``budget.trials``: all that were asked but duplicates.
        target_reached: A complete trial's value was as good as the target.
    """

    def __init__(self, crew: Crew, plan: Plan) -> None:
        self._crew = crew
        self._plan = plan
        self.budget = Budget(plan.limits, plan.factors)
        self.counted = 0
        self.target_reached = False
        self.position = 0
        self._twin_of: dict[int, int] = {}
        self._waiting: dict[int, list[Attempt]] = {}
        self._ends: dict[int, tuple[Outcome, UUID | None]] = {}
        self._succeeded = False

    # --- asking ---

    def has_room(self) -> bool:
        """Tell whether the budget has room for another trial."""
        return self.budget.has_room(self.counted)

    def next_position(self) -> int:
        """Return the position of the next event in the sweep's one order."""
        position, self.position = self.position, self.position + 1
        return position

    def admit(self, proposal: Proposal, asked: int, attempt: int = 0) -> Attempt:
        """Give a proposal its key and its seed, and count it."""
        number = proposal.number
        if proposal.twin is None:
            self.counted += 1
        else:
            self._twin_of[number] = proposal.twin
        name, key = AttemptId(number, 0, attempt), self._crew.key(proposal.params)
        if isinstance(key, Uncacheable):
            seed = self._crew.fallback_seed(number)
            return Attempt(name, proposal.params, seed, None, str(key), asked)
        return Attempt(name, proposal.params, key.seed, key, None, asked)

    # --- duplicates ---

    def is_duplicate(self, number: int) -> bool:
        """Tell whether an earlier trial of the sweep has the same params."""
        return number in self._twin_of

    def share_or_wait(self, attempt: Attempt, *, started: bool = False) -> None:
        """Give a duplicate the outcome of its twin, now or when that one ends.

        Args:
            attempt: The duplicate.
            started: Its row is in the ledger already.
        """
        twin = self._twin_of[attempt.id.number]
        if twin in self._ends:
            self._share(attempt, twin)
            return
        if not started:
            self._crew.ledger.start(replace(attempt, parked=True))
        self._waiting.setdefault(twin, []).append(attempt)

    def share_if_known(self, attempt: Attempt) -> None:
        """Give a duplicate the outcome of its twin if that one has ended."""
        twin = self._twin_of[attempt.id.number]
        if twin in self._ends:
            self._share(attempt, twin)

    def _share(self, attempt: Attempt, twin: int) -> None:
        outcome, record_uid = self._ends[twin]
        self.rejudge(attempt.id.number, outcome)
        use = None
        if record_uid is not None and outcome.state is not TrialState.FAILED:
            avoided_j = outcome.energy.total_j
            use = Use(record_uid, Source.DUPLICATE, outcome.steps, avoided_j, comparable=True)
        self.settle(attempt, outcome, Source.DUPLICATE, use=use)

    # --- ends ---

    def settle(
        self,
        attempt: Attempt,
        outcome: Outcome,
        source: Source,
        *,
        record: Record | None = None,
        claim: Claim | None = None,
        use: Use | None = None,
        told: bool = True,
    ) -> None:
        """Write an end, then tell it: a crash between the two is harmless."""
        position = self.next_position() if told else None
        settled = Settled(attempt, outcome, source, position, record, claim, use)
        self._crew.ledger.settle(settled)
        if told:
            self._tell(attempt.id.number, outcome, settled.record_uid)
        self._crew.tell_observers(TrialSettled(settled))
        if told:
            for duplicate in self._waiting.pop(attempt.id.number, []):
                self._share(duplicate, attempt.id.number)

    def retell(self, attempt: Attempt, row: TrialRow) -> None:
        """Tell an end that is in the ledger already."""
        outcome = outcome_of(row)
        self.rejudge(row.id.number, outcome)
        self._tell(row.id.number, outcome, row.record_uid)
        settled = Settled(attempt, outcome, row.source or Source.RUN, row.told)
        self._crew.tell_observers(TrialSettled(settled, replayed=True))

    def _tell(self, number: int, outcome: Outcome, record_uid: UUID | None) -> None:
        self._crew.study.tell(number, outcome.state, outcome.final)
        self._ends[number] = (outcome, record_uid)
        self._succeeded = self._succeeded or outcome.state is not TrialState.FAILED
        if outcome.final and self._plan.metric.reaches_target(outcome.final[0]):
            self.target_reached = True

    def rejudge(self, number: int, outcome: Outcome) -> None:
        """Report a known curve to the study; the known end counts, not the answer."""
        for point in outcome.curve:
            self._crew.study.judge(number, point.step, point.values[0])

    # --- looking back ---

    def is_settled(self, number: int) -> bool:
        """Tell whether a trial was told."""
        return number in self._ends

    def all_failed(self, at_least: int) -> bool:
        """Tell whether so many trials ended, and none of them got anywhere."""
        return len(self._ends) >= at_least and not self._succeeded

    @property
    def duplicates_wait(self) -> bool:
        """Tell whether a duplicate waits for its twin."""
        return bool(self._waiting)
