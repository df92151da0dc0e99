"""The small sections of a sweep file, each a model of plain fields in fixed units.

Owns: keys, defaults and rules of metric, sampler, budget, trial, resources, ray and energy.
Field names carry units; the file's own key is the alias. Imports pydantic: load lazily.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from sweeper.config.problems import Problem, Several, shown
from sweeper.config.section import (
    Bytes,
    Count,
    Duration,
    Grams,
    Intensity,
    Joules,
    Section,
    Text,
    choice,
)
from sweeper.model import Direction, Metric, Take


class MetricKeys(Section):
    """The keys of ``metric``, as W&B has them, and ``take``."""

    name: Text
    goal: Annotated[Direction, choice(Direction)] = Direction.MINIMIZE
    target: float | None = None
    take: Annotated[Take, choice(Take)] = Take.LAST


def read_metric(raw: object) -> Metric:
    """Read the ``metric`` section.

    Raises:
        ValueError: With what is wrong; pydantic's own error where it is below a key.
    """
    if isinstance(raw, Metric):
        return raw
    if isinstance(raw, str):
        raise ValueError(f"must be a mapping, got {shown(raw)}; write {{name: {raw}}}")
    keys = MetricKeys.model_validate(raw)
    return Metric(keys.name, keys.goal, keys.target, keys.take)


def written_metric(metric: Metric) -> dict[str, Any]:
    """Write a metric as ``read_metric`` reads it."""
    return {
        "name": metric.name,
        "goal": metric.direction.value,
        "target": metric.target,
        "take": metric.take.value,
    }


class SamplerType(Enum):
    """Which algorithm proposes points."""

    TPE = "tpe"
    RANDOM = "random"


class Sampler(Section):
    """How points are proposed; options that are None are the sampler's own defaults.

    Source of the options: optuna.samplers.TPESampler.
    """

    type: Annotated[SamplerType, choice(SamplerType)]
    n_startup_trials: Annotated[int, Field(ge=0)] | None = None
    n_ei_candidates: Count | None = None
    multivariate: bool | None = None
    group: bool | None = None
    constant_liar: bool | None = None

    @property
    def options(self) -> dict[str, int | bool]:
        """Return the options that were given, by the sampler's own names."""
        return self.model_dump(exclude={"type"}, exclude_none=True)

    @model_validator(mode="after")
    def _options_fit(self) -> Sampler:
        if self.type is not SamplerType.TPE and self.options:
            what = "is an option of type: tpe"
            raise Several(Problem((option,), what) for option in self.options)
        if self.group and not self.multivariate:
            raise Several([Problem(("group",), "needs multivariate: true")])
        return self


class Budget(Section):
    """When to stop starting trials; None: no limit.

    Attributes:
        trials: Settled trials, trained or answered by the store (W&B: ``run_cap``).
        cost: In the currency of ``energy.currency``.
    """

    trials: Count | None = None
    time_s: Duration | None = Field(default=None, alias="time")
    energy_j: Joules | None = Field(default=None, alias="energy")
    co2e_g: Grams | None = Field(default=None, alias="co2e")
    cost: Annotated[float, Field(gt=0)] | None = None


class Trial(Section):
    """How one trial is trained.

    Attributes:
        seed: Of every trial; None: derived from its configuration. 32 bits, as NumPy's.
        retries: So often a trial whose worker died is started again.
        timeout_s: A trial that takes longer fails; None: no limit.
    """

    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] | None = None
    retries: int = Field(default=2, ge=0)
    timeout_s: Duration | None = Field(default=None, alias="timeout")


def _is_share(gpus: float) -> float:
    """Refuse more than one GPU and a part of another."""
    if gpus > 1 and not gpus.is_integer():
        raise ValueError(f"must be whole above 1, got {shown(gpus)}")
    return gpus


def _auto_is_none(raw: object) -> object:
    """Read ``auto`` as None."""
    if isinstance(raw, str) and raw != "auto":
        raise ValueError(f"must be a whole number or auto, got {shown(raw)}")
    return None if raw == "auto" else raw


class Resources(Section):
    """What one worker gets, and how many workers there are.

    Attributes:
        gpus: None: the file does not say. A fraction shares a GPU.
        memory_bytes: None: no limit.
        workers: None: as many as fit.
    """

    cpus: float = Field(default=1.0, gt=0)
    gpus: Annotated[float, Field(ge=0), AfterValidator(_is_share)] | None = None
    memory_bytes: Bytes | None = Field(default=None, alias="memory")
    workers: Annotated[Count | None, BeforeValidator(_auto_is_none)] = None


class Ray(Section):
    """Where Ray is; without an address a local one is started when something must be trained."""

    address: Text | None = None


def _is_currency(text: str) -> str:
    """Check the shape of a currency code."""
    if not (len(text) == 3 and text.isascii() and text.isalpha() and text.isupper()):
        what = "must be three capital letters (ISO 4217) such as EUR"
        raise ValueError(f"{what}, got {shown(text)}")
    return text


class Energy(Section):
    """What turns joules into grams and money.

    Attributes:
        region: Row of the table of carbon intensities; whether it exists is not checked here.
        carbon_intensity_g_per_kwh: Wins over the region's.
        pue: Power usage effectiveness of the site; None: not given, 1.
        cpu_w_per_core: For estimates where the CPU cannot be measured.
    """

    region: Text | None = None
    carbon_intensity_g_per_kwh: Intensity | None = Field(default=None, alias="carbon_intensity")
    pue: Annotated[float, Field(ge=1)] | None = None
    price_per_kwh: Annotated[float, Field(ge=0)] | None = None
    currency: Annotated[str, AfterValidator(_is_currency)] = "USD"
    cpu_w_per_core: Annotated[float, Field(gt=0)] | None = None


# A mapping of the file as the program's own value.
MetricField = Annotated[Metric, BeforeValidator(read_metric), PlainSerializer(written_metric)]
