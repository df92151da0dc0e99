"""How far a sweep takes part in the shared store, and on which terms. Imports the model only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from sweeper.model import Record, RecordStatus

__all__ = ["PLAIN", "REAPED_AFTER", "REFUSED_AFTER", "CacheMode", "CachePolicy"]

# Leases. A driver that was asleep for one may come back and renew, if nobody took over; one that
# nobody wants for ten is removed when a sweep begins.
REAPED_AFTER = 10
REFUSED_AFTER = 2  # failures of one kind; a single one may be an accident
_OOM_COUNTS_FOR_S = 30 * 86400.0


class CacheMode(Enum):
    """What a sweep does with the store's records; its own ledger is kept in each mode."""

    RW = "rw"  # is answered, claims what it trains, stores what it learns
    RO = "ro"  # is answered only
    OFF = "off"


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """On which terms the store answers.

    Attributes:
        park: Wait for what somebody else trains now; False: train it as well.
        recache: Records from before the sweep are no answers: everything is trained once more.
        refuse: Kinds of failure that are not tried again once they happened twice.
        memory_mib: Of this sweep's GPUs: running out of memory on a smaller one says nothing; None:
            unknown, and every such failure counts.
        whole_from: A complete record answers only from this step on, a shorter one is a prefix
            (``cache.prefix_safe``); None: every complete record answers.
    """

    park: bool = True
    recache: bool = False
    refuse: frozenset[RecordStatus] = frozenset()
    memory_mib: float | None = None
    whole_from: int | None = None

    def refuses(self, record: Record, *, age_s: float) -> bool:
        """Tell whether a failure counts against trying again.

        Args:
            record: Of a kind that is refused.
            age_s: Since it was stored.
        """
        if record.status is not RecordStatus.OOM:
            return True
        kind = record.hw.get("class")
        theirs = kind.get("memory_mib") if isinstance(kind, dict) else None
        larger = (
            isinstance(theirs, int | float)
            and self.memory_mib is not None
            and theirs < self.memory_mib
        )
        return age_s <= _OOM_COUNTS_FOR_S and not larger


PLAIN = CachePolicy()
