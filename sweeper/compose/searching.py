"""From a sweep file to the study: sampler, early stopping, the points to try first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sweeper.config.load import LoadedSweep
from sweeper.config.models import Method
from sweeper.config.stopping import (
    Asha,
    Hyperband,
    Median,
    Patience,
    Percentile,
    Rule,
    Threshold,
)
from sweeper.errors import SpaceError
from sweeper.model import Direction, Value
from sweeper.seams import Study

if TYPE_CHECKING:
    from sweeper.search.build import StudySettings
    from sweeper.search.pruners import Judge

__all__ = ["build_study_of", "rungs_of", "space_errors", "study_settings"]


def build_study_of(loaded: LoadedSweep) -> Study:
    """Build the study.

    Raises:
        ConfigError: If space, sampler and method do not fit each other, or a library is missing.
    """
    from sweeper.search.build import build_study

    with space_errors(loaded):
        return build_study(study_settings(loaded))


def study_settings(loaded: LoadedSweep) -> StudySettings:
    """Return what decides the proposals.

    Raises:
        ConfigError: If the rule of early stopping cannot be built.
    """
    from sweeper.search.build import StudySettings

    config = loaded.config
    options: Mapping[str, Value] = {} if config.sampler is None else config.sampler.options
    return StudySettings(
        space=config.space,
        goals=config.goals,
        sampler=_sampler_name(loaded),
        options=options,
        judge=_judge(loaded, config.early_terminate, _judged_direction(loaded)),
        seed=config.seed,
        without=frozenset(config.cache.ignore),
        constraints=config.point_constraints,
        enqueue=config.enqueue,
    )


def _sampler_name(loaded: LoadedSweep) -> str:
    config = loaded.config
    if config.method is Method.GRID or config.sampler is None:
        return "grid"
    return config.sampler.type.value


@contextmanager
def space_errors(loaded: LoadedSweep) -> Iterator[None]:
    """Name the line of the file for what the search finds wrong."""
    try:
        yield
    except SpaceError as error:
        key, _, what = str(error).partition(": ")
        raise loaded.problem(key, what) from error


def _judged_direction(loaded: LoadedSweep) -> Direction:
    goals = loaded.config.goals
    return goals.metrics[goals.judged].direction


def _judge(loaded: LoadedSweep, rule: Rule | None, direction: Direction) -> Judge:
    from sweeper.search import pruners

    match rule:
        case Hyperband():
            return pruners.HyperbandRule(
                _bands(rule), rule.eta, strict=rule.strict, direction=direction
            )
        case Asha():
            if not rule.eta.is_integer():
                raise loaded.problem(
                    "early_terminate.eta", f"asha needs a whole number >= 2, got {rule.eta:g}"
                )
            return pruners.SuccessiveHalvingRule(rule.min_iter, int(rule.eta), direction=direction)
        case Median():
            return pruners.MedianRule(rule.warmup_trials, rule.min_iter, direction=direction)
        case Percentile():
            return pruners.PercentileRule(
                rule.percentile, rule.warmup_trials, rule.min_iter, direction=direction
            )
        case Threshold():
            return pruners.ThresholdRule(rule.lower, rule.upper, rule.min_iter)
        case Patience():
            then = None if rule.then is None else _judge(loaded, rule.then, direction)
            return pruners.PatienceRule(rule.patience, rule.min_delta, then, direction=direction)
        case None:
            return pruners.NeverPrune()


def _bands(rule: Hyperband) -> tuple[int, ...]:
    from sweeper.search import pruners

    if rule.max_iter is not None and rule.s is not None:
        return pruners.bands_from_max(rule.max_iter, rule.s, rule.eta)
    return pruners.bands_from_min(rule.min_iter or 1, rule.eta)


def rungs_of(rule: Rule | None, max_steps: int | None) -> tuple[int, ...]:
    """Return the steps at which a rule of halving judges, up to the horizon or the first ten."""
    match rule:
        case Hyperband():
            steps = _bands(rule)
        case Asha():
            steps = tuple(int(rule.min_iter * rule.eta**k) for k in range(40))
        case Patience(then=Hyperband() | Asha() as inner):
            return rungs_of(inner, max_steps)
        case _:
            return ()
    return tuple(step for step in steps if max_steps is None or step < max_steps)[:10]
