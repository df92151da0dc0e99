"""The whole of a sweep file as one frozen value, and that value as a document.

Owns: the top-level keys, the rules between them, and what of a sweep decides its results. A written
configuration is itself a sweep file, with every default filled in. Imports pydantic: load lazily.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    field_validator,
)

from sweeper.config.caching import Cache
from sweeper.config.distributions import written_space
from sweeper.config.parameters import read_space
from sweeper.config.problems import Problem, Several, nearest, shown
from sweeper.config.section import Count, Section, Text, choice, note
from sweeper.config.sections import (
    Budget,
    Energy,
    MetricField,
    Ray,
    Resources,
    Sampler,
    SamplerType,
    Trial,
)
from sweeper.config.stopping import Rule, read_rule
from sweeper.model import LogUniform, Parameter, Uniform

# What decides proposals or results, besides trial.seed and most of cache.
_DECIDING = (
    "objective",
    "method",
    "metric",
    "parameters",
    "early_terminate",
    "max_steps",
    "seed",
    "sampler",
)
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


class Method(Enum):
    """How the search space is searched."""

    GRID = "grid"
    RANDOM = "random"
    BAYES = "bayes"


_SAMPLERS = {
    Method.GRID: None,
    Method.RANDOM: Sampler(type=SamplerType.RANDOM),
    Method.BAYES: Sampler(type=SamplerType.TPE),
}


def _is_objective(text: str) -> str:
    """Check the shape of an objective: a file or a module, a colon, a function."""
    place, _, function = text.partition(":")
    if text.count(":") != 1 or not place:
        mend = f"; write {text}:NAME" if ":" not in text else ""
        what = "must be path/to/file.py:function or package.module:function"
        raise ValueError(f"{what}, got {shown(text)}{mend}")
    if not function.isidentifier():
        raise ValueError(f"{shown(function)} behind the colon is no function name")
    if not place.endswith(".py") and not _MODULE.fullmatch(place):
        raise ValueError(f"{shown(place)} is neither a .py file nor a module name")
    return text


def _read_space(raw: object, info: ValidationInfo) -> dict[str, Parameter]:
    """Read the search space; its warnings go where all go."""
    return read_space(raw, lambda path, what: note(info, ("parameters", *path), what))


class SweepConfig(Section):
    """A sweep file, resolved: defaults filled in, quantities in the units of the field names.

    Validate a mapping as the file has it: ``SweepConfig.model_validate({...})``.

    Attributes:
        name: What the sweep is called.
        objective: ``path/to/file.py:function`` or ``package.module:function``; not imported here.
        space: By name, in alphabetical order.
        early_terminate: None: no trial is stopped early.
        max_steps: The planned horizon; None: open.
        seed: Of the search, not of the trials.
        sampler: None exactly for ``grid``.
    """

    name: Text
    description: str | None = None
    objective: Annotated[Text, AfterValidator(_is_objective)]
    method: Annotated[Method, choice(Method)]
    metric: MetricField
    space: Annotated[
        Mapping[str, Parameter], PlainValidator(_read_space), PlainSerializer(written_space)
    ] = Field(alias="parameters")
    early_terminate: Annotated[Rule | None, BeforeValidator(read_rule)] = None
    max_steps: Count | None = None
    seed: int = Field(default=0, ge=0, lt=2**63)
    sampler: Sampler | None = Field(default=None, validate_default=True)
    budget: Budget = Budget()
    trial: Trial = Trial()
    resources: Resources = Resources()
    ray: Ray = Ray()
    energy: Energy = Energy()
    cache: Cache = Cache()

    # Checks between sections look at what is already valid, so that all errors show at once.

    @field_validator("space")
    @classmethod
    def _grid_is_countable(
        cls, space: Mapping[str, Parameter], info: ValidationInfo
    ) -> Mapping[str, Parameter]:
        if info.data.get("method") is Method.GRID:
            what = (
                "is continuous, which a grid cannot count; list values, use distribution: "
                "q_uniform, or method: random or bayes"
            )
            continuous = [
                name for name, it in space.items() if isinstance(it, Uniform | LogUniform)
            ]
            if continuous:
                raise Several(Problem((name,), what) for name in continuous)
        return space

    @field_validator("sampler", mode="before")
    @classmethod
    def _sampler_by_name(cls, raw: Any) -> Any:
        return {"type": raw} if isinstance(raw, str) else raw

    @field_validator("sampler")
    @classmethod
    def _sampler_follows_method(
        cls, sampler: Sampler | None, info: ValidationInfo
    ) -> Sampler | None:
        method = info.data.get("method")
        if method is None:
            return sampler
        if sampler is None:
            return _SAMPLERS[method]
        if method is Method.GRID:
            raise ValueError("has no meaning with method: grid, which counts its points; drop it")
        usual = _SAMPLERS[method]
        if usual and sampler.type is not usual.type:
            what = f"{sampler.type.value} proposes the points, whatever method: {method.value} says"
            note(info, ("sampler",), what)
        return sampler

    @field_validator("cache")
    @classmethod
    def _ignored_exist(cls, cache: Cache, info: ValidationInfo) -> Cache:
        space: Mapping[str, Parameter] = info.data.get("space", {})
        problems = []
        for index, name in enumerate(cache.ignore if space else ()):
            if name not in space:
                near = nearest(name, list(space))
                mend = f"; did you mean {near}?" if near else ""
                what = f"there is no parameter {shown(name)}{mend}"
                problems.append(Problem(("ignore", index), what))
        if problems:
            raise Several(problems)
        return cache

    def document(self) -> dict[str, Any]:
        """Return the configuration as a plain document with the keys of a sweep file."""
        return self.model_dump(mode="json", by_alias=True)

    def decisions(self) -> dict[str, Any]:
        """Return the plain document of everything that decides proposals or results."""
        document = self.document()
        cache = {key: it for key, it in document["cache"].items() if key not in ("url", "mode")}
        return {
            **{key: document[key] for key in _DECIDING},
            "trial": {"seed": document["trial"]["seed"]},
            "cache": cache,
        }

    def resolved_json(self) -> str:
        """Return the configuration as one line of JSON that ``load.restore`` reads back."""
        return json.dumps(self.document(), ensure_ascii=False, allow_nan=False)
