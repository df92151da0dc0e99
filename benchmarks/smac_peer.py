"""SMAC3 behind the seam of a study: ask and tell, its own random forest. Used where it is there.

Source: M. Lindauer et al., "SMAC3: A Versatile Bayesian Optimization Package for Hyperparameter
Optimization", JMLR 23, 2022.
"""

from __future__ import annotations

import logging
import math
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

from ConfigSpace import Categorical as SmacCategorical
from ConfigSpace import Configuration, ConfigurationSpace, Float, Integer
from recorded import Problem
from smac import HyperparameterOptimizationFacade, Scenario
from smac.main.exceptions import ConfigurationSpaceExhaustedException
from smac.runhistory import StatusType, TrialInfo, TrialValue

from sweeper.model import (
    GO_ON,
    Categorical,
    Direction,
    IntUniform,
    LogUniform,
    Params,
    Proposal,
    TrialState,
    Uniform,
    Verdict,
)

logging.disable(logging.INFO)


class SmacStudy:
    """SMAC3's facade for hyperparameters, with as many trials as the grid has points."""

    def __init__(self, problem: Problem, repetition: int) -> None:
        self._sign = -1.0 if problem.direction is Direction.MAXIMIZE else 1.0
        space = ConfigurationSpace(seed=repetition)
        for name, parameter in problem.space.items():
            space.add(_hyperparameter(name, parameter))
        self._choices = {
            name: it.values for name, it in problem.space.items() if isinstance(it, Categorical)
        }
        self._folder = tempfile.TemporaryDirectory(prefix="smac")
        scenario = Scenario(
            space,
            output_directory=Path(self._folder.name),
            deterministic=True,
            n_trials=len(problem.grid),
            seed=repetition,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._smac = HyperparameterOptimizationFacade(
                scenario, _never, overwrite=True, logging_level=logging.ERROR
            )
        self._open: dict[int, TrialInfo] = {}
        self._asked = 0
        self._worst: float | None = None

    def ask(self) -> Proposal | None:
        """Ask SMAC; None: it proposes nothing more."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                info = self._smac.ask()
            except (StopIteration, ConfigurationSpaceExhaustedException):
                return None
        number, self._asked = self._asked, self._asked + 1
        self._open[number] = info
        return Proposal(number, self._params(info.config))

    def _params(self, config: Configuration) -> Params:
        return {
            name: self._choices[name][value] if name in self._choices else value
            for name, value in dict(config).items()
        }

    def repeat(self, params: Params) -> Proposal:
        """Is never called in a replay."""
        raise NotImplementedError

    def judge(self, number: int, step: int, value: float) -> Verdict:
        """Stop nothing: this facade works on whole trainings."""
        return GO_ON

    def tell(
        self,
        number: int,
        state: TrialState,
        values: Sequence[float],
        violations: Sequence[float] = (),
    ) -> None:
        """Tell SMAC, which minimises; a diverged run is the worst so far."""
        cost = self._sign * values[0] if state is TrialState.COMPLETE else self._worst
        if cost is None:
            cost = 1e9
        elif math.isfinite(cost):
            self._worst = cost if self._worst is None else max(self._worst, cost)
        self._smac.tell(
            self._open.pop(number), TrialValue(cost=cost, status=StatusType.SUCCESS), save=False
        )


def _never(config: Configuration, seed: int = 0) -> float:
    raise NotImplementedError("asked and told, never called")


def _hyperparameter(name: str, parameter: object) -> object:
    match parameter:
        case Categorical(values):
            return SmacCategorical(name, list(range(len(values))))
        case IntUniform(low, high):
            return Integer(name, (low, high))
        case LogUniform(low, high):
            return Float(name, (low, high), log=True)
        case Uniform(low, high):
            return Float(name, (low, high))
    raise TypeError(name)
