"""An attempt in the air: what counts as a report, and what ends a trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from sweeper.model import (
    CUT_SHORT,
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
    RegionEnergy,
    StepReport,
    TrialState,
    Verdict,
)
from sweeper.sweep.finals import final_values
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


# --- workers that are gone ---


def lost(energy: Energy, *, after_steps: int = 0, like: Energy | None = None) -> Energy:
    """Return what is known of an attempt whose worker died after so many joules were reported."""
    trial = flight()
    for step in range(1, after_steps + 1):
        trial.take(report(step, {"loss": 1.0}))
    gone = replace(ended(Ending.LOST, energy), imported=None, answered=False)
    outcome = trial.outcome(gone, like=like)
    assert outcome.state is TrialState.FAILED
    return outcome.energy


KEPT = Energy(30.0, "measured:counter", "gpu", "sm_util", lo_j=20.0, hi_j=60.0, u_rel=0.05)


def test_what_an_agent_kept_of_a_lost_worker_is_its_account() -> None:
    """The books were closed at its death: nothing is missing, nothing is flagged."""
    other = Energy(5.0, "measured:counter", "gpu")
    assert lost(KEPT, after_steps=3) == lost(KEPT, after_steps=3, like=other) == KEPT


def test_without_an_agent_the_last_report_is_the_least() -> None:
    """Flagged, with the source of other trials."""
    like = Energy(5.0, "measured:counter", "gpu", "lease")
    energy = lost(UNAVAILABLE, after_steps=3, like=like)
    assert (energy.total_j, energy.lo_j, energy.hi_j) == (3.0, 3.0, None)
    assert (energy.source, energy.scope, energy.flags) == ("measured:counter", "gpu", (CUT_SHORT,))
    assert lost(UNAVAILABLE) == UNAVAILABLE


@pytest.mark.parametrize(
    ("after_steps", "total_j"), [(3, 30.0), (40, 40.0)], ids=["agent's", "reported"]
)
def test_an_agent_knows_gpus_only(after_steps: int, total_j: float) -> None:
    """Where the CPU counts too, the larger of what is known is the least, and flagged so."""
    like = Energy(5.0, "measured:rapl", "gpu+cpu")
    energy = lost(KEPT, after_steps=after_steps, like=like)
    assert (energy.total_j, energy.lo_j, energy.hi_j) == (total_j, total_j, None)
    assert (energy.scope, energy.flags, energy.u_rel) == ("gpu+cpu", (CUT_SHORT,), None)


# --- regions ---

INFERENCE = Goals.of(
    Metric("inference_duration_s", Direction.MINIMIZE),
    Metric("inference_energy_kwh", Direction.MINIMIZE),
)
SEEN = RegionEnergy("inference", 7.2e6, 4.0, 2)


def used(*regions: RegionEnergy, source: str = "measured:counter") -> Energy:
    """Return an account with these regions."""
    return Energy(9e6, source, "gpu", regions=regions)


def test_regions_are_values_of_a_trial() -> None:
    """Seconds and joules of all passages; nobody reports them."""
    factors = Factors(1.0, "")
    assert final_values(INFERENCE, (), used(SEEN), 10.0, factors) == (4.0, 2.0)


def test_what_the_objective_reports_under_that_name_wins() -> None:
    """A reported value is a metric like any other."""
    curve = (Point(1, (0.5, 3.0), None, 1.0),)
    assert final_values(INFERENCE, curve, UNAVAILABLE, 10.0, Factors(1.0, "")) == (0.5, 3.0)


@pytest.mark.parametrize(
    ("energy", "why"),
    [
        (
            used(RegionEnergy("training", 1.0, 1.0)),
            "inference_duration_s is unknown: the objective never entered "
            "trial.measure('inference'); write: with trial.measure('inference'): ..., "
            "or sweeper.measure in a script",
        ),
        (
            used(replace(SEEN, energy_j=None)),
            "inference_energy_kwh is unknown: nothing measures or estimates the energy of this "
            "region, or it was over before the sensor had moved (about 0.1 s)",
        ),
        (
            used(replace(SEEN, energy_j=None), source="declared"),
            "inference_energy_kwh is unknown: the objective declares energy_j, so it must report "
            "the joules of its regions too",
        ),
    ],
    ids=["never entered", "unreadable", "declared"],
)
def test_an_unknown_region_says_why(energy: Energy, why: str) -> None:
    """And what to write."""
    found = final_values(INFERENCE, (), energy, 10.0, Factors(1.0, ""))
    assert found == Cause(CauseKind.ERROR, why)
