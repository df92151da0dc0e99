"""From the store to what a person sees who watches a sweep from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from sweeper.compose.reading import SweepView, view
from sweeper.compose.storing import lease_ttl_s
from sweeper.config.load import restore
from sweeper.model import SweepState
from sweeper.reporting.watching import Flying, Watched, left_s, spent_so_far

if TYPE_CHECKING:
    from sweeper.store.engine import Store
    from sweeper.store.watching import Pulse

__all__ = ["Watcher"]


class Watcher:
    """Looks at one sweep again and again; reads all of it only when a trial began or ended.

    Args:
        store: Open.
        sweep: Which.
    """

    def __init__(self, store: Store, sweep: UUID) -> None:
        self._store = store
        self._sweep = sweep
        self._ttl_s = lease_ttl_s()
        self._seen: tuple[object, SweepView] | None = None

    def look(self) -> Watched:
        """Return how the sweep stands now.

        Raises:
            CacheError: If the store cannot be read.
        """
        from sweeper.store.watching import pulse

        now = pulse(self._store, self._sweep)
        seen = self._view(now)
        config = restore(seen.history.sweep.config)
        in_flight = tuple(
            Flying(
                number=it.number,
                replicate=it.replicate,
                params=it.params,
                parked=it.parked,
                steps=it.steps,
                energy_j=it.energy_j,
                running_s=it.running_s,
            )
            for it in now.in_flight
        )
        workers = sum(not it.parked for it in in_flight)
        return Watched(
            summary=seen.summary,
            state=now.sweep.state,
            stopped_by=now.sweep.stopped_by,
            lost=self._is_lost(now),
            silent_s=now.silent_s,
            stopping=now.stopping,
            in_flight=in_flight,
            spent=spent_so_far(seen.history, in_flight, now.sweep.overhead_j),
            elapsed_s=_elapsed_s(now),
            left_s=left_s(seen.history, config.budget.trials, workers),
            budget_trials=config.budget.trials,
            max_steps=config.max_steps,
        )

    def _view(self, now: Pulse) -> SweepView:
        version = (now.version, now.sweep.state)
        if self._seen is None or self._seen[0] != version:
            self._seen = (version, view(self._store, self._sweep))
        return self._seen[1]

    def _is_lost(self, now: Pulse) -> bool:
        """Tell whether a running sweep has no driver, by the rule of who would go on with it."""
        running = now.sweep.state is SweepState.RUNNING
        return running and (now.gone or now.silent_s >= self._ttl_s)


def _elapsed_s(now: Pulse) -> float:
    """Return the time with a driver; what drivers write of it is some seconds old."""
    if now.sweep.state is not SweepState.RUNNING:
        return now.sweep.elapsed_s
    if not now.continued:
        return max(now.sweep.elapsed_s, now.since_start_s - now.silent_s)
    return now.sweep.elapsed_s
