"""Puts a study together from plain choices, for the composition root."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from sweeper.errors import SpaceError
from sweeper.model import Direction, Space
from sweeper.search.optuna_study import OptunaStudy
from sweeper.search.pruners import Judge, NeverPrune
from sweeper.search.space import every_point, gridded

__all__ = ["StudySettings", "build_study"]


@dataclass(frozen=True, slots=True)
class StudySettings:
    """What decides the proposals.

    Attributes:
        space: The parameters.
        direction: Which way the metric gets better.
        sampler: ``grid``, ``random`` or ``tpe``.
        options: The sampler's own, under Optuna's names.
        judge: Decides about early stopping.
        seed: The search seed.
        without: Parameters that do not make points different.
    """

    space: Space
    direction: Direction
    sampler: str
    seed: int
    options: Mapping[str, Any] = field(default_factory=dict)
    judge: Judge = field(default_factory=NeverPrune)
    without: frozenset[str] = frozenset()


def build_study(settings: StudySettings) -> OptunaStudy:
    """Build the study.

    Raises:
        SpaceError: If the sampler is unknown, or the grid would be endless.
    """
    space, points = settings.space, None
    if settings.sampler == "grid":
        space = gridded(space)
        points = every_point(space)
    return OptunaStudy(
        space,
        direction=settings.direction,
        make_sampler=partial(_sampler, settings.sampler, dict(settings.options)),
        judge=settings.judge,
        seed=settings.seed,
        points=points,
        without=settings.without,
    )


def _sampler(name: str, options: dict[str, Any], seed: int) -> BaseSampler:
    if name == "tpe":
        return TPESampler(seed=seed, **options)
    if name in ("random", "grid"):
        return RandomSampler(seed=seed)
    raise SpaceError(f"sampler.type: unknown sampler {name!r}; allowed: grid, random, tpe")
