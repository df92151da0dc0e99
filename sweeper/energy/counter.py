"""The energy counter of a board, and what becomes of it when it turns out wrong.

Owns: bridging resets, and giving a counter up that stands still or cannot be right (docs/energy.md,
"Sources"). Reads the one board it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sweeper.energy.board import Board, GpuLost
from sweeper.energy.plausible import ABOVE_LIMIT, LIMIT_WINDOW_S, CounterCheck, Disagreement
from sweeper.energy.polled import PolledSource
from sweeper.energy.source import FlagBook, Source, Taken

__all__ = ["CounterSource"]

# A counter that has not moved for so long, while the board draws so much, is stuck.
_STUCK_S, _STUCK_W = 2.0, 10.0
# Over less than this a counter's steps hide its slope.
_SLOPE_S = 0.5
_PERIOD_S = 1.0


class _Mark(NamedTuple):
    """A time at which the counter was believed, and what the source beside it said then."""

    at_s: float
    used_j: float
    seen_s: float
    beside: Taken | None


class CounterSource:
    """Reads the board's energy counter, with a weaker source beside it; implements ``Source``.

    The weaker source is sampled as often as the counter is. If it measures power it bridges a reset
    of the counter and bears witness against it; whatever it is, it takes over when the counter
    stands still or cannot be right: from the last sample at which the counter had moved.

    Args:
        board: Whose counter.
        beside: The source that the board would have without a counter.
        now_s: When the source begins.
        reading_j: What the counter said then.
        scope: What the counter covers.

    Attributes:
        disagreement: Why the counter is no longer believed, in watts; None: it is.
    """

    def __init__(
        self, board: Board, beside: Source, now_s: float, *, reading_j: float, scope: str = "gpu"
    ) -> None:
        self.update_s: float | None = None
        self.disagreement: Disagreement | None = None
        self._board = board
        self._beside = beside
        measured = beside.label.startswith("measured:")
        self._witness = beside if measured and isinstance(beside, PolledSource) else None
        self._scope = scope
        self._flags = FlagBook()
        self._check = CounterCheck(averages=beside.label == "measured:power_avg")
        self._lost = False
        self._replaced = False
        self._limit_w = self._ask(board.limit_w)
        self._reading_j = reading_j
        self._offset_j = -reading_j
        self._used_j = self._seen_s = self._unseen_s = 0.0
        self._began_s = self._moved_s = now_s
        self._slope_w: float | None = None
        self._mark = _Mark(now_s, 0.0, 0.0, beside.take(now_s))

    @property
    def label(self) -> str:
        """Return where the joules come from."""
        return self._beside.label if self._replaced else "measured:counter"

    @property
    def scope(self) -> str:
        """Return what the joules cover."""
        return self._beside.scope if self._replaced else self._scope

    @property
    def period_s(self) -> float:
        """Return how often to sample."""
        return self._beside.period_s if self._replaced else _PERIOD_S

    @property
    def flags(self) -> tuple[str, ...]:
        """Return what has been odd since the source began."""
        return self._flags.all

    def take(self, now_s: float) -> Taken | None:
        """Return the joules up to now; None: the board cannot be read."""
        if not self._advance(now_s):
            return None
        return Taken(self._used_j, self._seen_s, self._flags.tell())

    def sample(self, now_s: float) -> None:
        """Read the counter and the source beside it, and see whether they agree."""
        if self._replaced:
            self._beside.sample(now_s)
            return
        beside = self._beside.take(now_s)
        self._limit_w = self._ask(self._board.limit_w)
        if not self._advance(now_s) or self._replaced:
            return
        if self._moved_s == now_s:
            if now_s - self._mark.at_s >= _SLOPE_S:
                self._slope_w = (self._used_j - self._mark.used_j) / (now_s - self._mark.at_s)
            self._mark = _Mark(now_s, self._used_j, self._seen_s, beside)
        self.disagreement = self._check.judge(
            now_s,
            self._used_j,
            None if self._witness is None else self._witness.power_w,
            limit_w=self._limit_w,
            update_s=self.update_s,
        )
        if self.disagreement is not None:
            self._replace("counter_implausible")

    def _advance(self, now_s: float) -> bool:
        """Bring the joules up to now; False: the board cannot be read."""
        if not self._replaced:
            reading_j = self._ask(self._board.counter_j)
            if reading_j is None or reading_j == self._reading_j:
                if self._stands_still(now_s, reading_j):
                    self._replace("counter_stuck")
            elif reading_j < self._reading_j:
                self._bridge(now_s, reading_j)
            elif self._leaps(now_s, reading_j):
                self._replace("counter_implausible")
            else:
                self._reading_j, self._moved_s = reading_j, now_s
            if not self._replaced:
                return reading_j is not None and self._count(now_s)
        return not self._lost and self._follow(now_s)

    def _count(self, now_s: float) -> bool:
        """Take over what the counter says."""
        self._used_j = self._offset_j + self._reading_j
        self._seen_s = max(self._seen_s, now_s - self._began_s - self._unseen_s)
        return True

    def _follow(self, now_s: float) -> bool:
        """Take over what the source beside the counter says has come since the mark."""
        taken = self._beside.take(now_s)
        if taken is None:
            self._flags.add(*self._beside.flags)
            return False
        self._flags.add(*taken.flags)
        mark = self._mark
        if mark.beside is None:  # it was silent when it was needed: nothing is known since then
            self._flags.add("gap")
            mark = self._mark = _Mark(now_s, self._used_j, self._seen_s, taken)
        since = mark.beside or taken
        self._used_j = max(self._used_j, mark.used_j + taken.energy_j - since.energy_j)
        self._seen_s = max(self._seen_s, mark.seen_s + taken.seen_s - since.seen_s)
        return True

    def _bridge(self, now_s: float, reading_j: float) -> None:
        """Go on after the counter fell: by the power beside it, else by its last slope."""
        self._flags.add("counter_reset")
        mark = self._mark
        beside = None if self._witness is None else self._witness.take(now_s)
        if beside is not None and mark.beside is not None:
            used_j = mark.used_j + beside.energy_j - mark.beside.energy_j
            seen_s = mark.seen_s + beside.seen_s - mark.beside.seen_s
        else:
            self._flags.add("gap")
            # Without a slope the least is known: what it has counted since it fell.
            slope_j = None if self._slope_w is None else self._slope_w * (now_s - mark.at_s)
            used_j = self._used_j + reading_j if slope_j is None else mark.used_j + slope_j
            seen_s = self._seen_s
        self._used_j = max(self._used_j, used_j)
        self._offset_j = self._used_j - reading_j
        self._unseen_s = max(self._unseen_s, now_s - self._began_s - seen_s)
        self._reading_j, self._moved_s = reading_j, now_s
        self._mark = _Mark(now_s, self._used_j, seen_s, beside)

    def _stands_still(self, now_s: float, reading_j: float | None) -> bool:
        if self._lost or now_s - self._moved_s < _STUCK_S:
            return False
        if self._witness is None:
            return reading_j is not None
        self._witness.sample(now_s)
        return self._witness.power_w is not None and self._witness.power_w > _STUCK_W

    def _leaps(self, now_s: float, reading_j: float) -> bool:
        """Tell whether one reading is beyond all that the board can have used since the last."""
        if self._limit_w is None:
            return False
        longest_s = now_s - self._moved_s + LIMIT_WINDOW_S
        return reading_j - self._reading_j > ABOVE_LIMIT * self._limit_w * longest_s

    def _replace(self, flag: str) -> None:
        """Let the source beside the counter take over from the mark on."""
        self._flags.add(flag)
        self._replaced = True
        self.update_s = None  # it was the counter's

    def _ask(self, read: Callable[[], float | None]) -> float | None:
        if self._lost:
            return None
        try:
            return read()
        except GpuLost:
            self._lost = True
            self._flags.add("gpu_lost")
            return None
