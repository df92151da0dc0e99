"""A quantity over time that is set by hand, and its exact integral: the truth behind fake sensors.

Owns: the arithmetic. Imports nothing of the package.
"""

from __future__ import annotations

from bisect import bisect_right

__all__ = ["Steps"]


class Steps:
    """A step function of time.

    Args:
        before: Its value before the first step.
    """

    def __init__(self, before: float = 0.0) -> None:
        self._before = before
        self._times_s: list[float] = []
        self._values: list[float] = []
        self._integrals: list[float] = []  # from the first step up to each

    def set(self, at_s: float, value: float) -> None:
        """Let it have a value from a time on, up to the next step; of one time the last call wins.

        Args:
            at_s: When; may lie before other steps.
            value: What.
        """
        place = bisect_right(self._times_s, at_s)
        self._times_s.insert(place, at_s)
        self._values.insert(place, value)
        self._integrals.insert(place, 0.0)
        for later in range(max(1, place), len(self._times_s)):
            span_s = self._times_s[later] - self._times_s[later - 1]
            self._integrals[later] = self._integrals[later - 1] + self._values[later - 1] * span_s
        self._integrals[0] = 0.0

    def at(self, at_s: float) -> float:
        """Return its value at a time."""
        place = bisect_right(self._times_s, at_s)
        return self._values[place - 1] if place else self._before

    def integral(self, from_s: float, to_s: float) -> float:
        """Return its integral between two times, in its unit times seconds."""
        return self._up_to(to_s) - self._up_to(from_s)

    def _up_to(self, at_s: float) -> float:
        """Return the integral from the first step, or from 0 s where there is none; may be < 0."""
        place = bisect_right(self._times_s, at_s)
        if place:
            last = place - 1
            return self._integrals[last] + self._values[last] * (at_s - self._times_s[last])
        return self._before * (at_s - (self._times_s[0] if self._times_s else 0.0))
