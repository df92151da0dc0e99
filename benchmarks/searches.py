"""The searches that benchmarks replay: sweeper's, and peers behind the same seam.

To add one: a function from (problem, repetition) to a ``Study``, and a line in ``SEARCHES``.
"""

from __future__ import annotations

import importlib.util
import math
import random
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import optuna
from recorded import Problem

from sweeper.model import (
    GO_ON,
    Categorical,
    Goals,
    Impute,
    IntUniform,
    LogUniform,
    Metric,
    Params,
    Proposal,
    TrialState,
    Uniform,
    Verdict,
)
from sweeper.seams import Study
from sweeper.search import pruners
from sweeper.search.build import StudySettings, build_study

ETA = 3
RUNGS = 3  # so many levels of halving below the horizon


@dataclass(frozen=True)
class Search:
    """One line of the tables.

    Attributes:
        make: Builds the study of a problem and a repetition.
        needs_curves: It stops runs early, which takes recorded curves.
        only: The claim that it makes sense for; empty: all.
        repeats_count: It does not know repetitions: they count towards its points.
        most_seeds: No more repetitions than this; None: as many as asked for. For slow peers.
        most_points: No larger grids than this; None: any. For slow peers.
    """

    make: Callable[[Problem, int], Study]
    needs_curves: bool = False
    only: str = ""
    repeats_count: bool = False
    most_seeds: int | None = None
    most_points: int | None = None


def first_rung(problem: Problem) -> int:
    """Return the step of the lowest rung."""
    return max(1, round(problem.max_steps / ETA**RUNGS))


def goals_of(problem: Problem) -> Goals:
    """Return what trials are judged by; a diverged run is told as the worst so far."""
    return Goals.of(Metric("value", problem.direction, impute=Impute.WORST))


def hyperband(problem: Problem) -> pruners.Judge:
    """Return sweeper's default rule of early stopping, W&B's."""
    bands = pruners.bands_from_min(first_rung(problem), ETA)
    return pruners.HyperbandRule(bands, ETA, strict=False, direction=problem.direction)


def asha(problem: Problem) -> pruners.Judge:
    """Return Optuna's asynchronous successive halving."""
    return pruners.SuccessiveHalvingRule(first_rung(problem), ETA, direction=problem.direction)


def median(problem: Problem) -> pruners.Judge:
    """Return the rule of the median."""
    return pruners.MedianRule(5, first_rung(problem), direction=problem.direction)


class CostStop:
    """Stops a run that has used more joules than the best complete one: for claim B."""

    def __init__(self) -> None:
        self._best = math.inf
        self._last: dict[int, float] = {}

    def judge(self, number: int, step: int, value: float) -> Verdict:
        """Compare the joules so far."""
        self._last[number] = value
        return Verdict(value > self._best, "cost", None, value, self._best)

    def end(self, number: int, state: TrialState) -> None:
        """Learn the joules of a complete run."""
        value = self._last.pop(number, math.inf)
        if state is TrialState.COMPLETE:
            self._best = min(self._best, value)


def cost_stop(problem: Problem) -> pruners.Judge:
    """Return the rule for claim B."""
    return CostStop()


def no_stop(problem: Problem) -> pruners.Judge:
    """Return the rule that stops nothing."""
    return pruners.NeverPrune()


class Listed:
    """Proposes points in a given order: grid search."""

    def __init__(self, points: Sequence[Params], judge: pruners.Judge) -> None:
        self._points: Iterator[tuple[int, Params]] = iter(enumerate(points))
        self._asked = 0
        self._judge = judge

    def ask(self) -> Proposal | None:
        """Propose the next point."""
        found = next(self._points, None)
        return None if found is None else Proposal(*found)

    def repeat(self, params: Params) -> Proposal:
        """Is never called in a replay."""
        raise NotImplementedError

    def judge(self, number: int, step: int, value: float) -> Verdict:
        """Let the rule decide."""
        return self._judge.judge(number, step, value)

    def tell(
        self,
        number: int,
        state: TrialState,
        values: Sequence[float],
        violations: Sequence[float] = (),
    ) -> None:
        """Let the rule know."""
        self._judge.end(number, state)


def shuffled_grid(
    rule: Callable[[Problem], pruners.Judge],
) -> Callable[[Problem, int], Study]:
    """Return grid search in a random order, the same one for every rule: G2, and G3 with a rule."""

    def make(problem: Problem, repetition: int) -> Study:
        points = [problem.params_of(config) for config in problem.grid]
        random.Random(f"order {repetition}").shuffle(points)
        return Listed(points, rule(problem))

    return make


def ours(
    sampler: str,
    rule: Callable[[Problem], pruners.Judge] = no_stop,
    options: Mapping[str, object] | None = None,
) -> Callable[[Problem, int], Study]:
    """Return a search of sweeper."""

    def make(problem: Problem, repetition: int) -> Study:
        return build_study(
            StudySettings(
                space=problem.space,
                goals=goals_of(problem),
                sampler=sampler,
                options=options or {},
                judge=rule(problem),
                seed=repetition,
            )
        )

    return make


class PlainOptuna:
    """Optuna's own ask and tell, its own sampler and pruner, nothing of ours between them."""

    def __init__(
        self,
        problem: Problem,
        sampler: optuna.samplers.BaseSampler,
        pruner: optuna.pruners.BasePruner,
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._study = optuna.create_study(
                direction=problem.direction.value, sampler=sampler, pruner=pruner
            )
        self._space = problem.space
        self._open: dict[int, optuna.Trial] = {}
        self._worst = max if problem.direction.value == "minimize" else min
        self._values: list[float] = []

    def ask(self) -> Proposal:
        """Ask as users do, parameter by parameter."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trial = self._study.ask()
            params = {name: self._suggest(trial, name, it) for name, it in self._space.items()}
        self._open[trial.number] = trial
        return Proposal(trial.number, params)

    @staticmethod
    def _suggest(trial: optuna.Trial, name: str, parameter: object) -> object:
        match parameter:
            case Categorical(values):
                return trial.suggest_categorical(name, values)
            case IntUniform(low, high):
                return trial.suggest_int(name, low, high)
            case LogUniform(low, high):
                return trial.suggest_float(name, low, high, log=True)
            case Uniform(low, high):
                return trial.suggest_float(name, low, high)
        raise TypeError(name)

    def repeat(self, params: Params) -> Proposal:
        """Is never called in a replay."""
        raise NotImplementedError

    def judge(self, number: int, step: int, value: float) -> Verdict:
        """Report, and ask the pruner."""
        trial = self._open[number]
        trial.report(value, step)
        return Verdict(True, "optuna") if trial.should_prune() else GO_ON

    def tell(
        self,
        number: int,
        state: TrialState,
        values: Sequence[float],
        violations: Sequence[float] = (),
    ) -> None:
        """Tell Optuna; a diverged run is the worst so far, for TPE does not look at failed ones."""
        trial = self._open.pop(number)
        if state is TrialState.FAILED and self._values:
            state, values = TrialState.COMPLETE, [self._worst(self._values)]
        if state is TrialState.COMPLETE:
            self._values += values
            self._study.tell(trial, list(values))
        elif state is TrialState.PRUNED:
            self._study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)


def plain(
    sampler: Callable[[int], optuna.samplers.BaseSampler],
    pruner: Callable[[Problem], optuna.pruners.BasePruner] = lambda _: optuna.pruners.NopPruner(),
) -> Callable[[Problem, int], Study]:
    """Return a search of plain Optuna."""

    def make(problem: Problem, repetition: int) -> Study:
        return PlainOptuna(problem, sampler(repetition), pruner(problem))

    return make


class PlainWithCostStop(PlainOptuna):
    """Plain Optuna whose user stops what costs more than the best."""

    def __init__(self, problem: Problem, sampler: optuna.samplers.BaseSampler) -> None:
        super().__init__(problem, sampler, optuna.pruners.NopPruner())
        self._stop = CostStop()

    def judge(self, number: int, step: int, value: float) -> Verdict:
        """Report, and compare the joules."""
        super().judge(number, step, value)
        return self._stop.judge(number, step, value)

    def tell(
        self,
        number: int,
        state: TrialState,
        values: Sequence[float],
        violations: Sequence[float] = (),
    ) -> None:
        """Tell both."""
        self._stop.end(number, state)
        super().tell(number, state, values, violations)


def _tpe(seed: int) -> optuna.samplers.BaseSampler:
    return optuna.samplers.TPESampler(seed=seed)


def _random(seed: int) -> optuna.samplers.BaseSampler:
    return optuna.samplers.RandomSampler(seed=seed)


def _optuna_asha(problem: Problem) -> optuna.pruners.BasePruner:
    return optuna.pruners.SuccessiveHalvingPruner(
        min_resource=first_rung(problem), reduction_factor=ETA
    )


def _optuna_median(problem: Problem) -> optuna.pruners.BasePruner:
    return optuna.pruners.MedianPruner(5, n_warmup_steps=first_rung(problem))


def _plain_cost(problem: Problem, repetition: int) -> Study:
    return PlainWithCostStop(problem, _tpe(repetition))


SEARCHES: dict[str, Search] = {
    "G2 shuffled grid": Search(shuffled_grid(no_stop)),
    "G3 shuffled grid, hyperband": Search(shuffled_grid(hyperband), needs_curves=True, only="A"),
    "G3 shuffled grid, cost stop": Search(shuffled_grid(cost_stop), needs_curves=True, only="B"),
    "sweeper random": Search(ours("random")),
    "sweeper bayes": Search(ours("tpe")),
    "sweeper bayes, hyperband": Search(ours("tpe", hyperband), needs_curves=True, only="A"),
    "sweeper bayes, asha": Search(ours("tpe", asha), needs_curves=True, only="A"),
    "sweeper bayes, median": Search(ours("tpe", median), needs_curves=True, only="A"),
    "sweeper bayes, cost stop": Search(ours("tpe", cost_stop), needs_curves=True, only="B"),
    "Optuna random": Search(plain(_random), repeats_count=True),
    "Optuna TPE": Search(plain(_tpe), repeats_count=True),
    "Optuna TPE, ASHA": Search(
        plain(_tpe, _optuna_asha), needs_curves=True, only="A", repeats_count=True
    ),
    "Optuna TPE, median": Search(
        plain(_tpe, _optuna_median), needs_curves=True, only="A", repeats_count=True
    ),
    "Optuna TPE, cost stop": Search(_plain_cost, needs_curves=True, only="B", repeats_count=True),
}


def _smac(problem: Problem, repetition: int) -> Study:
    from smac_peer import SmacStudy

    return SmacStudy(problem, repetition)


if importlib.util.find_spec("smac"):  # pip install smac
    SEARCHES["SMAC3"] = Search(_smac, repeats_count=True, most_seeds=5, most_points=108)
