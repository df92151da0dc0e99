"""The study: numbering, planned points, constraints, and what Optuna is told."""

from __future__ import annotations

import math
from typing import Any

import optuna
import pytest

from sweeper.errors import SpaceError
from sweeper.expression import Expression
from sweeper.model import (
    GO_ON,
    Categorical,
    Conditional,
    Constant,
    Goals,
    Impute,
    IntUniform,
    LogUniform,
    Metric,
    Nested,
    Normal,
    Params,
    Space,
    TrialState,
    Uniform,
)
from sweeper.search.build import StudySettings, build_study
from sweeper.search.drawing import ask_seed
from sweeper.search.optuna_study import OptunaStudy
from sweeper.search.pruners import HyperbandRule, MedianRule
from tests.search.playing import LOSS, SCORE, TWO, Sweep, loss_of

OPEN: Space = {
    "lr": LogUniform(1e-4, 1e-1),
    "n": IntUniform(1, 8),
    "kind": Categorical(("a", None, [1])),
    "x": Uniform(-1, 1),
}
SAMPLERS = ["random", "tpe", "cmaes", "nsga2", "qmc"]
COMPLETE, PRUNED, FAILED = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAILED


def study_of(sampler: str, space: Space = OPEN, goals: Goals = LOSS, **more: Any) -> OptunaStudy:
    """Build a study."""
    return build_study(StudySettings(space, goals, sampler, 0, **more))


def told(study: OptunaStudy) -> list[optuna.trial.FrozenTrial]:
    """Return what Optuna knows."""
    return study._proposer.study.get_trials(deepcopy=False)


def ask(study: OptunaStudy) -> Params:
    """Ask for a point that there must be, and leave the trial open."""
    proposal = study.ask()
    assert proposal is not None
    return proposal.params


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_numbers_have_no_gaps_and_are_optunas(sampler: str, workers: int) -> None:
    """Draws that break a constraint, twins and unexplored points leave no number out."""
    settings = StudySettings(
        {"a": IntUniform(1, 9), "b": IntUniform(1, 9)},
        LOSS,
        sampler,
        0,
        constraints=(Expression("a + b < 7"),),
    )
    sweep = Sweep(settings, workers).run(40)
    numbers = [proposal.number for proposal in sweep.proposals]
    assert numbers == list(range(len(numbers)))
    assert [trial.number for trial in told(sweep.study)] == numbers


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_no_proposal_breaks_a_constraint(sampler: str) -> None:
    """However narrow the allowed part is, nothing outside it is proposed."""
    space: Space = {"x": Uniform(0, 1), "g": Nested({"y": Uniform(0, 1), "k": IntUniform(0, 9)})}
    constraints = (Expression("x + g.y < 0.1"), Expression("g.k % 2 == 0"))
    settings = StudySettings(space, LOSS, sampler, 0, constraints=constraints)
    proposals = Sweep(settings).run(30).proposals
    assert len(proposals) == 30
    for proposal in proposals:
        assert proposal.params["x"] + proposal.params["g"]["y"] < 0.1
        assert proposal.params["g"]["k"] % 2 == 0


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_single_point_in_a_large_list_is_found(sampler: str) -> None:
    """What chance does not find is looked for in the list of a finite space."""
    space: Space = {"a": IntUniform(1, 300), "b": IntUniform(1, 300)}
    study = study_of(sampler, space, constraints=(Expression("a == 77 and b == 212"),))
    assert ask(study) == {"a": 77, "b": 212}


@pytest.mark.parametrize("sampler", ["grid", *SAMPLERS])
def test_constraints_that_nothing_satisfies_are_told_at_the_first_ask(sampler: str) -> None:
    """The error names the constraints instead of asking for ever."""
    study = study_of(sampler, {"a": IntUniform(1, 5)}, constraints=(Expression("a > 5"),))
    with pytest.raises(SpaceError, match=r"constraints\[0\]: no point was found .*\(a > 5\)"):
        study.ask()


def test_a_narrow_space_that_is_not_found_again_ends_the_sweep() -> None:
    """Where one point was found before, not finding another is the end, not an error."""
    space: Space = {"x": Uniform(0, 1), "y": Uniform(0, 1)}
    narrow = (Expression("x == 0.5 and y == 0.5"),)
    study = study_of("random", space, constraints=narrow, enqueue=({"x": 0.5, "y": 0.5},))
    asked = 0
    while (proposal := study.ask()) is not None:
        asked += 1
        assert proposal.params == {"x": 0.5, "y": 0.5}
        study.tell(proposal.number, COMPLETE, [1.0])
    assert asked == 21


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_points_to_try_first_come_first(sampler: str) -> None:
    """They come in order, each once, in the types of their parameters, constants filled in."""
    space: Space = {
        "kind": Categorical(("a", "b")),
        "x": Conditional(Expression("kind == 'a'"), Uniform(0, 2)),
        "fixed": Constant(7),
    }
    points: tuple[Params, ...] = ({"kind": "a", "x": 1}, {"kind": "b"}, {"kind": "b", "fixed": 7})
    study = study_of(sampler, space, enqueue=points)
    assert [repr(ask(study)) for _ in range(2)] == [
        "{'fixed': 7, 'kind': 'a', 'x': 1.0}",
        "{'fixed': 7, 'kind': 'b'}",
    ]
    assert study.ask() is not None


@pytest.mark.parametrize("sampler", ["grid", *SAMPLERS])
def test_a_sampler_completes_what_a_person_began(sampler: str) -> None:
    """A point to try first may name some parameters; the others are drawn as ever, twice alike."""
    space: Space = {
        "a": IntUniform(1, 3),
        "b": IntUniform(1, 50),
        "x": Conditional(Expression("a == 2"), IntUniform(1, 4)),
    }

    def first_two() -> list[Params]:
        study = study_of(sampler, space, enqueue=({"a": 2}, {"b": 7, "x": 3, "a": 2}))
        return [dict(ask(study)) for _ in range(2)]

    first, second = first_two()
    assert first["a"] == 2
    assert set(first) == {"a", "b", "x"}
    assert second == {"a": 2, "b": 7, "x": 3}
    assert first_two() == [first, second]


def test_a_grid_tries_them_first_too() -> None:
    """The rest of the grid follows in its order."""
    study = study_of("grid", {"n": IntUniform(1, 4)}, enqueue=({"n": 3},))
    assert [ask(study)["n"] for _ in range(4)] == [3, 1, 2, 4]
    assert study.ask() is None


@pytest.mark.parametrize(
    ("sampler", "point", "message"),
    [
        ("random", {"n": 9, "x": 0.5}, r"enqueue\[1\]\.n: 9 is not in the space"),
        ("random", {"n": 3, "y": 1}, r"enqueue\[1\]\.y: is there only when n > 3; give that"),
        ("random", {"n": 3, "x": 0.5, "z": 1}, r"enqueue\[1\]\.z: is no parameter"),
        ("random", {"n": 1, "x": 0.5}, r"enqueue\[1\]: no such point .*: n > 1"),
    ],
    ids=["range", "inactive", "unknown", "constraint"],
)
def test_points_that_may_not_be_asked_are_refused(
    sampler: str, point: Params, message: str
) -> None:
    """The error says which point and why."""
    inactive = Conditional(Expression("n > 3"), IntUniform(1, 2))
    space: Space = {"n": IntUniform(1, 4), "x": Uniform(0, 1), "y": inactive}
    with pytest.raises(SpaceError, match=message):
        study_of(
            sampler,
            space,
            enqueue=({"n": 2, "x": 0.1}, point),
            constraints=(Expression("n > 1"),),
        )


def test_a_constraint_over_no_parameter_is_refused() -> None:
    """A name that is nowhere would never hold; the error says which constraint has it."""
    with pytest.raises(SpaceError, match=r"constraints\[1\]: names 'm', which is no parameter"):
        study_of(
            "tpe", {"n": IntUniform(1, 4)}, constraints=(Expression("n > 1"), Expression("m > 1"))
        )


@pytest.mark.parametrize("sampler", [*SAMPLERS, "grid"])
def test_a_space_of_constants_is_one_point(sampler: str) -> None:
    """Where nothing varies there is one trial."""
    study = study_of(sampler, {"a": Constant(1), "g": Nested({"b": Constant([2])})})
    assert ask(study) == {"a": 1, "g": {"b": [2]}}
    assert study.ask() is None


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


def test_a_grid_keeps_to_its_constraints() -> None:
    """Points that break one are left out, the others keep their order."""
    study = study_of(
        "grid",
        {"a": IntUniform(1, 3), "b": IntUniform(1, 3)},
        constraints=(Expression("a < b"),),
    )
    assert [tuple(ask(study).values()) for _ in range(3)] == [(1, 2), (1, 3), (2, 3)]
    assert study.ask() is None


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_inactive_parameters_are_absent(sampler: str) -> None:
    """The objective gets a parameter exactly when its conditions hold."""
    space: Space = {
        "layers": IntUniform(1, 3),
        "more": Conditional(
            Expression("layers > 1"),
            Nested(
                {
                    "second": IntUniform(4, 6),
                    "third": Conditional(Expression("layers > 2"), Normal(0, 1)),
                }
            ),
        ),
    }
    proposals = Sweep(StudySettings(space, LOSS, sampler, 0), ends_early=True).run(40).proposals
    shapes = {1: set(), 2: {"second"}, 3: {"second", "third"}}
    assert {proposal.params["layers"] for proposal in proposals} == {1, 2, 3}
    for proposal in proposals:
        layers = proposal.params["layers"]
        assert set(proposal.params.get("more", {})) == shapes[layers]
        assert ("more" in proposal.params) == (layers > 1)


def test_values_that_are_not_finite_never_reach_optuna() -> None:
    """A complete trial with NaN is told as failed instead of poisoning the sampler."""
    study = study_of("tpe")
    for value in (math.nan, math.inf):
        proposal = study.ask()
        assert proposal is not None
        study.tell(proposal.number, COMPLETE, [value])
    assert study.ask() is not None
    assert [trial.state.name for trial in told(study)] == ["FAIL", "FAIL", "RUNNING"]


@pytest.mark.parametrize("goals", [LOSS, TWO], ids=["one", "two"])
def test_a_rule_judges_with_any_number_of_objectives(goals: Goals) -> None:
    """Optuna refuses reports beside several objectives; the rule does not ask it."""
    judge = HyperbandRule((1,), 3, strict=True, direction=goals.first.direction)
    study = study_of("tpe", goals=goals, judge=judge)
    for value, prune in ((1.0, False), (2.0, True)):
        proposal = study.ask()
        assert proposal is not None
        verdict = study.judge(proposal.number, 1, value)
        assert (verdict.prune, verdict.threshold) == (prune, 1.0)
        state = PRUNED if prune else COMPLETE
        study.tell(proposal.number, state, () if prune else [1.0] * len(goals.metrics))
    assert [trial.state.name for trial in told(study)] == ["COMPLETE", "PRUNED"]
    assert [len(trial.intermediate_values) for trial in told(study)] == (
        [1, 1] if goals is LOSS else [0, 0]
    )


def test_the_rule_hears_how_trials_end() -> None:
    """The median is that of completed trials; one that reached no finite value has failed."""
    study = study_of("random", judge=MedianRule(2, 0, direction=LOSS.first.direction))
    ends: tuple[tuple[TrialState, list[float]], ...] = (
        (COMPLETE, [1.0]),
        (FAILED, []),
        (COMPLETE, [math.nan]),
        (PRUNED, []),
        (COMPLETE, [1]),
    )
    for number, (state, values) in enumerate(ends):
        ask(study)
        assert study.judge(number, 1, float(number)).threshold is None
        study.tell(number, state, values)
    ask(study)
    assert study.judge(5, 1, 9.0).threshold == 2.0  # between the reports 0 and 4


def test_a_repeated_step_is_ignored() -> None:
    """A step that is not past the last one changes nothing and prunes nothing."""
    study = study_of(
        "random", judge=HyperbandRule((1,), 3, strict=True, direction=LOSS.first.direction)
    )
    for number in range(2):
        ask(study)
        assert study.judge(number, 1, float(number)).prune == bool(number)
    assert study.judge(1, 1, 2.0) == GO_ON
    assert study.judge(7, 1, 2.0) == GO_ON


@pytest.mark.parametrize("sampler", ["random", "tpe", "nsga2", "qmc"])
@pytest.mark.parametrize("goals", [SCORE, TWO], ids=["one", "two"])
def test_outcome_constraints_work_with_every_end(sampler: str, goals: Goals) -> None:
    """Complete trials carry their violations, others do not, and every sampler goes on."""
    limited = Goals(goals.metrics, goals.names, constraints=(Expression("loss < 1"),) * 2)
    settings = StudySettings(
        OPEN, limited, sampler, 0, options={"population_size": 6} if sampler == "nsga2" else {}
    )
    sweep = Sweep(settings, 4, ends_early=True).run(40)
    counts = {
        (trial.state.name, len(trial.constraints))
        for trial in told(sweep.study)
        if trial.state.is_finished()
    }
    assert counts == {("COMPLETE", 2), ("PRUNED", 0), ("FAIL", 0)}


@pytest.mark.torch
@pytest.mark.parametrize("goals", [SCORE, TWO], ids=["one", "two"])
def test_so_it_is_for_the_gaussian_process(goals: Goals) -> None:
    """It wants as many violations from each complete trial, imputed ones included."""
    metrics = tuple(
        Metric(metric.name, metric.direction, impute=Impute.WORST) for metric in goals.metrics
    )
    limited = Goals(metrics, goals.names, constraints=(Expression("loss < 1"),))
    settings = StudySettings(OPEN, limited, "gp", 0, options={"n_startup_trials": 5})
    assert len(Sweep(settings, 2, ends_early=True).run(12).proposals) == 12


@pytest.mark.parametrize("violation", [math.inf, -math.inf, math.nan], ids=str)
def test_violations_are_told_as_finite_numbers(violation: float) -> None:
    """What cannot be compared is as bad as can be; Optuna adds violations up."""
    limited = Goals(LOSS.metrics, LOSS.names, constraints=(Expression("loss < 1"),))
    study = study_of("tpe", goals=limited)
    ask(study)
    study.tell(0, COMPLETE, [1.0], [violation])
    (kept,) = told(study)[0].constraints.values()
    assert math.isfinite(kept)
    assert (kept > 0) == (violation != -math.inf)


def failed_value(*impute: Impute | None, directions: Goals = TWO) -> list[float] | None:
    """Tell two complete trials and a failed one that had reported 5; return its values."""
    metrics = tuple(
        Metric(metric.name, metric.direction, impute=rule)
        for metric, rule in zip(directions.metrics, impute, strict=True)
    )
    study = study_of("random", goals=Goals(metrics, directions.names))
    for number, values in enumerate(((1.0, 10.0), (2.0, 30.0), ())):
        ask(study)
        study.judge(number, 1, 4.0)
        study.judge(number, 2, 5.0)
        study.tell(number, COMPLETE if values else FAILED, values[: len(impute)])
    kept: list[float] | None = told(study)[2].values
    return kept


@pytest.mark.parametrize(
    ("impute", "expected"),
    [
        ((Impute.WORST, Impute.WORST), [2.0, 10.0]),
        ((Impute.BEST, Impute.BEST), [1.0, 30.0]),
        ((Impute.LATEST, Impute.BEST), [5.0, 30.0]),
        ((Impute.WORST, Impute.LATEST), None),
        ((Impute.WORST, None), None),
        ((None, None), None),
    ],
    ids=str,
)
def test_a_failed_trial_counts_as_its_metric_says(
    impute: tuple[Impute | None, ...], expected: list[float] | None
) -> None:
    """Worst and best are of the complete trials, the latest is the last report; else it failed."""
    assert failed_value(*impute) == expected


@pytest.mark.parametrize("rule", [Impute.WORST, Impute.BEST, Impute.LATEST])
def test_a_failure_of_which_nothing_is_known_is_a_failure(rule: Impute) -> None:
    """Before the first complete trial, and before the first report, there is no value to take."""
    study = study_of("random", goals=Goals.of(Metric("loss", LOSS.first.direction, impute=rule)))
    ask(study)
    study.tell(0, FAILED, ())
    assert told(study)[0].values is None
    assert told(study)[0].state.name == "FAIL"


def test_an_imputed_value_is_no_example_for_the_next() -> None:
    """Only what was reached counts as best or worst."""
    goals = Goals.of(Metric("loss", LOSS.first.direction, impute=Impute.LATEST))
    study = study_of("random", goals=goals)
    assert failed_value(Impute.WORST, directions=LOSS) == [2.0]
    ask(study)
    study.judge(0, 1, 9.0)
    study.tell(0, FAILED, ())
    assert told(study)[0].values == [9.0]


@pytest.mark.parametrize("sampler", ["tpe", "cmaes", "nsga2"])
def test_a_sampler_learns(sampler: str) -> None:
    """The second half of a sweep is better than the first on average."""
    options = {"population_size": 10} if sampler == "nsga2" else {}
    settings = StudySettings(
        {"x": Uniform(-5, 5), "g": Nested({"y": Normal(0, 3)})}, LOSS, sampler, 1, options=options
    )
    losses = [loss_of(proposal.params) for proposal in Sweep(settings).run(80).proposals]
    assert sum(losses[40:]) < sum(losses[:40])


@pytest.mark.parametrize("options", [{}, {"group": True}], ids=["plain", "group"])
def test_what_a_sampler_notes_for_other_workers_is_taken_back(options: dict[str, bool]) -> None:
    """It may be of a refused draw or of parameters that are not there, and nobody repeats it."""
    space: Space = {
        "n": IntUniform(1, 9),
        "x": Uniform(0, 1),
        "y": Conditional(Expression("n > 4"), Uniform(0, 1)),
    }
    constraints = (Expression("x < 0.5"),)
    settings = StudySettings(space, LOSS, "tpe", 0, options=options, constraints=constraints)
    for trial in told(Sweep(settings, 4).run(30).study):
        assert not any(value for key, value in trial.system_attrs.items() if "relative" in key)


def test_cma_es_does_not_learn_from_points_that_it_did_not_draw() -> None:
    """A point that was given stays out of its generations; one that it drew belongs to them."""
    space: Space = {"x": Uniform(0, 1), "y": Uniform(0, 1)}
    sweep = Sweep(StudySettings(space, LOSS, "cmaes", 0)).run(8)
    study, _ = sweep.rebuilt(7)
    again = study.repeat(sweep.proposals[7].params)
    study.tell(again.number, COMPLETE, [1.0])
    given = study.repeat({"x": 0.25, "y": 0.75})
    generations = [trial.system_attrs["cma:generation"] for trial in told(study)[-2:]]
    assert generations[0] >= 0
    assert generations[1] == -1
    assert given.params == {"x": 0.25, "y": 0.75}


def test_ask_seeds_are_pinned() -> None:
    """The seed of an ask must never change: resuming stands on it."""
    assert [ask_seed(0, 0), ask_seed(0, 1), ask_seed(7, 0)] == [
        2816015850,
        1647242660,
        699312976,
    ]
