"""Early stopping: W&B's hyperband rule, and the words that every rule finds for what it decides."""

from __future__ import annotations

import pytest

from sweeper.model import GO_ON, Direction, TrialState, Verdict
from sweeper.search.pruners import (
    HyperbandRule,
    Judge,
    MedianRule,
    NeverPrune,
    PatienceRule,
    PercentileRule,
    SuccessiveHalvingRule,
    ThresholdRule,
    bands_from_max,
    bands_from_min,
)

MIN, MAX = Direction.MINIMIZE, Direction.MAXIMIZE


def play(judge: Judge, number: int, curve: dict[int, float]) -> Verdict:
    """Report a whole curve; return the verdict that ended it, or the last one."""
    for step, value in curve.items():
        verdict = judge.judge(number, step, value)
        if verdict.prune:
            judge.end(number, TrialState.PRUNED)
            return verdict
    judge.end(number, TrialState.COMPLETE)
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


# Recorded histories, one value per step from 1, ended in this order; then a running trial, and at
# which band, with which value and against which threshold it stands after its last report. The
# threshold is sorted(values at the band)[int(n / eta)], the running trial's own included.
ENDED = ((9.0, 5.0, 4.0, 4.0), (8.0, 6.0, 3.0, 3.5), (7.0, 7.0), (9.5, 4.0, 3.5, 1.0), (6.0,))
HISTORIES = [
    # bands 2 and 4; at band 2: 5 6 7 4; at band 4: 4 3.5 1
    ((6.5, 5.5), 3.0, True, Verdict(True, "hyperband", 2, 5.5, 5.0)),
    ((6.5, 5.0), 3.0, True, Verdict(False, "hyperband", 2, 5.0, 5.0)),
    ((6.5, 5.0, 9.0), 3.0, True, Verdict(False, "hyperband", 2, 5.0, 5.0)),
    ((6.5, 5.0, 9.0, 3.0), 3.0, True, Verdict(False, "hyperband", 4, 3.0, 3.0)),
    ((6.5, 5.0, 2.0, 3.6), 3.0, True, Verdict(True, "hyperband", 4, 3.6, 3.5)),
    ((6.5, 5.0, 2.0, 3.6), 3.0, False, Verdict(False, "hyperband", 4, 2.0, 3.5)),
    ((4.5, 6.9), 3.0, False, Verdict(False, "hyperband", 2, 4.5, 5.0)),
    ((4.5, 6.9), 3.0, True, Verdict(True, "hyperband", 2, 6.9, 5.0)),
    ((6.5, 5.5), 2.0, True, Verdict(False, "hyperband", 2, 5.5, 5.5)),
    ((6.5, 6.5), 1.7, True, Verdict(True, "hyperband", 2, 6.5, 6.0)),
    ((6.5, 6.5), 1.1, True, Verdict(False, "hyperband", 2, 6.5, 7.0)),
    ((99.0,), 3.0, True, GO_ON),
]


@pytest.mark.parametrize("sign", [1, -1], ids=["minimize", "maximize"])
@pytest.mark.parametrize(("running", "eta", "strict", "expected"), HISTORIES)
def test_recorded_histories_are_judged_as_wandb_judges_them(
    running: tuple[float, ...], eta: float, strict: bool, expected: Verdict, sign: int
) -> None:
    """Band, value, threshold and decision follow from what everybody reported."""
    direction = MIN if sign == 1 else MAX
    judge = HyperbandRule((2, 4), eta, strict=strict, direction=direction)
    for number, values in enumerate(ENDED):
        for step, value in enumerate(values, start=1):
            judge.judge(number, step, sign * value)
        judge.end(number, TrialState.COMPLETE)
    for step, value in enumerate(running, start=1):
        verdict = judge.judge(len(ENDED), step, sign * value)
    if expected.value is not None and expected.threshold is not None:
        signed = (sign * expected.value, sign * expected.threshold)
        assert (verdict.value, verdict.threshold) == signed
    assert (verdict.prune, verdict.rule, verdict.rung) == (
        expected.prune,
        expected.rule,
        expected.rung,
    )


def test_a_trial_alone_is_never_stopped() -> None:
    """With nobody to compare to, the threshold is the trial's own value."""
    judge = HyperbandRule((3, 9), 3, strict=True, direction=MIN)
    assert not play(judge, 0, {step: 100.0 for step in range(1, 12)}).prune


def test_the_worse_of_two_stops_at_the_first_band() -> None:
    """With fewer trials than eta, only the best survives; the verdict says band and threshold."""
    judge = HyperbandRule((3, 9), 3, strict=True, direction=MIN)
    play(judge, 0, {1: 5.0, 2: 4.0, 3: 3.0, 4: 2.0})
    verdict = play(judge, 1, {1: 1.0, 2: 2.0, 3: 3.5, 4: 0.0})
    assert verdict == Verdict(prune=True, rule="hyperband", rung=3, value=3.5, threshold=3.0)


def test_a_trial_past_its_band_is_compared_again_when_others_arrive() -> None:
    """Survivors are held against later arrivals at the same band."""
    judge = HyperbandRule((1,), 3, strict=True, direction=MIN)
    assert not judge.judge(0, 1, 5.0).prune
    play(judge, 1, {1: 1.0})
    assert judge.judge(0, 2, 0.0).prune


def test_a_band_is_reached_by_the_first_report_at_or_after_it() -> None:
    """Objectives that report every fifth epoch are judged as well."""
    judge = HyperbandRule((3, 9), 3, strict=True, direction=MIN)
    play(judge, 0, {0: 9.0, 5: 1.0})
    assert play(judge, 1, {0: 9.0, 5: 2.0}).rung == 3


def test_asha_tells_rung_and_threshold() -> None:
    """Successive halving says at which step it judged and what it held the trial against."""
    judge = SuccessiveHalvingRule(2, 2, direction=MIN)
    first = play(judge, 0, {1: 3.0, 2: 3.0})
    assert first == Verdict(prune=False, rule="asha", rung=2, value=3.0, threshold=3.0)
    verdict = play(judge, 1, {1: 4.0, 2: 4.0})
    assert verdict == Verdict(prune=True, rule="asha", rung=2, value=4.0, threshold=3.0)


def test_asha_judges_once_per_rung() -> None:
    """Between two rungs nothing is compared."""
    judge = SuccessiveHalvingRule(1, 3, direction=MAX)
    verdicts = [judge.judge(0, step, 0.5) for step in range(1, 10)]
    assert [verdict.rung for verdict in verdicts] == [1, None, 3, None, None, None, None, None, 9]


def test_median_waits_for_its_warm_up() -> None:
    """The median rule lets the first trials through, then stops what is worse than the median."""
    judge = MedianRule(3, 0, direction=MAX)
    for number, value in enumerate((0.1, 0.2, 0.9)):
        assert play(judge, number, {1: value}) == GO_ON
    good = judge.judge(3, 1, 0.3)
    assert good == Verdict(prune=False, rule="median", rung=1, value=0.3, threshold=0.2)
    verdict = play(judge, 4, {1: 0.15})
    assert verdict == Verdict(prune=True, rule="median", rung=1, value=0.15, threshold=0.2)


def test_median_compares_with_completed_trials_only() -> None:
    """Who was stopped or failed is no measure."""
    judge = MedianRule(1, 0, direction=MIN)
    play(judge, 0, {1: 5.0})
    for number, state in ((1, TrialState.PRUNED), (2, TrialState.FAILED)):
        judge.judge(number, 1, 1.0)
        judge.end(number, state)
    assert judge.judge(3, 1, 4.0).threshold == 5.0


def test_percentile_keeps_that_many_in_a_hundred() -> None:
    """Of four values the best quarter ends a quarter of the way from the first to the fifth."""
    judge = PercentileRule(25.0, 1, 0, direction=MIN)
    for number, value in enumerate((1.0, 2.0, 3.0, 4.0, 5.0)):
        judge.judge(number, 1, value)
    for number in range(5):
        judge.end(number, TrialState.COMPLETE)
    assert judge.judge(5, 1, 2.5) == Verdict(True, "percentile", 1, 2.5, 2.0)


def test_threshold_names_the_bound_that_is_near() -> None:
    """A value in range goes on, and the verdict still says what it was held against."""
    judge = ThresholdRule(0.0, 10.0, 2)
    assert judge.judge(0, 1, 50.0) == GO_ON
    assert judge.judge(0, 2, 8.0) == Verdict(False, "threshold", 2, 8.0, 10.0)
    assert judge.judge(0, 3, 11.0) == Verdict(True, "threshold", 3, 11.0, 10.0)
    assert judge.judge(1, 2, -1.0) == Verdict(True, "threshold", 2, -1.0, 0.0)


def test_patience_holds_the_latest_reports_against_the_best_before() -> None:
    """Two reports later than the best one, and worse by more than the margin, end the trial."""
    judge = PatienceRule(1, 0.5, None, direction=MIN)
    verdicts = [judge.judge(0, step, value) for step, value in enumerate((3.0, 1.0, 1.6, 1.7))]
    assert verdicts == [
        GO_ON,
        GO_ON,
        Verdict(False, "patience", 2, 1.0, 3.5),
        Verdict(True, "patience", 3, 1.6, 1.5),
    ]


def test_patience_lets_the_other_rule_decide() -> None:
    """Nothing stops before patience is used up; then the other rule's last word counts."""
    judge = PatienceRule(0, 0.0, SuccessiveHalvingRule(1, 2, direction=MIN), direction=MIN)
    play(judge, 0, {1: 1.0, 2: 0.9})
    assert not judge.judge(1, 1, 2.0).prune
    assert not judge.judge(1, 2, 1.9).prune  # asha would stop it here
    assert judge.judge(1, 3, 1.95) == Verdict(True, "asha", 2, 1.9, 0.9)


def test_patience_alone_does_not_stop_what_the_other_rule_keeps() -> None:
    """A trial that got worse but is still the best goes on, and the verdict is the other rule's."""
    judge = PatienceRule(0, 0.0, HyperbandRule((1,), 3, strict=False, direction=MIN), direction=MIN)
    play(judge, 0, {1: 5.0})
    judge.judge(1, 1, 1.0)
    assert judge.judge(1, 2, 2.0) == Verdict(False, "hyperband", 1, 1.0, 1.0)


def test_without_a_rule_nothing_is_compared() -> None:
    """Every report is answered with "go on"."""
    judge = NeverPrune()
    assert play(judge, 0, {1: 1e9, 2: -1e9}) == GO_ON
