"""What an objective or a program reported, read: a step, numbers by name, and what is no number."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, SupportsFloat, SupportsIndex

from sweeper.trial import Report

__all__ = ["ReadReports", "StepRead", "read_report"]

_LAST_STEP = 2**53  # beyond it JSON's numbers are no longer exact
_SHOWN = 40  # characters of a value that is no number
_LONGEST_NAME = 200  # characters; a longer one is no name that anybody wants to see


@dataclass(frozen=True, slots=True)
class StepRead:
    """One report.

    Attributes:
        step: Whole number >= 0.
        metrics: What is a number, NaN and infinity included.
        unreadable: What is none: name and a short description.
    """

    step: int
    metrics: Mapping[str, float]
    unreadable: Mapping[str, str] = field(default_factory=dict)


# None: nothing was reported for a while; only a program inside the driver says that.
ReadReports = Generator[StepRead | None, None, None]


def read_report(report: Report) -> StepRead:
    """Read a report as it was given.

    Raises:
        TypeError: If its step is no whole number >= 0.
    """
    step: Any = report[0]
    whole = isinstance(step, SupportsIndex) and not isinstance(step, bool)
    if not whole or not 0 <= step.__index__() <= _LAST_STEP:
        raise TypeError(f"a step must be a whole number >= 0, got {_shown(step)}")
    metrics: dict[str, float] = {}
    unreadable: dict[str, str] = {}
    for given, value in report[1].items():
        name = str(given)[:_LONGEST_NAME]
        number = _as_number(value)
        if number is None:
            unreadable[name] = f"{type(value).__name__} {_text(value)!r}"
        else:
            metrics[name] = number
    return StepRead(step.__index__(), metrics, unreadable)


def _as_number(value: Any) -> float | None:
    """Read a number, NumPy's and torch's scalars included; None for booleans and the rest."""
    if isinstance(value, bool | str | bytes) or not isinstance(value, SupportsFloat):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):  # an array with several elements
        return None


def _text(value: Any) -> str:
    try:
        return str(value)[:_SHOWN]
    except Exception:  # whatever the user's class does
        return "its text cannot be made"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 2 * _SHOWN else f"{text[: 2 * _SHOWN]}..."
