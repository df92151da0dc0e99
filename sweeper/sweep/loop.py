"""The heart: asks, looks up, trains, judges, settles. Read it from top to bottom.

Owns: everything that is decided while a sweep runs. Knows the seams only. One thread; beside it
the heartbeat renews leases.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from dataclasses import dataclass, replace
from uuid import UUID

from sweeper.errors import SweeperError
from sweeper.model import (
    NOTHING,
    Attempt,
    AttemptId,
    Begun,
    Busy,
    Cause,
    CauseKind,
    Claim,
    Ended,
    Ending,
    Energy,
    Hit,
    Mine,
    Order,
    Outcome,
    Record,
    Source,
    StepReport,
    SweepBegan,
    SweepEnded,
    SweepState,
    TrialParked,
    TrialReported,
    TrialStarted,
    TrialState,
    sweep_handle,
)
from sweeper.sweep.crew import Crew, Plan
from sweeper.sweep.flight import Flight
from sweeper.sweep.heartbeat import Heartbeat, Snapshot
from sweeper.sweep.records import judge, keep_error, record_of, replay, use_of
from sweeper.sweep.reopen import follow, resume
from sweeper.sweep.stop import Urgency
from sweeper.sweep.trial_book import TrialBook

__all__ = ["SweepResult", "run_sweep"]

_TICK_S = 0.25
_SAME_END = 10  # so many trials ended and all failed: the sweep ends


@dataclass(frozen=True, slots=True)
class SweepResult:
    """How a sweep ended."""

    uid: UUID
    state: SweepState
    stopped_by: str


def run_sweep(crew: Crew, plan: Plan, name: str, begun: Begun) -> SweepResult:
    """Run an opened sweep to its end, or as far as the user lets it.

    Args:
        crew: The parts.
        plan: The sweep file's word on running it.
        name: The sweep's.
        begun: What the ledger said when it was opened.

    Raises:
        SweeperError: When it cannot go on; what is settled stays settled, and the same command
            continues it.
    """
    return SweepLoop(crew, plan, name, begun).run()


class SweepLoop:
    """Runs one opened sweep."""

    def __init__(self, crew: Crew, plan: Plan, name: str, begun: Begun) -> None:
        self._crew = crew
        self._plan = plan
        self._begun = begun
        self._handle = sweep_handle(name, begun.uid)
        self._book = TrialBook(crew, plan)
        self._flights: dict[AttemptId, Flight] = {}
        self._pending: deque[Attempt] = deque()  # asked before: resumed, retried, followed
        self._parked: list[tuple[float, Attempt]] = []  # when to look again, and whose
        self._beyond: dict[int, int] = {}  # replayed in vain up to this step
        self._exhausted = False
        self._interrupted = False
        self._said: set[str] = set()
        self._random = random.Random()  # with --local the global one is the objective's
        self._began_s = crew.clock()
        paid_before = any(row.trained for row in begun.own)
        self._overhead_j = begun.overhead_j if paid_before else 0.0
        self._launched = False
        self._losses: Counter[int] = Counter()  # workers lost, by trial
        self._account: Energy | None = None  # the last one that was closed
        self._heart = Heartbeat(
            crew.cache,
            crew.ledger,
            snapshot=self._snapshot,
            # While workers live their overhead is unknown; a killed driver leaves it so.
            books=lambda: (self._elapsed_s(), None if self._launched else self._overhead_j),
            interval_s=plan.ttl_s / 6,
        )

    # --- the loop ---

    def run(self) -> SweepResult:
        """Bring the sweep to where it stood, go on until nothing is left, close it."""
        try:
            with self._heart:
                self._reopen()
                self._loop()
            self._close_pool()
        except (KeyboardInterrupt, SystemExit):  # SystemExit: Ray's own answer to SIGTERM
            self._interrupted = True
            self._close_pool(kill=True)
            self._abandon()
        except BaseException:
            self._close_pool(kill=True)
            self._give_up()
            raise
        return self._finish(*self._ending())

    def _loop(self) -> None:
        while True:
            self._fill()
            if not self._flights and (self._enough() is not None or self._nothing_left()):
                return
            event = self._crew.pool.next_event(_TICK_S)
            match event:
                case StepReport():
                    self._on_report(event)
                case Ended():
                    self._on_ended(event)
                case None:
                    pass
            self._watch()

    def _nothing_left(self) -> bool:
        """Tell whether every trial that may be asked was asked and has its end."""
        waiting = self._pending or self._parked or self._book.duplicates_wait
        return not waiting and (self._exhausted or not self._book.has_room())

    def _fill(self) -> None:
        """Hand out work while a worker is free and the sweep may go on."""
        while self._crew.pool.room() > 0 and self._enough() is None:
            attempt = self._next_attempt()
            if attempt is None:
                return
            self._place(attempt)

    def _next_attempt(self) -> Attempt | None:
        """Choose what was asked before, else what was parked and is due, else a new proposal."""
        if self._pending:
            return self._pending.popleft()
        for item in self._parked:
            if item[0] <= self._crew.clock():
                self._parked.remove(item)
                return item[1]
        crowded = len(self._parked) > 2 * (len(self._flights) + 1)
        if crowded or self._exhausted or not self._book.has_room():
            return None
        proposal = self._crew.study.ask()
        if proposal is None:
            self._exhausted = True
            return None
        return self._book.admit(proposal, self._book.next_position())

    # --- a trial is known already, or somebody trains it, or it is ours to train ---

    def _place(self, attempt: Attempt) -> None:
        if self._book.is_duplicate(attempt.id.number):
            self._book.share_or_wait(attempt)
            return
        if attempt.key is None:
            self._crew.ledger.start(attempt)
            self._launch(attempt, None)
            return
        beyond = self._beyond.get(attempt.id.number, -1)
        match self._crew.cache.acquire(attempt.key, attempt, beyond=beyond):
            case Hit() as hit:
                self._replay(attempt, hit)
            case Busy() as busy:
                self._park(attempt, busy)
            case Mine(claim):
                self._launch(attempt, claim)

    def _replay(self, attempt: Attempt, hit: Hit) -> None:
        """Feed a stored curve through this study's pruner; a prefix may be no answer."""
        number, metric, horizon = attempt.id.number, self._plan.metric, self._plan.max_steps
        outcome = replay(self._crew.study, number, hit.record, metric=metric, max_steps=horizon)
        if outcome is None:
            self._beyond[number] = hit.record.steps_done
            self._pending.appendleft(attempt)
            return
        source = Source.ATTACHED if attempt.parked else Source.CACHE
        self._book.settle(attempt, outcome, source, use=use_of(hit, outcome, source))

    def _park(self, attempt: Attempt, busy: Busy) -> None:
        """Let somebody else's training finish; the free worker takes another trial."""
        if not attempt.parked:
            attempt = replace(attempt, parked=True)
            self._crew.ledger.start(attempt)
            self._crew.tell_observers(TrialParked(attempt, busy))
        due_s = self._crew.clock() + self._random.uniform(*self._plan.poll_s)
        self._parked.append((due_s, attempt))

    def _launch(self, attempt: Attempt, claim: Claim | None) -> None:
        folder, horizon = self._folder(attempt), self._plan.max_steps
        try:
            self._crew.pool.start(Order(attempt.id, attempt.params, attempt.seed, horizon, folder))
        except BaseException:  # a Ctrl-C while the workers start, too
            cause = Cause(CauseKind.STOPPED, "no worker took it")
            never = Outcome(TrialState.LOST, (), energy=NOTHING, cause=cause)
            self._book.settle(attempt, never, Source.RUN, claim=claim, told=False)
            self._again(attempt)
            raise
        self._launched = True
        self._flights[attempt.id] = Flight(attempt, claim, self._plan.metric, horizon)
        self._crew.ladder.install()  # starting workers may have taken the signals away
        self._crew.tell_observers(TrialStarted(attempt))

    def _folder(self, attempt: Attempt) -> str:
        return self._plan.trial_folder(self._handle, attempt.id.number, attempt.id.attempt)

    # --- what workers say ---

    def _on_report(self, report: StepReport) -> None:
        """Check a report, judge it, and answer the worker that waits."""
        flight = self._flights.get(report.id)
        if flight is None:
            return
        taken = flight.take(report)
        self._book.budget.running(report.id, report.energy_j)
        if isinstance(taken, Cause):
            flight.ordered = taken
        elif taken is not None:
            last = flight.at_horizon  # there, nothing is left to save
            verdict = judge(self._crew.study, report.id.number, taken, last=last)
            self._crew.tell_observers(TrialReported(report.id, taken, verdict))
            if verdict.prune:
                flight.ordered = Cause(CauseKind.PRUNER, str(verdict))
        if not flight.at_horizon:
            flight.ordered = flight.ordered or self._order_to_end(flight)
        if flight.ordered is None:
            self._crew.pool.go_on(report.id)
        else:
            self._crew.pool.stop(report.id, flight.ordered)

    def _order_to_end(self, flight: Flight) -> Cause | None:
        """Say why a trial that could go on must not."""
        if flight.past_horizon:
            return Cause(CauseKind.HORIZON, f"reported past max_steps {flight.max_steps}")
        if self._crew.ladder.urgency >= Urgency.STOP:
            return Cause(CauseKind.STOPPED, "the sweep was interrupted")
        if flight.claim in self._heart.lost:
            return Cause(CauseKind.STOPPED, "somebody else took the trial over")
        limit = self._book.budget.spent(self._elapsed_s())
        if limit is not None:
            return Cause(CauseKind.BUDGET, f"{limit} is spent")
        return self._overdue(flight)

    def _overdue(self, flight: Flight) -> Cause | None:
        limit_s = self._plan.timeout_s
        if limit_s is None or flight.age_s <= limit_s:
            return None
        return Cause(CauseKind.TIMEOUT, f"trained for more than {limit_s:g} s (trial.timeout)")

    def _on_ended(self, ended: Ended) -> None:
        """Settle an attempt, or try it again."""
        flight = self._flights.pop(ended.id, None)
        if flight is None:
            return
        attempt, outcome = flight.attempt, flight.outcome(ended, like=self._account)
        if ended.energy.total_j is not None:
            self._account = ended.energy
        self._book.budget.settled(ended.id, outcome.energy.total_j)
        if outcome.state is TrialState.FAILED:
            lost = keep_error(self._folder(attempt), outcome, ended.traceback)
            if lost is not None:
                self._crew.notice(f"the error of trial {attempt.id.number} was not kept: {lost}")
        worker_lost = ended.ending is Ending.LOST and flight.ordered is None
        if worker_lost:
            self._losses[attempt.id.number] += 1
            worker_lost = self._losses[attempt.id.number] <= self._plan.retries
        told = outcome.state is not TrialState.LOST and not worker_lost
        self._book.settle(
            attempt,
            outcome,
            Source.RUN,
            record=self._record(flight, outcome, ended.imported),
            claim=flight.claim,
            told=told,
        )
        if not told:
            self._again(attempt)
        if worker_lost:
            self._crew.notice(f"trial {attempt.id.number} lost its worker; it starts again")

    def _again(self, attempt: Attempt) -> None:
        """Put a trial that has no end first in line, for this driver or the next one."""
        name = replace(attempt.id, attempt=attempt.id.attempt + 1)
        self._pending.append(replace(attempt, id=name, parked=False))

    def _record(
        self, flight: Flight, outcome: Outcome, imported: tuple[str, ...] | None
    ) -> Record | None:
        if not self._plan.share or imported is None:  # a lost worker cannot say what it ran
            return None
        tainted = self._crew.tainted(imported)
        if tainted is not None and tainted not in self._said:
            self._said.add(tainted)
            self._crew.notice(f"results are kept here but not shared: {tainted}")
        return record_of(
            flight.attempt,
            outcome,
            claim=flight.claim,
            tainted=tainted,
            prov={**self._crew.prov, "sweep": self._handle, "trial": flight.attempt.id.number},
            started_at=flight.started_at,
        )

    # --- when to end ---

    def _watch(self) -> None:
        """Look at what no event tells: another driver, trials that take too long."""
        if self._heart.deposed is not None:
            raise self._heart.deposed
        for flight in self._flights.values():
            overdue = None if flight.killed else self._overdue(flight)
            if overdue is not None:
                flight.killed, flight.ordered = True, flight.ordered or overdue
                self._crew.pool.stop(flight.attempt.id, overdue, now=True)

    def _enough(self) -> str | None:
        """Say why no further trial may start; None: one may."""
        if self._interrupted or self._crew.ladder.urgency >= Urgency.DRAIN:
            return "interrupt"
        if self._heart.stop_asked:
            return "stop"
        if self._book.target_reached:
            return "target"
        if self._book.all_failed(at_least=_SAME_END):
            return "failures"
        return self._book.budget.spent(self._elapsed_s())

    def _ending(self) -> tuple[SweepState, str]:
        """Say how the sweep ended, once nothing is in flight."""
        why = self._enough() or "space"
        if self._nothing_left():
            why = "space" if self._exhausted else "budget.trials"
        if why in ("interrupt", "stop"):
            return SweepState.STOPPED, why
        if self._book.all_failed(at_least=1):
            return SweepState.FAILED, "failures"
        return SweepState.COMPLETE, why

    def _elapsed_s(self) -> float:
        return self._begun.elapsed_s + self._crew.clock() - self._began_s

    def _snapshot(self) -> Snapshot:
        flights = tuple(self._flights.values())
        return {flight.attempt.id: (flight.claim, flight.progress) for flight in flights}

    # --- opening and closing ---

    def _reopen(self) -> None:
        """Tell the study what is known, and put first what was begun and has no end."""
        begun = self._begun
        followed = begun.followed if self._plan.follow else ()
        self._crew.tell_observers(
            SweepBegan(
                handle=self._handle,
                uid=begun.uid,
                resumed=begun.resumed,
                leader=begun.leader if followed else None,
                metric=self._plan.metric,
                budget_trials=self._plan.limits.trials,
            )
        )
        if begun.resumed:
            self._pending.extend(resume(self._crew, self._book, begun.own))
        else:
            self._pending.extend(follow(self._crew, self._book, followed))

    def _close_pool(self, *, kill: bool = False) -> None:
        """End the workers and book their overhead; an unknown part makes the sum unknown."""
        now_j = self._crew.pool.close(kill=kill).total_j
        before_j = self._overhead_j
        self._overhead_j = None if now_j is None or before_j is None else before_j + now_j

    def _finish(self, state: SweepState, stopped_by: str) -> SweepResult:
        elapsed_s = self._elapsed_s()
        self._crew.ledger.finish(
            state, stopped_by, elapsed_s=elapsed_s, overhead_j=self._overhead_j
        )
        self._crew.tell_observers(SweepEnded(state, stopped_by))
        return SweepResult(self._begun.uid, state, stopped_by)

    def _abandon(self) -> None:
        """Book what was in flight: untold, so that it runs again when the sweep goes on."""
        for flight in self._flights.values():
            cause = Cause(CauseKind.STOPPED, "the sweep was ended")
            outcome = flight.cut_short(cause, like=self._account)
            self._book.settle(flight.attempt, outcome, Source.RUN, claim=flight.claim, told=False)
            self._again(flight.attempt)
        self._flights.clear()

    def _give_up(self) -> None:
        """Leave the ledger in order if it still listens; the error itself is on its way up."""
        try:
            self._abandon()
            self._finish(SweepState.FAILED, "failures")
        except SweeperError as error:
            self._crew.notice(f"the ledger could not be closed: {error}")
