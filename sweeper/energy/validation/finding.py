"""What an experiment found: figures, whether they are as they should be, and what that means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Finding", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one experiment.

    Attributes:
        id: ``V0`` to ``V8``.
        what: What was looked at, in a few words.
        figures: Name, with its unit at the end, and number; what could not be read is left out.
        passed: None: could not be done here.
        note: What to know about it, or to do.
    """

    id: str
    what: str
    figures: Mapping[str, float] = field(default_factory=dict)
    passed: bool | None = None
    note: str = ""


def skipped(number: str, what: str, why: str) -> Finding:
    """Return the finding of an experiment that could not be done."""
    return Finding(number, what, note=why)
