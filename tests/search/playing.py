"""Sweeps in miniature: a study is asked and told, its events are kept, and it is rebuilt from them.

An objective over any params, and a script of ends: some trials fail, some are stopped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sweeper.model import Direction, Goals, Metric, Params, Proposal, TrialState, Value
from sweeper.search.build import StudySettings, build_study
from sweeper.search.optuna_study import OptunaStudy

LOSS = Goals.of(Metric("loss", Direction.MINIMIZE))
SCORE = Goals.of(Metric("score", Direction.MAXIMIZE))
TWO = Goals.of(Metric("loss", Direction.MINIMIZE), Metric("gain", Direction.MAXIMIZE))


@dataclass(frozen=True)
class Asked:
    """A proposal."""

    proposal: Proposal


@dataclass(frozen=True)
class Judged:
    """A report."""

    number: int
    step: int
    value: float


@dataclass(frozen=True)
class Told:
    """An end."""

    number: int
    state: TrialState
    values: tuple[float, ...]
    violations: tuple[float, ...]


Events = list[Asked | Judged | Told]


def numbers_of(value: Value) -> Iterator[float]:
    """Yield every number of some params."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from numbers_of(inner)
    elif isinstance(value, int | float):
        yield float(value)


def loss_of(params: Params) -> float:
    """Give a point a value that depends on all its numbers."""
    return sum(math.sin(x) + min(x * x, 1e6) / 3 for x in numbers_of(params))


class Sweep:
    """A study together with what it was asked and told.

    Args:
        settings: What the study is built from.
        workers: Trials in flight.
        ends_early: Some trials fail and some are stopped.
    """

    def __init__(
        self, settings: StudySettings, workers: int = 1, *, ends_early: bool = False
    ) -> None:
        self.study: OptunaStudy = build_study(settings)
        self.events: Events = []
        self._settings = settings
        self._workers = workers
        self._ends_early = ends_early
        self._open: list[Proposal] = []

    def run(self, asks: int) -> Sweep:
        """Ask so many times; trials end in the order of their asks."""
        for _ in range(asks):
            proposal = self.study.ask()
            if proposal is None:
                break
            self.events.append(Asked(proposal))
            self._open.append(proposal)
            while len(self._open) >= self._workers:
                self._end(self._open.pop(0))
        return self

    def _end(self, proposal: Proposal) -> None:
        number, loss = proposal.number, loss_of(proposal.params)
        values: tuple[float, ...] = (loss,)
        violations: tuple[float, ...] = ()
        state = TrialState.COMPLETE
        if len(self._settings.goals.metrics) > 1:
            values = (loss, math.cos(loss))
        if self._settings.goals.constraints:
            violations = (loss - 3.0,) * len(self._settings.goals.constraints)
        self._event(Judged(number, 1, loss))
        if self._ends_early and number % 5 == 4:
            state, values, violations = TrialState.PRUNED, (), ()
        elif self._ends_early and number % 7 == 3:
            state, values, violations = TrialState.FAILED, (), ()
        self._event(Told(number, state, values, violations))

    def _event(self, event: Judged | Told) -> None:
        self.events.append(event)
        replay(self.study, event)

    def rebuilt(self, asks: int) -> tuple[OptunaStudy, Events]:
        """Return a study rebuilt from the events before an ask, and the events from there on."""
        study = build_study(self._settings)
        for place, event in enumerate(self.events):
            if isinstance(event, Asked):
                if event.proposal.number == asks:
                    return study, self.events[place:]
                assert study.repeat(event.proposal.params) == event.proposal
            else:
                replay(study, event)
        raise AssertionError("so many asks were never made")

    @property
    def proposals(self) -> list[Proposal]:
        """Return what was asked."""
        return [event.proposal for event in self.events if isinstance(event, Asked)]


def replay(study: OptunaStudy, event: Judged | Told) -> None:
    """Let a study hear a recorded event."""
    if isinstance(event, Judged):
        study.judge(event.number, event.step, event.value)
    else:
        study.tell(event.number, event.state, event.values, event.violations)
