"""The trials that no other one beats, when there are several objectives.

Owns: the meaning of "beats" (Pareto dominance). Standard library only.
"""

from __future__ import annotations

from collections.abc import Sequence

from sweeper.model import Direction, Metric

__all__ = ["Front"]


class Front:
    """Keeps the points that no other beats: at least as good in everything, better in something.

    Points of equal values do not beat each other: all of them stay.

    Args:
        metrics: The objectives.
    """

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._signs = [1 if it.direction is Direction.MINIMIZE else -1 for it in metrics]
        self._points: dict[int, tuple[float, ...]] = {}

    @property
    def numbers(self) -> tuple[int, ...]:
        """Return the trials on the front, in ascending order."""
        return tuple(sorted(self._points))

    def add(self, number: int, values: Sequence[float]) -> None:
        """Take a trial in, unless one of the front beats it; those that it beats leave.

        Args:
            number: The trial's.
            values: One per objective, finite.
        """
        point = tuple(sign * value for sign, value in zip(self._signs, values, strict=True))
        if any(_beats(other, point) for other in self._points.values()):
            return
        left = {it: other for it, other in self._points.items() if not _beats(point, other)}
        self._points = {**left, number: point}


def _beats(left: Sequence[float], right: Sequence[float]) -> bool:
    """Tell whether a point is nowhere worse and not the same; smaller is better."""
    return left != right and all(x <= y for x, y in zip(left, right, strict=True))
