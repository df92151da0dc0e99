"""How long a trial may be silent before it is taken for hung."""

from __future__ import annotations

__all__ = ["Stalls"]

_STEPS = 3  # before so many were seen nobody knows how long one takes
_LEAST_S = 600.0
_FACTOR = 10.0


class Stalls:
    """Learns from the steps of a sweep how long one takes.

    The rule without a limit in the file: ten times the longest step that was seen, and never less
    than ten minutes. The longest, not the median: configurations of one sweep differ a hundredfold,
    and a trial that was killed by mistake is a wrong result.

    Args:
        limit_s: What the file says; None: learn it.
    """

    def __init__(self, limit_s: float | None) -> None:
        self._limit_s = limit_s
        self._steps = 0
        self._longest_s = 0.0

    def note(self, step_s: float) -> None:
        """Take the duration of a step."""
        self._steps += 1
        self._longest_s = max(self._longest_s, step_s)

    @property
    def limit_s(self) -> float | None:
        """Return how long silence may last; None: nobody knows yet."""
        if self._limit_s is not None:
            return self._limit_s
        return max(_LEAST_S, _FACTOR * self._longest_s) if self._steps >= _STEPS else None
