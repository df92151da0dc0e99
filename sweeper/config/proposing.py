"""What proposes points: how ``method``, ``sampler`` and W&B's ``scheduler`` go together.

Owns: the keys of ``scheduler``, and the rules between the three, the metrics and the space. Imports
pydantic: load lazily.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, model_validator

from sweeper.config.leaves import entries
from sweeper.config.problems import Problem, Several
from sweeper.config.samplers import CmaEs, Gp, Random, Sampler, Tpe
from sweeper.config.section import Section, Text, choice, note
from sweeper.model import Categorical, Constant, Parameter


class Engine(Enum):
    """What W&B's scheduler proposes points with."""

    OPTUNA = "optuna"
    AX = "ax"
    WANDB = "wandb"


# What stands in for W&B's engines: Optuna's default, Ax's Gaussian process, W&B's bayes.
_STAND_INS: Mapping[Engine, type[Sampler]] = {
    Engine.OPTUNA: Tpe,
    Engine.AX: Gp,
    Engine.WANDB: Tpe,
}
_PYTHON = (
    "names Python code that draws proposals, which is not run from a sweep file; say parameters: "
    "and, for options, sampler: {type: tpe, n_startup_trials: 20}"
)


class Scheduler(Section):
    """W&B's choice of what proposes points under method: custom."""

    engine: Annotated[Engine, choice(Engine)] = Field(
        description="optuna and wandb are sampler tpe here, ax is sampler gp."
    )
    source: Text | None = Field(default=None, description="Refused: Python code is not run.")
    optimizer: Text | None = Field(default=None, description="Refused: Python code is not run.")
    search_space: Text | None = Field(default=None, description="Refused: Python code is not run.")

    @model_validator(mode="before")
    @classmethod
    def _runs_no_code(cls, raw: Any) -> Any:
        if isinstance(raw, Mapping):
            keys = ("source", "optimizer", "search_space")
            given = [key for key in keys if raw.get(key) is not None]
            if given:
                raise Several(Problem((key,), _PYTHON) for key in given)
        return raw

    def sampler(self) -> Sampler:
        """Return what stands in for the engine."""
        return _STAND_INS[self.engine]()


def chosen(
    sampler: Sampler | None,
    *,
    method: str,
    scheduler: Scheduler | None,
    alone: bool,
    info: ValidationInfo,
) -> Sampler | None:
    """Return what proposes points; None: a grid, which counts them.

    Args:
        sampler: What the file says; None: nothing.
        method: ``grid``, ``random``, ``bayes`` or ``custom``.
        scheduler: W&B's, which counts under ``custom``; None: not given, or wrong.
        alone: The file has neither ``scheduler`` nor ``metrics``.
        info: Takes notes about what the file may have meant otherwise.

    Raises:
        ValueError: If method and sampler do not fit each other.
    """
    if method != "custom" and scheduler is not None:
        note(info, ("scheduler",), f"changes nothing: method: {method} says how points are chosen")
    if method == "grid":
        if sampler is not None:
            raise ValueError("has no meaning with method: grid, which counts its points; drop it")
        return None
    if method == "custom" and alone and sampler is None:
        what = "custom needs a sampler: add sampler: tpe, or use method: bayes"
        raise Several([Problem(("method",), what, absolute=True)])
    usual: Sampler = Random() if method == "random" else Tpe()
    if method == "custom" and scheduler is not None:
        usual = sampler or scheduler.sampler()
        what = f"{scheduler.engine.value} is W&B's; sampler {usual.type.value} stands in for it"
        note(info, ("scheduler", "engine"), what)
    if sampler is None:
        return usual
    if method != "custom" and sampler.type is not usual.type:
        what = f"{sampler.type.value} proposes the points, whatever method: {method} says"
        note(info, ("sampler",), what)
    return sampler


def check_fit(
    sampler: Sampler | None,
    metrics: int,
    space: Mapping[str, Parameter] | None,
    info: ValidationInfo,
) -> None:
    """Check that a sampler can do with the metrics, and note what it cannot learn about.

    Args:
        sampler: Which; None: a grid.
        metrics: How many objectives there are.
        space: Where it draws; None: the space is wrong.
        info: Takes notes.

    Raises:
        Several: If it takes one metric and there are several.
    """
    if not isinstance(sampler, CmaEs):
        return
    if metrics > 1:
        what = f"cmaes takes one metric, and this sweep has {metrics}; use tpe, nsga2 or gp"
        raise Several([Problem((), what)])
    if space is not None and (count := _numeric_leaves(space)) < 2:
        what = (
            "cmaes learns about two or more numeric parameters that are always there, and this "
            f"space has {count}: points are drawn at random"
        )
        note(info, ("sampler",), what)


def _numeric_leaves(space: Mapping[str, Parameter]) -> int:
    """Count the numeric parameters that no condition takes away: what cmaes can learn about."""
    fixed = Constant | Categorical
    there = (it for it in entries(space) if not it.is_group and not it.conditions)
    return sum(1 for it in there if not isinstance(it.parameter, fixed))
