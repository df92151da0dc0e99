"""Random sweeps as the ledger knows them, for laws that hold for every sweep."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from sweeper.config.models import SweepConfig
from sweeper.model import Goals, Params, Source, SweepHistory, SweepState, TrialRow, TrialState
from sweeper.testing.histories import history_of, record_uid, sweep_row, trial_row, use_row

__all__ = ["CONFIG", "DOCUMENT", "ledgers"]

DOCUMENT: dict[str, Any] = {
    "name": "numbers",
    "objective": "train.py:train",
    "method": "random",
    "metric": {"name": "val_accuracy", "goal": "maximize"},
    "parameters": {
        "lr": {"distribution": "log_uniform_values", "min": 1e-4, "max": 1e-1},
        "layers": {"min": 1, "max": 8},
        "head": {"values": [None, "=1+1", [1, 2], {"a": 1}]},
        "net": {"parameters": {"width": {"distribution": "q_uniform", "min": 8, "max": 64}}},
    },
}
CONFIG = SweepConfig.model_validate(DOCUMENT).resolved_json()

SECONDS = st.floats(0, 1e6)
JOULES = st.one_of(st.none(), st.floats(0, 1e9))
VALUES = st.floats(-1e9, 1e9)
CAUSES = st.sampled_from(["error: ValueError: x", '=HYPERLINK("x")', "pruner: a, b", "a\nb"])
POINTS = st.fixed_dictionaries(
    {"lr": st.floats(1e-4, 1e-1), "layers": st.integers(1, 8)},
    optional={
        "head": st.sampled_from([None, "=1+1", [1, 2], {"a": 1}]),
        "net": st.fixed_dictionaries({"width": st.integers(8, 64)}),
    },
)


@st.composite
def ledgers(draw: st.DrawFn, goals: Goals, *, replicates: bool = True) -> SweepHistory:
    """Draw a sweep of a few trials, of every state and source, with retries.

    Args:
        draw: Hypothesis's.
        goals: What its curves have columns for.
        replicates: Some trials have three trainings.
    """
    rows: list[TrialRow] = []
    uses = []
    for number in range(draw(st.integers(0, 5))):
        params = draw(POINTS)
        if draw(st.booleans()):
            rows.append(_row(draw, goals, number, params, state=TrialState.LOST))
        attempt = rows[-1].id.attempt + 1 if rows and rows[-1].id.number == number else 0
        source = draw(st.sampled_from(Source))
        for replicate in range(draw(st.sampled_from([1, 1, 1, 3])) if replicates else 1):
            first = attempt if replicate == 0 else 0
            rows.append(_row(draw, goals, number, params, first, replicate, source=source))
        if source is not Source.RUN:
            uses.append(use_row(number, draw(JOULES), kind=source, record=record_uid(number)))
    state = draw(st.sampled_from(SweepState))
    overhead_j = draw(JOULES)
    sweep = sweep_row(state=state, overhead_j=overhead_j)
    return history_of(*rows, uses=uses, sweep=replace(sweep, config=CONFIG))


def _row(
    draw: st.DrawFn,
    goals: Goals,
    number: int,
    params: Params,
    attempt: int = 0,
    replicate: int = 0,
    *,
    source: Source = Source.RUN,
    state: TrialState | None = None,
) -> TrialRow:
    width = len(goals.names)
    state = draw(st.sampled_from(TrialState)) if state is None else state
    point = st.tuples(*[VALUES] * width)
    return trial_row(
        number,
        draw(st.lists(point, max_size=3)),
        final=draw(point) if state is TrialState.COMPLETE else (),
        state=state,
        source=source,
        energy=draw(JOULES),
        attempt=attempt,
        replicate=replicate,
        params=params,
        elapsed_s=draw(SECONDS) if state.settled else None,
        record=None if source is Source.RUN else record_uid(number),
        cause=None if state is TrialState.COMPLETE else draw(CAUSES),
    )
