"""Optuna's asynchronous successive halving. Must not import optuna."""

from __future__ import annotations

import bisect

from sweeper.model import GO_ON, Direction, TrialState, Verdict

__all__ = ["SuccessiveHalvingRule"]


class SuccessiveHalvingRule:
    """Lets the best ``1/eta`` of those that reached a rung go on, once per rung.

    A trial meets rung k with its first report at or after ``min_iter * eta**k``; while fewer than
    ``eta`` trials are at a rung, only the best goes on.

    Source: optuna.pruners.SuccessiveHalvingPruner, and Li et al., A System for Massively Parallel
    Hyperparameter Tuning (MLSys 2020).

    Args:
        min_iter: Step of the first rung.
        eta: A whole number, at least 2.
        direction: Which way the metric gets better.
    """

    def __init__(self, min_iter: int, eta: int, *, direction: Direction) -> None:
        self._min_iter = min_iter
        self._eta = eta
        self._sign = 1.0 if direction is Direction.MINIMIZE else -1.0
        self._ranked: list[list[float]] = []
        self._next_rung: dict[int, int] = {}

    def judge(self, number: int, step: int, value: float) -> Verdict:
        """Decide at each rung that the report passes, until one stops the trial."""
        verdict = GO_ON
        while not verdict.prune:
            rung = self._next_rung.get(number, 0)
            at_step = self._min_iter * self._eta**rung
            if step < at_step:
                break
            self._next_rung[number] = rung + 1
            verdict = self._decide(rung, at_step, value)
        return verdict

    def _decide(self, rung: int, at_step: int, value: float) -> Verdict:
        if rung == len(self._ranked):
            self._ranked.append([])
        ranked = self._ranked[rung]
        bisect.insort(ranked, self._sign * value)
        threshold = ranked[max(len(ranked) // self._eta - 1, 0)]
        return Verdict(
            prune=self._sign * value > threshold,
            rule="asha",
            rung=at_step,
            value=value,
            threshold=self._sign * threshold,
        )

    def end(self, number: int, state: TrialState) -> None:
        """Keep what the trial left at its rungs."""
        self._next_rung.pop(number, None)
