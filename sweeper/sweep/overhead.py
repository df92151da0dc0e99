"""What workers used outside attempts, over all continuations of a sweep, as far as it is known.

Owns: one account from what earlier drivers booked, what workers say as they go, and what the pool
says at the end. Arithmetic; asks nobody.
"""

from __future__ import annotations

import math
from dataclasses import replace

from sweeper.model import CUT_SHORT, NOTHING, UNAVAILABLE, Ended, Energy, joined

__all__ = ["Overhead"]


class Overhead:
    """Keeps the overhead of one sweep.

    Attributes:
        earlier: What earlier drivers booked.
        like: The last known account of an attempt whose worker answered: it tells source and
            scope; None: there is none yet.
    """

    def __init__(self) -> None:
        self.earlier = NOTHING
        self.like: Energy | None = None
        self._said_j: dict[str, float] = {}  # by worker, the latest word

    def heard(self, ended: Ended) -> None:
        """Note what a worker says of itself at the end of an attempt."""
        if ended.overhead_j is not None:
            self._said_j[ended.worker] = ended.overhead_j
        if ended.answered and ended.energy.total_j is not None:
            self.like = ended.energy

    @property
    def known_j(self) -> float:
        """Return the joules that are known; 0 where none are."""
        return math.fsum([self.earlier.total_j or 0.0, *tuple(self._said_j.values())])

    def so_far(self) -> Energy:
        """Return the account while workers live: the least, and flagged so.

        May be called from another thread.
        """
        return self._least(UNAVAILABLE)

    def whole(self, now: Energy) -> Energy:
        """Return the account of all continuations; the least of it where a part is unknown.

        Args:
            now: What the pool said when it was closed.
        """
        whole = joined([self.earlier, now])
        return self._least(now) if whole.total_j is None else whole

    def _least(self, now: Energy) -> Energy:
        """Add up what is known, this driver's workers as far as they said; all lines are kept."""
        whole = joined([self.earlier, now])
        parts = (self.earlier, self._said() if now.total_j is None else now)
        known = [part for part in parts if part.total_j is not None and part != NOTHING]
        if not known:
            return whole
        least = joined(known)
        flags = tuple(dict.fromkeys((*whole.flags, CUT_SHORT)))
        return replace(
            least, lo_j=least.total_j, hi_j=None, u_rel=None, gpus=whole.gpus, flags=flags
        )

    def _said(self) -> Energy:
        said_j = tuple(self._said_j.values())
        if not said_j:
            return UNAVAILABLE
        like = self.like
        return Energy(
            total_j=math.fsum(said_j),
            source="unknown" if like is None else like.source,
            scope="none" if like is None else like.scope,
            attribution="none" if like is None else like.attribution,
        )
