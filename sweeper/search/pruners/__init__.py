"""Who should stop early, and why: pure rules over the reports of all trials."""

from sweeper.search.pruners.halving import SuccessiveHalvingRule
from sweeper.search.pruners.hyperband import HyperbandRule, bands_from_max, bands_from_min
from sweeper.search.pruners.judge import Judge, NeverPrune
from sweeper.search.pruners.limits import PatienceRule, ThresholdRule
from sweeper.search.pruners.percentile import MedianRule, PercentileRule

__all__ = [
    "HyperbandRule",
    "Judge",
    "MedianRule",
    "NeverPrune",
    "PatienceRule",
    "PercentileRule",
    "SuccessiveHalvingRule",
    "ThresholdRule",
    "bands_from_max",
    "bands_from_min",
]
