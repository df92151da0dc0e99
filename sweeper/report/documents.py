"""The JSON of the reading commands: lists, one sweep, one trial.

Owns: their keys. Strict JSON: nothing non-finite, unknown is null. Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from uuid import UUID

from sweeper.errors import SweeperError
from sweeper.model import Metric, Source, SweepHistory, SweepState, TrialRow, UseRow, Value
from sweeper.report.accounts import Total, physical, total
from sweeper.report.clean import jsonable
from sweeper.report.outcomes import TrialView, from_store, trials_of, worth
from sweeper.report.summary import Summary

__all__ = ["ListedSweep", "find_trial", "spent_by", "sweep_json", "sweeps_json", "trial_json"]


@dataclass(frozen=True, slots=True)
class ListedSweep:
    """One line of ``sweeper ls``.

    Attributes:
        settled: Trials that have ended.
        started_at: Seconds since 1970 UTC.
    """

    handle: str
    uid: UUID
    state: SweepState
    settled: int
    started_at: float
    who: str
    host: str


def sweeps_json(listings: Iterable[ListedSweep]) -> list[dict[str, Value]]:
    """Return ``sweeper ls --json``."""
    return [
        {
            "sweep": listed.handle,
            "uid": str(listed.uid),
            "state": listed.state.value,
            "settled": listed.settled,
            "started_at": jsonable(listed.started_at),
            "who": listed.who,
            "host": listed.host,
        }
        for listed in listings
    ]


def sweep_json(history: SweepHistory, summary: Summary) -> dict[str, Value]:
    """Return ``sweeper show SWEEP --json``: the summary, who ran it, and ``trial_list``."""
    sweep = history.sweep
    return {
        **summary.to_json(),
        "who": sweep.who,
        "host": sweep.host,
        "started_at": jsonable(sweep.started_at),
        "ended_at": jsonable(sweep.ended_at),
        "trial_list": [_trial(trial, history, summary.metric) for trial in trials_of(history)],
    }


def trial_json(
    history: SweepHistory,
    number: int,
    summary: Summary,
    folder: str,
    files: Mapping[str, tuple[str, ...]],
) -> dict[str, Value]:
    """Return ``sweeper show SWEEP/TRIAL --json``.

    Args:
        history: The sweep's.
        number: The trial's.
        summary: Of the sweep.
        folder: Where the trial's files are.
        files: Last lines by name, as ``read_trial_files`` returns them.

    Raises:
        SweeperError: If the sweep has no such trial.
    """
    trial = find_trial(history, number)
    row = trial.outcome
    return {
        "sweep": summary.handle,
        **_trial(trial, history, summary.metric),
        "curve": [
            {
                "step": point.step,
                "metrics": {summary.metric.name: jsonable(point.values[0])},
                "energy_j": jsonable(point.energy_j),
                "elapsed_s": jsonable(point.elapsed_s),
            }
            for point in row.curve
        ],
        "energy": None if row.energy is None else jsonable(asdict(row.energy)),
        "node": row.node,
        "gpus": list(row.gpus),
        "uncached": row.uncached,
        "record": None if row.record_uid is None else str(row.record_uid),
        "producer": next((_producer(use) for use in history.uses if use.number == number), None),
        "attempts": [_attempt(attempt) for attempt in trial.attempts],
        "folder": folder,
        "files": sorted(files),
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


def _trial(trial: TrialView, history: SweepHistory, metric: Metric) -> dict[str, Value]:
    row = trial.outcome
    score = worth(row.curve, row.final, metric)
    return {
        "number": trial.number,
        "state": row.state.value,
        "source": None if row.source is None else row.source.value,
        "from_cache": from_store(row, history),
        "params": jsonable(row.params),
        "metrics": {} if score is None else {metric.name: jsonable(score.value)},
        "steps": row.steps,
        "spent_j": spent_by(trial).energy_j,
        "energy_j": physical(row.energy_j),
        "elapsed_s": jsonable(row.elapsed_s),
        "cause": row.cause,
    }


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
    }
