"""Who works on a sweep, and the plain facts that they share."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sweeper.model import (
    CauseKind,
    Ended,
    Event,
    Factors,
    Goals,
    Key,
    Notice,
    Params,
    Uncacheable,
    Value,
)
from sweeper.seams import Cache, Ledger, Observer, Pool, Study
from sweeper.sweep.budget import Limits
from sweeper.sweep.retrying import Retries
from sweeper.sweep.stop import StopLadder

__all__ = ["Crew", "Plan"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """What the sweep file says about the running of the sweep.

    Attributes:
        goals: What trials are judged by.
        max_steps: The planned horizon; None: open.
        limits: The budget.
        factors: For grams and money, in budgets and in built-in metrics.
        retries: Which failed trainings start again, how often and when.
        timeout_s: The longest that a trial may train; None: no limit.
        stall_s: The longest that it may be silent; None: learnt from the sweep's steps.
        retry: Trials that failed for such a cause run again; empty: none do.
        same_failures: So many failures in a row end the sweep; None: none do.
        trial_energy_j: The most joules that one training may use; None: no limit.
        trial_folder: The folder of an attempt, from sweep handle, number, attempt and replicate.
        share: Records go to the store.
        replicates: How many trainings, each with its own seed, one trial is.
        follow: A new sweep follows an earlier one of the same digest.
        ttl_s: Time to live of leases.
        poll_s: How often a parked trial is looked at in the long run, at random between the two.
        prefix_safe: Curves do not depend on ``max_steps``: longer trainings answer.
    """

    goals: Goals
    max_steps: int | None
    limits: Limits
    factors: Factors
    retries: Retries
    timeout_s: float | None
    trial_folder: Callable[[str, int, int, int], str]
    share: bool
    replicates: int = 1
    follow: bool = True
    ttl_s: float = 120.0
    poll_s: tuple[float, float] = (5.0, 15.0)
    trial_energy_j: float | None = None
    prefix_safe: bool = False
    stall_s: float | None = None
    same_failures: int | None = 10
    retry: frozenset[CauseKind] = frozenset()


@dataclass(frozen=True, slots=True)
class Crew:
    """The parts that the composition root has put together.

    Attributes:
        key: Makes the key of one replicate of a point, or says why there is none.
        fallback_seed: Makes the seed of a training without a key from trial number and replicate.
        tainted: Says why a result may not be shared, from what its worker said at the end: a file
            that it used is not in the key, or its node is not what the key says; None: it may.
        prov: Provenance that goes into every record.
        hardware: The class of what this sweep trains on; None: unknown before it trains.
    """

    study: Study
    pool: Pool
    cache: Cache
    ledger: Ledger
    observers: Sequence[Observer]
    ladder: StopLadder
    key: Callable[[Params, int], Key | Uncacheable]
    fallback_seed: Callable[[int, int], int]
    tainted: Callable[[Ended], str | None]
    prov: Mapping[str, Value] = field(default_factory=dict)
    hardware: Mapping[str, Value] | None = None
    clock: Callable[[], float] = time.monotonic

    def tell_observers(self, event: Event) -> None:
        """Show an event to everybody; an observer that fails costs nothing but its view."""
        for observer in self.observers:
            try:
                observer.observe(event)
            except Exception:  # a view must never cost a training run
                log.exception("an observer failed")

    def notice(self, text: str) -> None:
        """Tell a person something, once."""
        self.tell_observers(Notice(text))
