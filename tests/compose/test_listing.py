"""A line of ``sweeper ls`` has the figures of ``sweeper show``, though it reads less."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from sweeper.compose.listing import listed_sweeps
from sweeper.compose.reading import view
from sweeper.config.models import SweepConfig
from sweeper.model import SweepHistory, TrialRow
from sweeper.reporting.outcomes import trials_of
from sweeper.store.engine import Store, open_store
from sweeper.store.schema import sweep, trial
from sweeper.store.sweep_list import SweepFilter
from sweeper.store.texts import curve_text, energy_text, final_text
from tests.reporting.random_ledgers import DOCUMENT, ledgers

LOSS = {"name": "val_accuracy", "goal": "minimize"}
CONFIGS: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "minimized": {"metric": LOSS},
    "front": {"metric": None, "metrics": [LOSS, {"name": "size", "goal": "maximize"}]},
    "constrained": {"constraints": ["layers <= 4", "size <= 0"]},
    "replicates": {"trial": {"replicates": 3}},
    "unnamed": {"metric": None},
}


def stored(store: Store, history: SweepHistory, config: str) -> None:
    """Write a sweep as its driver would have left it."""
    row, uid = history.sweep, uuid4()
    with store.write() as connection:
        connection.execute(
            insert(sweep).values(
                uid=uid,
                name=row.name,
                config=config,
                digest=row.digest,
                state=row.state.value,
                stopped_by=row.stopped_by,
                who=row.who,
                host=row.host,
                pid=row.pid,
                proc_id="",
                holder=uid,
                heartbeat_at=row.heartbeat_at,
                overhead_j=row.overhead_j,
                elapsed_s=row.elapsed_s,
                started_at=row.started_at,
                ended_at=row.ended_at,
            )
        )
        rows = [_columns(attempt) | {"sweep_uid": uid, "holder": uid} for attempt in told(history)]
        if rows:
            connection.execute(insert(trial), rows)


def told(history: SweepHistory) -> list[TrialRow]:
    """Let only the last training of a trial tell it, once all have ended, as drivers do."""
    ended = {
        it.replicates[-1].id: 2 * it.number + 1
        for it in trials_of(history)
        if all(row.state.settled for row in it.replicates)
    }
    return [replace(row, told=ended.get(row.id)) for row in history.attempts]


def _columns(row: TrialRow) -> dict[str, Any]:
    return {
        "number": row.id.number,
        "replicate": row.id.replicate,
        "attempt": row.id.attempt,
        "params": json.dumps(row.params),
        "state": row.state.value,
        "asked": row.asked,
        "told": row.told,
        "source": None if row.source is None else row.source.value,
        "steps": row.steps,
        "curve": curve_text(row.curve),
        "final": final_text(row.final),
        "energy_j": row.energy_j,
        "energy": None if row.energy is None else energy_text(row.energy),
        "elapsed_s": row.elapsed_s,
        "cause": row.cause,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for stores."""
    return tmp_path_factory.mktemp("stores")


@pytest.mark.parametrize("kind", CONFIGS)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_list_has_the_figures_of_show(folder: Path, kind: str, data: st.DataObject) -> None:
    """Best trial and value, size of the front, joules and how many are unknown, bit by bit."""
    config = SweepConfig.model_validate({**DOCUMENT, **CONFIGS[kind]})
    history = data.draw(ledgers(config.goals, replicates=kind == "replicates"))
    store = open_store(f"sqlite:///{folder}/{uuid4().hex}.db", env={})
    try:
        stored(store, history, config.resolved_json())
        (listed,) = listed_sweeps(store, SweepFilter())
        summary = view(store, listed.uid).summary
    finally:
        store.close()
    best = None if summary.best is None else (summary.best.number, summary.best.value)
    assert (listed.best and (listed.best.number, listed.best.value)) == best
    assert listed.front == (len(summary.finds.front) if summary.several else None)
    assert listed.spent.energy_j == summary.energy.spent_j
    assert listed.spent.missing == summary.energy.missing
    assert listed.settled == summary.trials.settled
    assert listed.metrics == (() if kind == "unnamed" else _objectives(config))


def _objectives(config: SweepConfig) -> tuple[str, ...]:
    return tuple(metric.name for metric in config.goals.metrics)


def test_thousands_of_sweeps_are_listed_at_once(tmp_path: Path) -> None:
    """Two thousand sweeps of twenty trials take a few seconds, ten of them a moment."""
    store = open_store(f"sqlite:///{tmp_path}/store.db", env={})
    config = SweepConfig.model_validate(DOCUMENT).resolved_json()
    uids = [uuid4() for _ in range(2000)]
    common = {"name": "n", "config": config, "digest": "0" * 64, "state": "complete", "who": "ann"}
    driver = {"host": "h", "pid": 1, "proc_id": "", "heartbeat_at": 0.0, "elapsed_s": 1.0}
    row = {"replicate": 0, "attempt": 0, "params": "{}", "state": "complete", "source": "run"}
    figures = {"final": "[0.5]", "energy_j": 2.0, "started_at": 0.0, "curve": "[]" * 500}
    with store.write() as connection:
        sweeps = [
            {**common, **driver, "uid": uid, "holder": uid, "started_at": float(n)}
            for n, uid in enumerate(uids)
        ]
        connection.execute(insert(sweep), sweeps)
        trials = [
            {**row, **figures, "sweep_uid": uid, "holder": uid, "number": n, "asked": n, "told": n}
            for uid in uids
            for n in range(20)
        ]
        connection.execute(insert(trial), trials)
    began = time.perf_counter()
    every = listed_sweeps(store, SweepFilter())
    whole_s = time.perf_counter() - began
    ten = listed_sweeps(store, SweepFilter(most=10))
    ten_s = time.perf_counter() - began - whole_s
    store.close()
    assert [it.uid for it in ten] == uids[:-11:-1]
    assert every[:10] == ten
    assert all(it.spent.energy_j == 40.0 for it in every)
    assert whole_s < 10  # about one second; a loaded machine gets time
    assert ten_s < 1
