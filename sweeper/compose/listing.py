"""From the store to the lines of ``sweeper ls``."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from sweeper.compose.energy import factors_of
from sweeper.config.glance import Glance, glance
from sweeper.errors import ConfigError
from sweeper.model import Direction, SweepHistory, TrialRow, TrialState
from sweeper.reporting.finds import Finds, find
from sweeper.reporting.outcomes import trials_of
from sweeper.reporting.physical import Total, physical, total
from sweeper.reporting.sweep_list import ListedBest, ListedSweep

if TYPE_CHECKING:
    from sweeper.store.engine import Store
    from sweeper.store.sweep_list import ListedAttempt, SweepFilter, SweepListing

__all__ = ["listed_sweeps"]


def listed_sweeps(store: Store, wanted: SweepFilter) -> list[ListedSweep]:
    """List sweeps with their best value and what they used, newest first.

    The figures are those of ``sweeper show``. Where constraints, several objectives or replicates
    decide which trial is the best, the trials are looked at as ``show`` does; else the store's rows
    are enough.

    Raises:
        CacheError: When the store cannot be read.
    """
    from sweeper.store.sweep_list import list_sweeps, read_outlines

    found = list_sweeps(store, wanted)
    glances = {it.sweep.uid: glance(it.sweep.config) for it in found}
    involved = [uid for uid, seen in glances.items() if seen.plain is None]
    outlines = read_outlines(store, involved) if involved else {}
    return [_listed(it, glances[it.sweep.uid], outlines) for it in found]


def _listed(
    it: SweepListing, seen: Glance, outlines: Mapping[UUID, tuple[TrialRow, ...]]
) -> ListedSweep:
    sweep = it.sweep
    names, best, front = seen.metrics, None, None
    if seen.plain is not None:
        best = _plain_best(it.attempts, seen.plain)
    else:
        finds = _finds(SweepHistory(sweep, outlines.get(sweep.uid, ()), ()))
        if finds is not None:
            best = None if finds.best is None else ListedBest(finds.best.number, finds.best.value)
            front = len(finds.front) if len(names) > 1 else None
    return ListedSweep(
        handle=sweep.handle,
        uid=sweep.uid,
        state=sweep.state,
        settled=it.settled,
        started_at=sweep.started_at,
        who=sweep.who,
        host=sweep.host,
        ended_at=sweep.ended_at,
        elapsed_s=physical(sweep.elapsed_s),
        stopped_by=sweep.stopped_by,
        method=seen.method,
        metrics=names,
        best=best,
        front=front,
        spent=_spent(it),
    )


def _plain_best(attempts: Iterable[ListedAttempt], direction: Direction) -> ListedBest | None:
    """Find the best of trials that are one attempt's value each; of equal ones the first."""
    best: ListedBest | None = None
    for it in attempts:
        if it.final is None or it.told is None or it.state != TrialState.COMPLETE.value:
            continue
        values = json.loads(it.final)
        if len(values) != 1 or values[0] is None or not math.isfinite(values[0]):
            continue
        if best is None or direction.better(values[0], best.value):
            best = ListedBest(it.number, values[0])
    return best


def _finds(history: SweepHistory) -> Finds | None:
    """Look for the best as ``show`` does; None: the configuration is of another version."""
    from sweeper.config.load import restore

    try:
        config = restore(history.sweep.config)
        return find(trials_of(history), history, config.goals, factors_of(config))
    except ConfigError:
        return None


def _spent(listing: SweepListing) -> Total:
    """Add up as the account of ``show`` does."""
    trained = [attempt for attempt in listing.attempts if attempt.trained]
    spent = total(attempt.energy_j for attempt in trained)
    partly = sum(it.partly for it in trained if physical(it.energy_j) is not None)
    overhead_j = physical(listing.sweep.overhead_j)
    if overhead_j is None and not trained:
        overhead_j = 0.0
    parts = [part for part in (spent.energy_j, overhead_j) if part is not None]
    return Total(math.fsum(parts) if parts else None, spent.missing + partly)
