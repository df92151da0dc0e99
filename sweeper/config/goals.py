"""What a sweep is judged by: ``metric`` or ``metrics``, with what constraints add.

Owns: the keys of a metric, and every name that a trial's curve has a column for. Imports pydantic:
load lazily.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)

from sweeper.config.constraints import is_parameter, point_constraints
from sweeper.config.parameters import parameter_paths
from sweeper.config.problems import Problem, Several, listed, shown
from sweeper.config.section import Section, Text, choice, defined, note, read_below
from sweeper.expression import Expression
from sweeper.model import (
    BUILT_IN,
    Direction,
    Goals,
    Impute,
    Metric,
    Parameter,
    Take,
    is_built_in,
)


class Running(Enum):
    """What W&B's sampler is told about trials that still run."""

    NOTHING = "false"
    LATEST = "latest"
    BEST = "best"
    WORST = "worst"


def _false_is_text(raw: object) -> object:
    """Read a plain ``false`` as W&B's text."""
    return "false" if raw is False else raw


class MetricKeys(Section):
    """What a trial is judged by."""

    name: Text = Field(
        description="The key under which it is reported, or a built-in metric: "
        f"{', '.join(BUILT_IN)}; of a measured region inference_energy_j, inference_energy_kwh "
        "and inference_duration_s.",
        examples=["val_accuracy"],
    )
    goal: Annotated[Direction, choice(Direction)] = Field(
        default=Direction.MINIMIZE, description="Which way it gets better."
    )
    target: float | None = Field(
        default=None,
        description="Once a complete trial's value reaches it, no more trials start; not in "
        "metrics.",
        examples=[0.99],
    )
    take: Annotated[Take, choice(Take)] | None = Field(
        default=None,
        description="Which report is a trial's value; default: last, but best for the one metric "
        "of a program, as in W&B.",
    )
    impute: Annotated[Impute, choice(Impute)] | None = Field(
        default=None, description="What the sampler is told for a failed trial; default: nothing."
    )
    impute_while_running: Annotated[
        Running,
        choice(Running),
        BeforeValidator(_false_is_text),
        WithJsonSchema({"enum": [*(it.value for it in Running), False]}),
    ] = Field(
        default=Running.NOTHING,
        description="Accepted for W&B's sake: samplers here are not told about running trials.",
    )


def _read_metric(raw: object, info: ValidationInfo) -> Metric:
    """Read ``metric``, or one of ``metrics``; pydantic's own error where it is below a key."""
    if isinstance(raw, Metric):
        return raw
    if isinstance(raw, str):
        raise ValueError(f"must be a mapping, got {shown(raw)}; write {{name: {raw}}}")
    keys = read_below(MetricKeys, raw, info, info.field_name or "metric")
    if keys.impute_while_running is not Running.NOTHING:
        what = "changes nothing here: samplers are not told about running trials"
        note(info, (info.field_name or "metric", "impute_while_running"), what)
    program = info.data.get("program") or info.data.get("command")
    # Of several metrics each report's own best would be a point that no report ever was. One of a
    # region may be reported after all, and then its best report is one like any other.
    alone = info.field_name == "metric" and keys.name not in BUILT_IN
    if keys.take is Take.BEST and keys.name in BUILT_IN:
        what = f"{keys.name} is that of the whole trial, which only its last report knows"
        raise Several([Problem(("take",), f"{what}; drop it, or write last")])
    take = keys.take or (Take.BEST if program and alone else Take.LAST)
    return Metric(keys.name, keys.goal, keys.target, take, keys.impute)


def _written_metric(metric: Metric) -> dict[str, Any]:
    """Write a metric as it is read."""
    return {
        "name": metric.name,
        "goal": metric.direction.value,
        "target": metric.target,
        "take": metric.take.value,
        "impute": None if metric.impute is None else metric.impute.value,
    }


# What trials are compared by where the file names nothing: W&B asks for a metric only where it
# steers the search.
UNNAMED = (Metric("duration_s", Direction.MINIMIZE),)


def check_metrics(
    metrics: Sequence[Metric] | None, info: ValidationInfo, *, metric_given: bool, steered: bool
) -> None:
    """Check that there is either one metric or a list of several, each once.

    Args:
        metrics: The list; None: there is none.
        info: Takes the warning that nothing is named.
        metric_given: There is a single metric.
        steered: The method needs to know what is good.

    Raises:
        Several: Otherwise, with places from the top of the file.
    """
    if metrics is None:
        if metric_given:
            return
        if steered:
            what = "is required: such as metric: {name: val_loss, goal: minimize}"
            raise Several([Problem(("metric",), what, absolute=True)])
        what = (
            "is not given: trials are compared by duration_s alone; name what the objective "
            "reports to know which one is best"
        )
        note(info, ("metric",), what)
        return
    if metric_given:
        raise Several([Problem((), "stands beside metric; keep one of the two")])
    if len(metrics) < 2:
        given = "an empty list" if not metrics else "one"
        raise Several([Problem((), f"needs two or more, got {given}; write metric: {{...}}")])
    problems, seen = [], set()
    for index, it in enumerate(metrics):
        if it.name in seen:
            problems.append(Problem((index, "name"), f"{shown(it.name)} is given twice; keep one"))
        if it.target is not None:
            what = "has no meaning with several metrics; drop it, or write a constraint"
            problems.append(Problem((index, "target"), what))
        seen.add(it.name)
    if problems:
        raise Several(problems)


def goals_of(
    metrics: Sequence[Metric],
    constraints: Sequence[Expression],
    space: Mapping[str, Parameter],
    judged: str | None,
) -> Goals:
    """Put together what trials are judged by.

    Args:
        metrics: The objectives.
        constraints: All of them.
        space: Tells parameters from metrics.
        judged: What early stopping judges; None: the first objective that is not built in.
    """
    names = [metric.name for metric in metrics]
    paths = parameter_paths(space)
    about_points = set(point_constraints(constraints, space))
    outcomes = tuple(it for it in constraints if it not in about_points)
    named = (name for it in outcomes for name in it.names)
    columns = dict.fromkeys([*names, *(it for it in named if not is_parameter(it, paths))])
    reported = (index for index, name in enumerate(names) if not is_built_in(name))
    position = names.index(judged) if judged is not None else next(reported, 0)
    return Goals(tuple(metrics), tuple(columns), outcomes, position)


def check_judged(judged: str | None, metrics: Sequence[Metric]) -> None:
    """Check that early stopping judges an objective.

    Raises:
        Several: If it does not.
    """
    names = [metric.name for metric in metrics]
    if judged is not None and names and judged not in names:
        what = f"must be a metric of the sweep, {listed(names)}, got {shown(judged)}"
        raise Several([Problem(("metric",), what)])


# A metric, as the file has it and as the program's own value.
MetricField = Annotated[
    Metric, PlainValidator(_read_metric), PlainSerializer(_written_metric), defined("metric")
]
