"""The replay of one search, worked out by hand: joules, seconds, and what the study hears."""

from __future__ import annotations

import math

import pytest

from sweeper.model import Direction, TrialState
from sweeper.replay.play import Played, Rules, play
from tests.replay.grounds import Fixed, Script, straight

# Two steps of 10 J and 1 s each, but for "slow", whose steps take 3 s and 60 J.
TABLE = Fixed(
    {
        "bad": straight(0.9, 0.8),
        "good": straight(0.5, 0.2),
        "best": straight(0.4, 0.1),
        "slow": straight(0.9, 0.7, step_j=60.0, step_s=3.0),
        "lost": straight(0.9, math.nan, 0.1),
    }
)


def rules(target: float = 0.2, **changes: object) -> Rules:
    """Return rules that are content with a value of the target or less."""
    given: dict[str, object] = {
        "direction": Direction.MINIMIZE,
        "succeeds": lambda params: TABLE.quality(params) <= target,
        "budget_j": 1000.0,
        **changes,
    }
    return Rules(**given)  # type: ignore[arg-type]


def played(study: Script, **changes: object) -> Played:
    """Play on the table."""
    return play(study, TABLE, 0, rules(**changes))  # type: ignore[arg-type]


def test_one_worker_adds_up() -> None:
    """Bad 20 J + good 20 J reach the target; slow 120 J counts in the end only."""
    study = Script(["bad", "good", "slow"])
    found = played(study)
    assert found.energy_to_target_j == 40.0
    assert found.time_to_target_s == 4.0
    assert found.energy_j == 160.0
    assert found.elapsed_s == 10.0
    assert (found.trials, found.pruned, found.best) == (3, 0, {"x": "good"})
    assert study.told == [
        (0, TrialState.COMPLETE, (0.8,)),
        (1, TrialState.COMPLETE, (0.2,)),
        (2, TrialState.COMPLETE, (0.7,)),
    ]


def test_trials_in_flight_are_charged_at_the_target() -> None:
    """Two workers: good ends at 2 s with 20 J; slow is then at 2/3 of its first 60 J."""
    found = played(Script(["good", "slow"]), workers=2)
    assert found.energy_to_target_j == pytest.approx(20.0 + 40.0)
    assert found.time_to_target_s == 2.0
    assert found.energy_j == pytest.approx(20.0 + 120.0)
    assert found.elapsed_s == 6.0


def test_it_may_stop_at_the_target() -> None:
    """Nothing is asked after the success."""
    study = Script(["good", "slow"])
    found = played(study, until_success=True)
    assert (found.energy_j, found.trials) == (20.0, 1)
    assert study.ask() is not None


def test_a_pruned_trial_costs_what_it_used() -> None:
    """Bad is stopped after its first step: 10 J, and the study hears so."""
    study = Script(["bad", "good"], stops={(0, 1)})
    found = played(study)
    assert found.energy_to_target_j == 30.0
    assert found.pruned == 1
    assert study.told[0] == (0, TrialState.PRUNED, ())


def test_the_last_report_is_judged_but_not_stopped() -> None:
    """A rule sees the end of a complete trial, and cannot stop it any more."""
    study = Script(["good"], stops={(0, 2)})
    found = played(study)
    assert study.judged == [(0, 1, 0.5), (0, 2, 0.2)]
    assert study.told == [(0, TrialState.COMPLETE, (0.2,))]
    assert found.pruned == 0


def test_a_run_that_diverges_fails_there() -> None:
    """Lost diverges at its second step: 20 J, no value, whatever comes after."""
    study = Script(["lost", "good"])
    found = played(study)
    assert study.told[0] == (0, TrialState.FAILED, ())
    assert found.energy_to_target_j == 40.0


def test_a_repeated_point_costs_once() -> None:
    """The study hears the same value again, at once, and it is no second trial."""
    study = Script(["bad", "bad", "good"])
    found = played(study)
    assert found.energy_to_target_j == 40.0
    assert found.trials == 2
    assert study.told[:2] == [(0, TrialState.COMPLETE, (0.8,)), (1, TrialState.COMPLETE, (0.8,))]


def test_a_repeat_of_what_is_in_flight_waits_for_it() -> None:
    """With two workers the second bad is not trained: good starts in its place."""
    study = Script(["bad", "bad", "good"])
    found = played(study, workers=2)
    assert found.trials == 2
    assert found.energy_j == 40.0
    assert found.elapsed_s == 2.0
    told = {number: values for number, _, values in study.told}
    assert told == {0: (0.8,), 1: (0.8,), 2: (0.2,)}


def test_repeats_may_count_as_trials() -> None:
    """A tool that does not know repetitions uses up its points on them."""
    many = ["bad", "bad", "good", "best"]
    assert played(Script(many), most_trials=2, repeats_count=True).trials == 1
    assert played(Script(many), most_trials=2).trials == 2


def test_nothing_after_the_budget_counts() -> None:
    """Of 30 J bad takes 20, and good the rest with its first step: all ends there."""
    found = played(Script(["bad", "good", "best"]), budget_j=30.0)
    assert found.energy_to_target_j is None
    assert (found.trials, found.energy_j) == (2, 30.0)
    assert found.best == {"x": "bad"}


def test_a_study_that_only_repeats_is_over() -> None:
    """A study that has run dry does not go on forever."""
    found = played(Script(["bad"] * 5000))
    assert found.trials == 1
    assert found.energy_j == 20.0


def test_the_incumbent_is_what_was_seen_not_what_is_true() -> None:
    """A lucky run is picked, and its real worth is what decides."""
    table = Fixed({"lucky": straight(0.1), "good": straight(0.2)}, {"lucky": 0.9, "good": 0.15})
    found = play(
        Script(["lucky", "good"]),
        table,
        0,
        Rules(Direction.MINIMIZE, lambda params: table.quality(params) <= 0.2, 100.0),
    )
    assert found.energy_to_target_j is None
    assert found.best == {"x": "lucky"}


def test_the_orchestrator_pays_for_itself() -> None:
    """Its CPU seconds times its watts are part of what is consumed."""
    found = played(Script(["bad", "good"]), own_w=100.0)
    assert 0.0 < found.own_j < 20.0
    assert found.energy_j == pytest.approx(40.0 + found.own_j)
