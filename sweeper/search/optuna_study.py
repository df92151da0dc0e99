"""The ``Study`` seam over Optuna's ask and tell.

Owns: the in-memory Optuna study and its numbering. One thread. Each ask uses a fresh sampler
seeded from (search seed, trial number), so that no generator state has to be kept and resuming is
exact; a point that was asked before is named as a twin, and after a run of twins an unexplored
point is asked.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from random import Random

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.pruners import NopPruner
from optuna.trial import Trial
from optuna.trial import TrialState as OptunaState

from sweeper.model import GO_ON, Goals, Params, Proposal, TrialState, Verdict
from sweeper.search.drawing import Domain, WholePointSampler, ask_seed
from sweeper.search.encoding import Part, Point
from sweeper.search.explored import Explored
from sweeper.search.imputing import Imputer
from sweeper.search.pruners import Judge
from sweeper.search.samplers import Method, SamplerFactory

__all__ = ["OptunaStudy", "Proposer"]

_INFINITE = 1e300  # a violation that Optuna can still add to others


class Proposer:
    """Draws numbered points into an Optuna study.

    Args:
        domain: Which points may be proposed.
        goals: What trials are judged by.
        method: What there is to know about the sampler.
        make_sampler: Builds it.
        seed: The search seed, >= 0.
        enqueued: What the first points have, each; the sampler draws the rest of them.
    """

    def __init__(
        self,
        domain: Domain,
        goals: Goals,
        method: Method,
        make_sampler: SamplerFactory,
        *,
        seed: int,
        enqueued: Sequence[Part] = (),
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.domain = domain
        self._method = method
        self._make_sampler = make_sampler
        self._seed = seed
        self.study = optuna.create_study(
            study_name="sweeper",
            directions=[metric.direction.value for metric in goals.metrics],
            pruner=NopPruner(),  # rules of our own judge; Optuna's default would be the median
        )
        self.asked = 0
        self._enqueued = tuple(enqueued)

    @property
    def enqueues(self) -> bool:
        """Tell whether the next point was enqueued."""
        return self.asked < len(self._enqueued)

    @property
    def seed(self) -> int:
        """Return the seed of the next ask."""
        return ask_seed(self._seed, self.asked)

    def next(self, given: Point | None, fallback: Params | None = None) -> tuple[Trial, Params]:
        """Open the next trial: the first ones have the parameters that were enqueued.

        Args:
            given: Its point; None: the sampler's choice.
            fallback: What to propose when nothing allowed is found.

        Returns:
            Optuna's trial and its params.

        Raises:
            SpaceError: If no allowed point is found.
        """
        sampler = WholePointSampler(
            self.domain,
            self._method,
            self._make_sampler,
            seed=self.seed,
            given=given,
            part=self._enqueued[self.asked] if self.enqueues else {},
            fallback=fallback,
        )
        self.study.sampler = sampler
        with warnings.catch_warnings():
            # Of densities over huge ranges, of experimental parts, of one-dimensional strategies:
            # none of it is for the person who wrote the sweep file.
            warnings.simplefilter("ignore")
            trial = self.study.ask()
            drawn = trial.relative_params
            for name in drawn:
                _suggest(trial, name, self.domain.encoding.distributions[name])
        self.asked += 1
        assert sampler.point is not None  # relative_params has drawn it
        return trial, sampler.point.params


def _suggest(trial: Trial, name: str, distribution: BaseDistribution) -> None:
    match distribution:
        case CategoricalDistribution(choices=choices):
            trial.suggest_categorical(name, choices)
        case IntDistribution(low=low, high=high):
            trial.suggest_int(name, low, high)
        case FloatDistribution(low=low, high=high, log=log):
            trial.suggest_float(name, low, high, log=log)


class OptunaStudy:
    """A study over one space.

    Args:
        proposer: Draws the points.
        goals: What trials are judged by.
        judge: Decides about early stopping.
        twins_in_a_row: After so many known points an unexplored one is asked.
        grid: All that is asked, in order; None: the sampler proposes.
        without: Parameters that do not make points different.
    """

    def __init__(
        self,
        proposer: Proposer,
        *,
        goals: Goals,
        judge: Judge,
        twins_in_a_row: int,
        grid: Iterator[Params] | None = None,
        without: frozenset[str] = frozenset(),
    ) -> None:
        self._proposer = proposer
        self._goals = goals
        self._judge = judge
        self._twins_in_a_row = twins_in_a_row
        self._grid = grid
        self._explored = Explored(proposer.domain, without)
        self._imputer = Imputer(goals)
        self._open: dict[int, Trial] = {}
        self._last_step: dict[int, int] = {}

    def ask(self) -> Proposal | None:
        """Propose the next point; None: the space is exhausted.

        Raises:
            SpaceError: If no point satisfies the constraints.
        """
        if self._explored.is_everything:
            return None
        if self._proposer.enqueues:
            return self._ask(None)
        if self._grid is not None:
            return self._next_of(self._grid)
        if self._explored.twins_in_a_row < self._twins_in_a_row:
            return self._ask(None)
        point = self._explored.unexplored(Random(self._proposer.seed))
        return None if point is None else self._ask(self._proposer.domain.encoding.read(point))

    def _next_of(self, grid: Iterator[Params]) -> Proposal | None:
        """Ask the next point of a grid; one that ends before it began is an error."""
        point = next(filter(self._explored.is_new, grid), None)
        if point is not None:
            return self._ask(self._proposer.domain.encoding.read(point))
        if self._explored.first_point is None and self._proposer.domain.constraints:
            raise self._proposer.domain.nothing_found()
        return None

    def repeat(self, params: Params) -> Proposal:
        """Repeat a recorded ask with exactly these params.

        Raises:
            SpaceError: If they are not a point of the space.
        """
        return self._ask(self._proposer.domain.encoding.read(params))

    def _ask(self, given: Point | None) -> Proposal:
        trial, params = self._proposer.next(given, self._explored.first_point)
        self._open[trial.number] = trial
        twin = self._explored.add(params, trial.number)
        return Proposal(number=trial.number, params=params, twin=twin)

    def judge(self, number: int, step: int, value: float) -> Verdict:
        """Let the rule decide; with one objective TPE learns from the reports as well."""
        trial = self._open.get(number)
        if trial is None or step <= self._last_step.get(number, -1):
            return GO_ON
        self._last_step[number] = step
        self._imputer.report(number, value)
        if len(self._goals.metrics) == 1:  # Optuna refuses reports beside several objectives
            trial.report(value, step)
        return self._judge.judge(number, step, value)

    def tell(
        self,
        number: int,
        state: TrialState,
        values: Sequence[float],
        violations: Sequence[float] = (),
    ) -> None:
        """Tell Optuna; what is not finite never reaches it.

        A pruned trial has no violations: to Optuna it is one that ended early, neither better nor
        worse for the constraints, which every sampler either ignores or ranks behind.
        """
        self._last_step.pop(number, None)
        trial = self._open.pop(number)
        if state is TrialState.COMPLETE and not all(map(math.isfinite, values)):
            state = TrialState.FAILED
        self._judge.end(number, state)
        study = self._proposer.study
        if state is TrialState.COMPLETE:
            self._imputer.complete(values, violations)
            self._tell_complete(trial, values, violations)
        elif state is TrialState.PRUNED:
            study.tell(trial, state=OptunaState.PRUNED)
        elif state is TrialState.FAILED and (imputed := self._imputer.values_of_failed(number)):
            self._tell_complete(trial, imputed, self._imputer.violations_of_failed)
        else:
            study.tell(trial, state=OptunaState.FAIL)
        self._imputer.end(number)

    def _tell_complete(
        self, trial: Trial, values: Sequence[float], violations: Sequence[float]
    ) -> None:
        for index, violation in enumerate(violations):
            # Optuna adds violations up, so that a finite one stands for "not comparable".
            limited = _INFINITE if math.isnan(violation) else min(violation, _INFINITE)
            trial.set_constraint(str(index), max(limited, -_INFINITE))
        self._proposer.study.tell(trial, [float(value) for value in values])
