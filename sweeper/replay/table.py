"""What is known of trainings that took place: the ground on which searches are replayed.

Owns: the value ``Training`` and the seam ``Table``. Imports ``sweeper.model`` only.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sweeper.model import Params

__all__ = ["Reported", "Table", "Training"]

# Step, judged value, seconds and joules so far of one report; None: unknown.
Reported = tuple[int, float | None, float, float | None]


@dataclass(frozen=True, slots=True)
class Training:
    """One recorded training from zero to its end; energy and time are cumulative.

    Attributes:
        steps: Ascending, one per report; at least one.
        values: The judged metric at each; nan: it diverged there, None: not recorded.
        energy_j: Joules up to each report.
        elapsed_s: Seconds up to each report.
    """

    steps: tuple[int, ...]
    values: tuple[float | None, ...]
    energy_j: tuple[float, ...]
    elapsed_s: tuple[float, ...]

    @classmethod
    def of(
        cls, reports: Sequence[Reported], value: float, energy_j: float, elapsed_s: float
    ) -> Training:
        """Put a training together; joules that are unknown on the way grow with time.

        Args:
            reports: Step, judged value, seconds and joules of each; ascending.
            value: At the end; nan: it has none.
            energy_j: All of it.
            elapsed_s: All of it.
        """
        if not reports:
            return cls((1,), (value,), (energy_j,), (elapsed_s,))
        steps, values, times, joules = zip(*reports, strict=True)
        whole_s = max(elapsed_s, times[-1])
        known = all(it is not None for it in joules)
        grown = joules if known else [energy_j * it / whole_s if whole_s else 0.0 for it in times]
        return cls(
            tuple(steps),
            (*values[:-1], value),
            (*(min(float(it or 0.0), energy_j) for it in grown[:-1]), energy_j),
            (*times[:-1], whole_s),
        )

    @property
    def last(self) -> float | None:
        """Return the value at the end; None: it has none, because it diverged, say."""
        value = self.values[-1]
        return value if value is not None and math.isfinite(value) else None

    def energy_at(self, elapsed_s: float) -> float:
        """Return joules after so many seconds, even between two reports."""
        index = bisect_right(self.elapsed_s, elapsed_s)
        if index == len(self.steps):
            return self.energy_j[-1]
        before_s = self.elapsed_s[index - 1] if index else 0.0
        before_j = self.energy_j[index - 1] if index else 0.0
        span_s = self.elapsed_s[index] - before_s
        part = (elapsed_s - before_s) / span_s if span_s > 0 else 1.0
        return before_j + part * (self.energy_j[index] - before_j)


class Table(Protocol):
    """Answers what a training would have shown, and how good its configuration really is."""

    def train(self, params: Params, repetition: int) -> Training:
        """Return the training of a point; a repetition always sees the same noise."""

    def quality(self, params: Params) -> float:
        """Return the mean final value over everything recorded; nan: it has none."""

    def identity(self, params: Params) -> Hashable:
        """Name the recorded configuration that a point means; equal ones cost once."""
