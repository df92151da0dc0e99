"""The relative standard uncertainty of an account; docs/energy.md, "Uncertainty".

Pure arithmetic.
"""

from __future__ import annotations

import math

__all__ = ["GAINS", "combined", "relative"]

# Relative standard uncertainty of a source's scale. Power and counter: Yang et al. 2024 (SC24,
# arXiv 2312.02741) saw gains of 0.87 to 1.18 against external meters; 5 % is assumed where nobody
# has metered. CPU seconds x watts per core: easily off by half (docs/energy.md, "CPU and memory").
# Everything else has no figure that was found in a source, RAPL neither, and so none here.
GAINS = {
    "measured:counter": 0.05,
    "measured:power_avg": 0.05,
    "measured:power_instant": 0.05,
    "measured:power_legacy": 0.05,
    "estimated:cpu_load": 0.5,
}


def relative(
    energy_j: float | None, source: str, *, edge_j: float = 0.0, span_j: float, coverage: float
) -> float | None:
    """Work out the uncertainty of one account.

    Args:
        energy_j: The account's joules.
        source: Where they came from.
        edge_j: What may lie on the wrong side of the window's edges.
        span_j: Distance of the least and the most that attribution allows: a rectangle.
        coverage: Share of the window that was seen.

    Returns:
        Relative to the joules; None where they or the source's gain are unknown, or they are 0.
    """
    gain = GAINS.get(source)
    if not energy_j or gain is None:
        return None
    attribution = span_j / (2 * math.sqrt(3) * energy_j)
    return math.hypot(gain, edge_j / energy_j, attribution, 1 - coverage)


def combined(*terms: tuple[float | None, float | None]) -> float | None:
    """Work out the uncertainty of a sum of independent terms.

    Args:
        terms: Joules and relative uncertainty of each.

    Returns:
        Relative to the sum; None where one of them is unknown.
    """
    absolute_j: list[float] = []
    total_j = 0.0
    for energy_j, u_rel in terms:
        if energy_j == 0:
            continue
        if energy_j is None or u_rel is None:
            return None
        total_j += energy_j
        absolute_j.append(energy_j * u_rel)
    return math.hypot(*absolute_j) / total_j if total_j else None
