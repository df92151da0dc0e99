"""Joules from power that is read again and again: the fallback where no energy counter is sane.

Owns: how samples become an integral (docs/energy.md, "Sources"). Reads the one board it is given.
"""

from __future__ import annotations

from collections.abc import Callable

from sweeper.energy.board import GpuLost
from sweeper.energy.source import FlagBook, Taken

__all__ = ["AVERAGE_SHIFT_S", "HOLD_S", "PolledSource", "above_zero"]

# A sample stands for the time after it so long; what comes then has not been seen.
HOLD_S = 2.0
# The 1 s average at a time is the mean of the second before it, whose middle is so long ago.
AVERAGE_SHIFT_S = 0.5

_PERIOD_S = 0.1


def above_zero(read: Callable[[], float | None]) -> Callable[[], float | None]:
    """Return a reading that takes 0 W for "cannot be read": drivers say so when asked too fast."""

    def power_w() -> float | None:
        watts = read()
        return watts if watts is not None and watts > 0 else None

    return power_w


class PolledSource:
    """Integrates power as steps: each sample is held until the next; implements ``Source``.

    No trapezoid, and no sample is left out for being like the last one: either loses seconds at the
    edges of a window. A sample that fails is skipped and the last one held, for ``HOLD_S`` at most.

    Args:
        label: Where the joules come from.
        read: Returns watts, None: not now; raises ``GpuLost``.
        now_s: When the source begins.
        shift_s: How long ago the time is that a sample speaks of. The joules of the last so many
            seconds are then not known yet: the last sample stands for them, and a later answer
            makes up for the difference without ever going down.
        scope: What the sensor covers.
    """

    period_s = _PERIOD_S

    def __init__(
        self,
        label: str,
        read: Callable[[], float | None],
        now_s: float,
        *,
        shift_s: float = 0.0,
        scope: str = "gpu",
    ) -> None:
        self.label = label
        self.scope = scope
        self.update_s: float | None = None
        self.power_w: float | None = None  # as just read; None: it could not be
        self._read = read
        self._shift_s = shift_s
        self._flags = FlagBook()
        self._lost = False
        self._held_w: float | None = None
        self._held_until_s = now_s
        self._now_s: float | None = None
        self._at_s = now_s
        self._integral_j = self._seen_s = 0.0
        # The first ``shift_s`` of the integral speak of the time before the source began.
        self._before_j = self._before_s = 0.0
        self._given_j = 0.0
        self.sample(now_s)

    @property
    def flags(self) -> tuple[str, ...]:
        """Return what has been odd since the source began."""
        return self._flags.all

    def sample(self, now_s: float) -> None:
        """Read the power, once at any one time."""
        if self._lost or now_s == self._now_s:
            return
        self._now_s = now_s
        try:
            self.power_w = self._read()
        except GpuLost:
            self.power_w = None
            self._lost = True
            self._flags.add("gpu_lost")
        self._hold(now_s)
        if self.power_w is not None:
            self._held_w = self.power_w
            self._held_until_s = now_s + HOLD_S

    def take(self, now_s: float) -> Taken | None:
        """Return the joules up to now; None: nothing has been read for ``HOLD_S``."""
        self.sample(now_s)
        if self._lost or self._held_w is None or now_s > self._held_until_s:
            return None
        known_j = self._integral_j - self._before_j + self._held_w * self._before_s
        self._given_j = max(self._given_j, known_j)
        return Taken(self._given_j, self._seen_s, self._flags.tell())

    def _hold(self, now_s: float) -> None:
        """Book the time since the last sample at that sample's power."""
        held_s = min(now_s, self._held_until_s) - self._at_s
        self._at_s = max(now_s, self._at_s)
        if self._held_w is None or held_s <= 0:
            return
        self._integral_j += self._held_w * held_s
        self._seen_s += held_s
        before_s = min(held_s, self._shift_s - self._before_s)
        self._before_j += self._held_w * before_s
        self._before_s += before_s
