"""From a trial in the ledger to a sweep that trains exactly it again."""

from __future__ import annotations

from typing import Any

from sweeper.compose.asking import fallback_seeds
from sweeper.compose.reading import SweepView
from sweeper.compose.sweeps import RunOptions
from sweeper.config.load import LoadedSweep, recalled, restore
from sweeper.config.models import SweepConfig
from sweeper.errors import SweeperError
from sweeper.model import Source, TrialState
from sweeper.reporting.documents import find_trial
from sweeper.reporting.outcomes import TrialView, trials_of

__all__ = ["retraining"]

_BELOW_EVERYTHING = -1.7e308


def retraining(
    seen: SweepView, number: int, *, local: bool, store_url: str | None
) -> tuple[LoadedSweep, RunOptions]:
    """Return a sweep of one trial: the params and seeds of a recorded one, and nothing answered.

    A trial that was stopped early is stopped at the same step; any other is trained to its end.

    Args:
        seen: The sweep that had the trial.
        number: The trial's.
        local: Train in this process.
        store_url: Where the results go.

    Raises:
        SweeperError: If there is no such trial, or it has not ended.
        ConfigError: If the recorded configuration is of another version.
    """
    history, trial = seen.history, find_trial(seen.history, number)
    handle = history.sweep.handle
    if not trial.settled:
        raise SweeperError(f"{handle}/{number} has not ended: it is {trial.state.value}")
    config = restore(history.sweep.config)
    changes: dict[str, Any] = {
        "name": f"{config.name}-retrain",
        "method": "random",
        "sampler": None,
        "scheduler": None,
        "enqueue": [dict(trial.first.params)],
        "grid": None,
        "budget": {"trials": 1},
        "early_terminate": _stop_at(trial, config),
    }
    loaded = recalled(history.sweep.config, changes, f"{handle}/{number}")
    seeds = _seeds(_trained(trial, seen), config)
    return loaded, RunOptions(recache=True, local=local, store_url=store_url, seeds=seeds)


def _stop_at(trial: TrialView, config: SweepConfig) -> dict[str, Any] | None:
    """Return a rule that stops the trial where it was stopped; None: it was not."""
    if trial.state is not TrialState.PRUNED or not trial.first.curve:
        return None
    rule = config.early_terminate
    return {
        "type": "threshold",
        "upper": _BELOW_EVERYTHING,
        "min_iter": trial.first.steps,
        "metric": None if rule is None else rule.metric,
    }


def _trained(trial: TrialView, seen: SweepView) -> TrialView:
    """Return the trial whose training gave a trial its value: of a duplicate its twin."""
    if trial.source is not Source.DUPLICATE:
        return trial
    earlier = (it for it in trials_of(seen.history) if it.first.params == trial.first.params)
    return next((it for it in earlier if it.source is not Source.DUPLICATE), trial)


def _seeds(trial: TrialView, config: SweepConfig) -> tuple[int, ...]:
    """Work out the seed that each replicate of a trial had, or would have had."""
    from sweeper.store.key import seed_of

    key, number = trial.first.config_key, trial.number
    numbers = range(config.trial.replicates)
    if key is None:
        return tuple(fallback_seeds(config)(number, replicate) for replicate in numbers)
    return tuple(seed_of(key, config.trial.seed, replicate) for replicate in numbers)
