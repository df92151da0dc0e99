"""Where an attempt goes: it is known already, or somebody trains it, or it is ours to train."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sweeper.model import (
    NOTHING,
    Attempt,
    AttemptId,
    Busy,
    Cause,
    CauseKind,
    Claim,
    Hit,
    Mine,
    Order,
    Outcome,
    RecordStatus,
    Source,
    TrialParked,
    TrialStarted,
    TrialState,
)
from sweeper.places import make_private
from sweeper.sweep.airfield import Airfield
from sweeper.sweep.flight import Flight
from sweeper.sweep.records import refusal, replay, use_of

__all__ = ["Departures"]


class Departures:
    """Places attempts, one after the other, while a worker is free.

    Attributes:
        launched: A worker took an attempt.
    """

    def __init__(self, field: Airfield) -> None:
        self._field = field
        self._crew = field.crew
        self._plan = field.plan
        self._book = field.book
        self._beyond: dict[tuple[int, int], int] = {}  # replayed in vain up to this step
        self.launched = False
        self._told = False

    def place(self, attempt: Attempt) -> None:
        """Let the twin, the store, somebody else or a worker of ours answer an attempt."""
        if self._book.is_duplicate(attempt.id.number):
            self._book.share_or_wait(attempt)
            return
        if attempt.key is None:
            self._crew.ledger.start(attempt)
            self._launch(attempt, None)
            return
        beyond = self._beyond.get(_place(attempt.id), -1)
        match self._crew.cache.acquire(attempt.key, attempt, beyond=beyond):
            case Hit(refused=True) as hit:
                self._answer(attempt, hit, refusal(hit.record))
            case Hit() as hit:
                self._replay(attempt, hit)
            case Busy() as busy:
                self._park(attempt, busy)
            case Mine(claim):
                self._launch(attempt, claim)

    def is_free(self, attempt: Attempt) -> bool:
        """Tell whether an attempt costs nothing: its twin or the store answers it."""
        if self._book.is_duplicate(attempt.id.number):
            return True
        if attempt.key is None:
            return False
        hit = self._crew.cache.lookup([attempt.key]).get(attempt.key.run_key)
        if hit is None:
            return False
        whole = hit.record.status is RecordStatus.COMPLETE
        return whole or hit.record.steps_done > self._beyond.get(_place(attempt.id), -1)

    def _replay(self, attempt: Attempt, hit: Hit) -> None:
        """Feed a stored curve through this study's pruner; a prefix may be no answer."""
        horizon = self._plan.max_steps
        outcome = replay(
            self._book.judging,
            attempt.id,
            hit.record,
            max_steps=horizon,
            trial_energy_j=self._plan.trial_energy_j,
            prefix_safe=self._plan.prefix_safe,
        )
        if outcome is None:
            self._beyond[_place(attempt.id)] = hit.record.steps_done
            self._field.line.first([attempt])
            return
        self._answer(attempt, hit, outcome)

    def _answer(self, attempt: Attempt, hit: Hit, outcome: Outcome) -> None:
        """Settle an attempt with what the store knows."""
        source = Source.ATTACHED if attempt.parked else Source.CACHE
        use = use_of(hit, outcome, source, self._crew.hardware)
        self._field.line.first(self._book.settle(attempt, outcome, source, use=use))

    def _park(self, attempt: Attempt, busy: Busy) -> None:
        """Let somebody else's training finish; the free worker takes another trial."""
        if not attempt.parked:
            attempt = replace(attempt, parked=True)
            self._crew.ledger.start(attempt)
            self._crew.tell_observers(TrialParked(attempt, busy))
        self._field.line.park(attempt)

    def _make(self, folder: str) -> None:
        """Make the folder of an attempt; a worker that does not find it is on another machine."""
        try:
            make_private(Path(folder))
        except OSError as error:
            if not self._told:
                self._told = True
                why = f"{error.strerror or error}: {error.filename}"
                self._crew.notice(f"what trials print is not kept ({why}); training goes on")

    def _launch(self, attempt: Attempt, claim: Claim | None) -> None:
        folder, horizon = self._field.folder(attempt.id), self._plan.max_steps
        self._make(folder)
        try:
            self._crew.pool.start(Order(attempt.id, attempt.params, attempt.seed, horizon, folder))
        except BaseException:  # a Ctrl-C while the workers start, too
            cause = Cause(CauseKind.STOPPED, "no worker took it")
            never = Outcome(TrialState.LOST, (), energy=NOTHING, cause=cause)
            self._book.settle(attempt, never, Source.RUN, claim=claim, for_good=False)
            self._field.line.again(attempt)
            raise
        self.launched = True
        self._book.budget.started(attempt.id)
        flight = Flight(attempt, claim, self._plan.goals, self._plan.factors, horizon)
        self._field.flights[attempt.id] = flight
        self._crew.ladder.install()  # starting workers may have taken the signals away
        self._crew.tell_observers(TrialStarted(attempt))


def _place(attempt: AttemptId) -> tuple[int, int]:
    return attempt.number, attempt.replicate
