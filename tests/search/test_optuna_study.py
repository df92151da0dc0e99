"""The study: numbering, repetition, duplicates, exhaustion."""

from __future__ import annotations

import math

import pytest

from sweeper.model import (
    Categorical,
    Direction,
    IntUniform,
    LogUniform,
    Params,
    Proposal,
    Space,
    TrialState,
    Uniform,
)
from sweeper.search.build import StudySettings, build_study
from sweeper.search.optuna_study import OptunaStudy, ask_seed
from sweeper.search.pruners import Judge, MedianRule, NeverPrune, SuccessiveHalvingRule

OPEN: Space = {
    "lr": LogUniform(1e-4, 1e-1),
    "n": IntUniform(1, 8),
    "kind": Categorical(("a", None, [1])),
    "x": Uniform(-1, 1),
}
FINITE: Space = {"a": IntUniform(1, 6), "b": Categorical((0.1, 0.2, None, [1, 2]))}
MAX = Direction.MAXIMIZE


def study_of(
    sampler: str, space: Space = OPEN, seed: int = 0, judge: Judge | None = None
) -> OptunaStudy:
    """Build a study."""
    settings = StudySettings(space, MAX, sampler, seed, judge=judge or NeverPrune())
    return build_study(settings)


def score(params: Params) -> float:
    """Give a point a value that depends on every parameter of the open space."""
    return float(-abs(math.log10(params["lr"]) + 2) + params["x"] - abs(params["n"] - 4))


def play(study: OptunaStudy, proposal: Proposal) -> tuple[TrialState, int]:
    """Train a trial for up to nine steps; return how and where it ended."""
    for step in range(1, 10):
        value = score(proposal.params) * (1 - 1 / (1 + step))
        if study.judge(proposal.number, step, value).prune:
            study.tell(proposal.number, TrialState.PRUNED, ())
            return TrialState.PRUNED, step
    study.tell(proposal.number, TrialState.COMPLETE, [value])
    return TrialState.COMPLETE, step


def run(study: OptunaStudy, trials: int) -> list[tuple[Params, TrialState, int]]:
    """Run some trials one after the other."""
    seen = []
    for _ in range(trials):
        proposal = study.ask()
        assert proposal is not None
        seen.append((proposal.params, *play(study, proposal)))
    return seen


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_the_sequence_follows_from_the_seed(sampler: str) -> None:
    """The same seed proposes the same points; another seed others."""
    assert run(study_of(sampler), 25) == run(study_of(sampler), 25)
    assert run(study_of(sampler), 25) != run(study_of(sampler, seed=1), 25)


@pytest.mark.parametrize("sampler", ["tpe", "random"])
@pytest.mark.parametrize("cut", [1, 11, 24])
@pytest.mark.parametrize(
    "judge",
    [
        NeverPrune,
        lambda: MedianRule(3, 0, direction=MAX),
        lambda: SuccessiveHalvingRule(1, 3, direction=MAX),
    ],
    ids=["none", "median", "asha"],
)
def test_a_rebuilt_study_goes_on_as_the_uninterrupted_one(
    sampler: str, cut: int, judge: type[Judge]
) -> None:
    """Recorded asks repeated, reports judged again, recorded ends told: the rest is equal."""
    whole = run(study_of(sampler, judge=judge()), 30)
    rebuilt = study_of(sampler, judge=judge())
    for params, state, last in whole[:cut]:
        number = rebuilt.repeat(params).number
        for step in range(1, last + 1):
            value = score(params) * (1 - 1 / (1 + step))
            rebuilt.judge(number, step, value)
        rebuilt.tell(number, state, [value] if state is TrialState.COMPLETE else ())
    assert run(rebuilt, 30 - cut) == whole[cut:]


@pytest.mark.parametrize("sampler", ["tpe", "random", "grid"])
def test_a_finite_space_is_explored_exactly(sampler: str) -> None:
    """Every point is asked, each named as a twin when it comes again, and then it is over."""
    study = study_of(sampler, FINITE)
    new: list[Proposal] = []
    twins: list[Proposal] = []
    while (proposal := study.ask()) is not None:
        study.tell(proposal.number, TrialState.COMPLETE, [float(proposal.params["a"])])
        (new if proposal.twin is None else twins).append(proposal)
    assert len(new) == 24
    assert len({str(proposal.params) for proposal in new}) == 24
    assert study.ask() is None
    for twin in twins:
        assert twin.twin is not None
        original = next(p for p in new if p.number == twin.twin)
        assert original.params == twin.params


def test_ignored_parameters_do_not_keep_a_finite_space_open() -> None:
    """What makes no difference is drawn once while the rest is explored to its end."""
    settings = StudySettings(
        {"n": IntUniform(1, 3000), "seed": Uniform(0, 1)},
        MAX,
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
        {"model": Categorical(models)},
        MAX,
        "grid",
        seed=0,
        without=frozenset({"model.verbose"}),
    )
    study = build_study(settings)
    asked = [study.ask() for _ in range(3)]
    assert [proposal.params["model"]["depth"] for proposal in asked if proposal] == [1, 2]


def test_grid_asks_in_order_without_twins() -> None:
    """The grid is enumerated, not sampled."""
    study = study_of("grid", {"b": IntUniform(1, 2), "a": Categorical(("x", "y"))})
    asked = [study.ask() for _ in range(5)]
    assert [p.params if p else None for p in asked] == [
        {"a": "x", "b": 1},
        {"a": "x", "b": 2},
        {"a": "y", "b": 1},
        {"a": "y", "b": 2},
        None,
    ]


def test_after_twenty_twins_an_unexplored_point_is_drawn() -> None:
    """A sampler that is stuck on one point cannot stall the sweep."""
    study = study_of("tpe", {"a": IntUniform(0, 50)})
    streak = longest = 0
    for _ in range(150):
        proposal = study.ask()
        if proposal is None:
            break
        value = 1.0 if proposal.params["a"] == 7 else 0.0
        study.tell(proposal.number, TrialState.COMPLETE, [value])
        streak = 0 if proposal.twin is None else streak + 1
        longest = max(longest, streak)
    assert longest <= 20


def test_values_that_are_not_finite_never_reach_optuna() -> None:
    """A complete trial with NaN is told as failed instead of poisoning the sampler."""
    study = study_of("tpe")
    first, second = study.ask(), study.ask()
    assert first is not None
    assert second is not None
    study.tell(first.number, TrialState.COMPLETE, [math.nan])
    study.tell(second.number, TrialState.COMPLETE, [math.inf])
    assert study.ask() is not None


def test_ask_seeds_are_pinned() -> None:
    """The seed of an ask must never change: resuming stands on it."""
    assert [ask_seed(0, 0), ask_seed(0, 1), ask_seed(7, 0)] == [
        2816015850,
        1647242660,
        699312976,
    ]
