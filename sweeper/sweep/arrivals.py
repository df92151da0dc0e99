"""What workers say: reports are judged and answered, ends become facts or another try."""

from __future__ import annotations

import time
from collections.abc import Callable

from sweeper.model import (
    AttemptId,
    Cause,
    CauseKind,
    Ended,
    Outcome,
    Record,
    Source,
    StepReport,
    TrialReported,
    TrialState,
)
from sweeper.sweep.airfield import Airfield
from sweeper.sweep.budget import over_own_limit
from sweeper.sweep.flight import Flight
from sweeper.sweep.heartbeat import Heartbeat
from sweeper.sweep.records import keep_files, record_of
from sweeper.sweep.retrying import Breaker, Retrying
from sweeper.sweep.stalls import Stalls
from sweeper.sweep.stop import Urgency

__all__ = ["Arrivals"]


class Arrivals:
    """Takes what the pool says about attempts in flight.

    Args:
        field: The sweep.
        heart: Knows which leases were lost.
        elapsed_s: Returns the seconds that the sweep had a driver.

    Attributes:
        cut_by: The limit of the sweep for which running trials were stopped; None: none was.
        retrying: Which failed trainings start again.
        breaker: Ends a sweep in which everything fails.
    """

    def __init__(self, field: Airfield, heart: Heartbeat, elapsed_s: Callable[[], float]) -> None:
        self._field = field
        self._crew = field.crew
        self._plan = field.plan
        self._book = field.book
        self._heart = heart
        self._elapsed_s = elapsed_s
        self._said: set[str] = set()
        self._stalls = Stalls(field.plan.stall_s)
        self.retrying = Retrying(field.plan.retries)
        self.breaker = Breaker(field.plan.same_failures)
        self.cut_by: str | None = None

    # --- reports ---

    def report(self, report: StepReport) -> None:
        """Check a report, judge it, and answer the worker that waits."""
        flight = self._field.flights.get(report.id)
        if flight is None:
            return
        self._stalls.note(flight.silent_s)
        taken = flight.take(report)
        self._book.budget.running(report.id, report.energy_j)
        if isinstance(taken, Cause):
            flight.ordered = taken
        elif taken is not None:
            last = flight.at_horizon  # there, nothing is left to save
            verdict = self._book.judging.judge(report.id, taken, last=last)
            self._crew.tell_observers(TrialReported(report.id, taken, verdict))
            flight.note(taken.step, verdict)
        if not flight.at_horizon:
            flight.ordered = flight.ordered or self._order_to_end(flight)
        flight.answered_s = time.monotonic()
        if flight.ordered is None:
            self._crew.pool.go_on(report.id)
        else:
            self._crew.pool.stop(report.id, flight.ordered)

    def _order_to_end(self, flight: Flight) -> Cause | None:
        """Say why a trial that could go on must not."""
        if flight.past_horizon:
            return Cause(CauseKind.HORIZON, f"reported past max_steps {flight.max_steps}")
        if self._crew.ladder.urgency >= Urgency.STOP:
            return self._interruption()
        if flight.claim in self._heart.lost:
            return Cause(CauseKind.STOPPED, "somebody else took the trial over")
        limit = self._book.budget.spent(self._elapsed_s())
        if limit is not None:
            self.cut_by = limit
            return Cause(CauseKind.BUDGET, f"{limit} is spent")
        return over_own_limit(flight.used_j, self._plan.trial_energy_j) or self._overdue(flight)

    def _interruption(self) -> Cause:
        if self._crew.ladder.preempted:
            return Cause(CauseKind.PREEMPTED, "sweeper was asked to end (SIGTERM)")
        return Cause(CauseKind.STOPPED, "the sweep was interrupted")

    def _overdue(self, flight: Flight) -> Cause | None:
        limit_s = self._plan.timeout_s
        if limit_s is not None and flight.age_s > limit_s:
            return Cause(CauseKind.TIMEOUT, f"trained for more than {limit_s:g} s (trial.timeout)")
        limit_s = self._stalls.limit_s
        if limit_s is not None and flight.silent_s > limit_s:
            text = f"reported nothing for {limit_s:.0f} s after step {flight.progress.steps}"
            return Cause(CauseKind.STALLED, f"{text} (trial.stall)")
        return None

    def end_overdue(self) -> None:
        """End trials that take too long wherever they are: they may never report again."""
        for flight in self._field.flights.values():
            overdue = None if flight.killed else self._overdue(flight)
            if overdue is not None:
                flight.killed, flight.ordered = True, flight.ordered or overdue
                self._crew.pool.stop(flight.attempt.id, overdue, now=True)

    # --- ends ---

    def ended(self, ended: Ended) -> None:
        """Settle an attempt, or try it again."""
        flight = self._field.flights.pop(ended.id, None)
        if flight is None:
            return
        budget = self._book.budget
        outcome = flight.outcome(ended, like=budget.overhead.like)
        budget.settled(ended.id, outcome.energy.total_j, outcome.state)
        budget.overhead.heard(ended)
        self._keep_files(ended, outcome)
        again_in_s = self.retrying.again_in_s(ended.id, outcome)
        for_good = outcome.state is not TrialState.LOST and again_in_s is None
        further = self._book.settle(
            flight.attempt,
            outcome,
            Source.RUN,
            record=self._record(flight, outcome, ended),
            claim=flight.claim,
            for_good=for_good,
        )
        self._field.line.first(further)
        if for_good:
            self.breaker.note(outcome)
            return
        self._field.line.again(flight.attempt, after_s=again_in_s or 0.0)
        if again_in_s is not None:
            when = f"in {again_in_s:.0f} s" if again_in_s >= 1 else "now"
            self._crew.notice(f"{_name(ended.id)} starts again {when}")

    def _keep_files(self, ended: Ended, outcome: Outcome) -> None:
        lost = keep_files(self._field.folder(ended.id), outcome, ended)
        if lost is not None:
            self._crew.notice(f"the error of {_name(ended.id)} was not kept: {lost}")

    def _record(self, flight: Flight, outcome: Outcome, ended: Ended) -> Record | None:
        if not self._plan.share or ended.imported is None:  # nobody can say what was run
            return None
        tainted = self._crew.tainted(ended)
        if tainted is not None and tainted not in self._said:
            self._said.add(tainted)
            self._crew.notice(f"results are kept here but not shared: {tainted}")
        name = flight.attempt.id
        of_trial = {
            "sweep": self._field.handle,
            "trial": name.number,
            "replicate": name.replicate,
            "attempt": name.attempt,
            "max_steps": self._plan.max_steps,
        }
        return record_of(
            flight.attempt,
            outcome,
            goals=self._plan.goals,
            claim=flight.claim,
            tainted=tainted,
            prov={**self._crew.prov, **of_trial},
            started_at=flight.started_at,
            facts=ended.facts,
        )

    def abandon(self) -> None:
        """Book what is in flight: untold, so that it runs again when the sweep goes on."""
        for flight in self._field.flights.values():
            ended = Cause(CauseKind.STOPPED, "the sweep was ended")
            cause = self._interruption() if self._crew.ladder.urgency else ended
            outcome = flight.cut_short(cause, like=self._book.budget.overhead.like)
            attempt, claim = flight.attempt, flight.claim
            self._book.settle(attempt, outcome, Source.RUN, claim=claim, for_good=False)
            self._field.line.again(attempt)
        self._field.flights.clear()


def _name(attempt: AttemptId) -> str:
    trial = f"trial {attempt.number}"
    return f"{trial}, replicate {attempt.replicate}" if attempt.replicate else trial
