"""The ``sampler`` section: which algorithm proposes points, with which options.

Owns: the samplers' keys, ranges and rules. Proposes nothing itself. Imports pydantic: load lazily.

Source of names, ranges and rules: the samplers of Optuna 5.0
(https://optuna.readthedocs.io/en/stable/reference/samplers/index.html). Options that it deprecates,
and those that take Python objects, are left out. An option that is None is the sampler's default.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from sweeper.config.problems import Problem, Several, one_of
from sweeper.config.section import Count, Section, Share, choice, defined


class SamplerType(Enum):
    """Which algorithm proposes points."""

    TPE = "tpe"
    GP = "gp"
    CMAES = "cmaes"
    NSGA2 = "nsga2"
    QMC = "qmc"
    RANDOM = "random"


_Type = choice(SamplerType)
_Startup = Annotated[int, Field(ge=0)]
_STARTUP = "So many trials are drawn at random first"


class _Sampler(Section):
    """What every sampler has."""

    @property
    def options(self) -> dict[str, Any]:
        """Return the options that were given, by the sampler's own names."""
        return self.model_dump(exclude={"type"}, exclude_none=True)


class Tpe(_Sampler):
    """Tree-structured Parzen estimator: what bayes uses."""

    type: Annotated[Literal[SamplerType.TPE], _Type] = SamplerType.TPE
    n_startup_trials: _Startup | None = Field(default=None, description=f"{_STARTUP} (Optuna: 10).")
    n_ei_candidates: Count | None = Field(
        default=None, description="Candidates of which each proposal is the best (Optuna: 24)."
    )
    multivariate: bool | None = Field(
        default=None,
        description="Model parameters together (Optuna: true with one metric, else false).",
    )
    group: bool | None = Field(
        default=None, description="Model conditional parameters in groups (Optuna: false)."
    )
    constant_liar: bool | None = Field(
        default=None, description="Keep away from running trials (Optuna: true)."
    )

    @model_validator(mode="after")
    def _group_needs_multivariate(self) -> Tpe:
        if self.group and self.multivariate is False:
            raise Several([Problem(("group",), "needs multivariate: true")])
        return self


class Gp(_Sampler):
    """Gaussian process; needs PyTorch and SciPy."""

    type: Annotated[Literal[SamplerType.GP], _Type] = SamplerType.GP
    n_startup_trials: _Startup | None = Field(default=None, description=f"{_STARTUP} (Optuna: 10).")
    deterministic_objective: bool | None = Field(
        default=None, description="The same point always gives the same value (Optuna: false)."
    )


class CmaEs(_Sampler):
    """Covariance matrix adaptation; one metric, two or more numeric parameters; needs cmaes."""

    type: Annotated[Literal[SamplerType.CMAES], _Type] = SamplerType.CMAES
    n_startup_trials: _Startup | None = Field(default=None, description=f"{_STARTUP} (Optuna: 1).")
    popsize: Annotated[int, Field(ge=2)] | None = Field(
        default=None, description="Points of a generation (Optuna: 4 + int(3 ln(parameters)))."
    )
    consider_pruned_trials: bool | None = Field(
        default=None, description="Learn from trials that were stopped early (Optuna: false)."
    )
    use_separable_cma: bool | None = Field(
        default=None, description="Keep the covariance matrix diagonal (Optuna: false)."
    )
    with_margin: bool | None = Field(
        default=None, description="Keep whole numbers from getting stuck (Optuna: false)."
    )
    lr_adapt: bool | None = Field(
        default=None, description="Adapt the learning rate to noise (Optuna: false)."
    )

    @model_validator(mode="after")
    def _one_variant(self) -> CmaEs:
        given = [it for it in ("use_separable_cma", "with_margin", "lr_adapt") if getattr(self, it)]
        if len(given) > 1:
            what = f"excludes {given[0]}: keep one of use_separable_cma, with_margin, lr_adapt"
            raise Several(Problem((key,), what) for key in given[1:])
        return self


class Nsga2(_Sampler):
    """Genetic algorithm for several metrics."""

    type: Annotated[Literal[SamplerType.NSGA2], _Type] = SamplerType.NSGA2
    population_size: Annotated[int, Field(ge=2)] | None = Field(
        default=None, description="Trials of a generation (Optuna: 50)."
    )
    mutation_prob: Share | None = Field(
        default=None,
        description="Probability that a value is drawn anew (Optuna: 1 / number of parameters).",
    )
    crossover_prob: Share | None = Field(
        default=None, description="Probability that two parents are mixed (Optuna: 0.9)."
    )
    swapping_prob: Share | None = Field(
        default=None, description="Probability that a value is the other parent's (Optuna: 0.5)."
    )


class QmcType(Enum):
    """Which sequence of low discrepancy."""

    SOBOL = "sobol"
    HALTON = "halton"


class Qmc(_Sampler):
    """A sequence that fills the space evenly, without feedback; needs SciPy."""

    type: Annotated[Literal[SamplerType.QMC], _Type] = SamplerType.QMC
    qmc_type: Annotated[QmcType, choice(QmcType)] | None = Field(
        default=None, description="The sequence (Optuna: sobol)."
    )
    scramble: bool | None = Field(
        default=None,
        description="Shuffle the sequence by the sweep's seed; default: true.",
    )

    @property
    def options(self) -> dict[str, Any]:
        """Return the options that were given, by the sampler's own names."""
        return self.model_dump(mode="json", exclude={"type"}, exclude_none=True)


class Random(_Sampler):
    """Draws at random."""

    type: Annotated[Literal[SamplerType.RANDOM], _Type] = SamplerType.RANDOM


Sampler = Tpe | Gp | CmaEs | Nsga2 | Qmc | Random
SAMPLERS: Mapping[str, type[Sampler]] = {
    "tpe": Tpe,
    "gp": Gp,
    "cmaes": CmaEs,
    "nsga2": Nsga2,
    "qmc": Qmc,
    "random": Random,
}


def read_sampler(raw: object) -> Sampler | None:
    """Read the section, or a sampler's name.

    Raises:
        ValueError: With what is wrong; pydantic's own error where it is below a key.
    """
    if raw is None or isinstance(raw, Sampler):
        return raw
    fields = {"type": raw} if isinstance(raw, str) else raw
    if not isinstance(fields, Mapping):
        raise ValueError("must be a mapping such as {type: tpe}, or a sampler's name")
    name, names = fields.get("type"), list(SAMPLERS)
    if name is None:
        raise Several([Problem(("type",), f"is required: {', '.join(names)}")])
    if name not in names:
        raise Several([Problem(("type",) if fields is raw else (), one_of(name, names))])
    # Records of the first version hold every option of tpe, without a value, for any sampler.
    given = {key: it for key, it in fields.items() if it is not None or not owners_of(key)}
    return SAMPLERS[name].model_validate(given)


def owners_of(option: str) -> list[str]:
    """Return the names of the samplers that have an option."""
    return [name for name, model in SAMPLERS.items() if option in model.model_fields]


# One of the samplers, or its name.
SamplerField = Annotated[Sampler | None, BeforeValidator(read_sampler), defined("sampler")]
