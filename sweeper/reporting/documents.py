"""The JSON of the reading commands: one sweep, one trial.

Owns: their keys. Strict JSON: nothing non-finite, unknown is null. Standard library only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sweeper.errors import SweeperError
from sweeper.model import (
    Curve,
    Decision,
    Source,
    SweepHistory,
    TrialRow,
    UseRow,
    Value,
)
from sweeper.reporting.clean import jsonable
from sweeper.reporting.outcomes import TrialView, from_store, trials_of
from sweeper.reporting.physical import Total, physical, total
from sweeper.reporting.summary import Summary
from sweeper.reporting.trial_files import TrialFolder
from sweeper.reporting.utilisation import gpu_use
from sweeper.reporting.whereabouts import whereabouts
from sweeper.reporting.worth import broken, worth_of

__all__ = [
    "course_json",
    "find_trial",
    "spent_by",
    "sweep_json",
    "trial_facts",
    "trial_json",
]


def sweep_json(
    history: SweepHistory,
    summary: Summary,
    *,
    trials: Sequence[TrialView] | None = None,
    curves: bool = False,
) -> dict[str, Value]:
    """Return ``sweeper show SWEEP --json``: the summary, who ran it, and ``trial_list``.

    Args:
        history: The sweep's.
        summary: Of the sweep.
        trials: Which are listed, in their order; None: all.
        curves: Add each trial's curve and decisions, as ``sweeper export`` does.
    """
    sweep = history.sweep
    listed = trials_of(history) if trials is None else trials
    return {
        **summary.to_json(),
        "who": sweep.who,
        "host": sweep.host,
        "started_at": jsonable(sweep.started_at),
        "ended_at": jsonable(sweep.ended_at),
        "best_files": _best_files(history, summary),
        "trial_list": [
            {
                **trial_facts(trial, history, summary),
                **(course_json(trial.first, summary) if curves else {}),
            }
            for trial in listed
        ],
    }


def _best_files(history: SweepHistory, summary: Summary) -> Value:
    """Return where the files of the best trial are; None: there is none, or a front."""
    if summary.best is None:
        return None
    return whereabouts(find_trial(history, summary.best.number), history).to_json()


def trial_json(
    history: SweepHistory,
    number: int,
    summary: Summary,
    folders: Sequence[TrialFolder],
) -> dict[str, Value]:
    """Return ``sweeper show SWEEP/TRIAL --json``.

    Args:
        history: The sweep's.
        number: The trial's.
        summary: Of the sweep.
        folders: Of its replicates, in their order; at least one.

    Raises:
        SweeperError: If the sweep has no such trial.
    """
    trial = find_trial(history, number)
    row, files = trial.first, [_folder(folder) for folder in folders]
    return {
        "sweep": summary.handle,
        **trial_facts(trial, history, summary),
        **course_json(row, summary),
        "energy": None if row.energy is None else jsonable(asdict(row.energy)),
        "node": row.node,
        "gpus": list(row.gpus),
        "record": None if row.record_uid is None else str(row.record_uid),
        "attempts": [_attempt(attempt) for attempt in trial.attempts],
        "trained_files": whereabouts(trial, history).to_json(),
        **files[0],
        **({"folders": files} if len(files) > 1 else {}),
    }


def find_trial(history: SweepHistory, number: int) -> TrialView:
    """Return one trial.

    Raises:
        SweeperError: If the sweep has no such trial.
    """
    for trial in trials_of(history):
        if trial.number == number:
            return trial
    handle, known = history.sweep.handle, len({row.id.number for row in history.attempts})
    raise SweeperError(f"{handle} has no trial {number}: it has {known}, counted from 0")


def spent_by(trial: TrialView) -> Total:
    """Add up what this sweep consumed for a trial, over all its attempts."""
    return total(row.energy_j for row in trial.attempts if row.source is Source.RUN)


def trial_facts(trial: TrialView, history: SweepHistory, summary: Summary) -> dict[str, Value]:
    """Return what lists and pages say of a trial."""
    params, goals = trial.first.params, summary.goals
    worth = worth_of(trial.trainings, goals, summary.factors)
    uses = (_producer(use) for use in history.uses if use.number == trial.number)
    document: dict[str, Value] = {
        "number": trial.number,
        "state": trial.state.value,
        "source": None if trial.source is None else trial.source.value,
        "from_cache": from_store(trial, history),
        "producer": next(uses, None),
        "uncached": trial.first.uncached,
        "params": jsonable(params),
        **({"metrics": {}} if worth is None else worth.to_json()),
        "steps": trial.first.steps,
        "spent_j": spent_by(trial).energy_j,
        "energy_j": physical(trial.energy_j),
        "elapsed_s": jsonable(trial.elapsed_s),
        "cause": trial.cause,
        **gpu_use(trial.replicates).to_json(),
    }
    if goals.constraints and trial.complete and worth is not None:
        document["broken"] = jsonable(broken(worth, params, goals))
    return document


def course_json(row: TrialRow, summary: Summary) -> dict[str, Value]:
    """Return what a training reported, and what early stopping decided."""
    return {
        "curve": _curve(row.curve, summary),
        "decisions": [_decision(decision) for decision in row.decisions],
    }


def _curve(curve: Curve, summary: Summary) -> list[dict[str, Value]]:
    goals, factors = summary.goals, summary.factors
    return [
        {
            "step": point.step,
            "metrics": {
                name: jsonable(value)
                for column, name in enumerate(goals.names)
                if (value := goals.value_at(point, column, factors)) is not None
            },
            "energy_j": jsonable(point.energy_j),
            "elapsed_s": jsonable(point.elapsed_s),
        }
        for point in curve
    ]


def _decision(decision: Decision) -> dict[str, Value]:
    verdict = decision.verdict
    return {
        "step": decision.step,
        "rule": verdict.rule,
        "rung": verdict.rung,
        "value": jsonable(verdict.value),
        "threshold": jsonable(verdict.threshold),
        "verdict": "prune" if verdict.prune else "go_on",
    }


def _folder(folder: TrialFolder) -> dict[str, Value]:
    return {"folder": folder.path, "files": sorted(folder.ends)}


def _attempt(row: TrialRow) -> dict[str, Value]:
    return {
        "replicate": row.id.replicate,
        "attempt": row.id.attempt,
        "state": row.state.value,
        "source": None if row.source is None else row.source.value,
        "steps": row.steps,
        "energy_j": physical(row.energy_j),
        "elapsed_s": jsonable(row.elapsed_s),
        "node": row.node,
        "cause": row.cause,
        "started_at": jsonable(row.started_at),
        "ended_at": jsonable(row.ended_at),
    }


def _producer(use: UseRow) -> dict[str, Value]:
    return {
        "who": use.producer,
        "host": use.producer_host,
        "stored_at": jsonable(use.stored_at),
        "kind": use.kind.value,
        "steps_used": use.steps_used,
        "avoided_j": physical(use.avoided_j),
        "comparable": use.comparable,
        "hardware": jsonable(dict(use.hardware)),
        "trial": use.producer_trial,
        "record": str(use.record_uid),
    }
