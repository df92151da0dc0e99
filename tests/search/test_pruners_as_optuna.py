"""The rules that bear the names of Optuna's pruners decide as those do."""

from __future__ import annotations

from collections.abc import Callable

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.pruners import (
    BasePruner,
    MedianPruner,
    PatientPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
    ThresholdPruner,
)

from sweeper.model import Direction, TrialState
from sweeper.search.pruners import (
    Judge,
    MedianRule,
    PatienceRule,
    PercentileRule,
    SuccessiveHalvingRule,
    ThresholdRule,
)

PAIRS: dict[str, tuple[Callable[[Direction], Judge], Callable[[], BasePruner]]] = {
    "asha": (
        lambda direction: SuccessiveHalvingRule(1, 2, direction=direction),
        lambda: SuccessiveHalvingPruner(min_resource=1, reduction_factor=2),
    ),
    "asha-late": (
        lambda direction: SuccessiveHalvingRule(2, 3, direction=direction),
        lambda: SuccessiveHalvingPruner(min_resource=2, reduction_factor=3),
    ),
    "median": (
        lambda direction: MedianRule(2, 1, direction=direction),
        lambda: MedianPruner(n_startup_trials=2, n_warmup_steps=1),
    ),
    "percentile": (
        lambda direction: PercentileRule(25.0, 0, 0, direction=direction),
        lambda: PercentilePruner(25.0, n_startup_trials=0),
    ),
    "threshold": (
        lambda direction: ThresholdRule(2.0, 5.0, 1),
        lambda: ThresholdPruner(lower=2.0, upper=5.0, n_warmup_steps=1),
    ),
    "patience": (
        lambda direction: PatienceRule(1, 1.0, None, direction=direction),
        lambda: PatientPruner(None, patience=1, min_delta=1.0),
    ),
}
# Trials in flight together, each a list of reports: how many steps further, and the value.
REPORTS = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 8)), min_size=1, max_size=7)
ROUNDS = st.lists(st.lists(REPORTS, min_size=1, max_size=3), min_size=1, max_size=5)


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("name", PAIRS)
@given(rounds=ROUNDS)
@settings(max_examples=100, deadline=None)
def test_the_decisions_are_those_of_optuna(
    name: str, direction: Direction, rounds: list[list[list[tuple[int, int]]]]
) -> None:
    """Over any histories, each report is answered as Optuna's pruner answers it."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    judge, pruner = PAIRS[name][0](direction), PAIRS[name][1]()
    study = optuna.create_study(direction=direction.value, pruner=pruner)
    for reports in rounds:
        trials = [study.ask() for _ in reports]
        running = {trial.number: (trial, 0) for trial in trials}
        for turn in range(max(map(len, reports))):
            for trial, curve in zip(trials, reports, strict=True):
                if trial.number not in running or turn >= len(curve):
                    continue
                further, value = curve[turn]
                step = running[trial.number][1] + further
                running[trial.number] = (trial, step)
                trial.report(float(value), step)
                verdict = judge.judge(trial.number, step, float(value))
                assert verdict.prune == trial.should_prune()
                if verdict.prune:
                    study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                    judge.end(trial.number, TrialState.PRUNED)
                    del running[trial.number]
        for trial, _ in running.values():
            study.tell(trial, 0.0)
            judge.end(trial.number, TrialState.COMPLETE)
