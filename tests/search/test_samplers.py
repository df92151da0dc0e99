"""Samplers by name: their options, and what they need."""

from __future__ import annotations

from typing import Any

import optuna
import pytest

from sweeper.errors import SpaceError
from sweeper.expression import Expression
from sweeper.model import (
    Beta,
    Categorical,
    Conditional,
    IntUniform,
    Nested,
    Quantized,
    Space,
    Uniform,
)
from sweeper.search.build import StudySettings, build_study, missing_library
from sweeper.search.flat import flatten
from sweeper.search.samplers import METHODS, missing, sampler_factory
from tests.search.playing import LOSS, TWO, Sweep

SPACE: Space = {"x": Uniform(0, 1), "n": IntUniform(1, 9)}
NAMES = ["random", "tpe", "cmaes", "nsga2", "qmc", pytest.param("gp", marks=pytest.mark.torch)]


@pytest.mark.parametrize("name", NAMES)
def test_every_option_is_optunas(name: str) -> None:
    """What may be written is an argument of Optuna's sampler."""
    import inspect

    method = METHODS[name]
    arguments = inspect.signature(method.sampler.__init__).parameters
    assert {*method.options, *method.defaults} <= set(arguments)


@pytest.mark.parametrize(
    ("sampler", "options", "message"),
    [
        ("anneal", {}, r"sampler\.type: unknown sampler 'anneal'; allowed: grid, random, tpe"),
        ("tpe", {"popsize": 3}, r"sampler\.popsize: tpe has no such option; allowed: constant_li"),
        ("tpe", {"seed": 3}, r"sampler\.seed: tpe has no such option"),
        ("random", {"n_startup_trials": 3}, r"sampler\.n_startup_trials: .*allowed: none"),
        ("tpe", {"n_startup_trials": "3"}, r"sampler\.n_startup_trials: must be of type int"),
        ("tpe", {"n_startup_trials": True}, r"sampler\.n_startup_trials: must be of type int"),
        ("tpe", {"n_startup_trials": -1}, r"sampler\.n_startup_trials: must be at least 0"),
        ("tpe", {"group": 1}, r"sampler\.group: must be of type bool"),
        ("cmaes", {"popsize": 1}, r"sampler\.popsize: must be at least 2"),
        ("nsga2", {"population_size": 1}, r"sampler: nsga2 does not take these options: .*2"),
        ("nsga2", {"crossover_prob": 1.5}, r"sampler: nsga2 does not take these options"),
        ("qmc", {"qmc_type": "lattice"}, r"sampler: qmc does not take .*halton.*sobol"),
        ("cmaes", {"lr_adapt": True, "with_margin": True}, r"sampler: cmaes does not take"),
        ("tpe", {"group": True, "multivariate": False}, r"sampler: tpe does not take"),
    ],
    ids=str,
)
def test_what_a_sampler_does_not_take_is_refused(
    sampler: str, options: dict[str, Any], message: str
) -> None:
    """An error names the option, and what is allowed."""
    with pytest.raises(SpaceError, match=message):
        build_study(StudySettings(SPACE, LOSS, sampler, 0, options=options))


@pytest.mark.parametrize(
    ("sampler", "options"),
    [
        ("tpe", {"n_startup_trials": 3, "n_ei_candidates": 5, "constant_liar": False}),
        ("tpe", {"multivariate": False}),
        ("tpe", {"n_startup_trials": 0}),
        ("cmaes", {"popsize": 4, "n_startup_trials": 2, "consider_pruned_trials": True}),
        ("nsga2", {"population_size": 4, "mutation_prob": 0.5, "swapping_prob": 1}),
        ("qmc", {"qmc_type": "halton", "scramble": False}),
    ],
    ids=str,
)
def test_options_are_passed_on(sampler: str, options: dict[str, Any]) -> None:
    """With its options the sampler proposes something else than without."""
    plain = Sweep(StudySettings(SPACE, LOSS, sampler, 0)).run(30).proposals
    given = Sweep(StudySettings(SPACE, LOSS, sampler, 0, options=options)).run(30).proposals
    assert len(given) == 30
    assert given != plain


def test_cmaes_takes_one_metric() -> None:
    """The error says so, and which samplers take more."""
    with pytest.raises(SpaceError, match=r"sampler\.type: cmaes takes one metric.* nsga2"):
        build_study(StudySettings(SPACE, TWO, "cmaes", 0))


@pytest.mark.parametrize(
    ("sampler", "lacking", "text"),
    [
        ("gp", {"torch"}, "sampler.type: gp needs torch; pip install torch"),
        ("gp", {"torch", "scipy"}, "sampler.type: gp needs scipy and torch; pip install 'sweeper["),
        ("cmaes", {"cmaes"}, "sampler.type: cmaes needs cmaes; pip install 'sweeper[samplers]'"),
        ("qmc", {"scipy"}, "sampler.type: qmc needs scipy; pip install 'sweeper[samplers]'"),
        ("tpe", {"scipy", "torch", "cmaes"}, None),
        ("gp", set(), None),
    ],
)
def test_what_is_not_installed_is_named(sampler: str, lacking: set[str], text: str | None) -> None:
    """What to install is said before anything fails in the middle of a sweep."""
    said = missing(sampler, flatten(SPACE), is_installed=lambda name: name not in lacking)
    assert (said is None) == (text is None)
    assert (said or "").startswith(text or "")


@pytest.mark.parametrize(
    ("space", "path"),
    [
        ({"x": Beta(1, 2)}, "x"),
        ({"x": Quantized(Beta(1, 2), 0.5)}, "x"),
        ({"k": Categorical((1, 2)), "g": Nested({"x": Beta(1, 2)})}, "g.x"),
        ({"k": Categorical((1, 2)), "x": Conditional(Expression("k > 1"), Beta(1, 2))}, "x"),
    ],
    ids=["plain", "quantised", "nested", "conditional"],
)
def test_beta_needs_scipy(space: Space, path: str) -> None:
    """The parameter that needs it is named."""
    said = missing("random", flatten(space), is_installed=lambda name: name != "scipy")
    assert said == f"parameters.{path}: beta needs scipy; pip install 'sweeper[samplers]'"


@pytest.mark.parametrize("sampler", ["random", "tpe", "cmaes", "qmc", "nsga2", "grid"])
def test_nothing_is_missing_where_all_is_installed(sampler: str) -> None:
    """With the extra installed there is nothing to say."""
    assert missing_library(sampler, {"x": Beta(1, 2)}) is None


def test_a_qmc_sequence_goes_on_from_ask_to_ask() -> None:
    """Eight points of a Sobol sequence fall into eight different eighths; the seed scrambles."""
    points = [
        [proposal.params["x"] for proposal in Sweep(settings).run(8).proposals]
        for settings in (StudySettings({"x": Uniform(0, 8)}, LOSS, "qmc", seed) for seed in (0, 1))
    ]
    assert points[0] != points[1]
    assert all(sorted(map(int, column)) == list(range(8)) for column in points)


def test_a_sampler_gets_the_seed_of_its_ask() -> None:
    """Two asks draw different points, the same ask the same."""
    make = sampler_factory("random", {}, seed=5)
    study = optuna.create_study()
    trial = study.ask()._cached_frozen_trial
    distribution = optuna.distributions.FloatDistribution(0, 1)
    drawn = [make(seed).sample_independent(study, trial, "x", distribution) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
