"""The interval of a mean: a percentile bootstrap that gives the same figure every time.

Owns: ``Interval`` and how it is found. Standard library only.

Source: B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7, 1979.
"""

from __future__ import annotations

import itertools
import math
import random
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.model import Value

__all__ = ["CONFIDENCE", "ENOUGH", "Interval", "mean_interval"]

CONFIDENCE = 0.95  # two-sided
ENOUGH = 3  # values before an interval says anything

_EXACT = 6  # values up to which every resample is counted, as on paper: at most 462 different ones
_RESAMPLES = 4000
_MANY = 200  # from here on the bootstrap of a mean is the normal law of the central limit theorem
_SEED = 0
_TAIL = (1 - CONFIDENCE) / 2


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval.

    Attributes:
        value: The estimate.
        low: The lower end; None: too little is known.
        high: The upper end; None: too little is known.
    """

    value: float
    low: float | None = None
    high: float | None = None

    def scaled(self, factor: float, shift: float = 0.0) -> Interval:
        """Return ``shift + factor * self``; a negative factor turns the ends round."""
        ends = [
            None if end is None else shift + factor * end
            for end in ((self.low, self.high) if factor >= 0 else (self.high, self.low))
        ]
        return Interval(shift + factor * self.value, ends[0], ends[1])

    def to_json(self) -> dict[str, Value]:
        """Return the object that machines get."""
        return {"value": self.value, "low": self.low, "high": self.high}


def mean_interval(values: Sequence[float]) -> Interval:
    """Return the mean of some values with its bootstrap interval.

    Up to 6 values every resample is counted, from 200 on its normal limit is taken, between them
    4,000 are drawn with a fixed seed. Fewer than three values have no interval.

    Args:
        values: One or more, finite.
    """
    mean = statistics.fmean(values)
    if len(values) < ENOUGH:
        return Interval(mean)
    if len(values) > _MANY:
        error = statistics.pstdev(values, mean) / math.sqrt(len(values))
        reach = statistics.NormalDist().inv_cdf(1 - _TAIL) * error
        return Interval(mean, mean - reach, mean + reach)
    weighted = _every(values) if len(values) <= _EXACT else _some(values)
    low, high = _quantile(weighted, _TAIL), _quantile(weighted, 1 - _TAIL)
    return Interval(mean, min(low, mean), max(high, mean))


def _every(values: Sequence[float]) -> list[tuple[float, float]]:
    """Return every mean of a resample with its probability, in ascending order."""
    size = len(values)
    means: Counter[float] = Counter()
    for drawn in itertools.combinations_with_replacement(range(size), size):
        ways = math.factorial(size)
        for times in Counter(drawn).values():
            ways //= math.factorial(times)
        means[math.fsum(values[index] for index in drawn) / size] += ways
    return [(mean, means[mean] / size**size) for mean in sorted(means)]


def _some(values: Sequence[float]) -> list[tuple[float, float]]:
    """Return the means of drawn resamples, each as probable as the others, in ascending order."""
    generator = random.Random(_SEED)
    size = len(values)
    means = [math.fsum(generator.choices(values, k=size)) / size for _ in range(_RESAMPLES)]
    return [(mean, 1 / _RESAMPLES) for mean in sorted(means)]


def _quantile(weighted: Sequence[tuple[float, float]], share: float) -> float:
    """Return the least value below or at which at least a share of the probability lies."""
    so_far = 0.0
    for value, weight in weighted:
        so_far += weight
        if so_far >= share - 1e-12:  # sums of many small shares
            return value
    return weighted[-1][0]
