"""A search as Optuna's own study: written, read back by Optuna, and the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import optuna
import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.study import Study
from optuna.trial import TrialState as OptunaState

from sweeper.expression import Expression
from sweeper.model import (
    Beta,
    Categorical,
    Conditional,
    Constant,
    Direction,
    IntUniform,
    LogNormal,
    LogUniform,
    Metric,
    Nested,
    Normal,
    Parameter,
    Params,
    Quantized,
    Space,
    TrialState,
    Uniform,
    Value,
)
from sweeper.search.export import ExportedStudy, ExportedTrial, write_study
from sweeper.search.exported_space import ExportedSpace
from sweeper.search.space import random_point

LOSS = (Metric("loss", Direction.MINIMIZE),)
TWO = (*LOSS, Metric("gain", Direction.MAXIMIZE))
START = 1_767_225_600.0


def written(
    folder: Path,
    *trials: ExportedTrial,
    space: Space | None = None,
    metrics: Sequence[Metric] = LOSS,
    running: bool = False,
    journal: bool = False,
) -> Study:
    """Write a study and let Optuna read it."""
    exported = ExportedStudy(
        name="vit-7f3a",
        space=space or {"x": Uniform(0, 1)},
        metrics=metrics,
        trials=trials,
        running=running,
        attrs={"uid": "7f3a", "spent_j": 7.25, "stopped_by": None},
    )
    file = folder / "study"
    write_study(exported, file, journal=journal)
    storage: Any = f"sqlite:///{file}"
    if journal:
        backend = optuna.storages.journal.JournalFileBackend(str(file))
        storage = optuna.storages.JournalStorage(backend)
    return optuna.load_study(study_name="vit-7f3a", storage=storage)


def trial(
    number: int,
    state: TrialState = TrialState.COMPLETE,
    *values: float,
    params: Params | None = None,
    **more: Any,
) -> ExportedTrial:
    """Return a trial at x = 0.5."""
    point = {"x": 0.5} if params is None else params
    return ExportedTrial(number, point, state, values or None, started_at=START, **more)


@pytest.mark.parametrize("journal", [False, True], ids=["database", "journal"])
def test_a_study_is_read_back_as_it_was(tmp_path: Path, journal: bool) -> None:
    """States, params, values, reports, times and attributes; name, aims and attributes of all."""
    study = written(
        tmp_path,
        trial(0, TrialState.COMPLETE, 1 / 3, ended_at=START + 9.5, attrs={"energy_j": 0.1 + 0.2}),
        trial(1, TrialState.PRUNED, 0.5, reports={1: 0.75, 3: 0.5}, ended_at=START + 1),
        trial(2, TrialState.FAILED, attrs={"cause": "oom: x", "node": None}, ended_at=START + 2),
        journal=journal,
    )
    first, pruned, failed = study.trials
    assert [it.number for it in study.trials] == [0, 1, 2]
    assert [it.state for it in study.trials] == [
        *(OptunaState.COMPLETE, OptunaState.PRUNED, OptunaState.FAIL),
    ]
    assert (first.params, first.value) == ({"x": 0.5}, 1 / 3)
    assert first.distributions == {"x": FloatDistribution(0, 1)}
    assert first.user_attrs == {"energy_j": 0.1 + 0.2}
    assert first.datetime_start == datetime.fromtimestamp(START)
    assert first.duration is not None
    assert first.duration.total_seconds() == 9.5
    assert (pruned.intermediate_values, pruned.value) == ({1: 0.75, 3: 0.5}, 0.5)
    assert (failed.value, failed.user_attrs) == (None, {"cause": "oom: x"})
    assert study.best_trial.number == 0
    assert study.user_attrs == {"uid": "7f3a", "spent_j": 7.25}
    assert study.metric_names == ["loss"]
    assert study.direction is optuna.study.StudyDirection.MINIMIZE


def test_several_objectives(tmp_path: Path) -> None:
    """Every direction and value is there, and reports too, which ``trial.report`` would refuse."""
    study = written(
        tmp_path,
        trial(0, TrialState.COMPLETE, 1.0, 2.0, reports={1: 4.0}),
        trial(1, TrialState.PRUNED, 3.0, 1.0, reports={1: 3.0}),
        metrics=TWO,
    )
    assert [it.name for it in study.directions] == ["MINIMIZE", "MAXIMIZE"]
    assert study.metric_names == ["loss", "gain"]
    assert [it.number for it in study.best_trials] == [0]
    assert study.trials[0].values == [1.0, 2.0]
    assert study.trials[0].intermediate_values == {1: 4.0}
    assert study.trials[1].values is None


@pytest.mark.parametrize(
    ("running", "expected"), [(True, OptunaState.RUNNING), (False, OptunaState.FAIL)]
)
def test_what_has_not_ended(tmp_path: Path, running: bool, expected: OptunaState) -> None:
    """It runs as long as the sweep does; of a sweep that has ended nothing runs."""
    states = (TrialState.RUNNING, TrialState.PARKED, TrialState.LOST)
    trials = [trial(n, state) for n, state in enumerate(states)]
    study = written(tmp_path, *trials, running=running)
    assert {it.state for it in study.trials} == {expected}
    assert {it.datetime_complete is None for it in study.trials} == {running}


def test_a_complete_trial_without_a_value_has_failed(tmp_path: Path) -> None:
    """Optuna has no complete trial without a value."""
    study = written(tmp_path, trial(0, TrialState.COMPLETE), trial(1, TrialState.COMPLETE, 2.0))
    assert [it.state for it in study.trials] == [OptunaState.FAIL, OptunaState.COMPLETE]


def test_numbers_are_kept_where_one_is_missing(tmp_path: Path) -> None:
    """A trial that was asked and has no row yet waits, so that later ones keep their numbers."""
    study = written(tmp_path, trial(1, TrialState.COMPLETE, 2.0), trial(4, TrialState.FAILED))
    states = [it.state for it in study.trials]
    waiting = OptunaState.WAITING
    assert states == [waiting, OptunaState.COMPLETE, waiting, waiting, OptunaState.FAIL]
    assert study.trials[1].value == 2.0


def test_constraints_have_their_place(tmp_path: Path) -> None:
    """Each has its violation; one that cannot be compared is a large number, not NaN."""
    broken = {"loss <= 1": 0.5, "x >= 0": -0.5, "y > 0": float("nan"), "z > 0": float("inf")}
    study = written(tmp_path, trial(0, TrialState.COMPLETE, 1.5, violations=broken))
    assert study.trials[0].constraints == {
        "loss <= 1": 0.5,
        "x >= 0": -0.5,
        "y > 0": 1e300,
        "z > 0": 1e300,
    }


WHEN = Expression("kind == 'a'")
LAWS: list[tuple[Parameter, list[Value], BaseDistribution]] = [
    (Uniform(0, 1), [0.25], FloatDistribution(0, 1)),
    (LogUniform(1e-4, 1e-1), [1e-4], FloatDistribution(1e-4, 1e-1, log=True)),
    (IntUniform(2, 9), [2, 9], IntDistribution(2, 9)),
    (Quantized(Uniform(0, 1), 0.25), [0.25, 1.0], FloatDistribution(0, 1, step=0.25)),
    (Quantized(Uniform(8, 64), 8), [8, 64], IntDistribution(8, 64, step=8)),
    (Quantized(LogUniform(1, 64), 1), [1, 60], IntDistribution(1, 64, log=True)),
    (Quantized(Uniform(3, 10), 4), [4, 8], IntDistribution(4, 8, step=4)),
    (Categorical(("a", "b")), ["b"], CategoricalDistribution(("a", "b"))),
    (Categorical((None, True)), [None, True], CategoricalDistribution((None, True))),
    (Categorical((0.5, 2), weights=(0.1, 0.9)), [2], CategoricalDistribution((0.5, 2))),
    (Constant(3), [3], CategoricalDistribution((3,))),
    (Beta(2, 2), [0.5], FloatDistribution(0, 1)),
]


@pytest.mark.parametrize(("parameter", "values", "expected"), LAWS)
def test_values_stand_on_the_scale_that_users_know(
    parameter: Parameter, values: list[Value], expected: BaseDistribution
) -> None:
    """Not as indices, counts or quantiles, which is how a study keeps them."""
    points = [{"p": value} for value in values]
    space = ExportedSpace({"p": parameter}, points)
    assert [space.named(point)["p"] for point in points] == [(it, expected) for it in values]


@pytest.mark.parametrize(
    ("law", "log"),
    [(Normal(0.0, 1.0), False), (LogNormal(0.0, 1.0), True), (Quantized(Normal(0, 1), 1), False)],
)
def test_an_unbounded_law_reaches_as_far_as_it_draws(law: Parameter, log: bool) -> None:
    """Seven standard deviations, and further where a person put a point there."""
    usual = _distribution(law, 1)
    wide = _distribution(law, 1_000_000)
    assert usual.log is wide.log is log
    assert usual.high < 2000
    assert wide.high == 1_000_000


def _distribution(law: Parameter, value: Value) -> FloatDistribution | IntDistribution:
    _, found = ExportedSpace({"p": law}, [{"p": value}]).named({"p": value})["p"]
    assert isinstance(found, FloatDistribution | IntDistribution)
    return found


@pytest.mark.parametrize(
    "values",
    [([1, 2], {"a": 1}), (1, True), (0, 0.0), ("1", [1], "[1]")],
    ids=["lists", "true-and-one", "zeros", "text-like-a-list"],
)
def test_what_optuna_cannot_hold_becomes_its_json(values: tuple[Value, ...]) -> None:
    """Lists, mappings, and values that Optuna takes for equal: all choices are texts then."""
    points = [{"p": value} for value in values]
    space = ExportedSpace({"p": Categorical(values)}, points)
    texts = tuple(json.dumps(value) for value in values)
    for point, text in zip(points, texts, strict=True):
        assert space.named(point)["p"] == (text, CategoricalDistribution(texts))
    assert len(set(texts)) == len(values)


@pytest.mark.parametrize(
    ("parameter", "values"),
    [
        (Uniform(0, 1), (0.5, 7.0)),
        (IntUniform(0, 2**60), (2**60 - 1, 1)),
        (Categorical(("a",)), ("a", "b")),
        (None, (3, "x")),
    ],
    ids=["out-of-range", "no-float", "another-choice", "no-parameter"],
)
def test_a_foreign_value_makes_a_choice_of_what_is_there(
    parameter: Parameter | None, values: tuple[Value, ...]
) -> None:
    """Nothing is bent into a range that it is not in."""
    space: Space = {"q": Uniform(0, 1)} if parameter is None else {"p": parameter}
    points = [{"p": value} for value in values]
    exported = ExportedSpace(space, points)
    for point in points:
        assert exported.named(point)["p"] == (point["p"], CategoricalDistribution(values))


def test_nested_and_conditional_params(tmp_path: Path) -> None:
    """Names are dotted paths, a mapping that is a choice is one param, what is inactive absent."""
    space: Space = {
        "kind": Categorical(("a", "b")),
        "net": Nested({"width": IntUniform(1, 8)}),
        "rate": Conditional(WHEN, LogUniform(0.1, 1.0)),
        "aug": Categorical(({"flip": True}, {"flip": False})),
    }
    points: list[Params] = [
        {"kind": "a", "net": {"width": 4}, "rate": 0.5, "aug": {"flip": True}},
        {"kind": "b", "net": {"width": 2}, "aug": {"flip": False}},
    ]
    trials = [trial(n, TrialState.COMPLETE, 1.0, params=it) for n, it in enumerate(points)]
    study = written(tmp_path, *trials, space=space)
    assert [it.params for it in study.trials] == [
        {"kind": "a", "net.width": 4, "rate": 0.5, "aug": '{"flip": true}'},
        {"kind": "b", "net.width": 2, "aug": '{"flip": false}'},
    ]


def test_random_points_of_every_law_go_through_the_database(tmp_path: Path) -> None:
    """Whatever a space draws, Optuna accepts it and gives it back bit by bit."""
    space: Space = {f"p{n}": parameter for n, (parameter, _, _) in enumerate(LAWS)}
    space = {**space, "n": Normal(0, 3), "l": LogNormal(0, 9), "q": Quantized(LogNormal(0, 1), 0.5)}
    random = Random(0)
    points = [random_point(space, random) for _ in range(40)]
    trials = [trial(n, TrialState.COMPLETE, 1.0, params=it) for n, it in enumerate(points)]
    study = written(tmp_path, *trials, space=space)
    assert [it.params for it in study.trials] == points


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    """A question mark or a percent sign is no part of a URL."""
    folder = tmp_path / "a?b %20 c"
    folder.mkdir()
    exported = ExportedStudy("s", {}, LOSS, [], running=False, attrs={})
    write_study(exported, folder / "x.db", journal=False)
    assert [file.name for file in folder.iterdir()] == ["x.db"]
