"""An attempt in the air: what counts as a report, and what ends a trial."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sweeper.model import (
    UNAVAILABLE,
    Attempt,
    AttemptId,
    Cause,
    CauseKind,
    Direction,
    Ended,
    Ending,
    Energy,
    Factors,
    Goals,
    Metric,
    Point,
    StepReport,
    TrialState,
    Verdict,
)
from sweeper.sweep.flight import Flight

ID = AttemptId(0, 0, 0)
GOALS = Goals.of(Metric("loss", Direction.MINIMIZE), Metric("energy_j", Direction.MINIMIZE))


def flight(*, max_steps: int | None = None) -> Flight:
    """Return an attempt that has reported nothing."""
    return Flight(Attempt(ID, {}, 1, None, "no key", 0), None, GOALS, Factors(1.0, ""), max_steps)


def report(
    step: int, metrics: Mapping[str, float], unreadable: Mapping[str, str] | None = None
) -> StepReport:
    """Return a report after as many joules and seconds as steps."""
    return StepReport(ID, step, metrics, float(step), float(step), unreadable or {})


def ended(ending: Ending = Ending.RETURNED, energy: Energy = UNAVAILABLE) -> Ended:
    """Return the end of the attempt, after ten seconds."""
    return Ended(ID, ending, None, None, energy, 10.0, "node", imported=())


@pytest.mark.parametrize("name", ["loss", "energy_j"])
def test_a_metric_that_is_no_number_ends_the_trial(name: str) -> None:
    """Whichever of the sweep's metrics it is, the cause says what was reported."""
    taken = flight().take(report(3, {}, {name: "the text 'low'"}))
    assert taken == Cause(
        CauseKind.ERROR, f"{name} must be a number, the objective reported the text 'low' at step 3"
    )


def test_what_the_sweep_does_not_ask_for_may_be_anything() -> None:
    """Only metrics of the sweep are looked at."""
    taken = flight().take(report(1, {"loss": 1.0, "lr": float("nan")}, {"note": "a text"}))
    assert taken == Point(1, (1.0, None), 1.0, 1.0)


def test_decisions_reach_every_way_to_end() -> None:
    """What early stopping compared is kept when the trial ends, and when its worker is lost."""
    trial = flight()
    trial.take(report(1, {"loss": 1.0}))
    trial.note(1, Verdict(False, "asha", 1, 1.0, 2.0))
    trial.note(1, Verdict(False, "none"))
    kept = tuple(trial.decisions)
    assert [decision.verdict.rule for decision in kept] == ["asha"]
    cut = trial.cut_short(Cause(CauseKind.STOPPED, "ended"), like=None)
    assert (cut.state, cut.decisions) == (TrialState.LOST, kept)
    assert trial.outcome(ended()).decisions == kept


def test_joules_of_the_whole_trial_are_its_value() -> None:
    """A built-in metric is that of the closed account, not of the last report."""
    trial = flight()
    trial.take(report(1, {"loss": 1.0}))
    outcome = trial.outcome(ended(energy=Energy(7.5, "measured:counter", "gpu")))
    assert (outcome.state, outcome.final) == (TrialState.COMPLETE, (1.0, 7.5))


def test_a_failure_of_the_objective_outweighs_an_unknown_value() -> None:
    """The cause is what happened, not what is missing after it."""
    raised = Ended(
        ID,
        Ending.RAISED,
        Cause(CauseKind.ERROR, "ValueError: bad"),
        None,
        UNAVAILABLE,
        1.0,
        "node",
        imported=(),
    )
    outcome = flight().outcome(raised)
    assert (outcome.state, str(outcome.cause)) == (TrialState.FAILED, "error: ValueError: bad")
