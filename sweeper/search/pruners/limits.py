"""Rules that look at one trial alone: bounds, and patience. Must not import optuna."""

from __future__ import annotations

from sweeper.model import GO_ON, Direction, TrialState, Verdict
from sweeper.search.pruners.judge import Judge

__all__ = ["PatienceRule", "ThresholdRule"]


class ThresholdRule:
    """Stops a trial whose value leaves a range.

    Source: optuna.pruners.ThresholdPruner.

    Args:
        lower: Values below it stop the trial; None: no bound.
        upper: Values above it stop the trial; None: no bound.
        min_iter: No trial is stopped before this step.
    """

    def __init__(self, lower: float | None, upper: float | None, min_iter: int) -> None:
        self._bounds = [bound for bound in (lower, upper) if bound is not None]
        self._lower = lower
        self._upper = upper
        self._min_iter = min_iter

    def judge(self, number: int, step: int, value: float) -> Verdict:
        """Compare with the bound that is nearest."""
        if step < self._min_iter or not self._bounds:
            return GO_ON
        below = self._lower is not None and value < self._lower
        above = self._upper is not None and value > self._upper
        return Verdict(
            prune=below or above,
            rule="threshold",
            rung=step,
            value=value,
            threshold=min(self._bounds, key=lambda bound: abs(value - bound)),
        )

    def end(self, number: int, state: TrialState) -> None:
        """Need to know nothing."""


class PatienceRule:
    """Stops a trial that has become worse and stayed so, and that another rule gives up too.

    The best of the last ``patience + 1`` reports is held against the best of those before, which
    may be better by ``min_delta``.

    Source: optuna.pruners.PatientPruner. Unlike there, the other rule sees every report, so that
    its books are complete, and its last comparison counts.

    Args:
        patience: So many more reports without a good one are borne, at least 0.
        min_delta: How much worse still counts as good, at least 0.
        then: The rule that must give the trial up as well; None: patience decides alone.
        direction: Which way the metric gets better.
    """

    def __init__(
        self, patience: int, min_delta: float, then: Judge | None, *, direction: Direction
    ) -> None:
        self._patience = patience
        self._min_delta = min_delta
        self._then = then
        self._sign = 1.0 if direction is Direction.MINIMIZE else -1.0
        self._losses: dict[int, list[float]] = {}
        self._said: dict[int, Verdict] = {}

    def judge(self, number: int, step: int, value: float) -> Verdict:
        """Say "stop" when patience is used up and the other rule agrees."""
        own = self._own(number, step, value)
        if self._then is None:
            return own
        said = self._then.judge(number, step, value)
        if said.threshold is not None:
            self._said[number] = said
        return self._said.get(number, GO_ON) if own.prune else own

    def _own(self, number: int, step: int, value: float) -> Verdict:
        losses = self._losses.setdefault(number, [])
        losses.append(self._sign * value)
        before, after = losses[: -self._patience - 1], losses[-self._patience - 1 :]
        if not before:
            return GO_ON
        threshold, best = min(before) + self._min_delta, min(after)
        return Verdict(
            prune=best > threshold,
            rule="patience",
            rung=step,
            value=self._sign * best,
            threshold=self._sign * threshold,
        )

    def end(self, number: int, state: TrialState) -> None:
        """Forget the trial; the other rule may keep it."""
        self._losses.pop(number, None)
        self._said.pop(number, None)
        if self._then is not None:
            self._then.end(number, state)
