"""The heart: asks, looks up, trains, judges, settles. Read it from top to bottom.

Owns: the order in which things happen while a sweep runs, and when it ends. ``departures.py`` says
where an attempt goes, ``arrivals.py`` what becomes of what workers say. Knows the seams only. One
thread; beside it the heartbeat renews leases.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sweeper.errors import SweeperError
from sweeper.model import (
    Attempt,
    Begun,
    Ended,
    Energy,
    StepReport,
    SweepBegan,
    SweepEnded,
    SweepState,
    sweep_handle,
)
from sweeper.sweep.airfield import Airfield
from sweeper.sweep.arrivals import Arrivals
from sweeper.sweep.crew import Crew, Plan
from sweeper.sweep.departures import Departures
from sweeper.sweep.heartbeat import Heartbeat, Snapshot
from sweeper.sweep.past import reopened
from sweeper.sweep.reopen import follow, resume
from sweeper.sweep.stop import Urgency

__all__ = ["SweepResult", "run_sweep"]

_TICK_S = 0.25


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
        self._field = Airfield.of(crew, plan, sweep_handle(name, begun.uid))
        self._book = self._field.book
        self._interrupted = False
        self._began_s = crew.clock()
        paid_before = any(row.trained for row in begun.own)
        if paid_before or begun.overhead.total_j is not None:
            self._book.budget.overhead.earlier = begun.overhead
        self._overhead = self._book.budget.overhead.earlier
        self._short: str | None = None  # the limit that the next training would not keep
        self._heart = Heartbeat(
            crew.cache,
            crew.ledger,
            snapshot=self._snapshot,
            books=self._books,
            interval_s=plan.ttl_s / 6,
        )
        self._departures = Departures(self._field)
        self._arrivals = Arrivals(self._field, self._heart, self._elapsed_s)

    # --- the loop ---

    def run(self) -> SweepResult:
        """Bring the sweep to where it stood, go on until nothing is left, close it."""
        try:
            with self._heart:
                self._reopen()
                self._loop()
            self._close_pool()
            self._say_what_broke()
        except (KeyboardInterrupt, SystemExit):  # SystemExit: Ray's own answer to SIGTERM
            self._interrupted = True
            self._close_pool(kill=True)
            self._arrivals.abandon()
        except BaseException:
            self._close_pool(kill=True)
            self._give_up()
            raise
        return self._finish(*self._ending())

    def _reopen(self) -> None:
        """Tell the study what is known, and put first what was begun and has no end."""
        begun = self._begun
        followed = begun.followed if self._plan.follow else ()
        self._crew.tell_observers(
            SweepBegan(
                handle=self._field.handle,
                uid=begun.uid,
                resumed=begun.resumed,
                leader=begun.leader if followed else None,
                goals=self._plan.goals,
                budget_trials=self._plan.limits.trials,
            )
        )
        if begun.resumed:
            own = reopened(begun.own, self._plan.retry)
            self._arrivals.retrying.note_past(own)
            self._field.line.last(resume(self._crew, self._book, own))
        else:
            self._field.line.last(follow(self._crew, self._book, followed))

    def _loop(self) -> None:
        while True:
            self._fill()
            enough = self._enough() or self._short
            over = enough is not None or self._field.line.nothing_left
            if over and not self._field.flights:
                return
            event = self._crew.pool.next_event(_TICK_S)
            match event:
                case StepReport():
                    self._arrivals.report(event)
                case Ended():
                    self._arrivals.ended(event)
                case None:
                    pass
            if self._heart.deposed is not None:
                raise self._heart.deposed
            self._arrivals.end_overdue()

    def _fill(self) -> None:
        """Hand out work while a worker is free and the sweep may go on."""
        while self._crew.pool.room() > 0 and self._enough() is None:
            attempt = self._field.line.next(in_flight=len(self._field.flights))
            if attempt is None:
                self._short = None
                return
            self._short = self._too_dear(attempt)
            if self._short is not None:
                self._field.line.first([attempt])
                return
            self._departures.place(attempt)

    def _too_dear(self, attempt: Attempt) -> str | None:
        """Say which limit's rest cannot carry a training, unless this one costs nothing."""
        limit = self._book.budget.short_of()
        return None if limit is None or self._departures.is_free(attempt) else limit

    # --- when to end ---

    def _enough(self) -> str | None:
        """Say why no further trial may start, not even one that costs nothing; None: one may."""
        if self._interrupted or self._crew.ladder.urgency >= Urgency.DRAIN:
            return "interrupt"
        if self._heart.stop_asked:
            return "stop"
        if self._book.target_reached:
            return "target"
        if self._arrivals.breaker.why is not None:
            return "failures"
        return "budget.time" if self._book.budget.is_late(self._elapsed_s()) else None

    def _ending(self) -> tuple[SweepState, str]:
        """Say how the sweep ended, once nothing is in flight."""
        cut_by = self._arrivals.cut_by
        why = self._enough() or self._short or cut_by or "space"
        if self._field.line.nothing_left and cut_by is None:
            why = "space" if self._field.line.exhausted else "budget.trials"
        if why in ("interrupt", "stop"):
            return SweepState.STOPPED, why
        if why == "failures" or self._book.all_failed:
            return SweepState.FAILED, "failures"
        return SweepState.COMPLETE, why

    # --- the books, and closing them ---

    def _elapsed_s(self) -> float:
        return self._begun.elapsed_s + self._crew.clock() - self._began_s

    def _books(self) -> tuple[float, Energy]:
        """Return elapsed seconds and overhead; while workers live, what is known of it."""
        so_far = self._book.budget.overhead.so_far
        return self._elapsed_s(), so_far() if self._departures.launched else self._overhead

    def _snapshot(self) -> Snapshot:
        flights = tuple(self._field.flights.values())
        return {flight.attempt.id: (flight.claim, flight.progress) for flight in flights}

    def _close_pool(self, *, kill: bool = False) -> None:
        """End the workers and book their overhead."""
        self._overhead = self._book.budget.overhead.whole(self._crew.pool.close(kill=kill))

    def _say_what_broke(self) -> None:
        """Tell why the sweep gives up, and what to do when the reason is mended."""
        why, handle = self._arrivals.breaker.why, self._field.handle
        if why is not None and self._enough() == "failures":
            self._crew.notice(f"the sweep ends: {why}; `sweeper retry {handle}` runs them again")

    def _finish(self, state: SweepState, stopped_by: str) -> SweepResult:
        elapsed_s = self._elapsed_s()
        self._crew.ledger.finish(state, stopped_by, elapsed_s=elapsed_s, overhead=self._overhead)
        self._crew.tell_observers(SweepEnded(state, stopped_by))
        return SweepResult(self._begun.uid, state, stopped_by)

    def _give_up(self) -> None:
        """Leave the ledger in order if it still listens; the error itself is on its way up."""
        try:
            self._arrivals.abandon()
            self._finish(SweepState.FAILED, "failures")
        except SweeperError as error:
            self._crew.notice(f"the ledger could not be closed: {error}")
