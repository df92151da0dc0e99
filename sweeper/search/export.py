"""A finished search as a study of Optuna's own, in a file that its tools open.

Owns: how trials are told in Optuna's words. Nothing is computed here: every figure is given.
"""

from __future__ import annotations

import math
import sqlite3
import warnings
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import Study
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from sweeper.model import Metric, Params, Space, TrialState, Value
from sweeper.search.exported_space import ExportedSpace, NamedParams

__all__ = ["ExportedStudy", "ExportedTrial", "write_study"]

_INFINITE = 1e300  # a violation that JSON can still say


@dataclass(frozen=True, slots=True)
class ExportedTrial:
    """A trial, as far as Optuna has a place for it.

    Attributes:
        number: Optuna's is the same.
        values: One per objective; None: one of them is unknown.
        reports: The judged metric by step.
        violations: How far each constraint is violated, by its text; at most 0 where it holds.
        started_at: Seconds since 1970 UTC.
        ended_at: The same; None: it is not known.
        attrs: Its user attributes; what is None is left out.
    """

    number: int
    params: Params
    state: TrialState
    values: tuple[float, ...] | None
    reports: Mapping[int, float] = field(default_factory=dict)
    violations: Mapping[str, float] = field(default_factory=dict)
    started_at: float = 0.0
    ended_at: float | None = None
    attrs: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExportedStudy:
    """A sweep, as far as Optuna has a place for it.

    Attributes:
        name: Of the study.
        metrics: The objectives.
        trials: By number; a number that is left out was asked and has no row yet.
        running: Trials that have not ended may still do so.
        attrs: The study's user attributes; what is None is left out.
    """

    name: str
    space: Space
    metrics: Sequence[Metric]
    trials: Sequence[ExportedTrial]
    running: bool
    attrs: Mapping[str, Value]


def write_study(exported: ExportedStudy, file: Path, *, journal: bool) -> None:
    """Write a study into a file that is not there yet.

    Complete and pruned trials are so in Optuna, failed ones too. What has not ended is running
    while the sweep runs, else failed. A complete trial without a known value is failed, for Optuna
    has none such; its attribute ``state`` tells.

    Args:
        exported: The study.
        file: Where to.
        journal: As Optuna's journal; else as its SQLite database.

    Raises:
        OSError: If the file cannot be written.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        if journal:
            _fill(JournalStorage(JournalFileBackend(str(file))), exported)
            return
        with closing(_connection(file)) as connection:
            storage = RDBStorage("sqlite://", engine_kwargs={"creator": lambda: connection})
            try:
                _fill(storage, exported)
            except (sqlite3.Error, StorageInternalError) as error:  # such as a full disk
                raise OSError(f"SQLite: {error.__cause__ or error}") from error
            finally:
                storage.remove_session()
                storage.engine.dispose()


def _connection(file: Path) -> sqlite3.Connection:
    """Open the database; a path in a URL could be misread."""
    file.touch(exist_ok=False)
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA synchronous = OFF")  # a file that is not whole is thrown away
    connection.execute("PRAGMA journal_mode = MEMORY")
    return connection


def _fill(storage: BaseStorage, exported: ExportedStudy) -> None:
    study = optuna.create_study(
        storage=storage,
        study_name=exported.name,
        directions=[metric.direction.value for metric in exported.metrics],
    )
    study.set_metric_names([metric.name for metric in exported.metrics])
    for name, value in exported.attrs.items():
        if value is not None:
            study.set_user_attr(name, value)
    space = ExportedSpace(exported.space, [trial.params for trial in exported.trials])
    told = 0
    for trial in exported.trials:
        _wait(study, trial.number - told)
        study.add_trial(_frozen(trial, space.named(trial.params), exported))
        told = trial.number + 1


def _wait(study: Study, count: int) -> None:
    """Add trials that were asked and have no row yet, so that later ones keep their numbers."""
    for _ in range(count):
        study.add_trial(_trial(OptunaState.WAITING, {}))


def _frozen(trial: ExportedTrial, named: NamedParams, exported: ExportedStudy) -> FrozenTrial:
    state = _state(trial, running=exported.running)
    started = datetime.fromtimestamp(trial.started_at)  # in local time, as Optuna keeps it
    ended = started if trial.ended_at is None else datetime.fromtimestamp(trial.ended_at)
    # A pruned trial has its last value in Optuna, unless there are several objectives.
    valued = state is OptunaState.COMPLETE or (
        state is OptunaState.PRUNED and len(exported.metrics) == 1
    )
    frozen = _trial(
        state,
        named,
        values=None if not valued or trial.values is None else list(trial.values),
        datetime_start=started,
        datetime_complete=ended if state.is_finished() else None,
        user_attrs={name: value for name, value in trial.attrs.items() if value is not None},
        intermediate_values=dict(trial.reports),
    )
    for text, violation in trial.violations.items():
        limited = _INFINITE if math.isnan(violation) else violation
        frozen.set_constraint(text, max(-_INFINITE, min(limited, _INFINITE)))
    return frozen


def _trial(
    state: OptunaState,
    named: NamedParams,
    *,
    values: list[float] | None = None,
    datetime_start: datetime | None = None,
    datetime_complete: datetime | None = None,
    user_attrs: dict[str, Any] | None = None,
    intermediate_values: dict[int, float] | None = None,
) -> FrozenTrial:
    """Make a trial; the number is the storage's to give."""
    return FrozenTrial(
        number=-1,
        trial_id=-1,
        state=state,
        value=None,
        values=values,
        datetime_start=datetime_start,
        datetime_complete=datetime_complete,
        params={name: value for name, (value, _) in named.items()},
        distributions={name: distribution for name, (_, distribution) in named.items()},
        user_attrs=user_attrs or {},
        system_attrs={},
        intermediate_values=intermediate_values or {},
    )


def _state(trial: ExportedTrial, *, running: bool) -> OptunaState:
    match trial.state:
        case TrialState.COMPLETE:
            return OptunaState.FAIL if trial.values is None else OptunaState.COMPLETE
        case TrialState.PRUNED:
            return OptunaState.PRUNED
        case TrialState.FAILED:
            return OptunaState.FAIL
        case _:
            return OptunaState.RUNNING if running else OptunaState.FAIL
