"""Turns what a source says about a board into intervals of the board's ledger.

Owns: what becomes of a reading that fails. Not safe for threads; must not import psutil.
"""

from __future__ import annotations

from sweeper.energy.idle import IdleBook
from sweeper.energy.ledger import BoardLedger, Interval
from sweeper.energy.processes import ProcessBook
from sweeper.energy.sources import Source, Taken

__all__ = ["HOLD_S", "Booking"]

# A power reading stands for so long where the next ones fail (docs/energy.md, "Sources").
HOLD_S = 2.0


class Booking:
    """Books the joules of one source, each once, in one ledger.

    Args:
        source: Read at once.
        ledger: Whose intervals.
        idle: Knows the idle power.
        processes: Know who kept the board busy.
        now_s: The clock now.

    Attributes:
        told_j: The newest that the source told.
        taken_s: When that was.
        ticked_s: When the ledger's last interval ended.
    """

    def __init__(
        self,
        source: Source,
        ledger: BoardLedger,
        idle: IdleBook,
        processes: ProcessBook,
        *,
        now_s: float,
    ) -> None:
        self._source = source
        self._ledger = ledger
        self._idle = idle
        self._processes = processes
        self.told_j = 0.0
        self.taken_s = self.ticked_s = now_s
        self._used_j = 0.0  # of what the source tells, what is in the ledger
        self._seen_s = 0.0  # the same of seconds
        self._power_w: float | None = None  # mean of the last interval
        self._torn = False  # the next joules lie on both sides of an edge that was not read
        self._flags: dict[str, None] = {}
        self.take(now_s)

    @property
    def unbooked_j(self) -> float:
        """Return what the source has told and the ledger does not have."""
        return max(0.0, self.told_j - self._used_j)

    def take(self, now_s: float) -> Taken | None:
        """Read the source; None: it cannot be read."""
        taken = self._source.take(now_s)
        if taken is not None:
            self.taken_s, self.told_j = now_s, taken.energy_j
            self._flags.update(dict.fromkeys(taken.flags))
        return taken

    def book(self, now_s: float, used_j: float, seen_s: float) -> None:
        """Book what was used since the last tick; ``seen_s`` is the source's running total."""
        elapsed_s = max(0.0, now_s - self.ticked_s)
        seen_now_s = min(elapsed_s, max(0.0, seen_s - self._seen_s))
        self._seen_s = max(self._seen_s, seen_s)
        self._used_j += used_j
        if self._torn:
            self._torn = False
            self._flags["counter_gap"] = None
            # It is in the counter, so it is in the books, but nobody knows whose it is.
            self._ledger.overhead_j += used_j
            self._ledger.device_j += used_j
            self._tick(now_s, None)
            return
        if elapsed_s > 0 and used_j > 0:
            self._power_w = used_j / elapsed_s
        self._tick(now_s, used_j, seen_now_s)

    def miss(self, now_s: float) -> None:
        """An edge could not be read: hold the last power for a while, then nothing is known."""
        blind_s = now_s - self.ticked_s
        if blind_s <= 0:
            return
        self._flags["gpu_lost" if "gpu_lost" in self._source.flags else "counter_gap"] = None
        if self._power_w is not None and now_s - self.taken_s <= HOLD_S:
            used_j = self._power_w * blind_s  # later readings are booked from there on
            self._used_j += used_j
            self._tick(now_s, used_j)
        else:
            self._torn = True
            self._tick(now_s, None)

    def _tick(self, now_s: float, used_j: float | None, seen_s: float = 0.0) -> None:
        elapsed_s = max(0.0, now_s - self.ticked_s)
        activity = self._processes.activity(elapsed_s, self._ledger.leases)
        self._ledger.tick(
            Interval(
                elapsed_s,
                used_j,
                self._idle.watts,
                activity.busy,
                activity.external_busy,
                activity.exclusive,
                seen_s,
                (*self._flags, *activity.flags),
            )
        )
        self._flags.clear()
        self.ticked_s = now_s
