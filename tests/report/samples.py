"""What several test files of this room look at: one hand-computed sweep, and events of a live one.

The sums of ``MIXED``, by hand:
    trained attempts   30 + 12 + 5 (lost) + 20 + unknown (failed), 10 s each  -> 67 J, 1 missing
    overhead           7.5 J                                                   -> 74.5 J spent
    coverage           40 of 50 seconds                                        -> 0.8
    store              21 J; duplicate 21 J
    pruning            12 J at step 1 of 9                                     -> 96 J
"""

from __future__ import annotations

from collections.abc import Sequence

from sweeper.model import (
    Attempt,
    AttemptId,
    Cause,
    Direction,
    Energy,
    Factors,
    Metric,
    Outcome,
    Params,
    Settled,
    Source,
    SweepBegan,
    SweepHistory,
    TrialSettled,
    TrialStarted,
    TrialState,
    Use,
)
from sweeper.report.summary import Summary, summarize
from sweeper.testing.histories import (
    SWEEP_UID,
    curve_of,
    history_of,
    measured,
    record_uid,
    sweep_row,
    trial_row,
    use_row,
)

ACCURACY = Metric("val_accuracy", Direction.MAXIMIZE)
FACTORS = Factors(360.0, "US 2023, annual average", price_per_kwh=0.15)

MIXED = history_of(
    trial_row(0, [0.5, 0.6, 0.7], energy=30.0),
    trial_row(1, [0.5], energy=12.0, state=TrialState.PRUNED, cause="pruner: hyperband at rung 1"),
    trial_row(2, [0.5], energy=5.0, state=TrialState.LOST, cause="worker: node died"),
    trial_row(2, [0.5, 0.9], energy=20.0, attempt=1, params={"lr": 0.02, "hidden": 64}),
    trial_row(3, [0.5, 0.8], energy=21.0, source=Source.CACHE, record=record_uid(3)),
    trial_row(4, [0.5, 0.8], energy=21.0, source=Source.DUPLICATE, record=record_uid(3)),
    trial_row(5, [0.5], state=TrialState.FAILED, cause="error: ValueError: bad 3"),
    uses=[use_row(3, 21.0), use_row(4, 21.0, kind=Source.DUPLICATE, record=record_uid(3))],
    sweep=sweep_row(overhead_j=7.5),
)


def summary_of(
    history: SweepHistory,
    *,
    metric: Metric = ACCURACY,
    factors: Factors = FACTORS,
    max_steps: int | None = 9,
) -> Summary:
    """Summarize with plain defaults."""
    return summarize(history, metric=metric, factors=factors, max_steps=max_steps, ray_started=True)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def began(*, budget_trials: int | None = 60, resumed: bool = False) -> SweepBegan:
    """Begin the sweep of ``ACCURACY``."""
    return SweepBegan("digits-mlp-7f3a", SWEEP_UID, resumed, None, ACCURACY, budget_trials)


def attempt_of(number: int, params: Params | None = None) -> Attempt:
    """Return the first attempt of a trial."""
    given = {"lr": 0.0123, "hidden": 64} if params is None else params
    return Attempt(AttemptId(number, 0, 0), given, 0, None, None, asked=2 * number)


def started(number: int, params: Params | None = None) -> TrialStarted:
    """Start a trial."""
    return TrialStarted(attempt_of(number, params))


def settled(
    number: int,
    values: Sequence[float] = (),
    *,
    state: TrialState = TrialState.COMPLETE,
    source: Source = Source.RUN,
    energy: Energy | float | None = None,
    elapsed_s: float = 10.0,
    cause: Cause | None = None,
    told: bool = True,
    use: Use | None = None,
    params: Params | None = None,
    replayed: bool = False,
) -> TrialSettled:
    """Settle a trial."""
    account = energy if isinstance(energy, Energy) else measured(energy)
    outcome = Outcome(
        state=state,
        curve=curve_of(values, energy_j=account.total_j),
        final=(values[-1],) if values and state is TrialState.COMPLETE else (),
        energy=account,
        elapsed_s=elapsed_s,
        cause=cause,
    )
    position = 2 * number + 1 if told else None
    return TrialSettled(
        Settled(attempt_of(number, params), outcome, source, position, use=use), replayed
    )
