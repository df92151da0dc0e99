"""Nothing is trained twice inside a sweep."""

from __future__ import annotations

from typing import Any

import pytest

from sweeper.expression import Expression
from sweeper.model import (
    Categorical,
    Conditional,
    IntUniform,
    Normal,
    Params,
    Proposal,
    Quantized,
    Space,
    TrialState,
    Uniform,
)
from sweeper.search.build import StudySettings, build_study
from sweeper.search.values import identity
from tests.search.playing import LOSS, SCORE, loss_of

# 6 x 4 x 10 = 240 points
SMALL: Space = {
    "a": IntUniform(1, 6),
    "b": Categorical((0.1, 0.2, None, [1, 2])),
    "c": Quantized(Uniform(0, 0.9), 0.1),
}
SAMPLERS = ["random", "tpe", "cmaes", "nsga2", "qmc"]


def trained(settings: StudySettings, wanted: int, workers: int) -> list[Params]:
    """Train what is no twin until so many trainings have begun; return their params."""
    study = build_study(settings)
    running: list[Proposal] = []
    found: list[Params] = []
    while len(found) < wanted:
        proposal = study.ask()
        assert proposal is not None
        if proposal.twin is None:
            found.append(proposal.params)
            running.append(proposal)
        else:
            study.tell(proposal.number, TrialState.COMPLETE, [loss_of(proposal.params)])
        if len(running) >= workers:
            ended = running.pop(0)
            study.tell(ended.number, TrialState.COMPLETE, [loss_of(ended.params)])
    return found


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_two_hundred_trials_of_240_points_are_all_different(sampler: str, workers: int) -> None:
    """No sampler trains a point twice, however often it proposes it."""
    points = trained(StudySettings(SMALL, LOSS, sampler, seed=0), 200, workers)
    assert len({identity(point) for point in points}) == 200


@pytest.mark.torch
@pytest.mark.parametrize("workers", [1, 4])
def test_nor_does_the_gaussian_process(workers: int) -> None:
    """Most points are drawn at random before the process is fitted, to keep the test short."""
    settings = StudySettings(SMALL, LOSS, "gp", 0, options={"n_startup_trials": 240})
    points = trained(settings, 200, workers)
    assert len({identity(point) for point in points}) == 200


@pytest.mark.parametrize("sampler", ["grid", *SAMPLERS])
def test_a_finite_space_is_explored_exactly(sampler: str) -> None:
    """Every point is asked, each named as a twin when it comes again, and then it is over."""
    space: Space = {"a": IntUniform(1, 6), "b": Categorical((0.1, 0.2, None, [1, 2]))}
    study = build_study(StudySettings(space, SCORE, sampler, seed=0))
    asked: list[Proposal] = []
    while (proposal := study.ask()) is not None:
        study.tell(proposal.number, TrialState.COMPLETE, [float(proposal.params["a"])])
        asked.append(proposal)
    new = [proposal for proposal in asked if proposal.twin is None]
    assert [proposal.number for proposal in asked] == list(range(len(asked)))
    assert len({identity(proposal.params) for proposal in new}) == len(new) == 24
    assert study.ask() is None
    for proposal in asked:
        if proposal.twin is not None:
            assert asked[proposal.twin].params == proposal.params


@pytest.mark.parametrize(
    ("space", "settings", "count"),
    [
        (
            {
                "kind": Categorical(("a", "b")),
                "n": Conditional(Expression("kind == 'a'"), IntUniform(1, 9)),
            },
            {},
            10,
        ),
        (
            {"a": IntUniform(1, 9), "b": IntUniform(1, 9)},
            {"constraints": (Expression("a + b <= 4"),)},
            6,
        ),
        ({"n": IntUniform(1, 30), "seed": Uniform(0, 1)}, {"without": frozenset({"seed"})}, 30),
    ],
    ids=["conditional", "constrained", "ignored"],
)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_so_is_one_with_conditions_or_constraints(
    sampler: str, space: Space, settings: dict[str, Any], count: int
) -> None:
    """Only points that may be asked, and that differ, count; the end is noticed at once."""
    study = build_study(StudySettings(space, LOSS, sampler, 0, **settings))
    is_new: list[bool] = []
    while (proposal := study.ask()) is not None:
        is_new.append(proposal.twin is None)
        study.tell(proposal.number, TrialState.COMPLETE, [loss_of(proposal.params)])
    assert sum(is_new) == count
    assert any(is_new[-2:])


def test_ignored_parameters_do_not_keep_a_finite_space_open() -> None:
    """What makes no difference is drawn once while the rest is explored to its end."""
    settings = StudySettings(
        {"n": IntUniform(1, 3000), "seed": Uniform(0, 1)},
        LOSS,
        "random",
        seed=0,
        without=frozenset({"seed"}),
    )
    study = build_study(settings)
    for number in range(2999):
        study.tell(study.repeat({"n": number + 1, "seed": 0.5}).number, TrialState.FAILED, ())
    last = [proposal for _ in range(30) if (proposal := study.ask()) is not None]
    assert {proposal.params["n"] for proposal in last if proposal.twin is None} == {3000}
    assert study.ask() is None


def test_a_dotted_path_may_not_make_points_different() -> None:
    """What is ignored inside a mapping makes a twin, as it makes the same key."""
    models = ({"depth": 1, "verbose": True}, {"depth": 1, "verbose": False}, {"depth": 2})
    settings = StudySettings(
        {"model": Categorical(models)}, LOSS, "grid", 0, without=frozenset({"model.verbose"})
    )
    study = build_study(settings)
    asked = [study.ask() for _ in range(3)]
    assert [proposal.params["model"]["depth"] for proposal in asked if proposal] == [1, 2]


@pytest.mark.parametrize(("sampler", "longest"), [("tpe", 20), ("cmaes", 20)])
def test_after_a_run_of_twins_an_unexplored_point_is_drawn(sampler: str, longest: int) -> None:
    """A sampler that is stuck on one point cannot stall the sweep."""
    study = build_study(StudySettings({"a": IntUniform(0, 50)}, SCORE, sampler, seed=0))
    streak = seen = 0
    while (proposal := study.ask()) is not None:
        value = 1.0 if proposal.params["a"] == 7 else 0.0
        study.tell(proposal.number, TrialState.COMPLETE, [value])
        streak = 0 if proposal.twin is None else streak + 1
        seen = max(seen, streak)
    assert 0 < seen <= longest


def test_an_endless_space_of_multiples_goes_on() -> None:
    """Where the unexplored have no list, they are drawn as long as chance finds some."""
    space: Space = {"x": Quantized(Normal(0, 3), 1)}
    study = build_study(StudySettings(space, LOSS, "tpe", seed=0))
    new: set[int] = set()
    while len(new) < 15:
        proposal = study.ask()
        assert proposal is not None
        new.add(proposal.params["x"])
        study.tell(proposal.number, TrialState.COMPLETE, [loss_of(proposal.params)])
    assert max(map(abs, new)) > 5
