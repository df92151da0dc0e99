"""A sweep as somebody sees it who only looks: from the store, a few seconds old.

Owns: these figures, their JSON and their words on plain lines. Standard library only.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

from sweeper.model import Params, Source, SweepHistory, SweepState, TrialState, Value
from sweeper.reporting import figures
from sweeper.reporting.clean import jsonable, one_line
from sweeper.reporting.outcomes import trials_of
from sweeper.reporting.physical import Total, physical, total
from sweeper.reporting.summary import Summary

__all__ = ["Flying", "Watched", "left_s", "spent_so_far"]

_ENOUGH = 3  # trained trials before a forecast is more than a guess
_OPEN = (TrialState.RUNNING, TrialState.PARKED)


@dataclass(frozen=True, slots=True)
class Flying:
    """A training in flight.

    Attributes:
        parked: It waits for somebody else's training.
        steps: As far as the store knows.
        energy_j: The same; None: unknown.
        running_s: Seconds since it was started.
    """

    number: int
    replicate: int
    params: Params
    parked: bool
    steps: int
    energy_j: float | None
    running_s: float

    @property
    def name(self) -> str:
        """Return the number, with the replicate if it is not the first."""
        return f"{self.number}r{self.replicate}" if self.replicate else str(self.number)

    def to_json(self) -> dict[str, Value]:
        """Return the object in ``running``."""
        return {
            "number": self.number,
            "replicate": self.replicate,
            "params": jsonable(self.params),
            "parked": self.parked,
            "steps": self.steps,
            "energy_j": physical(self.energy_j),
            "running_s": jsonable(self.running_s),
        }


@dataclass(frozen=True, slots=True)
class Watched:
    """A sweep at one moment.

    Attributes:
        summary: Of what has ended.
        state: As the store has it now.
        lost: The sweep counts as running, and its driver does not live any more.
        silent_s: Seconds since the driver was last heard of.
        stopping: It was asked to stop.
        in_flight: What trains or waits.
        spent: What was used so far, by what is in flight too.
        elapsed_s: Time with a driver.
        left_s: What is left of it, estimated; None: unknown.
        budget_trials: None: open.
        max_steps: The planned horizon; None: open.
    """

    summary: Summary
    state: SweepState
    stopped_by: str | None
    lost: bool
    silent_s: float
    stopping: bool
    in_flight: tuple[Flying, ...]
    spent: Total
    elapsed_s: float
    left_s: float | None
    budget_trials: int | None
    max_steps: int | None

    @property
    def over(self) -> bool:
        """Tell whether there is nothing more to see."""
        return self.lost or self.state is not SweepState.RUNNING

    def to_json(self) -> dict[str, Value]:
        """Return one line of ``sweeper watch --json``."""
        best = self.summary.best
        return {
            "sweep": self.summary.handle,
            "uid": str(self.summary.uid),
            "state": self.state.value,
            "stopped_by": self.stopped_by,
            "lost": self.lost,
            "silent_s": jsonable(self.silent_s),
            "stopping": self.stopping,
            "trials": self.summary.trials.to_json(),
            "budget_trials": self.budget_trials,
            "best": None if best is None else best.to_json(),
            "spent_j": self.spent.energy_j,
            "spent_missing": self.spent.missing,
            "elapsed_s": jsonable(self.elapsed_s),
            "left_s": jsonable(self.left_s),
            "running": [flying.to_json() for flying in self.in_flight],
        }

    def line(self) -> str:
        """Word it on one line."""
        flying = sum(not it.parked for it in self.in_flight)
        parts = [
            self.head(),
            self.counts(),
            f"{figures.count(flying)} running" if flying else "",
            self.found(),
            self.energy(),
            figures.duration(self.elapsed_s),
            self.left(),
        ]
        return ", ".join(part for part in parts if part)

    def head(self) -> str:
        """Word handle, state and trials."""
        trials = self.summary.trials
        done = figures.count(trials.settled - trials.duplicate)
        budget = "" if self.budget_trials is None else f"/{figures.count(self.budget_trials)}"
        why = "" if self.stopped_by is None else f" ({one_line(self.stopped_by)})"
        state = "stopping" if self.stopping and not self.over else self.state.value
        return f"{one_line(self.summary.handle)} {state}{why}: {done}{budget} trials"

    def counts(self) -> str:
        """Word how the trials ended."""
        trials = self.summary.trials
        stored = trials.cached + trials.attached
        return (
            f"{figures.count(trials.complete)} complete, {figures.count(trials.pruned)} pruned, "
            f"{figures.count(trials.failed)} failed"
            + (f", {figures.count(stored)} from the store" if stored else "")
        )

    def found(self) -> str:
        """Word the best trial so far, or how many are on the front."""
        finds = self.summary.finds
        if finds.front:
            return f"front: {figures.count(len(finds.front), 'trial')}"
        if finds.best is None:
            return "no best trial yet" if not self.over else "no best trial"
        return f"best: trial {finds.best.number}, {finds.best.worth.written()}"

    def energy(self) -> str:
        """Word the joules so far."""
        spent = self.spent
        if spent.energy_j is None:
            return "energy unknown"
        return f"{figures.at_least(figures.energy(spent.energy_j), spent.missing)} spent"

    def left(self) -> str:
        """Word the time that is left; nothing where there is none to tell."""
        if self.over or self.left_s is None:
            return ""
        return f"about {figures.duration(self.left_s)} left"

    def last_words(self) -> str | None:
        """Word what to do about a driver that died; None: it did not."""
        if not self.lost:
            return None
        heard = figures.ago(self.silent_s).removesuffix(" ago")
        when = "just now" if heard == "just now" else f"{heard} ago"
        return f"its driver was last heard of {when}; `sweeper run` goes on with it"


def spent_so_far(
    history: SweepHistory, in_flight: tuple[Flying, ...], overhead_j: float | None
) -> Total:
    """Add up what has ended, what flies and the overhead so far.

    What flies and has not reported joules yet is no missing term, and neither is an overhead that
    nobody has written yet.
    """
    ended = [row.energy_j for row in history.attempts if row.trained and row.state not in _OPEN]
    flying = [it.energy_j for it in in_flight if physical(it.energy_j) is not None]
    spent = total([*ended, *flying])
    parts = [part for part in (spent.energy_j, physical(overhead_j)) if part is not None]
    return Total(math.fsum(parts) if parts else None, spent.missing)


def left_s(history: SweepHistory, budget_trials: int | None, workers: int) -> float | None:
    """Estimate the seconds left: median trained trial x trials left / workers; None: unknown."""
    trials = trials_of(history)
    seconds = [
        trial.elapsed_s
        for trial in trials
        if trial.settled and trial.source is Source.RUN and trial.elapsed_s is not None
    ]
    if budget_trials is None or len(seconds) < _ENOUGH or workers < 1:
        return None
    done = sum(trial.settled and trial.source is not Source.DUPLICATE for trial in trials)
    return statistics.median(seconds) * max(0, budget_trials - done) / workers
