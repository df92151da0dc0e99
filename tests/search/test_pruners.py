"""Early stopping: W&B's hyperband rule, and the words for Optuna's decisions."""

from __future__ import annotations

import pytest

from sweeper.model import Direction, IntUniform, TrialState, Verdict
from sweeper.search.build import StudySettings, build_study
from sweeper.search.optuna_study import OptunaStudy
from sweeper.search.pruners import (
    HyperbandRule,
    Judge,
    MedianRule,
    SuccessiveHalvingRule,
    bands_from_max,
    bands_from_min,
)

MIN, MAX = Direction.MINIMIZE, Direction.MAXIMIZE


def study_with(judge: Judge, direction: Direction = MIN) -> OptunaStudy:
    """Build a random study around a rule."""
    space = {"x": IntUniform(0, 10**6)}
    settings = StudySettings(space, direction, "random", seed=0, judge=judge)
    return build_study(settings)


def play(study: OptunaStudy, curve: dict[int, float]) -> Verdict:
    """Report a whole curve as a new trial; return the verdict that ended it, or the last one."""
    proposal = study.ask()
    assert proposal is not None
    for step, value in curve.items():
        verdict = study.judge(proposal.number, step, value)
        if verdict.prune:
            study.tell(proposal.number, TrialState.PRUNED, ())
            return verdict
    study.tell(proposal.number, TrialState.COMPLETE, [value])
    return verdict


@pytest.mark.parametrize(
    ("bands", "expected"),
    [
        (bands_from_max(27, 2, 3), (3, 9)),
        (bands_from_max(27, 9, 3), (1, 3, 9)),
        (bands_from_max(100, 3, 2.5), (6, 16, 40)),
        (bands_from_min(3, 3)[:4], (3, 9, 27, 81)),
        (bands_from_min(1, 1.5)[:5], (1, 2, 3, 5, 7)),
    ],
    ids=["max", "max-below-one", "max-fraction", "min", "min-fraction"],
)
def test_bands_are_those_of_wandb(bands: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """Bands are whole, ascending, without repetition, and never below 1."""
    assert bands == expected


def test_a_trial_alone_is_never_stopped() -> None:
    """With nobody to compare to, the threshold is the trial's own value."""
    study = study_with(HyperbandRule((3, 9), 3, strict=True, direction=MIN))
    assert not play(study, {step: 100.0 for step in range(1, 12)}).prune


def test_the_worse_of_two_stops_at_the_first_band() -> None:
    """With fewer trials than eta, only the best survives; the verdict says band and threshold."""
    study = study_with(HyperbandRule((3, 9), 3, strict=True, direction=MIN))
    play(study, {1: 5.0, 2: 4.0, 3: 3.0, 4: 2.0})
    verdict = play(study, {1: 1.0, 2: 2.0, 3: 3.5, 4: 0.0})
    assert verdict == Verdict(prune=True, rule="hyperband", rung=3, value=3.5, threshold=3.0)


def test_the_threshold_is_the_sorted_value_at_n_over_eta() -> None:
    """Of nine trials at a band the fourth best is the last that goes on (index int(n/eta))."""
    study = study_with(HyperbandRule((2,), 3, strict=True, direction=MIN))
    for value in (1.0, 2.0, 3.0, 4.0):
        play(study, {1: value})
    proposals = [study.ask() for _ in range(9)]
    verdicts = []
    for value, proposal in enumerate(proposals):
        assert proposal is not None
        verdicts.append(study.judge(proposal.number, 2, float(value)))
    last = verdicts[-1]
    assert last.threshold == 3.0
    assert last.prune
    first = proposals[3]
    assert first is not None
    assert not study.judge(first.number, 3, 99.0).prune


def test_a_trial_past_its_band_is_compared_again_when_others_arrive() -> None:
    """Survivors are held against later arrivals at the same band."""
    study = study_with(HyperbandRule((1,), 3, strict=True, direction=MIN))
    early = study.ask()
    assert early is not None
    assert not study.judge(early.number, 1, 5.0).prune
    play(study, {1: 1.0})
    assert study.judge(early.number, 2, 0.0).prune


def test_not_strict_judges_the_best_so_far() -> None:
    """Without strict, a trial is as good as its best report."""
    strict, loose = (
        study_with(HyperbandRule((3,), 3, strict=strict, direction=MIN)) for strict in (True, False)
    )
    for study in (strict, loose):
        play(study, {3: 1.0})
    curve = {1: 0.5, 3: 2.0}
    assert play(strict, curve).prune
    assert not play(loose, curve).prune


def test_maximising_turns_the_comparison_round() -> None:
    """The verdict shows the metric itself, not its negative."""
    study = study_with(HyperbandRule((1,), 3, strict=True, direction=MAX), MAX)
    play(study, {1: 0.9})
    verdict = play(study, {1: 0.8})
    assert verdict == Verdict(prune=True, rule="hyperband", rung=1, value=0.8, threshold=0.9)


def test_a_band_is_reached_by_the_first_report_at_or_after_it() -> None:
    """Objectives that report every fifth epoch are judged as well."""
    study = study_with(HyperbandRule((3, 9), 3, strict=True, direction=MIN))
    play(study, {0: 9.0, 5: 1.0})
    assert play(study, {0: 9.0, 5: 2.0}).rung == 3


def test_asha_tells_rung_and_threshold() -> None:
    """Optuna's successive halving is told with the rung's step and what it was held against."""
    study = study_with(SuccessiveHalvingRule(2, 2, direction=MIN))
    play(study, {1: 3.0, 2: 3.0})
    verdict = play(study, {1: 4.0, 2: 4.0})
    assert verdict == Verdict(prune=True, rule="asha", rung=2, value=4.0, threshold=3.0)


def test_median_waits_for_its_warm_up() -> None:
    """The median rule lets the first trials through, then stops what is worse than the median."""
    study = study_with(MedianRule(3, 0, direction=MAX), MAX)
    for value in (0.1, 0.2, 0.9):
        assert not play(study, {1: value}).prune
    verdict = play(study, {1: 0.15})
    assert verdict == Verdict(prune=True, rule="median", rung=1, value=0.15, threshold=0.2)


def test_a_repeated_step_is_ignored() -> None:
    """A step that is not past the last one changes nothing and prunes nothing."""
    study = study_with(HyperbandRule((1,), 3, strict=True, direction=MIN))
    play(study, {1: 1.0})
    proposal = study.ask()
    assert proposal is not None
    assert study.judge(proposal.number, 1, 2.0).prune
    assert not study.judge(proposal.number, 1, 2.0).prune
