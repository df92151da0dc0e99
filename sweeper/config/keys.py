"""The top-level keys of a sweep file: names, types, defaults and meanings.

Owns: what each key is by itself; the rules between them are in ``models``. Imports pydantic: load
lazily.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated

from pydantic import (
    AfterValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
)

from sweeper.config.caching import Cache
from sweeper.config.constraints import ConstraintField
from sweeper.config.distributions import written_space
from sweeper.config.energy import Energy
from sweeper.config.enqueue import PointsField
from sweeper.config.goals import (
    MetricField,
)
from sweeper.config.grid import Grid
from sweeper.config.output import OutputField
from sweeper.config.parameters import read_space
from sweeper.config.problems import Path
from sweeper.config.programs import (
    CommandField,
    is_objective,
)
from sweeper.config.proposing import Scheduler
from sweeper.config.samplers import SamplerField
from sweeper.config.section import AsTuple, Count, Section, Text, choice, defined, note
from sweeper.config.sections import Budget, Ray, Resources, Trial
from sweeper.config.stopping import RuleField
from sweeper.model import OutputRule, Parameter


class Method(Enum):
    """How the search space is searched."""

    GRID = "grid"
    RANDOM = "random"
    BAYES = "bayes"
    CUSTOM = "custom"


def _read_space(raw: object, info: ValidationInfo) -> dict[str, Parameter]:
    """Read the search space; its warnings go where all go."""

    def note_below(path: Path, what: str) -> None:
        note(info, ("parameters", *path), what)

    return read_space(raw, note_below)


# The search space, as the file has it and as the program's own value.
SpaceField = Annotated[
    Mapping[str, Parameter],
    PlainValidator(_read_space),
    PlainSerializer(written_space),
    defined("parameters"),
]


class SweepKeys(Section):
    """The keys of a sweep file. An alias is the file's name of a field."""

    name: Text = Field(description="What the sweep is called; default: the file's name.")
    description: str | None = Field(default=None, description="For people.")
    objective: Annotated[Text, AfterValidator(is_objective)] | None = Field(
        default=None,
        description="The training function: path/to/file.py:function or package.module:function.",
        examples=["train.py:train"],
    )
    program: Text | None = Field(
        default=None,
        description="The training script, instead of objective.",
        examples=["train.py"],
    )
    command: CommandField = Field(
        default=None,
        validate_default=True,
        description="How the program is started. Default with program: "
        '["${env}", "${interpreter}", "${program}", "${args}"].',
        examples=[["bash", "train.sh", "${args}"]],
    )
    method: Annotated[Method, choice(Method)] = Field(
        description="How the space is searched; custom needs sampler, scheduler or metrics.",
        examples=["bayes"],
    )
    metric: MetricField | None = Field(
        default=None,
        description="What a trial is judged by; or metrics.",
        examples=[{"name": "val_loss", "goal": "minimize"}],
    )
    metrics: Annotated[tuple[MetricField, ...], AsTuple] | None = Field(
        default=None,
        validate_default=True,
        description="Two or more metrics instead of metric: the result is a front.",
        json_schema_extra={"minItems": 2},
        examples=[[{"name": "val_loss"}, {"name": "energy_j"}]],
    )
    space: SpaceField = Field(
        alias="parameters",
        description="The search space.",
        examples=[{"lr": {"min": 0.001, "max": 0.1}}],
    )
    constraints: Annotated[tuple[ConstraintField, ...], AsTuple] = Field(
        default=(),
        description="Conditions on points and on outcomes; one over a parameter that is not there "
        "says nothing.",
        examples=[["hidden * layers <= 4096", "energy_kwh <= 0.4"]],
    )
    scheduler: Scheduler | None = None
    early_terminate: RuleField = Field(
        default=None,
        description="The rule that stops bad trials early; default: none.",
        examples=[{"type": "hyperband", "min_iter": 3}],
    )
    max_steps: Count | None = Field(
        default=None, description="The planned last step; default: open.", examples=[30]
    )
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = Field(
        default=0, description="Of the search, not of the trials."
    )
    sampler: SamplerField = Field(
        default=None,
        validate_default=True,
        description="The algorithm that proposes points; default: tpe for bayes and custom, "
        "random for random.",
        examples=["tpe"],
    )
    enqueue: PointsField = Field(
        default=(),
        description="Points to try first.",
        examples=[[{"lr": 0.001}]],
    )
    grid: Grid | None = Field(
        default=None,
        description="The grid search that this sweep replaces, for what it would have cost.",
    )
    budget: Budget = Budget()
    trial: Trial = Trial()
    stdout: OutputField = Field(
        default=OutputRule(),
        description="How metrics are read from what a program prints.",
        examples=[{"pattern": "loss: (?P<val_loss>[0-9.]+)"}],
    )
    resources: Resources = Resources()
    ray: Ray = Ray()
    energy: Energy = Energy()
    cache: Cache = Cache()
