"""Who should stop early, and why.

Owns: W&B's hyperband rule (a pure function of the reports), and the explanation of what Optuna's
own pruners decide. A judge sees every report of every trial, replayed ones too.
"""

from __future__ import annotations

import bisect
import statistics
from collections.abc import Iterator
from typing import Protocol

from optuna.pruners import BasePruner, MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.trial import FrozenTrial, Trial, TrialState

from sweeper.model import GO_ON, Direction, Verdict

__all__ = [
    "HyperbandRule",
    "Judge",
    "MedianRule",
    "NeverPrune",
    "SuccessiveHalvingRule",
    "bands_from_max",
    "bands_from_min",
]

_BANDS = 100  # W&B looks at k = 0..99


class Judge(Protocol):
    """Judges reports; each one is in Optuna's study already, whose pruner is ``pruner``."""

    @property
    def pruner(self) -> BasePruner:
        """Return what the study is created with; explicit, since Optuna's default is the median."""

    def judge(self, trial: Trial, step: int, value: float) -> Verdict:
        """Say whether the trial should stop after ``value`` at ``step``, and why."""


class NeverPrune:
    """Lets every trial train to its end."""

    pruner: BasePruner = NopPruner()

    def judge(self, trial: Trial, step: int, value: float) -> Verdict:
        """Say "go on"."""
        return GO_ON


def bands_from_min(min_iter: int, eta: float) -> tuple[int, ...]:
    """Return W&B's bands ``int(min_iter * eta**k)``, ascending, without repetition."""

    def grow() -> Iterator[int]:
        for k in range(_BANDS):
            band = min_iter * eta**k
            if band > 2**62:
                return
            yield int(band)

    return tuple(sorted(set(grow())))


def bands_from_max(max_iter: int, s: int, eta: float) -> tuple[int, ...]:
    """Return W&B's bands ``int(max_iter / eta**k)``, k = 1..s, without those below 1."""
    bands, band = set(), float(max_iter)
    for _ in range(s):
        band /= eta
        if band < 1:
            break
        bands.add(int(band))
    return tuple(sorted(bands))


class HyperbandRule:
    """W&B's ``early_terminate: hyperband``: asynchronous halving with one bracket.

    A trial reaches a band with its first report at or after that step. At each report it is held,
    at the largest band it has reached, against the values of all trials that reached that band,
    ended ones included: it stops when it is worse than the best ``1/eta`` of them.

    Source: wandb/sweeps, ``hyperband_stopping.py``; the step is the reported one.

    Args:
        bands: Ascending steps.
        eta: Keep the best ``1/eta``.
        strict: Judge the value at the band; otherwise the best so far.
        direction: Which way the metric gets better.
    """

    def __init__(
        self, bands: tuple[int, ...], eta: float, *, strict: bool, direction: Direction
    ) -> None:
        self.pruner: BasePruner = NopPruner()
        self._bands = bands
        self._eta = eta
        self._strict = strict
        self._sign = 1.0 if direction is Direction.MINIMIZE else -1.0
        self._at_band: dict[int, dict[int, float]] = {band: {} for band in bands}
        self._ranked: dict[int, list[float]] = {band: [] for band in bands}
        self._best: dict[int, float] = {}

    def judge(self, trial: Trial, step: int, value: float) -> Verdict:
        """Note the report and hold the trial against the others at its largest band."""
        number, loss = trial.number, self._sign * value
        self._best[number] = min(loss, self._best.get(number, loss))
        reached = [band for band in self._bands if band <= step]
        for band in reached:
            if number not in self._at_band[band]:
                self._at_band[band][number] = loss
                bisect.insort(self._ranked[band], loss)
        if not reached:
            return GO_ON
        band = reached[-1]
        ranked = self._ranked[band]
        threshold = ranked[int((1 / self._eta) * len(ranked))]
        judged = self._at_band[band][number] if self._strict else self._best[number]
        return Verdict(
            prune=judged > threshold,
            rule="hyperband",
            rung=band,
            value=self._sign * judged,
            threshold=self._sign * threshold,
        )


class SuccessiveHalvingRule:
    """Optuna's asynchronous successive halving, with its rung and threshold told."""

    _RUNG = "completed_rung_"  # where Optuna keeps a trial's value at rung k

    def __init__(self, min_iter: int, eta: int, *, direction: Direction) -> None:
        self.pruner: BasePruner = SuccessiveHalvingPruner(
            min_resource=min_iter, reduction_factor=eta
        )
        self._min_iter = min_iter
        self._eta = eta
        self._direction = direction

    def judge(self, trial: Trial, step: int, value: float) -> Verdict:
        """Ask Optuna's pruner and name the rung at which it decided."""
        before = self._rungs(_frozen(trial))
        prune = trial.should_prune()
        crossed = self._rungs(_frozen(trial)) - before
        if not crossed:
            return GO_ON
        rung = max(crossed)
        key = f"{self._RUNG}{rung}"
        everybody = (other.system_attrs for other in trial.study.get_trials(deepcopy=False))
        values = sorted(
            (attributes[key] for attributes in everybody if key in attributes),
            reverse=self._direction is Direction.MAXIMIZE,
        )
        return Verdict(
            prune=prune,
            rule="asha",
            rung=self._min_iter * self._eta**rung,
            value=value,
            threshold=values[max(len(values) // self._eta - 1, 0)],
        )

    def _rungs(self, trial: FrozenTrial) -> set[int]:
        keys = (key for key in trial.system_attrs if key.startswith(self._RUNG))
        return {int(key.removeprefix(self._RUNG)) for key in keys}


class MedianRule:
    """Optuna's median pruner, with the median that it used told.

    Args:
        warmup_trials: No pruning before so many trials are complete.
        min_iter: No pruning before this step.
        direction: Which way the metric gets better.
    """

    def __init__(self, warmup_trials: int, min_iter: int, *, direction: Direction) -> None:
        self.pruner: BasePruner = MedianPruner(
            n_startup_trials=warmup_trials, n_warmup_steps=min_iter
        )
        self._direction = direction

    def judge(self, trial: Trial, step: int, value: float) -> Verdict:
        """Ask Optuna's pruner and work out the median it looked at."""
        if not trial.should_prune():
            return GO_ON
        complete = trial.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        values = [
            other.intermediate_values[step]
            for other in complete
            if step in other.intermediate_values
        ]
        own = _frozen(trial).intermediate_values.values()
        best = min(own) if self._direction is Direction.MINIMIZE else max(own)
        return Verdict(
            prune=True,
            rule="median",
            rung=step,
            value=best,
            threshold=statistics.median(values) if values else None,
        )


def _frozen(trial: Trial) -> FrozenTrial:
    return trial.study.get_trials(deepcopy=False)[trial.number]
