"""The ``early_terminate`` section: which rule stops bad trials early.

Owns: the rules' keys and defaults. How a rule judges is not decided here. Imports pydantic.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    model_validator,
)

from sweeper.config.problems import Problem, Several, one_of, shown
from sweeper.config.section import Count, Section, Text, defined, note, read_below


def _is_whole(eta: float) -> float:
    """Refuse a fraction: Optuna's successive halving counts in whole numbers."""
    if not eta.is_integer():
        raise ValueError(f"must be a whole number for asha, got {shown(eta)}")
    return eta


_First = Annotated[int, Field(ge=0)]
_FIRST = "No trial is stopped before this step."
_WARMUP = "So many trials must have ended before the rule stops any."


class _Judging(Section):
    """What every rule has: its name and the metric that it judges."""

    type: str
    metric: Text | None = Field(
        default=None,
        description="The objective that is judged; default: the first one that is not built in.",
    )


class Hyperband(_Judging):
    """W&B's rule: at each band a trial goes on only among the best 1/eta.

    Source: https://docs.wandb.ai/guides/sweeps/sweep-config-keys, early_terminate.
    """

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["min_iter"]}, {"required": ["max_iter", "s"]}]}
    )

    type: Literal["hyperband"] = "hyperband"
    min_iter: Count | None = Field(
        default=None,
        description="The first band; the others are int(min_iter * eta^k). Or max_iter and s.",
        examples=[3],
    )
    max_iter: Count | None = Field(
        default=None,
        description="Bands int(max_iter / eta^k), k = 1..s; wins over min_iter.",
        examples=[27],
    )
    s: Count | None = Field(
        default=None,
        description="Number of bands below max_iter; given exactly with it.",
        examples=[2],
    )
    eta: float = Field(default=3.0, gt=1, description="The best 1/eta of a band go on.")
    strict: bool = Field(
        default=True, description="Judge the value at the band; false: the best value up to it."
    )

    @model_validator(mode="before")
    @classmethod
    def _keep_one_form(cls, raw: Any, info: ValidationInfo) -> Any:
        """Do as W&B does with a whole number written ``2.0``, and when both forms are there."""
        if not isinstance(raw, Mapping):
            return raw
        raw = {key: value for key, value in raw.items() if value is not None}
        if isinstance(raw.get("s"), float) and raw["s"].is_integer():
            raw["s"] = int(raw["s"])
        if {"min_iter", "max_iter", "s"} <= raw.keys():
            what = "is ignored, because max_iter and s are given; drop one of the two forms"
            note(info, ("min_iter",), what)
            del raw["min_iter"]
        elif {"min_iter", "s"} <= raw.keys():
            note(info, ("s",), "is ignored: with min_iter the bands have no last one; drop it")
            del raw["s"]
        return raw

    @model_validator(mode="after")
    def _has_bands(self) -> Hyperband:
        problem = None
        if self.max_iter is not None and self.s is None:
            problem = Problem(("max_iter",), "needs s, the number of bands; or use min_iter alone")
        elif self.s is not None and self.max_iter is None:
            problem = Problem(("s",), "needs max_iter; or use min_iter alone")
        elif self.min_iter is None and self.max_iter is None:
            problem = Problem((), "hyperband needs min_iter, or max_iter and s; add min_iter: 3")
        if problem:
            raise Several([problem])
        return self


class Asha(_Judging):
    """Optuna's asynchronous successive halving."""

    type: Literal["asha"] = "asha"
    min_iter: Count = Field(
        default=1, description="The first rung, in steps; each further one is eta times as far."
    )
    eta: Annotated[float, Field(ge=2), AfterValidator(_is_whole)] = Field(
        default=3.0, description="The best 1/eta of a rung go on; a whole number."
    )


class Median(_Judging):
    """Stop a trial that is worse than the median of the earlier ones at the same step."""

    type: Literal["median"] = "median"
    warmup_trials: _First = Field(default=5, description=_WARMUP)
    min_iter: _First = Field(default=0, description=_FIRST)


class Percentile(_Judging):
    """Stop a trial that is not among the best percent of the earlier ones at the same step."""

    type: Literal["percentile"] = "percentile"
    percentile: Annotated[float, Field(ge=0, le=100)] = Field(
        default=25.0, description="So many percent of the trials, the best, go on."
    )
    warmup_trials: _First = Field(default=5, description=_WARMUP)
    min_iter: _First = Field(default=0, description=_FIRST)


class Threshold(_Judging):
    """Stop a trial whose value leaves a fixed range."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["lower"]}, {"required": ["upper"]}]}
    )

    type: Literal["threshold"] = "threshold"
    lower: float | None = Field(
        default=None, description="A value below stops the trial.", examples=[0.2]
    )
    upper: float | None = Field(
        default=None, description="A value above stops the trial.", examples=[10.0]
    )
    min_iter: _First = Field(default=0, description=_FIRST)

    @model_validator(mode="after")
    def _is_a_range(self) -> Threshold:
        if self.lower is None and self.upper is None:
            raise Several([Problem((), "threshold needs lower, upper or both; add upper: 10.0")])
        if self.lower is not None and self.upper is not None and self.lower >= self.upper:
            given = f"got lower={shown(self.lower)} upper={shown(self.upper)}"
            raise Several([Problem(("lower",), f"must be smaller than upper, {given}")])
        return self


Judge = TypeVar("Judge", bound=_Judging)
Inner = Hyperband | Asha | Median | Percentile | Threshold
_INNER: Mapping[str, type[Inner]] = {
    "hyperband": Hyperband,
    "asha": Asha,
    "median": Median,
    "percentile": Percentile,
    "threshold": Threshold,
}


def _read_inner(raw: object, info: ValidationInfo) -> Inner | None:
    """Read the rule that judges when patience has run out."""
    if raw is None or isinstance(raw, Inner):
        return raw
    rule = _read(raw, _INNER, info)
    if rule is not None and rule.metric is not None:
        raise Several([Problem(("metric",), "belongs to early_terminate itself; move it up")])
    return rule


class Patience(_Judging):
    """Stop a trial whose last reports are all worse than its best before; a plateau goes on."""

    type: Literal["patience"] = "patience"
    patience: Count = Field(
        description="So many last reports are held against the best before them.", examples=[5]
    )
    min_delta: Annotated[float, Field(ge=0)] = Field(
        default=0.0, description="Worse by up to this much is not worse (Optuna's tolerance)."
    )
    then: Annotated[
        Inner | None, BeforeValidator(_read_inner), defined("rule_without_patience")
    ] = Field(
        default=None,
        description="Another rule, which judges only when the patience has run out; default: the "
        "trial is stopped then.",
        examples=["median"],
    )


Rule = Inner | Patience
RULES: Mapping[str, type[Rule]] = {**_INNER, "patience": Patience}
# What a rule needs that is named without its keys.
NEEDY = {
    "hyperband": ("min_iter", "3"),
    "threshold": ("lower or upper", "10.0"),
    "patience": ("patience", "5"),
}


def read_rule(raw: object, info: ValidationInfo) -> Rule | None:
    """Read the section, or a rule's name where its defaults are complete.

    Returns:
        The rule; None: no trial is stopped early.

    Raises:
        ValueError: With what is wrong; pydantic's own error where it is below a key.
    """
    if raw is None or isinstance(raw, Rule):
        return raw
    return _read(raw, RULES, info)


def _read(raw: object, rules: Mapping[str, type[Judge]], info: ValidationInfo) -> Judge | None:
    """Read one of some rules."""
    if isinstance(raw, str) and raw in rules and raw in NEEDY:
        needs, example = NEEDY[raw]
        key = needs.rpartition(" ")[2]
        raise ValueError(f"{raw} needs {needs}: write {{type: {raw}, {key}: {example}}}")
    fields = {"type": raw} if isinstance(raw, str) else raw
    if not isinstance(fields, Mapping):
        raise ValueError('must be a mapping, such as {type: hyperband, min_iter: 3}, or "none"')
    names = [*rules, "none"]
    if fields.get("type") is None:
        raise Several([Problem(("type",), f"is required: {', '.join(names)}")])
    if fields["type"] not in names:
        place = ("type",) if fields is raw else ()
        raise Several([Problem(place, one_of(fields["type"], names))])
    if fields["type"] != "none":
        where = "early_terminate" if rules is RULES else "then"
        return read_below(rules[fields["type"]], fields, info, where)
    if len(fields) > 1:
        raise ValueError("type: none takes no other keys")
    return None


# One of the rules, or its name.
RuleField = Annotated[Rule | None, BeforeValidator(read_rule), defined("early_terminate")]
