"""Which failed trainings start again, how often and when; and when it is time to give up.

Owns: the retry policy by class of failure, the backoff, the circuit breaker.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sweeper.model import (
    TRANSIENT,
    AttemptId,
    Cause,
    CauseKind,
    Outcome,
    TrialRow,
    TrialState,
)

__all__ = ["Breaker", "Retries", "Retrying", "retries_by_class"]

# Another machine, or this one once it is back, may do better: as often as the file says. The
# configuration may be to blame for the others: they get one more chance.
_MACHINE = frozenset({CauseKind.WORKER, CauseKind.NODE, CauseKind.PREEMPTED})
_LONGEST_S = 300.0
_JITTER = 0.2  # trials that were lost together do not come back together

# Many neighbours of a bad region fail so, and the search learns from it; the code is not broken.
_OF_THE_SEARCH = frozenset({CauseKind.DIVERGED, CauseKind.OOM, CauseKind.TIMEOUT})


def retries_by_class(
    often: int, given: Mapping[CauseKind, int] | None = None
) -> Mapping[CauseKind, int]:
    """Return how often a training starts again after each class of failure; absent: never.

    Args:
        often: After what a machine is to blame for.
        given: What the file says of single classes.
    """
    machine = {kind: often for kind in _MACHINE}
    unclear = {kind: min(1, often) for kind in TRANSIENT - _MACHINE}
    return {**unclear, **machine, **(given or {})}


@dataclass(frozen=True, slots=True)
class Retries:
    """What the sweep file says about trying again.

    Attributes:
        by_class: How often after each class of failure; absent: never.
        backoff_s: Before the first time; each further time twice as long, at most five minutes.
    """

    by_class: Mapping[CauseKind, int] = field(default_factory=dict)
    backoff_s: float = 5.0


class Retrying:
    """Counts the failures of each training, over all continuations of a sweep."""

    def __init__(self, retries: Retries) -> None:
        self._retries = retries
        self._failures: Counter[tuple[int, int, CauseKind]] = Counter()
        self._random = random.Random()  # with --local the global one is the objective's

    def note_past(self, rows: Iterable[TrialRow]) -> None:
        """Count what failed under earlier drivers and was to be tried again."""
        for row in rows:
            if row.state is TrialState.FAILED and row.told is None and row.cause is not None:
                self._failures[_place(row.id, Cause.parse(row.cause))] += 1

    def again_in_s(self, attempt: AttemptId, outcome: Outcome) -> float | None:
        """Count a failure; return after how many seconds the training starts again; None: never."""
        if outcome.state is not TrialState.FAILED or outcome.cause is None:
            return None
        place = _place(attempt, outcome.cause)
        often = self._failures[place]
        if often >= self._retries.by_class.get(outcome.cause.kind, 0):
            return None
        self._failures[place] += 1
        pause_s = min(self._retries.backoff_s * 2**often, _LONGEST_S)
        return float(pause_s * self._random.uniform(1 - _JITTER, 1 + _JITTER))


def _place(attempt: AttemptId, cause: Cause) -> tuple[int, int, CauseKind]:
    return attempt.number, attempt.replicate, cause.kind


class Breaker:
    """Ends a sweep whose trials all fail, or fail the same way one after the other.

    What failed before this driver does not count: who runs a sweep again has mended something.

    Args:
        most: So many in a row are enough; None: never.

    Attributes:
        why: What broke it; None: it holds.
    """

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._signature = ""
        self._alike = self._failed = 0
        self._succeeded = False
        self.why: str | None = None

    def note(self, outcome: Outcome) -> None:
        """Take the end of a trial that was trained here."""
        if outcome.state is not TrialState.FAILED or outcome.cause is None:
            self._alike, self._succeeded = 0, True
            return
        self._failed += 1
        signature = outcome.cause.signature
        self._alike = self._alike + 1 if signature == self._signature else 1
        self._signature = signature
        if self._most is None or self.why is not None:
            return
        if self._alike >= self._most and outcome.cause.kind not in _OF_THE_SEARCH:
            self.why = f"{self._alike} trials in a row failed the same way: {outcome.cause}"
        elif self._failed >= self._most and not self._succeeded:
            self.why = f"the first {self._failed} trials all failed, the last: {outcome.cause}"
