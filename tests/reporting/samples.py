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

from sweeper.expression import Expression
from sweeper.model import (
    Attempt,
    AttemptId,
    Cause,
    Direction,
    Energy,
    Factors,
    Goals,
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
from sweeper.reporting.summary import Asked, Summary, summarize
from sweeper.testing.histories import (
    SWEEP_UID,
    Reported,
    curve_of,
    history_of,
    measured,
    record_uid,
    sweep_row,
    trial_row,
    use_row,
)

ACCURACY = Metric("val_accuracy", Direction.MAXIMIZE)
GOALS = Goals.of(ACCURACY)
ENERGY = Metric("energy_j", Direction.MINIMIZE)
FRONT = Goals.of(ACCURACY, ENERGY)
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
    goals: Goals = GOALS,
    factors: Factors = FACTORS,
    max_steps: int | None = 9,
    asked: Asked | None = None,
) -> Summary:
    """Summarize with plain defaults."""
    asked = Asked(max_steps=max_steps) if asked is None else asked
    return summarize(history, goals=goals, factors=factors, asked=asked, ray_started=True)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def constrained(*constraints: str, names: Sequence[str] = ()) -> Goals:
    """Return the goals of ``ACCURACY`` under constraints, with the names that only they have."""
    written = tuple(Expression(text) for text in constraints)
    return Goals((ACCURACY,), (ACCURACY.name, *names), written)


def began(
    *, goals: Goals = GOALS, budget_trials: int | None = 60, resumed: bool = False
) -> SweepBegan:
    """Begin a sweep, by default that of ``ACCURACY``."""
    return SweepBegan("digits-mlp-7f3a", SWEEP_UID, resumed, None, goals, budget_trials)


def attempt_of(number: int, params: Params | None = None, *, replicate: int = 0) -> Attempt:
    """Return the first attempt of a trial."""
    given = {"lr": 0.0123, "hidden": 64} if params is None else params
    return Attempt(AttemptId(number, replicate, 0), given, 0, None, None, asked=2 * number)


def started(number: int, params: Params | None = None, *, replicate: int = 0) -> TrialStarted:
    """Start a trial."""
    return TrialStarted(attempt_of(number, params, replicate=replicate))


def settled(
    number: int,
    values: Sequence[Reported] = (),
    *,
    state: TrialState = TrialState.COMPLETE,
    source: Source = Source.RUN,
    energy: Energy | float | None = None,
    elapsed_s: float = 10.0,
    replicate: int = 0,
    final: tuple[float, ...] | None = None,
    cause: Cause | None = None,
    told: bool = True,
    use: Use | None = None,
    params: Params | None = None,
    replayed: bool = False,
) -> TrialSettled:
    """Settle a training; ``final`` is the last report unless it is given."""
    account = energy if isinstance(energy, Energy) else measured(energy)
    curve = curve_of(values, energy_j=account.total_j)
    last = curve[-1].values if curve and state is TrialState.COMPLETE else ()
    outcome = Outcome(
        state=state,
        curve=curve,
        final=tuple(value for value in last if value is not None) if final is None else final,
        energy=account,
        elapsed_s=elapsed_s,
        cause=cause,
    )
    position = 2 * number + 1 if told else None
    return TrialSettled(
        Settled(
            attempt_of(number, params, replicate=replicate), outcome, source, position, use=use
        ),
        replayed,
    )
