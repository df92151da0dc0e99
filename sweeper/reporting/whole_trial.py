"""A trial of a running sweep, put together from the ends of its replicates.

Owns: what observers take for one trial. Imports ``sweeper.model`` only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sweeper.model import Cause, Factors, Goals, Params, Settled, Source, TrialState
from sweeper.reporting.outcomes import whole_state
from sweeper.reporting.physical import total
from sweeper.reporting.worth import Worth, worth_of

__all__ = ["WholeTrial", "whole_trial"]


@dataclass(frozen=True, slots=True)
class WholeTrial:
    """A trial that was told, with all its replicates.

    Attributes:
        source: Trained, if any part of it was.
        worth: None: it has no value.
        cause: Why it did not complete.
        energy_j: Of all its trainings; None: not wholly known.
        trained_s: Seconds that the workers of this sweep trained it.
        trainings: How many replicates there are.
    """

    number: int
    params: Params
    state: TrialState
    source: Source
    worth: Worth | None
    cause: Cause | None
    energy_j: float | None
    trained_s: float
    trainings: int


def whole_trial(ends: Mapping[int, Settled], goals: Goals | None, factors: Factors) -> WholeTrial:
    """Put the replicates of a trial together.

    Args:
        ends: How each ended, by replicate; at least one.
        goals: What trials are judged by; None: not known yet.
        factors: From joules to grams and money.
    """
    ordered = [ends[replicate] for replicate in sorted(ends)]
    first, outcomes = ordered[0], [settled.outcome for settled in ordered]
    trained = [settled.outcome for settled in ordered if settled.source is Source.RUN]
    state = whole_state([outcome.state for outcome in outcomes])
    energy = total(outcome.energy.total_j for outcome in outcomes)
    return WholeTrial(
        number=first.attempt.id.number,
        params=first.attempt.params,
        state=state,
        source=Source.RUN if trained else first.source,
        worth=None if goals is None else worth_of(outcomes, goals, factors),
        cause=next(outcome.cause for outcome in outcomes if outcome.state is state),
        energy_j=None if energy.missing else energy.energy_j,
        trained_s=math.fsum(outcome.elapsed_s for outcome in trained),
        trainings=len(ordered),
    )
