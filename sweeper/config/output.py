"""The ``stdout`` section: how metrics are read from what a program prints.

Owns: its forms, and which groups a pattern must have. Reads no output itself. Imports pydantic:
load lazily.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator

from sweeper.config.problems import Problem, Several, kind, listed, nearest, one_of, shown
from sweeper.config.section import defined
from sweeper.model import OutputRule, OutputStyle

_LONGEST_PATTERN = 1000


STYLES = tuple(style.value for style in OutputStyle if style is not OutputStyle.PATTERN)


def read_output(raw: object) -> OutputRule:
    """Read ``stdout``.

    Raises:
        ValueError: With what is wrong.
    """
    if raw is None or isinstance(raw, OutputRule):
        return raw or OutputRule()
    if isinstance(raw, str) and raw in STYLES:
        return OutputRule(OutputStyle(raw))
    if not isinstance(raw, Mapping):
        allowed = f"{listed([*STYLES, '{pattern: ...}'])}"
        if isinstance(raw, str):
            raise ValueError(one_of(raw, [*STYLES, "{pattern: ...}"]))
        raise ValueError(f"must be {allowed}, got {kind(raw)}")
    unknown = [key for key in raw if key != "pattern"]
    if unknown:
        raise Several(
            Problem((key,), "is not a key of stdout, which has: pattern") for key in unknown
        )
    patterns = raw.get("pattern")
    if not patterns:
        raise Several([Problem(("pattern",), "is required: a regular expression, or a list")])
    listed_patterns = patterns if isinstance(patterns, list) else [patterns]
    problems = []
    for index, pattern in enumerate(listed_patterns):
        what = _pattern_problem(pattern)
        if what:
            place = ("pattern", index) if isinstance(patterns, list) else ("pattern",)
            problems.append(Problem(place, what))
    if problems:
        raise Several(problems)
    return OutputRule(OutputStyle.PATTERN, tuple(listed_patterns))


def _pattern_problem(pattern: object) -> str | None:
    """Say why a pattern cannot be used; None: it can."""
    if not isinstance(pattern, str):
        return f"must be text, got {kind(pattern)}"
    if len(pattern) > _LONGEST_PATTERN:
        return f"is longer than {_LONGEST_PATTERN} characters"
    try:
        groups = _groups(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"is no regular expression: {error}; quote it in 'single quotes'"
    if not groups:
        return "has no named group; write (?P<val_loss>...) around the number"
    return None


def _groups(pattern: str) -> set[str]:
    """Return the named groups of a regular expression."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what later versions of Python may read otherwise
        return set(re.compile(pattern).groupindex)


def written_output(output: OutputRule) -> Any:
    """Write ``stdout`` as it is read."""
    if output.style is OutputStyle.PATTERN:
        return {"pattern": list(output.patterns)}
    return output.style.value


def check_output(output: OutputRule, metrics: Sequence[str], *, objective: bool) -> None:
    """Check that a program prints, and that each pattern says which metric it holds.

    Args:
        output: What was read.
        metrics: Names of the metrics that trials report.
        objective: The sweep trains a function.

    Raises:
        Several: With what is wrong.
    """
    if objective and output != OutputRule():
        what = "has no meaning with objective:, whose metrics are reported; drop it"
        raise Several([Problem((), what)])
    problems = [
        Problem(("pattern",), f"{shown(pattern)} {unnamed}")
        for pattern in output.patterns
        if (unnamed := _unnamed(_groups(pattern) - {"step"}, metrics))
    ]
    if problems:
        raise Several(problems)


def _unnamed(groups: set[str], metrics: Sequence[str]) -> str | None:
    """Say why named groups, ``step`` apart, do not say which metric is there; None: they do."""
    if not metrics or groups == {"name", "value"} or (groups and groups <= set(metrics)):
        return None
    extra = sorted(groups - set(metrics) - {"name", "value"})
    what = "has no group that is a metric"
    if extra:
        near = nearest(extra[0], metrics)
        mend = f", did you mean {near}?" if near else ""
        what = f"has the group {extra[0]}, which is no metric{mend}"
    return f"{what}; groups are {listed(metrics)}, or else name and value, and maybe step"


# The rule, as the file has it and as the program's own value.
OutputField = Annotated[
    OutputRule, PlainValidator(read_output), PlainSerializer(written_output), defined("stdout")
]
