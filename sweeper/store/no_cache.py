"""The cache of a sweep that wants none: nothing is known, everything may be trained.

The ledger is kept all the same, so that the sweep resumes and its joules are booked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sweeper.model import Attempt, Claim, Hit, Key, Mine, Progress
from sweeper.seams import Ledger

__all__ = ["NoCache"]


class NoCache:
    """Answers nothing and grants everything.

    Args:
        ledger: Where the attempts of this sweep are written; begun already.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def lookup(self, keys: Sequence[Key]) -> Mapping[str, Hit]:
        """Know nothing."""
        return {}

    def acquire(self, key: Key, attempt: Attempt, *, beyond: int = -1) -> Mine:
        """Write the attempt's row and let it be trained, unclaimed."""
        self._ledger.start(attempt)
        return Mine(None)

    def renew(self, progress: Mapping[Claim, Progress]) -> frozenset[Claim]:
        """Lose nothing, as nothing was claimed."""
        return frozenset()

    def release(self, claim: Claim) -> None:
        """Do nothing, as nothing was claimed."""
