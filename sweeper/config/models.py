"""The whole of a sweep file as one frozen value, and that value as a document.

Owns: the rules between the top-level keys, and what of a sweep decides its results. A written
configuration is itself a sweep file, with every default filled in. Imports pydantic: load lazily.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import (
    ValidationInfo,
    field_validator,
)

from sweeper.config.caching import Cache
from sweeper.config.constraints import check_constraints, point_constraints
from sweeper.config.goals import (
    UNNAMED,
    check_judged,
    check_metrics,
    goals_of,
)
from sweeper.config.grid import Grid, check_levels
from sweeper.config.keys import Method, SweepKeys
from sweeper.config.output import check_output
from sweeper.config.parameters import parameter_paths, uncountable
from sweeper.config.problems import Problem, Several, unknown_name
from sweeper.config.programs import (
    DEFAULT_COMMAND,
    check_trainee,
)
from sweeper.config.proposing import check_fit, chosen
from sweeper.config.samplers import Sampler
from sweeper.config.stopping import Rule
from sweeper.expression import Expression
from sweeper.model import Goals, Metric, OutputRule, Parameter

__all__ = ["Method", "SweepConfig"]

# What decides proposals or results; of trial and cache only a part does, energy only sometimes.
_DECIDING = (
    "objective",
    "program",
    "command",
    "method",
    "metric",
    "metrics",
    "parameters",
    "constraints",
    "early_terminate",
    "max_steps",
    "seed",
    "sampler",
    "enqueue",
    "stdout",
)
# Metrics that the energy section turns joules into.
_PRICED = frozenset({"co2e_g", "cost"})


class SweepConfig(SweepKeys):
    """A sweep file, resolved: defaults filled in, quantities in the units of the field names.

    Validate a mapping as the file has it: ``SweepConfig.model_validate({...})``. ``goals`` and
    ``point_constraints`` are worked out from ``metric``, ``metrics``, ``constraints`` and the
    space. ``command`` is None exactly with an ``objective``, ``sampler`` exactly for ``grid``.
    """

    # Checks between keys look at what is already valid, so that all errors show at once.

    @field_validator("command")
    @classmethod
    def _one_way_to_train(
        cls, command: tuple[str, ...] | None, info: ValidationInfo
    ) -> tuple[str, ...] | None:
        given = {key: _given(key, info) for key in ("objective", "program")}
        check_trainee({**given, "command": command is not None}, command)
        return DEFAULT_COMMAND if command is None and given["program"] else command

    @field_validator("metrics")
    @classmethod
    def _one_or_several(
        cls, metrics: tuple[Metric, ...] | None, info: ValidationInfo
    ) -> tuple[Metric, ...] | None:
        steered = info.data.get("method") not in (Method.GRID, Method.RANDOM)
        check_metrics(metrics, info, metric_given=_given("metric", info), steered=steered)
        return metrics

    @field_validator("space")
    @classmethod
    def _grid_is_countable(
        cls, space: Mapping[str, Parameter], info: ValidationInfo
    ) -> Mapping[str, Parameter]:
        if info.data.get("method") is Method.GRID:
            endless = uncountable(space)
            if endless:
                raise Several(Problem(path, what) for path, what in endless)
        return space

    @field_validator("constraints")
    @classmethod
    def _names_are_known(
        cls, constraints: tuple[Expression, ...], info: ValidationInfo
    ) -> tuple[Expression, ...]:
        if "space" in info.data:
            check_constraints(constraints, info.data["space"], _metrics(info.data), info)
        return constraints

    @field_validator("early_terminate")
    @classmethod
    def _rule_fits(cls, rule: Rule | None, info: ValidationInfo) -> Rule | None:
        if rule is not None:
            metrics = _metrics(info.data)
            if metrics == UNNAMED:
                what = "needs to know what is good; add metric: {name: val_loss, goal: minimize}"
                raise Several([Problem((), what)])
            check_judged(rule.metric, metrics)
            if info.data.get("scheduler") is not None:
                what = "stands beside scheduler, which W&B excludes; say sampler: instead of it"
                raise Several([Problem((), what)])
        return rule

    @field_validator("sampler")
    @classmethod
    def _sampler_fits(cls, sampler: Sampler | None, info: ValidationInfo) -> Sampler | None:
        data = info.data
        if "method" not in data:
            return sampler
        proposing = chosen(
            sampler,
            method=data["method"].value,
            scheduler=data.get("scheduler"),
            alone=not _given("scheduler", info) and not _given("metrics", info),
            info=info,
        )
        check_fit(proposing, len(_metrics(data)), data.get("space"), info)
        return proposing

    @field_validator("stdout")
    @classmethod
    def _output_is_printed(cls, output: OutputRule, info: ValidationInfo) -> OutputRule:
        data = info.data
        known = "space" in data and "constraints" in data
        names = (
            goals_of(_metrics(data), data["constraints"], data["space"], None).names
            if known
            else ()
        )
        check_output(output, names, objective=data.get("objective") is not None)
        return output

    @field_validator("grid")
    @classmethod
    def _levels_exist(cls, grid: Grid | None, info: ValidationInfo) -> Grid | None:
        paths = parameter_paths(info.data.get("space", {}))
        if grid is not None and paths:
            check_levels(grid, paths)
        return grid

    @field_validator("cache")
    @classmethod
    def _ignored_exist(cls, cache: Cache, info: ValidationInfo) -> Cache:
        paths = parameter_paths(info.data.get("space", {}))
        problems = [
            Problem(("ignore", index), unknown_name(name, "parameter", paths))
            for index, name in enumerate(cache.ignore)
            if paths and name not in paths
        ]
        if problems:
            raise Several(problems)
        return cache

    @property
    def goals(self) -> Goals:
        """Return what trials are judged by."""
        judged = None if self.early_terminate is None else self.early_terminate.metric
        named = (self.metric,) if self.metric is not None else self.metrics
        return goals_of(named or UNNAMED, self.constraints, self.space, judged)

    @property
    def point_constraints(self) -> tuple[Expression, ...]:
        """Return the constraints that hold for every point that is proposed."""
        return point_constraints(self.constraints, self.space)

    def document(self) -> dict[str, Any]:
        """Return the configuration as a plain document with the keys of a sweep file."""
        return self.model_dump(mode="json", by_alias=True)

    def decisions(self) -> dict[str, Any]:
        """Return the plain document of everything that decides proposals or results."""
        document = self.document()
        cache = self.cache.decisions(document["cache"])
        trial = {key: document["trial"][key] for key in ("seed", "replicates")}
        if self.trial.energy_j is not None:  # absent where it is not given: older sweeps go on
            trial["energy"] = document["trial"]["energy"]
        priced = {"energy": document["energy"]} if _PRICED & {*self.goals.names} else {}
        return {
            **{key: document[key] for key in _DECIDING},
            **priced,
            "trial": trial,
            "cache": cache,
        }

    def resolved_json(self) -> str:
        """Return the configuration as one line of JSON that ``load.restore`` reads back."""
        return json.dumps(self.document(), ensure_ascii=False, allow_nan=False)


def _given(key: str, info: ValidationInfo) -> bool:
    """Tell whether the file has a key; one whose value is wrong is not in ``info.data``."""
    return key not in info.data or info.data[key] is not None


def _metrics(data: Mapping[str, Any]) -> tuple[Metric, ...]:
    """Return the objectives as far as they are valid."""
    if data.get("metric") is not None:
        return (data["metric"],)
    nothing = UNNAMED if {"metric", "metrics"} <= data.keys() else ()
    return data.get("metrics") or nothing
