"""Puts a study together from plain choices, for the composition root."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from sweeper.errors import SpaceError
from sweeper.expression import Expression
from sweeper.model import Goals, Params, Space
from sweeper.search.drawing import Domain
from sweeper.search.encoding import Encoding, Part
from sweeper.search.flat import check_names, flatten
from sweeper.search.optuna_study import OptunaStudy, Proposer
from sweeper.search.pruners import Judge, NeverPrune
from sweeper.search.samplers import METHODS, method_of, missing, sampler_factory
from sweeper.search.space import every_point, gridded

__all__ = ["Plan", "StudySettings", "build_study", "missing_library", "plan_of"]


@dataclass(frozen=True, slots=True)
class StudySettings:
    """What decides the proposals.

    Attributes:
        space: The parameters.
        goals: What trials are judged by.
        sampler: ``grid``, ``random``, ``tpe``, ``gp``, ``cmaes``, ``nsga2`` or ``qmc``.
        seed: The search seed, >= 0.
        options: The sampler's own, under Optuna's names.
        judge: Decides about early stopping.
        without: Names or dotted paths that do not make points different.
        constraints: Over params; a point that breaks one is never proposed.
        enqueue: Points to try first; the sampler draws what they leave out.
    """

    space: Space
    goals: Goals
    sampler: str
    seed: int
    options: Mapping[str, Any] = field(default_factory=dict)
    judge: Judge = field(default_factory=NeverPrune)
    without: frozenset[str] = frozenset()
    constraints: tuple[Expression, ...] = ()
    enqueue: tuple[Params, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a study proposes from.

    Attributes:
        proposer: Draws points.
        grid: The allowed points of a grid, in order; None: the sampler chooses.
    """

    proposer: Proposer
    grid: Iterator[Params] | None


def build_study(settings: StudySettings) -> OptunaStudy:
    """Build the study.

    Raises:
        SpaceError: If space, sampler, options, constraints and points to try first do not fit each
            other. The message begins with the key that is wrong: ``parameters.x``,
            ``sampler.type``, ``constraints[0]``, ``enqueue[0].x``.
    """
    plan = plan_of(settings)
    return OptunaStudy(
        plan.proposer,
        goals=settings.goals,
        judge=settings.judge,
        twins_in_a_row=METHODS[settings.sampler].twins_in_a_row,
        grid=plan.grid,
        without=settings.without,
    )


def plan_of(settings: StudySettings) -> Plan:
    """Check the choices and put together what proposals come from.

    Raises:
        SpaceError: As ``build_study``.
    """
    space = gridded(settings.space) if settings.sampler == "grid" else settings.space
    flat = flatten(space)
    method = method_of(settings.sampler, settings.options, len(settings.goals.metrics))
    lacking = missing(settings.sampler, flat)
    if lacking is not None:
        raise SpaceError(lacking)
    make = sampler_factory(settings.sampler, settings.options, settings.seed)
    for index, constraint in enumerate(settings.constraints):
        check_names(f"constraints[{index}]", constraint.names, flat.by_path)
    domain = Domain(Encoding(flat), settings.constraints)
    enqueued = [_enqueued(domain, index, point) for index, point in enumerate(settings.enqueue)]
    points = every_point(space) if settings.sampler == "grid" else None
    proposer = Proposer(domain, settings.goals, method, make, seed=settings.seed, enqueued=enqueued)
    return Plan(proposer, None if points is None else filter(domain.allows, points))


def _enqueued(domain: Domain, index: int, point: Params) -> Part:
    part = domain.encoding.read_part(point, where=f"enqueue[{index}]")
    if domain.constraints and domain.any_point(Random(0), part) is None:
        texts = "; ".join(constraint.text for constraint in domain.constraints)
        raise SpaceError(f"enqueue[{index}]: no such point satisfies the constraints: {texts}")
    return part


def missing_library(sampler: str, space: Space) -> str | None:
    """Say what must be installed for a sampler and a space; None: nothing.

    The text begins with the key that needs it: ``sampler.type`` or ``parameters.x``.
    """
    return missing(sampler, flatten(space))
