"""Readings that can be such, and sums of which some terms may be unknown.

Owns: the rule that an unknown term is counted, never taken as 0. Standard library only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Total", "physical", "total"]


@dataclass(frozen=True, slots=True)
class Total:
    """A sum over terms of which some may be unknown.

    Attributes:
        energy_j: Sum of the known terms; 0 without terms; None: there are some, none is known.
        missing: How many terms are unknown.
    """

    energy_j: float | None
    missing: int = 0


def physical(value: float | None) -> float | None:
    """Return joules, seconds or a share if they can be such: finite, not negative; else None."""
    return value if value is not None and math.isfinite(value) and value >= 0 else None


def total(terms: Iterable[float | None]) -> Total:
    """Add up energies, counting the unknown ones."""
    checked = [physical(term) for term in terms]
    known = [term for term in checked if term is not None]
    missing = len(checked) - len(known)
    return Total(math.fsum(known) if known or not missing else None, missing)
