"""Comparison with completed trials at the same step. Must not import optuna."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sweeper.model import GO_ON, Direction, TrialState, Verdict

__all__ = ["MedianRule", "PercentileRule"]


class PercentileRule:
    """Keeps trials whose best value so far is among the best of the completed ones at this step.

    Source: optuna.pruners.PercentilePruner; nobody is held against trials that were stopped.

    Args:
        percentile: How many in a hundred are good enough.
        warmup_trials: No trial is stopped before so many are complete.
        min_iter: No trial is stopped before this step.
        direction: Which way the metric gets better.
    """

    rule = "percentile"

    def __init__(
        self, percentile: float, warmup_trials: int, min_iter: int, *, direction: Direction
    ) -> None:
        self._percentile = percentile
        self._warmup_trials = warmup_trials
        self._min_iter = min_iter
        self._sign = 1.0 if direction is Direction.MINIMIZE else -1.0
        self._running: dict[int, dict[int, float]] = {}
        self._best: dict[int, float] = {}
        self._at_step: dict[int, list[float]] = {}  # of completed trials
        self._completed = 0

    def judge(self, number: int, step: int, value: float) -> Verdict:
        """Hold the best value so far against the completed trials' values at this step."""
        loss = self._sign * value
        self._running.setdefault(number, {})[step] = loss
        best = self._best[number] = min(loss, self._best.get(number, loss))
        others = self._at_step.get(step)
        if not others or self._completed < self._warmup_trials or step < self._min_iter:
            return GO_ON
        threshold = _percentile(others, self._percentile)
        return Verdict(
            prune=best > threshold,
            rule=self.rule,
            rung=step,
            value=self._sign * best,
            threshold=self._sign * threshold,
        )

    def end(self, number: int, state: TrialState) -> None:
        """Take a completed trial into the comparison, forget any other."""
        self._best.pop(number, None)
        curve = self._running.pop(number, {})
        if state is not TrialState.COMPLETE:
            return
        self._completed += 1
        for step, loss in curve.items():
            self._at_step.setdefault(step, []).append(loss)


class MedianRule(PercentileRule):
    """Keeps trials whose best value so far is not worse than the median.

    Source: optuna.pruners.MedianPruner.

    Args:
        warmup_trials: No trial is stopped before so many are complete.
        min_iter: No trial is stopped before this step.
        direction: Which way the metric gets better.
    """

    rule = "median"

    def __init__(self, warmup_trials: int, min_iter: int, *, direction: Direction) -> None:
        super().__init__(50.0, warmup_trials, min_iter, direction=direction)


def _percentile(values: Sequence[float], percentile: float) -> float:
    """Interpolate linearly between the neighbours, as ``numpy.percentile`` does."""
    ranked = sorted(values)
    place = percentile / 100 * (len(ranked) - 1)
    below = min(math.floor(place), len(ranked) - 1)
    low, high = ranked[below], ranked[min(below + 1, len(ranked) - 1)]
    share = place - below
    # From the nearer end, so that the whole way gives exactly ``high``.
    return low + (high - low) * share if share < 0.5 else high - (high - low) * (1 - share)
