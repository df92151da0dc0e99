"""Which worker has which part of a board's overhead. Pure arithmetic."""

from __future__ import annotations

from sweeper.energy.ledger import BoardLedger

__all__ = ["OverheadParts"]


class OverheadParts:
    """Deals a board's overhead out to the workers that have begun, as it grows.

    The parts of all workers sum to the whole: what came before the first one is dealt out when it
    joins, and the part of one that leaves is dealt out again.

    Args:
        ledger: Whose overhead.
    """

    def __init__(self, ledger: BoardLedger) -> None:
        self._ledger = ledger
        self._fractions: dict[str, float] = {}
        self._parts_j: dict[str, float] = {}
        self._dealt_j = 0.0

    def join(self, worker: str, fraction: float) -> None:
        """Let a worker have a part from now on; one that had one begins at nothing."""
        self._deal()
        self._fractions[worker] = fraction
        self._parts_j[worker] = 0.0

    def leave(self, worker: str) -> None:
        """Deal a worker's part out to the others."""
        self._deal()
        self._fractions.pop(worker, None)
        self._dealt_j -= self._parts_j.pop(worker, 0.0)

    def of(self, worker: str) -> float:
        """Return the joules of a worker's part."""
        self._deal()
        return self._parts_j.get(worker, 0.0)

    def _deal(self) -> None:
        more_j = self._ledger.overhead_j - self._dealt_j
        if more_j <= 0 or not self._fractions:
            return
        whole = sum(self._fractions.values())
        for worker, fraction in self._fractions.items():
            self._parts_j[worker] += more_j * fraction / whole
        self._dealt_j = self._ledger.overhead_j
