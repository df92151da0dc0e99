"""Plays one search on a table with an event clock: who trains when, what it costs, what it knows.

Owns: the replay of a single search. Knows the seam ``Study`` only. Deterministic but for the
orchestrator's own CPU time.

Source of the rules: docs/energy-to-target.md.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from sweeper.model import Direction, Params, TrialState
from sweeper.replay.table import Table, Training
from sweeper.seams import Study

__all__ = ["Played", "Rules", "play"]

_MOST_TWINS = 2000  # proposals in a row that name nothing new: the study has run dry
_ROUNDING = 1e-9  # a sum in another order is the same energy


@dataclass(frozen=True, slots=True)
class Rules:
    """How a search is played.

    Attributes:
        direction: Which way the value gets better.
        succeeds: Tells whether the quality of an incumbent is good enough.
        budget_j: Joules after which nothing counts any more.
        workers: How many train at the same time.
        own_w: Watts of one core of the orchestrator; 0: its own energy is left out.
        until_success: Stop there instead of at the budget.
        most_trials: Points after which the search ends; None: no limit.
        repeats_count: A repeated proposal is one of ``most_trials``, as with tools that do not
            know repetitions; it costs no joules even so.
    """

    direction: Direction
    succeeds: Callable[[Params], bool]
    budget_j: float
    workers: int = 1
    own_w: float = 0.0
    until_success: bool = False
    most_trials: int | None = None
    repeats_count: bool = False


@dataclass(frozen=True, slots=True)
class Played:
    """What became of a search.

    Attributes:
        energy_to_target_j: All that was consumed when the incumbent was first good enough; None:
            it never was within the budget.
        time_to_target_s: Seconds by the event clock up to there.
        energy_j: All that was consumed.
        elapsed_s: Seconds by the event clock.
        own_j: The orchestrator's part of ``energy_j``.
        trials: Distinct points that were trained.
        pruned: How many of them were stopped early.
        best: The incumbent at the end; None: there is none.
    """

    energy_to_target_j: float | None
    time_to_target_s: float | None
    energy_j: float
    elapsed_s: float
    own_j: float
    trials: int
    pruned: int
    best: Params | None


@dataclass(slots=True)
class _Flight:
    """A training that goes on."""

    number: int
    params: Params
    training: Training
    began_s: float
    report: int = 0


def play(study: Study, table: Table, repetition: int, rules: Rules) -> Played:
    """Play a search to its success, its budget or its end."""
    return _Game(study, table, repetition, rules).play()


class _Game:
    """The state of one replay."""

    def __init__(self, study: Study, table: Table, repetition: int, rules: Rules) -> None:
        self._study = study
        self._table = table
        self._repetition = repetition
        self._rules = rules
        self._now_s = 0.0
        self._own_s = 0.0  # CPU time of the orchestrator
        self._ended_j = 0.0
        self._flights: dict[int, _Flight] = {}
        self._agenda: list[tuple[float, int]] = []
        self._outcomes: dict[Hashable, tuple[TrialState, float | None]] = {}
        self._waiting: dict[Hashable, list[int]] = {}  # of what is in flight: repeats of it
        self._names: dict[int, Hashable] = {}
        self._asked = 0
        self._trials = 0
        self._pruned = 0
        self._best: tuple[float, Params] | None = None
        self._reached: tuple[float, float] | None = None
        self._is_dry = False

    def play(self) -> Played:
        """Play to the end."""
        self._fill()
        while self._agenda and not self._is_over():
            self._now_s, number = heapq.heappop(self._agenda)
            self._step(self._flights[number])
            self._fill()
        return Played(
            energy_to_target_j=None if self._reached is None else self._reached[0],
            time_to_target_s=None if self._reached is None else self._reached[1],
            energy_j=self._spent_j(),
            elapsed_s=self._now_s,
            own_j=self._own_j,
            trials=self._trials,
            pruned=self._pruned,
            best=None if self._best is None else self._best[1],
        )

    def _is_over(self) -> bool:
        succeeded = self._reached is not None and self._rules.until_success
        return succeeded or self._spent_j() >= self._rules.budget_j

    @property
    def _own_j(self) -> float:
        return self._own_s * self._rules.own_w

    def _spent_j(self) -> float:
        going = (it.training.energy_at(self._now_s - it.began_s) for it in self._flights.values())
        return self._ended_j + math.fsum(going) + self._own_j

    # --- asking ---

    def _fill(self) -> None:
        """Start trainings while there are workers, points and joules."""
        while len(self._flights) < self._rules.workers and not self._is_dry:
            if self._is_over() or not self._start():
                return

    def _start(self) -> bool:
        """Start the next new point; a known one is told at once and costs nothing."""
        for _ in range(_MOST_TWINS):
            if self._rules.most_trials is not None and self._counted >= self._rules.most_trials:
                break
            began = time.process_time()
            proposal = self._study.ask()
            self._own_s += time.process_time() - began
            if proposal is None:
                break
            self._asked += 1
            name = self._table.identity(proposal.params)
            if name not in self._outcomes and name not in self._waiting:
                self._trials += 1
                self._launch(proposal.number, proposal.params, name)
                return True
            self._repeat(proposal.number, name)
        self._is_dry = True
        return False

    @property
    def _counted(self) -> int:
        return self._asked if self._rules.repeats_count else self._trials

    def _launch(self, number: int, params: Params, name: Hashable) -> None:
        training = self._table.train(params, self._repetition)
        self._names[number] = name
        self._waiting[name] = []
        self._flights[number] = _Flight(number, params, training, self._now_s)
        heapq.heappush(self._agenda, (self._now_s + training.elapsed_s[0], number))

    def _repeat(self, number: int, name: Hashable) -> None:
        """Tell a repeated point what its first one came to, now or when that has ended."""
        if name in self._waiting:
            self._waiting[name].append(number)
        else:
            self._tell(number, *self._outcomes[name])

    # --- training ---

    def _step(self, flight: _Flight) -> None:
        """Take the next report of a training: it goes on, is stopped, or ends."""
        training, at = flight.training, flight.report
        value = training.values[at]
        if value is not None and not math.isfinite(value):
            self._end(flight, TrialState.FAILED, None, at)
        elif at + 1 == len(training.steps):
            state = TrialState.COMPLETE if value is not None else TrialState.FAILED
            self._end(flight, state, value, at)
        elif value is not None and self._stops(flight, training.steps[at], value):
            self._pruned += 1
            self._end(flight, TrialState.PRUNED, None, at)
        else:
            flight.report += 1
            due_s = flight.began_s + training.elapsed_s[flight.report]
            heapq.heappush(self._agenda, (due_s, flight.number))

    def _stops(self, flight: _Flight, step: int, value: float) -> bool:
        began = time.process_time()
        verdict = self._study.judge(flight.number, step, value)
        self._own_s += time.process_time() - began
        return verdict.prune

    def _end(self, flight: _Flight, state: TrialState, value: float | None, at: int) -> None:
        del self._flights[flight.number]
        self._ended_j += flight.training.energy_j[at]
        name = self._names.pop(flight.number)
        self._outcomes[name] = (state, value)
        if state is TrialState.COMPLETE and value is not None:
            self._stops(flight, flight.training.steps[at], value)  # the last report is judged too
            self._compare(flight.params, value)
        for number in (flight.number, *self._waiting.pop(name)):
            self._tell(number, state, value)

    def _tell(self, number: int, state: TrialState, value: float | None) -> None:
        began = time.process_time()
        self._study.tell(number, state, () if value is None else (value,))
        self._own_s += time.process_time() - began

    def _compare(self, params: Params, value: float) -> None:
        """Keep the best complete trial; once it is good enough, note what that took."""
        if self._best is None or self._rules.direction.better(value, self._best[0]):
            self._best = (value, params)
            spent_j = self._spent_j()
            if (
                self._reached is None
                and spent_j <= self._rules.budget_j * (1 + _ROUNDING)
                and self._rules.succeeds(params)
            ):
                self._reached = (spent_j, self._now_s)
