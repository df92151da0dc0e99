"""The statistics of paired repetitions: quartiles, Wilcoxon, Holm, a mean over benchmarks.

Owns: these formulas, each with its source. Standard library only.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from statistics import NormalDist, fmean

__all__ = ["geometric_mean_interval", "holm", "median_interval", "quartiles", "wilcoxon"]

_EXACT = 60  # differences up to which the exact distribution is counted
_RESAMPLES = 4000
_TAIL = 0.025

_Statistic = Callable[[Sequence[float]], float]


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the lower quartile, the median and the upper quartile (linear interpolation).

    Source: R. Hyndman and Y. Fan, "Sample quantiles in statistical packages", The American
    Statistician 50, 1996, definition 7, as in NumPy.

    Args:
        values: One or more; infinite ones are allowed.
    """
    ordered = sorted(values)
    low, middle, high = (_at(ordered, share) for share in (0.25, 0.5, 0.75))
    return low, middle, high


def _at(ordered: Sequence[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    below, part = math.floor(place), place % 1
    if part == 0 or ordered[below] == ordered[below + 1]:
        return ordered[below]
    return ordered[below] * (1 - part) + ordered[below + 1] * part


def wilcoxon(differences: Sequence[float]) -> float | None:
    """Return the two-sided p of Wilcoxon's signed-rank test for paired differences.

    Zeros are left out, ties share their mean rank. Up to 60 differences the distribution over all
    signs is counted exactly, beyond that it is taken as normal with the correction for ties.

    Source: F. Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1, 1945.

    Returns:
        None if no difference is left.
    """
    signed = sorted((it for it in differences if it), key=abs)
    if not signed:
        return None
    ranks = _doubled_ranks([abs(it) for it in signed])
    positive = sum(rank for rank, it in zip(ranks, signed, strict=True) if it > 0)
    whole = sum(ranks)
    least = min(positive, whole - positive)
    if len(signed) <= _EXACT:
        return min(1.0, 2 * _share_up_to(ranks, least))
    variance = math.fsum(rank * rank for rank in ranks) / 4
    distance = max(0.0, whole / 2 - least - 1)  # half a rank, and these are doubled
    return min(1.0, 2 * NormalDist().cdf(-distance / math.sqrt(variance)))


def _doubled_ranks(ordered: Sequence[float]) -> list[int]:
    """Return twice the rank of each of some ascending values; equal ones share their mean."""
    ranks: list[int] = []
    while len(ranks) < len(ordered):
        first = len(ranks)
        same = sum(1 for value in ordered[first:] if value == ordered[first])
        ranks += [2 * first + same + 1] * same
    return ranks


def _share_up_to(ranks: Sequence[int], most: int) -> float:
    """Return the probability that the positive ranks sum to no more, if every sign is a coin."""
    ways = [1] + [0] * most
    for rank in ranks:
        for place in range(most, rank - 1, -1):
            ways[place] += ways[place - rank]
    return float(sum(ways) / 2 ** len(ranks))


def holm(p_values: Mapping[str, float | None]) -> dict[str, float | None]:
    """Adjust p values for that there are several.

    Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian
    Journal of Statistics 6, 1979.
    """
    known = sorted((p, name) for name, p in p_values.items() if p is not None)
    adjusted: dict[str, float | None] = dict.fromkeys(p_values)
    so_far = 0.0
    for place, (p, name) in enumerate(known):
        so_far = max(so_far, min(1.0, p * (len(known) - place)))
        adjusted[name] = so_far
    return adjusted


def geometric_mean_interval(values: Sequence[float], seed: int = 0) -> tuple[float, float, float]:
    """Return the geometric mean of some ratios and its bootstrap 95 % interval.

    Args:
        values: One or more, above 0.
        seed: Of the resampling.
    """
    logarithms = [math.log(value) for value in values]
    mean, low, high = _bootstrap(logarithms, seed, fmean)
    return math.exp(mean), math.exp(low), math.exp(high)


def median_interval(values: Sequence[float], seed: int = 0) -> tuple[float, float, float]:
    """Return the median of some values and its bootstrap 95 % interval."""
    return _bootstrap(values, seed, lambda drawn: _at(sorted(drawn), 0.5))


def _bootstrap(
    values: Sequence[float], seed: int, statistic: _Statistic
) -> tuple[float, float, float]:
    generator = random.Random(seed)
    found = sorted(statistic(generator.choices(values, k=len(values))) for _ in range(_RESAMPLES))
    cut = round(_TAIL * _RESAMPLES)
    return statistic(list(values)), found[cut], found[-1 - cut]
