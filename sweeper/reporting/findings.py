"""What became of a sweep's trials: how many of which kind, the failures, who had trained the rest.

Owns: these values, how they are found in a history, and their JSON. Imports ``sweeper.model`` only.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sweeper.model import Cause, Source, SweepHistory, TrialState, UseRow, Value
from sweeper.reporting.accounts import STORE
from sweeper.reporting.clean import jsonable, one_line
from sweeper.reporting.hardware_words import hardware
from sweeper.reporting.outcomes import TrialView

__all__ = [
    "Failure",
    "Producer",
    "TrialCounts",
    "Uncached",
    "count_trials",
    "find_failures",
    "find_producers",
    "find_uncached",
]


@dataclass(frozen=True, slots=True)
class TrialCounts:
    """How many trials; ``asked = trained + cached + duplicate + attached``.

    Attributes:
        asked: All that have a source by now; those that still wait for one are in ``unfinished``.
        trained: This sweep trained them, or one of their replicates.
        complete: Settled ones only, as ``pruned`` and ``failed``.
        unfinished: Not settled: running, parked, or interrupted.
        feasible: Complete ones that meet the constraints; None: there are no constraints.
        retried: By class of failure, how many trainings failed and were tried again; None: none.
    """

    asked: int
    trained: int
    cached: int
    duplicate: int
    attached: int
    complete: int
    pruned: int
    failed: int
    unfinished: int
    feasible: int | None = None
    retried: Mapping[str, int] | None = None

    @property
    def settled(self) -> int:
        """Return how many have ended for good."""
        return self.complete + self.pruned + self.failed

    def to_json(self) -> dict[str, Value]:
        """Return the documented object."""
        named = {name: getattr(self, name) for name in self.__dataclass_fields__}
        plain = {n: dict(it) if isinstance(it, Mapping) else it for n, it in named.items()}
        return {name: count for name, count in plain.items() if count is not None}


@dataclass(frozen=True, slots=True)
class Failure:
    """Failed trials that failed alike: the same exception at the same place, or the same words.

    Attributes:
        cause: One line, as the first of them has it.
        count: How many.
        example: Number of the first.
    """

    cause: str
    count: int
    example: int

    def to_json(self) -> dict[str, Value]:
        """Return the object in ``causes``."""
        return {"cause": self.cause, "count": self.count, "example": self.example}


@dataclass(frozen=True, slots=True)
class Producer:
    """Who had trained what the store answered.

    Attributes:
        who: Name.
        host: Where.
        trials: How many trials of this sweep it answered.
        stored_at: When the latest of these results was stored, in seconds since 1970 UTC.
        hardware: What it was trained on, each kind once.
    """

    who: str
    host: str
    trials: int
    stored_at: float
    hardware: tuple[str, ...]

    def to_json(self) -> dict[str, Value]:
        """Return the object in ``producers``."""
        return {
            "who": self.who,
            "host": self.host,
            "trials": self.trials,
            "stored_at": jsonable(self.stored_at),
            "hardware": list(self.hardware),
        }


@dataclass(frozen=True, slots=True)
class Uncached:
    """Trials for which no key could be made, so that they were trained and are not shared.

    Attributes:
        reason: One line.
        trials: How many.
        example: Number of the first.
    """

    reason: str
    trials: int
    example: int

    def to_json(self) -> dict[str, Value]:
        """Return the object in ``uncached``."""
        return {"reason": self.reason, "trials": self.trials, "example": self.example}


def count_trials(trials: Sequence[TrialView], *, feasible: int | None) -> TrialCounts:
    """Count the trials by source and by state.

    Args:
        trials: All of them.
        feasible: How many complete ones meet the constraints; None: there are no constraints.
    """
    sources = Counter(trial.source for trial in trials)
    states = Counter(trial.state for trial in trials if trial.settled)
    return TrialCounts(
        asked=sum(sources[source] for source in Source),
        trained=sources[Source.RUN],
        cached=sources[Source.CACHE],
        duplicate=sources[Source.DUPLICATE],
        attached=sources[Source.ATTACHED],
        complete=states[TrialState.COMPLETE],
        pruned=states[TrialState.PRUNED],
        failed=states[TrialState.FAILED],
        unfinished=sum(not trial.settled for trial in trials),
        feasible=feasible,
        retried=_retried(trials) or None,
    )


def _retried(trials: Sequence[TrialView]) -> dict[str, int]:
    """Count failed attempts that were not the last of their training."""
    tried = Counter(
        Cause.parse(row.cause).kind.value
        for trial in trials
        for row in trial.attempts
        if row.state is TrialState.FAILED and row.cause and row not in trial.replicates
    )
    return dict(tried.most_common())


def find_failures(trials: Sequence[TrialView]) -> tuple[Failure, ...]:
    """Group the failed trials by cause, the most frequent first."""
    groups: dict[str, Failure] = {}
    for trial in trials:
        if not trial.settled or trial.state is not TrialState.FAILED:
            continue
        cause = one_line(trial.cause or "unknown cause")
        kind = Cause.parse(cause).signature
        first = groups.get(kind, Failure(cause, 0, trial.number))
        groups[kind] = Failure(first.cause, first.count + 1, first.example)
    return tuple(sorted(groups.values(), key=lambda failure: (-failure.count, failure.example)))


def find_producers(history: SweepHistory) -> tuple[Producer, ...]:
    """Say who had trained what the store answered, the most used first."""
    groups: defaultdict[tuple[str, str], list[UseRow]] = defaultdict(list)
    for use in history.uses:
        if use.kind in STORE:
            groups[use.producer, use.producer_host].append(use)
    producers = [
        Producer(
            *name,
            trials=len({use.number for use in uses}),
            stored_at=max(use.stored_at for use in uses),
            hardware=tuple(dict.fromkeys(hardware(use.hardware) for use in uses)),
        )
        for name, uses in groups.items()
    ]
    return tuple(sorted(producers, key=lambda p: (-p.trials, p.who, p.host)))


def find_uncached(trials: Sequence[TrialView]) -> tuple[Uncached, ...]:
    """Group the trials that could not be shared by the reason, the most frequent first."""
    groups: dict[str, Uncached] = {}
    for trial in trials:
        reasons = (row.uncached for row in trial.replicates if row.uncached is not None)
        reason = next(reasons, None)
        if reason is not None:
            kind = one_line(reason)
            first = groups.get(kind, Uncached(kind, 0, trial.number))
            groups[kind] = Uncached(kind, first.trials + 1, first.example)
    return tuple(sorted(groups.values(), key=lambda it: (-it.trials, it.example)))
