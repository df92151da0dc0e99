"""The ``constraints`` section: conditions on points and on outcomes.

Owns: how one is written, and which names are parameters. Imports pydantic: load lazily.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator, ValidationInfo

from sweeper.config.parameters import parameter_paths
from sweeper.config.problems import Problem, Several, kind, nearest, shown, unknown_name
from sweeper.config.section import defined, note
from sweeper.expression import Expression, ExpressionError
from sweeper.model import Metric, Parameter, is_built_in


def _read_constraint(raw: object) -> Expression:
    """Read one of ``constraints``."""
    if isinstance(raw, Expression):
        return raw
    if not isinstance(raw, str):
        raise ValueError(f"must be text such as energy_kwh <= 0.4, got {kind(raw)}")
    try:
        expression = Expression(raw.strip())
    except ExpressionError as error:
        about_all = str(error).startswith("is ")
        raise ValueError(f"{shown(raw)} {error}" if about_all else str(error)) from error
    if not expression.names:
        raise ValueError(f"{shown(raw)} names neither a parameter nor a metric")
    return expression


def check_constraints(
    constraints: Iterable[Expression],
    space: Mapping[str, Parameter],
    metrics: Sequence[Metric],
    info: ValidationInfo,
) -> None:
    """Check the names below nested parameters; note what may be a misspelt parameter.

    Raises:
        Several: If a constraint names what is not in a group of parameters.
    """
    paths = parameter_paths(space)
    problems: list[Problem] = []
    metric_names = {metric.name for metric in metrics}
    for index, constraint in enumerate(constraints):
        for name in constraint.names:
            if name in metric_names or is_built_in(name) or is_parameter(name, paths):
                continue
            near = nearest(name, paths)
            if _group_of(name, paths):
                problems.append(Problem((index,), unknown_name(name, "parameter", paths)))
            elif near:
                what = (
                    f"{name} is no parameter and so a metric that every trial must report; did "
                    f"you mean {near}?"
                )
                note(info, ("constraints", index), what)
    if problems:
        raise Several(problems)


def is_parameter(name: str, paths: Sequence[str]) -> bool:
    """Tell whether a name is a parameter's, or leads into the value of one.

    Args:
        name: A dotted path.
        paths: Those of all parameters and groups.
    """
    if name in paths:
        return True
    above = _above(name, paths)
    return above is not None and not any(path.startswith(f"{above}.") for path in paths)


def _group_of(name: str, paths: Sequence[str]) -> str | None:
    """Return the nested group that a name leads into; None: none."""
    above = _above(name, paths)
    return above if above is not None and not is_parameter(name, paths) else None


def _above(name: str, paths: Sequence[str]) -> str | None:
    """Return the longest path that a name leads below; None: none."""
    parts = name.split(".")
    lengths = range(len(parts) - 1, 0, -1)
    return next((it for n in lengths if (it := ".".join(parts[:n])) in paths), None)


def point_constraints(
    constraints: Iterable[Expression], space: Mapping[str, Parameter]
) -> tuple[Expression, ...]:
    """Return the constraints that name parameters only: known before a trial starts."""
    paths = parameter_paths(space)
    return tuple(it for it in constraints if all(is_parameter(name, paths) for name in it.names))


# A condition, as the file has it and as the program's own value.
ConstraintField = Annotated[
    Expression,
    PlainValidator(_read_constraint),
    PlainSerializer(str, return_type=str),
    defined("constraint"),
]
