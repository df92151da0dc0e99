"""Meters without devices: a clock that is set by hand, a power curve, and a meter that fails.

For tests of whatever holds a meter. Imports only the values and seams.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from sweeper.model import UNAVAILABLE, Energy, GpuEnergy

__all__ = ["FailingMeter", "HandClock", "ScriptedMeter"]

# The curve is integrated in steps of this or less, at the middle of each.
STEP_S = 0.1


class HandClock:
    """A monotonic clock that moves only when told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now_s

    def advance(self, elapsed_s: float) -> None:
        """Let time go by."""
        self.now_s += elapsed_s


class ScriptedMeter:
    """Integrates a power curve over a clock, and says that it measured it.

    Args:
        clock: Seconds, monotonic.
        power_w: Watts of all devices of the worker together at a time of that clock.
    """

    def __init__(self, clock: Callable[[], float], power_w: Callable[[float], float]) -> None:
        self._clock = clock
        self._power_w = power_w
        self._gpus: tuple[str, ...] = ()
        self._share: float | None = None
        self._last_s = 0.0
        self._total_j = 0.0
        self._closed_j = 0.0
        self._opened_j: float | None = None

    def begin(self, gpus: Sequence[str], share: float) -> None:
        """Start the books anew."""
        self._gpus, self._share = tuple(gpus), share
        self._last_s = self._clock()
        self._total_j = self._closed_j = 0.0
        self._opened_j = None

    def open(self) -> None:
        """Open the account of the next trial."""
        if self._share is not None:
            self._opened_j = self._used_j()

    def read(self) -> float | None:
        """Return joules of the open account so far; None: none is open."""
        return None if self._opened_j is None else self._used_j() - self._opened_j

    def close(self) -> Energy:
        """Close the open account."""
        if self._opened_j is None:
            return UNAVAILABLE
        spent_j = self._used_j() - self._opened_j
        self._opened_j = None
        self._closed_j += spent_j
        return self._energy(spent_j)

    def overhead(self) -> Energy:
        """Return the joules outside closed accounts."""
        if self._share is None:
            return UNAVAILABLE
        return self._energy(max(0.0, self._used_j() - self._closed_j))

    def _used_j(self) -> float:
        """Return the worker's joules since ``begin``."""
        now_s = self._clock()
        steps = math.ceil((now_s - self._last_s) / STEP_S)
        if steps > 0 and self._share is not None:
            step_s = (now_s - self._last_s) / steps
            middles = (self._last_s + (step + 0.5) * step_s for step in range(steps))
            self._total_j += self._share * step_s * sum(self._power_w(s) for s in middles)
        self._last_s = now_s
        return self._total_j

    def _energy(self, energy_j: float) -> Energy:
        count = max(1, len(self._gpus))
        return Energy(
            total_j=energy_j,
            source="measured:counter",
            scope="gpu",
            attribution="exclusive" if self._share == 1 else "lease",
            gpus=tuple(GpuEnergy(uuid, "scripted", energy_j / count) for uuid in self._gpus),
        )


class FailingMeter:
    """A meter that can read nothing, as on a host without any sensor: all is unavailable."""

    def begin(self, gpus: Sequence[str], share: float) -> None:
        """Start nothing."""

    def open(self) -> None:
        """Open nothing."""

    def read(self) -> float | None:
        """Return that the joules are unknown."""
        return None

    def close(self) -> Energy:
        """Return that the joules are unknown."""
        return UNAVAILABLE

    def overhead(self) -> Energy:
        """Return that the joules are unknown."""
        return UNAVAILABLE
