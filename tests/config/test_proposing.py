from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

from sweeper.config.samplers import SAMPLERS, CmaEs, Gp, Nsga2, Qmc, QmcType, Random, Sampler, Tpe
from tests.config.sweeps import errors_of, load_text, warnings_of

HEAD = "objective: train.py:train\nmetric: {name: loss}\nparameters: {a: {min: 0, max: 9}}\n"
ALL = "tpe, gp, cmaes, nsga2, qmc or random"


def with_method(text: str) -> str:
    """Return a sweep file with these keys from line 4 on."""
    return f"{HEAD}{text}\n"


@pytest.mark.parametrize(
    ("text", "sampler"),
    [
        ("method: grid", None),
        ("method: random", Random()),
        ("method: bayes", Tpe()),
        ("method: bayes\nsampler: tpe", Tpe()),
        ("method: bayes\nsampler: {type: tpe, group: true, multivariate: true}",
         Tpe(group=True, multivariate=True)),
        ("method: bayes\nsampler: {type: tpe, group: true}", Tpe(group=True)),
        ("method: custom\nsampler: {type: gp, deterministic_objective: true}",
         Gp(deterministic_objective=True)),
        ("method: custom\nsampler: {type: qmc, qmc_type: halton, scramble: true}",
         Qmc(qmc_type=QmcType.HALTON, scramble=True)),
        ("method: custom\nsampler: {type: nsga2, crossover_prob: 1}", Nsga2(crossover_prob=1.0)),
    ],
)  # fmt: skip
def test_method_and_sampler_say_what_proposes(
    tmp_path: Path, text: str, sampler: Sampler | None
) -> None:
    """Without a ``sampler`` the method chooses it; a grid has none."""
    loaded = load_text(tmp_path, with_method(text))
    assert (loaded.config.sampler, loaded.warnings) == (sampler, ())


@pytest.mark.parametrize(
    ("text", "sampler", "warning"),
    [
        ("method: custom\nscheduler: {engine: optuna}", Tpe(),
         "5: scheduler.engine: optuna is W&B's; sampler tpe stands in for it"),
        ("method: custom\nscheduler: {engine: ax}", Gp(),
         "5: scheduler.engine: ax is W&B's; sampler gp stands in for it"),
        ("method: custom\nscheduler: {engine: wandb}", Tpe(),
         "5: scheduler.engine: wandb is W&B's; sampler tpe stands in for it"),
        ("method: custom\nscheduler: {engine: ax}\nsampler: random", Random(),
         "5: scheduler.engine: ax is W&B's; sampler random stands in for it"),
        ("method: random\nscheduler: {engine: wandb}", Random(),
         "5: scheduler: changes nothing: method: random says how points are chosen"),
        ("method: grid\nscheduler: {engine: wandb}", None,
         "5: scheduler: changes nothing: method: grid says how points are chosen"),
        ("method: bayes\nsampler: qmc", Qmc(),
         "5: sampler: qmc proposes the points, whatever method: bayes says"),
        ("method: custom\nsampler: cmaes", CmaEs(),
         "5: sampler: cmaes learns about two or more numeric parameters that are always there, and "
         "this space has 1: points are drawn at random"),
    ],
)  # fmt: skip
def test_what_was_perhaps_meant_otherwise_is_said(
    tmp_path: Path, text: str, sampler: Sampler | None, warning: str
) -> None:
    """W&B's engines have stand-ins; a sampler wins over the method."""
    loaded = load_text(tmp_path, with_method(text))
    assert loaded.config.sampler == sampler
    assert list(loaded.warnings) == [f"sweep.yaml:{warning}"]


def test_several_metrics_make_custom_complete(tmp_path: Path) -> None:
    """W&B's multi-objective files say ``method: custom`` and no more."""
    text = with_method("method: custom").replace("metric:", "metrics:")
    text = text.replace("{name: loss}", "[{name: loss}, {name: acc}]")
    assert load_text(tmp_path, text).config.sampler == Tpe()
    assert errors_of(tmp_path, f"{text}sampler: cmaes\n") == [
        "sweep.yaml:5: sampler: cmaes takes one metric, and this sweep has 2; use tpe, nsga2 or gp"
    ]


def test_cmaes_counts_numbers_that_are_always_there(tmp_path: Path) -> None:
    """Nested numbers count; choices, constants and conditional parameters do not."""
    text = with_method("method: custom\nsampler: cmaes")
    two = text.replace("{a: ", "{g: {parameters: {b: {min: 0.1, max: 1.0}}}, a: ")
    assert warnings_of(tmp_path, two) == []
    one = text.replace("{a: ", "{b: {values: [1, 2]}, c: {min: 0.1, max: 1.0, when: a > 3}, a: ")
    assert len(warnings_of(tmp_path, one)) == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("method: custom", "4: method: custom needs a sampler: add sampler: tpe, or use method: "
         "bayes"),
        ("method: grid\nsampler: tpe", "5: sampler: has no meaning with method: grid, which counts "
         "its points; drop it"),
        ("method: bayes\nsampler: gpp", f'5: sampler: must be {ALL}, got "gpp"; did you mean gp?'),
        ("method: bayes\nsampler: {type: tp}", f'5: sampler.type: must be {ALL}, got "tp"; did you '
         "mean tpe?"),
        ("method: bayes\nsampler: 3", "5: sampler: must be a mapping such as {type: tpe}, or a "
         "sampler's name"),
        ("method: bayes\nsampler: {group: true}", "5: sampler.type: is required: tpe, gp, cmaes, "
         "nsga2, qmc, random"),
        ("method: bayes\nsampler: {type: tpe, group: true, multivariate: false}",
         "5: sampler.group: needs multivariate: true"),
        ("method: bayes\nsampler: {type: tpe, group: 1}", "5: sampler.group: must be true or "
         "false, got 1"),
        ("method: bayes\nsampler: {type: tpe, n_startup_trial: 1}", "5: sampler.n_startup_trial: "
         "is not a key of sampler; did you mean n_startup_trials?"),
        ("method: random\nsampler: {type: random, constant_liar: false}",
         "5: sampler.constant_liar: is an option of type: tpe"),
        ("method: bayes\nsampler: {type: qmc, n_startup_trials: 3}", "5: sampler.n_startup_trials: "
         "is an option of type: tpe, gp or cmaes"),
        ("method: bayes\nsampler: {type: cmaes, popsize: 1}", "5: sampler.popsize: must be at "
         "least 2, got 1"),
        ("method: bayes\nsampler: {type: cmaes, lr_adapt: true, with_margin: true}",
         "5: sampler.lr_adapt: excludes with_margin: keep one of use_separable_cma, with_margin, "
         "lr_adapt"),
        ("method: bayes\nsampler: {type: nsga2, mutation_prob: 1.1}", "5: sampler.mutation_prob: "
         "must be at most 1, got 1.1"),
        ("method: bayes\nsampler: {type: qmc, qmc_type: sobl}", "5: sampler.qmc_type: must be "
         'sobol or halton, got "sobl"; did you mean sobol?'),
        ("method: custom\nscheduler: {engine: botorch}", "5: scheduler.engine: must be optuna, ax "
         'or wandb, got "botorch"'),
        ("method: custom\nscheduler: {}", "5: scheduler.engine: is required: optuna, ax or wandb"),
        ("method: custom\nscheduler: {engine: optuna, source: a.py}", "5: scheduler.source: names "
         "Python code that draws proposals, which is not run from a sweep file; say parameters: "
         "and, for options, sampler: {type: tpe, n_startup_trials: 20}"),
        ("method: custom\nscheduler: {engine: optuna}\nearly_terminate: median",
         "6: early_terminate: stands beside scheduler, which W&B excludes; say sampler: instead of "
         "it"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_with_the_cure(tmp_path: Path, text: str, line: str) -> None:
    """Each mistake is one finished line."""
    assert errors_of(tmp_path, with_method(text)) == [f"sweep.yaml:{line}"]


CLASSES: dict[str, Callable[..., optuna.samplers.BaseSampler]] = {
    "tpe": optuna.samplers.TPESampler,
    "gp": optuna.samplers.GPSampler,
    "cmaes": optuna.samplers.CmaEsSampler,
    "nsga2": optuna.samplers.NSGAIISampler,
    "qmc": optuna.samplers.QMCSampler,
    "random": optuna.samplers.RandomSampler,
}
# Optuna's options that are none here: the sweep's own seed, objects, what it deprecates.
LEFT_OUT = {
    *("seed", "constraints_func", "independent_sampler", "source_trials"),
    *("warn_independent_sampling", "warn_asynchronous_seeding"),
    *("consider_prior", "prior_weight", "consider_magic_clip", "consider_endpoints"),
    *("gamma", "weights", "x0", "sigma0", "restart_strategy", "inc_popsize"),
    *("mutation", "crossover", "elite_population_selection_strategy"),
    *("child_generation_strategy", "after_trial_strategy"),
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_options_are_optunas(name: str) -> None:
    """Each sampler has the options of Optuna's class, those left out by intent apart."""
    theirs = inspect.signature(CLASSES[name]).parameters.keys() - LEFT_OUT
    assert SAMPLERS[name].model_fields.keys() - {"type"} == theirs


@pytest.mark.parametrize(
    "sampler",
    [
        Tpe(n_startup_trials=0, n_ei_candidates=1, multivariate=True, group=True),
        Gp(n_startup_trials=0, deterministic_objective=True),
        CmaEs(popsize=2, n_startup_trials=0, consider_pruned_trials=True, with_margin=True),
        CmaEs(lr_adapt=True),
        Nsga2(population_size=2, mutation_prob=0.0, crossover_prob=1.0, swapping_prob=1.0),
        Qmc(qmc_type=QmcType.HALTON, scramble=True),
        Random(),
    ],
    ids=lambda sampler: sampler.type.value,
)
def test_optuna_takes_what_is_allowed(sampler: Sampler) -> None:
    """Options at the ends of their ranges are Optuna's, without a word about deprecation."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        assert CLASSES[sampler.type.value](**sampler.options, seed=1)
