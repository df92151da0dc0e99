"""What a sweep will cost, estimated from what records of the same objective have cost.

Owns: the estimate, its interval and its label. Standard library only.

The interval is a percentile bootstrap (B. Efron, "Bootstrap methods: another look at the
jackknife", Annals of Statistics 7, 1979) in two stages: the records are drawn again, because other
ones could have been there, and the coming trainings are drawn from those, because they will differ.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.model import Factors, Value
from sweeper.reporting.physical import physical

__all__ = ["ASSUMPTION", "CONFIDENCE", "CostSample", "Estimate", "Forecast", "forecast"]

CONFIDENCE = 0.90  # two-sided
ASSUMPTION = "the records' mixture of pruned and complete, and hardware"

_RESAMPLES = 1000
_ENOUGH = 3  # records before an interval says anything
_MOST_DRAWS = 300  # per stage and resample: more would only make the interval a little narrower


@dataclass(frozen=True, slots=True)
class CostSample:
    """What one training of the same objective has used.

    Attributes:
        energy_j: Joules; None: unknown.
        elapsed_s: Seconds of training.
        complete: It was not stopped early.
    """

    energy_j: float | None
    elapsed_s: float
    complete: bool


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure that is expected, between two bounds.

    Attributes:
        value: The mean of the records times the number of trainings.
        low: Lower bound of the interval; None: there are too few records for one.
        high: Upper bound.
    """

    value: float
    low: float | None = None
    high: float | None = None

    def times(self, factor: float) -> Estimate:
        """Return the estimate in another unit."""
        low = None if self.low is None else self.low * factor
        high = None if self.high is None else self.high * factor
        return Estimate(self.value * factor, low, high)

    def to_json(self) -> dict[str, Value]:
        """Return value, low and high."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True)
class Forecast:
    """What some trainings will take, if they are like the records.

    Attributes:
        trials: Trainings that it is about.
        workers: How many train at the same time.
        records: How many records it is made from.
        complete: How many of those were not stopped early.
        energy_unknown: How many of those do not know their joules; they count for time only.
        time_s: Seconds until all have ended, with every worker busy.
        energy_j: Joules of the trainings, without overhead; None: no record knows its joules.
        factors: What turns joules into grams and money.
    """

    trials: int
    workers: int
    records: int
    complete: int
    energy_unknown: int
    time_s: Estimate
    energy_j: Estimate | None
    factors: Factors

    @property
    def co2e_g(self) -> Estimate | None:
        """Return grams of CO2e; None: unknown."""
        return None if self.energy_j is None else self.energy_j.times(self.factors.co2e_g(1.0) or 0)

    @property
    def cost(self) -> Estimate | None:
        """Return the price; None: unknown."""
        per_j = self.factors.cost(1.0)
        return None if self.energy_j is None or per_j is None else self.energy_j.times(per_j)

    def to_json(self) -> dict[str, Value]:
        """Return the object ``forecast`` of ``sweeper plan --json``."""
        figures = {
            "time_s": self.time_s,
            "energy_j": self.energy_j,
            "co2e_g": self.co2e_g,
            "cost": self.cost,
        }
        return {
            "trials": self.trials,
            "workers": self.workers,
            "records": self.records,
            "complete": self.complete,
            "energy_unknown": self.energy_unknown,
            "confidence": CONFIDENCE,
            "assumes": ASSUMPTION,
            **{name: None if it is None else it.to_json() for name, it in figures.items()},
            "currency": self.factors.currency,
        }


def forecast(
    samples: Sequence[CostSample], *, trials: int, workers: int, factors: Factors, seed: int = 0
) -> Forecast | None:
    """Estimate what some trainings will take.

    Args:
        samples: What records of the same objective have used.
        trials: Trainings that are to come, >= 0.
        workers: How many train at the same time, >= 1.
        factors: From joules to grams and money.
        seed: Of the resampling; the same seed gives the same interval.

    Returns:
        None if there is no record. With fewer than three there is no interval.
    """
    usable = [sample for sample in samples if physical(sample.elapsed_s) is not None]
    if not usable:
        return None
    energies = [j for sample in usable if (j := physical(sample.energy_j)) is not None]
    busy = max(1, min(workers, trials))
    generator = random.Random(seed)
    time_s = _total([sample.elapsed_s for sample in usable], trials, generator).times(1 / busy)
    return Forecast(
        trials=trials,
        workers=workers,
        records=len(usable),
        complete=sum(sample.complete for sample in usable),
        energy_unknown=len(usable) - len(energies),
        time_s=time_s,
        energy_j=_total(energies, trials, generator) if energies else None,
        factors=factors,
    )


def _total(values: Sequence[float], trials: int, generator: random.Random) -> Estimate:
    """Estimate the sum of some values that are like the given ones."""
    value = statistics.fmean(values) * trials
    if len(values) < _ENOUGH or trials == 0:
        return Estimate(value)
    draws = min(trials, _MOST_DRAWS)
    totals = []
    for _ in range(_RESAMPLES):
        records = generator.choices(values, k=min(len(values), _MOST_DRAWS))
        totals.append(statistics.fmean(generator.choices(records, k=draws)) * trials)
    totals.sort()
    tail = round((1 - CONFIDENCE) / 2 * _RESAMPLES)
    # The mean of few and very uneven records may lie outside the percentiles.
    return Estimate(value, min(value, totals[tail]), max(value, totals[-1 - tail]))
