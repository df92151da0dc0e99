"""Optuna's samplers by name: how each is built, what it needs, what it keeps in the study.

Owns: the choice and the options of the sampler. Must not import anything of the sweep.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from optuna.samplers import (
    BaseSampler,
    CmaEsSampler,
    GPSampler,
    NSGAIISampler,
    QMCSampler,
    RandomSampler,
    TPESampler,
)

from sweeper.errors import SpaceError
from sweeper.model import Beta, Quantized
from sweeper.search.flat import FlatSpace

__all__ = [
    "METHODS",
    "Joint",
    "Method",
    "SamplerFactory",
    "method_of",
    "missing",
    "sampler_factory",
]

# Builds a sampler for one try of one ask, from a seed of 32 bits.
SamplerFactory = Callable[[int], BaseSampler]


class Joint(Enum):
    """Which parameters a sampler draws together; it draws the others one by one."""

    ITS_OWN = "those that it chooses"
    STEADY = "those that are always there"
    STEADY_NUMBERS = "numbers that are always there"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Method:
    """What there is to know about one sampler.

    Attributes:
        sampler: Optuna's class.
        options: The arguments that a sweep file may give, with their types.
        defaults: Ours, where Optuna's do not suit.
        needs: Libraries beyond Optuna's own.
        keeps_state: It writes something into the study that later asks read, so that an ask whose
            answer is known already must be gone through all the same.
        joint: Which parameters it draws together. Those that are always there are what Optuna finds
            by looking through all trials at each ask.
        tries: How often it is asked for a point that satisfies the constraints.
        twins_in_a_row: After so many known points an unexplored one is asked.
        several_metrics: It takes more than one.
    """

    sampler: type[BaseSampler]
    options: Mapping[str, type]
    defaults: Mapping[str, Any]
    needs: tuple[str, ...] = ()
    keeps_state: bool = False
    joint: Joint = Joint.ITS_OWN
    tries: int = 20
    twins_in_a_row: int = 20
    several_metrics: bool = True


_RANDOM = Method(RandomSampler, {}, {})
METHODS: Mapping[str, Method] = {
    "grid": _RANDOM,  # what is asked is listed; the sampler only names the study's
    "random": _RANDOM,
    "tpe": Method(
        TPESampler,
        {
            "n_startup_trials": int,
            "n_ei_candidates": int,
            "multivariate": bool,
            "group": bool,
            "constant_liar": bool,
        },
        {},
        joint=Joint.STEADY,
    ),
    # Each proposal fits a Gaussian process again and tends to be the same: few are worth it.
    "gp": Method(
        GPSampler,
        {"n_startup_trials": int, "deterministic_objective": bool},
        {"warn_independent_sampling": False},
        needs=("scipy", "torch"),
        joint=Joint.STEADY,
        tries=3,
        twins_in_a_row=1,
    ),
    # Optuna restores the strategy with the dimensions that it began with.
    "cmaes": Method(
        CmaEsSampler,
        {
            "n_startup_trials": int,
            "popsize": int,
            "consider_pruned_trials": bool,
            "use_separable_cma": bool,
            "with_margin": bool,
            "lr_adapt": bool,
        },
        {"warn_independent_sampling": False},
        needs=("cmaes",),
        keeps_state=True,
        joint=Joint.STEADY_NUMBERS,
        twins_in_a_row=10,  # a generation or two: it has converged
        several_metrics=False,
    ),
    "nsga2": Method(
        NSGAIISampler,
        {
            "population_size": int,
            "mutation_prob": float,
            "crossover_prob": float,
            "swapping_prob": float,
        },
        {},
        keeps_state=True,
        joint=Joint.STEADY,
        twins_in_a_row=10,
    ),
    # Unscrambled, every sweep would begin with the same corner of the space, whatever its seed.
    "qmc": Method(
        QMCSampler,
        {"qmc_type": str, "scramble": bool},
        {"scramble": True, "warn_independent_sampling": False},
        needs=("scipy",),
        keeps_state=True,
        joint=Joint.ALL,
    ),
}


def method_of(name: str, options: Mapping[str, Any], metrics: int) -> Method:
    """Return what there is to know about a sampler, with these options and so many metrics.

    Raises:
        SpaceError: If there is no such sampler, or it does not take so many metrics.
    """
    if name not in METHODS:
        raise SpaceError(f"sampler.type: unknown sampler {name!r}; allowed: {', '.join(METHODS)}")
    method = METHODS[name]
    if metrics > 1 and not method.several_metrics:
        raise SpaceError(
            f"sampler.type: {name} takes one metric, there are {metrics}; use tpe, gp or nsga2"
        )
    # With several metrics TPE looks at each parameter by itself unless it is told otherwise, and by
    # groups it has its own idea of what belongs together.
    is_joint = options.get("multivariate", metrics == 1) and not options.get("group")
    return method if name != "tpe" or is_joint else replace(method, joint=Joint.ITS_OWN)


def sampler_factory(name: str, options: Mapping[str, Any], seed: int) -> SamplerFactory:
    """Return what builds the samplers of a sweep.

    Args:
        name: The method.
        options: Under Optuna's names.
        seed: The sweep's.

    Raises:
        SpaceError: If it does not take these options.
    """
    method = METHODS[name]
    _check_options(name, method, options)

    def make(ask_seed: int) -> BaseSampler:
        arguments = {**method.defaults, **options, "seed": ask_seed}
        if method.sampler is QMCSampler:
            # A QMC sequence is one sequence only under one seed.
            arguments |= {"seed": seed, "independent_sampler": RandomSampler(seed=ask_seed)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # experimental, says Optuna; the person chose it
            return method.sampler(**arguments)

    try:
        make(0)
    except ImportError as error:
        raise SpaceError(f"sampler.type: {name}: {error}") from error
    except (TypeError, ValueError) as error:
        raise SpaceError(f"sampler: {name} does not take these options: {error}") from error
    return make


# What Optuna itself does not check and then fails at, in the middle of the sweep.
_LEAST = {("gp", "n_startup_trials"): 1, ("cmaes", "popsize"): 2, ("tpe", "n_ei_candidates"): 1}


def _check_options(name: str, method: Method, options: Mapping[str, Any]) -> None:
    for option, value in options.items():
        wanted = method.options.get(option)
        if wanted is None:
            allowed = ", ".join(sorted(method.options)) or "none"
            raise SpaceError(f"sampler.{option}: {name} has no such option; allowed: {allowed}")
        fits = isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))
        if not fits and not (wanted is float and type(value) is int):
            raise SpaceError(f"sampler.{option}: must be of type {wanted.__name__}, got {value!r}")
        least = _LEAST.get((name, option), 0)
        if wanted is int and value < least:
            raise SpaceError(f"sampler.{option}: must be at least {least}, got {value!r}")


def _is_installed(library: str) -> bool:
    return importlib.util.find_spec(library) is not None


def missing(
    name: str, space: FlatSpace, *, is_installed: Callable[[str], bool] = _is_installed
) -> str | None:
    """Say what a sampler or a distribution needs and is not installed; None: nothing.

    Args:
        name: The sampler.
        space: The parameters.
        is_installed: Tells whether a library can be imported.
    """
    method = METHODS.get(name)
    lacking = [] if method is None else [one for one in method.needs if not is_installed(one)]
    if lacking:
        return f"sampler.type: {name} needs {' and '.join(lacking)}; {_cure(lacking)}"
    for leaf in space.by_path:
        law = leaf.parameter.base if isinstance(leaf.parameter, Quantized) else leaf.parameter
        if isinstance(law, Beta) and not is_installed("scipy"):
            return f"parameters.{leaf.dotted}: beta needs scipy; {_cure(['scipy'])}"
    return None


def _cure(lacking: Sequence[str]) -> str:
    ours = "pip install 'sweeper[samplers]'"
    if "torch" not in lacking:
        return ours
    return "pip install torch" if lacking == ["torch"] else f"{ours} torch"
