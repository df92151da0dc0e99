"""The ``early_terminate`` section: which rule stops bad trials early.

Owns: the rules' keys and defaults. How a rule judges is not decided here. Imports pydantic.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationInfo, model_validator

from sweeper.config.problems import Problem, Several, one_of
from sweeper.config.section import Count, Section, note


class Hyperband(Section):
    """W&B's rule: at each band a trial goes on only among the best ``1/eta``.

    Source: https://docs.wandb.ai/guides/sweeps/sweep-config-keys, early_terminate.

    Attributes:
        min_iter: Bands ``int(min_iter * eta**k)``, k from 0; None: ``max_iter`` is given.
        max_iter: Bands ``int(max_iter / eta**k)``, k from 1 to ``s``; None: ``min_iter`` is given.
        s: Number of bands below ``max_iter``; given exactly with it.
        eta: More than 1.
        strict: Judge the value at the band; False: the best value up to it.
    """

    type: Literal["hyperband"] = "hyperband"
    min_iter: Count | None = None
    max_iter: Count | None = None
    s: Count | None = None
    eta: float = Field(default=3.0, gt=1)
    strict: bool = True

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
            note(info, ("early_terminate", "min_iter"), what)
            del raw["min_iter"]
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


class Asha(Section):
    """Asynchronous successive halving.

    Attributes:
        min_iter: The first rung, in steps; each further one is ``eta`` times as far.
        eta: The best ``1/eta`` of a rung go on; more than 1.
    """

    type: Literal["asha"] = "asha"
    min_iter: Count = 1
    eta: float = Field(default=3.0, gt=1)


class Median(Section):
    """Stop a trial that is worse than the median of the earlier ones at the same step.

    Attributes:
        warmup_trials: So many trials must have ended before the rule stops any.
        min_iter: No trial is stopped before this step.
    """

    type: Literal["median"] = "median"
    warmup_trials: int = Field(default=5, ge=0)
    min_iter: int = Field(default=0, ge=0)


Rule = Hyperband | Asha | Median
RULES: Mapping[str, type[Rule]] = {"hyperband": Hyperband, "asha": Asha, "median": Median}


def read_rule(raw: object, info: ValidationInfo) -> Rule | None:
    """Read the section, or a rule's name where its defaults are complete.

    Returns:
        The rule; None: no trial is stopped early.

    Raises:
        ValueError: With what is wrong; pydantic's own error where it is below a key.
    """
    if raw is None or isinstance(raw, Rule):
        return raw
    if raw == "hyperband":
        raise ValueError("hyperband needs min_iter: write {type: hyperband, min_iter: 3}")
    fields = {"type": raw} if isinstance(raw, str) else raw
    if not isinstance(fields, Mapping):
        raise ValueError('must be a mapping, such as {type: hyperband, min_iter: 3}, or "none"')
    names = [*RULES, "none"]
    if fields.get("type") is None:
        raise Several([Problem(("type",), f"is required: {', '.join(names)}")])
    if fields["type"] not in names:
        place = ("type",) if fields is raw else ()
        raise Several([Problem(place, one_of(fields["type"], names))])
    if fields["type"] != "none":
        return RULES[fields["type"]].model_validate(fields, context=info.context)
    if len(fields) > 1:
        raise ValueError("type: none takes no other keys")
    return None
