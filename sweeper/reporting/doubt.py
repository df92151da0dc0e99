"""How far a sweep's joules can be relied on: their uncertainty, the least and the most.

Owns: how what each account says of itself becomes a statement about their sum (docs/energy.md,
"Uncertainty"). Imports ``sweeper.model`` only.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.model import Energy, TrialRow, known_sum
from sweeper.reporting.physical import physical

__all__ = ["Doubt", "doubt_of"]

# Source, joules, relative standard uncertainty.
_Term = tuple[str, float, float]


@dataclass(frozen=True, slots=True)
class Doubt:
    """How far a sum of joules can be relied on.

    Attributes:
        u_rel: Relative standard uncertainty; None: unknown for a part of it.
        lo_j: The least; the overhead as it was booked. None: unknown for a part of it.
        hi_j: The most, likewise.
    """

    u_rel: float | None = None
    lo_j: float | None = None
    hi_j: float | None = None


def doubt_of(
    trained: Sequence[TrialRow],
    overhead: Energy | None,
    overhead_j: float | None,
    *,
    most_j: float | None,
) -> Doubt:
    """Say how far the joules of all trained attempts and the overhead can be relied on.

    Args:
        trained: The attempts.
        overhead: The account of the overhead; None: only its joules are known.
        overhead_j: Its joules; None: unknown.
        most_j: What all boards together used, where that bounds the sum; None: it does not.
    """
    lows_j = [None if row.energy is None else physical(row.energy.lo_j) for row in trained]
    highs_j = [None if row.energy is None else physical(row.energy.hi_j) for row in trained]
    lo_j, hi_j = known_sum([*lows_j, overhead_j]), known_sum([*highs_j, overhead_j])
    if hi_j is not None and most_j is not None:
        hi_j = min(hi_j, max(most_j, lo_j or 0.0))
    return Doubt(_combined(_terms(trained, overhead, overhead_j)), lo_j, hi_j)


def _terms(
    trained: Sequence[TrialRow], overhead: Energy | None, overhead_j: float | None
) -> list[_Term] | None:
    """Return what is added up; None: somewhere nothing is known about the uncertainty.

    An overhead that was put together of several accounts has no figure of its own: it gets the
    largest one of the trials.
    """
    terms: list[_Term] = []
    for row in trained:
        joules = physical(row.energy_j)
        if not joules:
            continue
        u_rel = None if row.energy is None else physical(row.energy.u_rel)
        if row.energy is None or u_rel is None:
            return None
        terms.append((row.energy.source, joules, u_rel))
    if not overhead_j:
        return terms
    own = None if overhead is None else physical(overhead.u_rel)
    largest = max((u_rel for _, _, u_rel in terms), default=None)
    u_rel = largest if own is None else own
    if u_rel is None:
        return None
    source = terms[0][0] if overhead is None else overhead.source
    return [*terms, (source, overhead_j, u_rel)]


def _combined(terms: Sequence[_Term] | None) -> float | None:
    """Combine uncertainties: what accounts of one source have in common does not average out.

    A sensor's gain is common to all of its accounts, and no account is less uncertain than its
    gain: the smallest uncertainty of a source is taken for it and added up with the joules.
    What the others have beyond that is their own and adds up in quadrature.
    """
    if not terms:
        return None
    by_source: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for source, joules, u_rel in terms:
        by_source[source].append((joules, u_rel))
    variance = 0.0
    for same in by_source.values():
        gain = min(u_rel for _, u_rel in same)
        variance += (gain * math.fsum(joules for joules, _ in same)) ** 2
        variance += math.fsum(joules**2 * (u_rel**2 - gain**2) for joules, u_rel in same)
    return math.sqrt(variance) / math.fsum(joules for _, joules, _ in terms)
