"""The sweep's book of trials: what was asked, what was told, who shares whose outcome.

Owns: the one order of events, the count that the budget goes by, the duplicates, the replicates
that one trial is made of. Every end passes through ``settle``: first the ledger, then the study,
then the observers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sweeper.model import (
    Attempt,
    AttemptId,
    Claim,
    Outcome,
    Params,
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
from sweeper.sweep.judging import Judging
from sweeper.sweep.past import outcome_of
from sweeper.sweep.replicates import End, Replicates, whole_of

__all__ = ["TrialBook"]


class TrialBook:
    """Keeps the trials of one sweep.

    Attributes:
        budget: What was spent.
        judging: How early stopping hears of reports.
        counted: Trials that use ``budget.trials``: all that were asked but duplicates.
        target_reached: A complete, feasible trial's value was as good as the target.
        position: Of the next event in the sweep's one order.
        tries: The attempt that comes next, by trial number and replicate; absent: the first.
    """

    def __init__(self, crew: Crew, plan: Plan) -> None:
        self._crew = crew
        self._plan = plan
        self.budget = Budget(plan.limits, plan.factors)
        self.judging = Judging(crew.study, plan.goals, plan.factors)
        self.counted = 0
        self.target_reached = False
        self.position = 0
        self.tries: Mapping[tuple[int, int], int] = {}
        self._twin_of: dict[int, int] = {}
        self._waiting: dict[int, list[Attempt]] = {}
        self._replicates = Replicates(plan.replicates)
        self._ends: dict[int, End] = {}
        self._succeeded = False

    # --- asking ---

    def has_room(self) -> bool:
        """Tell whether the budget has room for another trial."""
        return self.budget.has_room(self.counted)

    def next_position(self) -> int:
        """Return the position of the next event in the sweep's one order."""
        position, self.position = self.position, self.position + 1
        return position

    def admit(self, proposal: Proposal, asked: int) -> Attempt:
        """Count a proposal and return its first training."""
        if proposal.twin is None:
            self.counted += 1
        else:
            self._twin_of[proposal.number] = proposal.twin
        return self._attempt(proposal.number, 0, proposal.params, asked)

    def replicate(self, first: Attempt, replicate: int) -> Attempt:
        """Return another training of the same trial, with a seed and a key of its own."""
        return self._attempt(first.id.number, replicate, first.params, first.asked)

    def _attempt(self, number: int, replicate: int, params: Params, asked: int) -> Attempt:
        name = AttemptId(number, replicate, self.tries.get((number, replicate), 0))
        key = self._crew.key(params, replicate)
        if isinstance(key, Uncacheable):
            seed = self._crew.fallback_seed(number, replicate)
            return Attempt(name, params, seed, None, str(key), asked)
        return Attempt(name, params, key.seed, key, None, asked)

    def due(self, attempt: Attempt) -> list[Attempt]:
        """Return what the trial of an attempt needs next: first one replicate, then the others."""
        number = attempt.id.number
        if number in self._ends:
            return []
        missing = self._replicates.missing(number)
        return [attempt] if missing == [0] else [self.replicate(attempt, r) for r in missing]

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
        if self.share_if_known(attempt):
            return
        if not started:
            self._crew.ledger.start(replace(attempt, parked=True))
        self._waiting.setdefault(self._twin_of[attempt.id.number], []).append(attempt)

    def share_if_known(self, attempt: Attempt) -> bool:
        """Give a duplicate the outcome of its twin; False: that one has not ended."""
        twin = self._ends.get(self._twin_of[attempt.id.number])
        if twin is not None:
            self._share(attempt, twin)
        return twin is not None

    def _share(self, attempt: Attempt, twin: End) -> None:
        outcome = twin.outcome
        self.judging.rejudge(attempt.id, outcome.curve)
        use = None
        if twin.record_uid is not None and outcome.state is not TrialState.FAILED:
            avoided_j = outcome.energy.total_j
            use = Use(twin.record_uid, Source.DUPLICATE, outcome.steps, avoided_j, comparable=True)
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
        for_good: bool = True,
    ) -> list[Attempt]:
        """Write an end, then tell it if it completes the trial: a crash in between is harmless.

        Args:
            attempt: Whose.
            outcome: How it ended.
            source: Where the outcome came from.
            record: A new fact for the store.
            claim: The lease to give back.
            use: What a hit avoided.
            for_good: It is not tried again.

        Returns:
            The further replicates that the trial needs now, because its first one is complete.
        """
        number = attempt.id.number
        settled = Settled(attempt, outcome, source, None, record, claim, use)
        end = End(outcome, settled.record_uid)
        whole = self._with(attempt.id, end) if for_good else None
        if whole is not None:
            settled = replace(settled, told=self.next_position())
        self._crew.ledger.settle(settled)
        if whole is not None:
            self._tell(attempt, whole)
        elif for_good:
            self._replicates.keep(number, {attempt.id.replicate: end})
        self._crew.tell_observers(TrialSettled(settled))
        if whole is not None:
            for duplicate in self._waiting.pop(number, []):
                self._share(duplicate, whole)
        first = for_good and whole is None and attempt.id.replicate == 0
        return self.due(attempt) if first else []

    def _with(self, attempt: AttemptId, end: End) -> End | None:
        """Return how the trial ended, if it has with this end."""
        if self.is_duplicate(attempt.number):
            return end  # what the twin's replicates amount to
        return self._replicates.whole_with(attempt, end)

    def _tell(self, attempt: Attempt, end: End) -> None:
        """Tell the study how a trial ended."""
        outcome, goals = end.outcome, self._plan.goals
        complete = outcome.state is TrialState.COMPLETE
        violations = goals.violations(outcome.final, attempt.params) if complete else ()
        values = outcome.final[: len(goals.metrics)]
        self._crew.study.tell(attempt.id.number, outcome.state, values, violations)
        self._ends[attempt.id.number] = end
        self._replicates.forget(attempt.id.number)
        self._succeeded = self._succeeded or outcome.state is not TrialState.FAILED
        feasible = complete and all(violation <= 0 for violation in violations)
        if feasible and len(values) == 1 and goals.first.reaches_target(values[0]):
            self.target_reached = True

    # --- a past that is in the ledger already ---

    def retell(self, first: Attempt, rows: Mapping[int, TrialRow]) -> None:
        """Tell an end that is in the ledger already.

        Args:
            first: The trial.
            rows: How its replicates ended; one of them was told.
        """
        self.judging.rejudge(first.id, rows[0].curve)
        self._tell(first, whole_of(_ends_of(rows)))
        self._show_again(first, rows)

    def restore(self, first: Attempt, rows: Mapping[int, TrialRow]) -> None:
        """Remember the replicates that ended, of a trial that is not told yet."""
        if 0 not in rows:
            return  # the first replicate runs again, and the others follow it
        self.judging.rejudge(first.id, rows[0].curve)
        self._replicates.keep(first.id.number, _ends_of(rows))
        self._show_again(first, rows)

    def _show_again(self, first: Attempt, rows: Mapping[int, TrialRow]) -> None:
        for row in sorted(rows.values(), key=lambda row: (row.told is not None, row.id.replicate)):
            attempt = replace(self.replicate(first, row.id.replicate), id=row.id)
            settled = Settled(attempt, outcome_of(row), row.source or Source.RUN, row.told)
            self._crew.tell_observers(TrialSettled(settled, replayed=True))

    # --- looking back ---

    def is_settled(self, number: int) -> bool:
        """Tell whether a trial was told."""
        return number in self._ends

    @property
    def all_failed(self) -> bool:
        """Tell whether trials ended, and none of them got anywhere."""
        return bool(self._ends) and not self._succeeded

    @property
    def duplicates_wait(self) -> bool:
        """Tell whether a duplicate waits for its twin."""
        return bool(self._waiting)


def _ends_of(rows: Mapping[int, TrialRow]) -> dict[int, End]:
    return {replicate: End(outcome_of(row), row.record_uid) for replicate, row in rows.items()}
