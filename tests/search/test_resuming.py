"""The sequence of proposals is a function of the settings, also across an interruption."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sweeper.expression import Expression
from sweeper.model import (
    Beta,
    Categorical,
    Conditional,
    Constant,
    Direction,
    Goals,
    Impute,
    IntUniform,
    LogNormal,
    LogUniform,
    Metric,
    Nested,
    Normal,
    Quantized,
    Space,
    Uniform,
)
from sweeper.search.build import StudySettings
from tests.search.playing import LOSS, TWO, Asked, Sweep, replay

SPACE: Space = {
    "lr": LogUniform(1e-4, 1e-1),
    "n": IntUniform(1, 8),
    "kind": Categorical(("a", None, [1])),
    "x": Uniform(-1, 1),
    "group": Nested(
        {
            "z": Normal(0, 1),
            "w": Categorical((1, 2, 3), (0.2, 0.5, 0.3)),
            "q": Conditional(Expression("kind == 'a'"), Quantized(LogNormal(0, 1), 0.25)),
        }
    ),
    "c": Conditional(Expression("n > 4"), Quantized(Uniform(0, 1), 0.25)),
    "b": Beta(2, 3),
    "fixed": Constant({"name": "here"}),
}
FINITE: Space = {
    "n": IntUniform(1, 4),
    "m": IntUniform(1, 3),
    "kind": Conditional(Expression("n > 2"), Categorical(("a", "b"))),
}
CONSTRAINTS = (Expression("n * x <= 3"), Expression("group.z < 2"))
IMPUTED = Goals.of(Metric("loss", Direction.MINIMIZE, impute=Impute.WORST))
LIMITED = Goals(
    TWO.metrics, TWO.names, constraints=(Expression("loss < 3"), Expression("gain > 0"))
)
# Small populations, so that sixty trials see several generations.
OPTIONS = {"nsga2": {"population_size": 8}, "cmaes": {"popsize": 6}}
SAMPLERS = ["random", "tpe", "cmaes", "nsga2", "qmc"]


def settings_of(
    sampler: str, goals: Goals = LOSS, space: Space = SPACE, seed: int = 3
) -> StudySettings:
    """Build settings with everything that can be asked for."""
    constraints = CONSTRAINTS if space is SPACE else ()
    options = OPTIONS.get(sampler, {})
    return StudySettings(space, goals, sampler, seed, options=options, constraints=constraints)


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_sequence_follows_from_the_seed(sampler: str, workers: int) -> None:
    """The same seed proposes the same points; another seed others."""
    settings = settings_of(sampler)
    once = Sweep(settings, workers, ends_early=True).run(40).events
    assert Sweep(settings, workers, ends_early=True).run(40).events == once
    assert Sweep(settings_of(sampler, seed=4), workers, ends_early=True).run(40).events != once


@pytest.mark.parametrize("cut", [1, 7, 23, 50])
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_rebuilt_study_goes_on_as_the_uninterrupted_one(
    sampler: str, workers: int, cut: int
) -> None:
    """Recorded asks repeated, reports judged again, recorded ends told: the next asks are equal."""
    goes_on(Sweep(settings_of(sampler), workers, ends_early=True).run(60), cut)


@pytest.mark.parametrize("goals", [IMPUTED, TWO, LIMITED], ids=["impute", "two", "constrained"])
@pytest.mark.parametrize("sampler", ["random", "tpe", "cmaes", "nsga2", "qmc"])
def test_so_it_does_with_any_goals(sampler: str, goals: Goals) -> None:
    """Imputed values, several objectives and constraints on outcomes are rebuilt as well."""
    if sampler != "cmaes" or len(goals.metrics) == 1:
        goes_on(Sweep(settings_of(sampler, goals), 4, ends_early=True).run(60), 41)


@pytest.mark.parametrize("cut", [1, 5, 40])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_so_it_does_after_points_that_a_person_began(sampler: str, cut: int) -> None:
    """What a sampler adds to a point to try first is its state as much as its own points are."""
    begun = ({"n": 2}, {"x": 0.5, "kind": "a"}, {"group": {"w": 3}})
    settings = replace(settings_of(sampler), enqueue=begun)
    goes_on(Sweep(settings, 4, ends_early=True).run(60), cut)


@pytest.mark.parametrize("cut", [6, 12, 20])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_so_it_does_among_duplicates(sampler: str, cut: int) -> None:
    """Twins, unexplored points and the end of a finite space come where they came."""
    sweep = Sweep(settings_of(sampler, space=FINITE)).run(1000)
    assert sweep.study.ask() is None
    goes_on(sweep, cut)


@pytest.mark.parametrize(
    "options",
    [{"with_margin": True}, {"use_separable_cma": True}, {"lr_adapt": True}],
    ids=lambda options: str(next(iter(options))),
)
def test_so_do_the_kinds_of_cma_es(options: dict[str, bool]) -> None:
    """The variants keep their books under other names, which are kept just as well."""
    settings = StudySettings(SPACE, LOSS, "cmaes", 1, options=options, constraints=CONSTRAINTS)
    goes_on(Sweep(settings, 4, ends_early=True).run(60), 41)


def test_so_does_tpe_by_groups() -> None:
    """TPE's own treatment of conditional parameters can be chosen."""
    settings = StudySettings(SPACE, LOSS, "tpe", 1, options={"group": True})
    goes_on(Sweep(settings, 4, ends_early=True).run(60), 41)


@pytest.mark.torch
def test_so_does_the_gaussian_process() -> None:
    """The process is fitted anew for each ask, so that nothing of it must be kept."""
    settings = StudySettings(SPACE, LOSS, "gp", 1, options={"n_startup_trials": 4})
    goes_on(Sweep(settings, 2, ends_early=True).run(16), 8)


def goes_on(sweep: Sweep, cut: int) -> None:
    """Check that the next ten asks of a rebuilt study are those of the uninterrupted one."""
    study, rest = sweep.rebuilt(cut)
    asked = 0
    for event in rest:
        if isinstance(event, Asked):
            assert study.ask() == event.proposal
            asked += 1
        else:
            replay(study, event)
        if asked == 10:
            break
    assert asked > 1
