"""From a sweep in the ledger to the same sweep whose failed trials run again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sweeper.compose.reading import SweepView
from sweeper.config.load import LoadedSweep, recalled
from sweeper.config.problems import unknown_name
from sweeper.config.retries import CLASSES
from sweeper.errors import ConfigError
from sweeper.model import Cause, CauseKind, TrialState
from sweeper.reporting.outcomes import trials_of

__all__ = ["failed_by_class", "recorded_sweep", "wanted_classes"]


def failed_by_class(seen: SweepView) -> Counter[CauseKind]:
    """Count a sweep's failed trials by the class of their failure."""
    trials = (it for it in trials_of(seen.history) if it.settled)
    causes = (it.cause for it in trials if it.state is TrialState.FAILED)
    return Counter(Cause.parse(cause).kind for cause in causes if cause is not None)


def recorded_sweep(seen: SweepView) -> LoadedSweep:
    """Return a sweep's file as it was recorded.

    Raises:
        ConfigError: If it is of another version.
    """
    return recalled(seen.history.sweep.config, {}, seen.history.sweep.handle)


def wanted_classes(names: Sequence[str]) -> frozenset[CauseKind]:
    """Read classes of failures; none named means all.

    Raises:
        ConfigError: If one is none.
    """
    wrong = [name for name in names if name not in CLASSES]
    if wrong:
        raise ConfigError(
            [f"--cause: {unknown_name(it, 'class of failure', CLASSES)}" for it in wrong]
        )
    return frozenset(map(CauseKind, names or CLASSES))
