"""A small table by hand, and a study that proposes what it is told to."""

from __future__ import annotations

import math
from collections.abc import Container, Hashable, Mapping, Sequence

from sweeper.model import Params, Proposal, TrialState, Verdict
from sweeper.replay.table import Training

__all__ = ["Fixed", "Script", "straight"]


def straight(*values: float | None, step_j: float = 10.0, step_s: float = 1.0) -> Training:
    """Return a training that uses the same at each step."""
    count = range(1, len(values) + 1)
    return Training(
        tuple(count),
        values,
        tuple(step_j * step for step in count),
        tuple(step_s * step for step in count),
    )


class Fixed:
    """One training per point ``{"x": name}``, in every repetition.

    Args:
        trainings: By name.
        worth: What a point is really worth; else what its training showed.
    """

    def __init__(
        self, trainings: Mapping[str, Training], worth: Mapping[str, float] | None = None
    ) -> None:
        self._trainings = trainings
        self._worth = worth or {}

    def train(self, params: Params, repetition: int) -> Training:
        """Return the training of the point."""
        return self._trainings[params["x"]]

    def quality(self, params: Params) -> float:
        """Return what the point is worth."""
        name = params["x"]
        last = self._trainings[name].last
        return self._worth.get(name, math.nan if last is None else last)

    def identity(self, params: Params) -> Hashable:
        """Name the point."""
        return str(params["x"])


class Script:
    """Proposes points in a given order and remembers what it hears.

    Args:
        names: Of the points.
        stops: Number and step of each report at which a trial is stopped.
    """

    def __init__(self, names: Sequence[str], stops: Container[tuple[int, int]] = ()) -> None:
        self._left = list(enumerate(names))
        self._stops = stops
        self.told: list[tuple[int, TrialState, tuple[float, ...]]] = []
        self.judged: list[tuple[int, int, float]] = []

    def ask(self) -> Proposal | None:
        """Propose the next point; None: there is none."""
        if not self._left:
            return None
        number, name = self._left.pop(0)
        return Proposal(number, {"x": name})

    def repeat(self, params: Params) -> Proposal:
        """Is never called in a replay."""
        raise NotImplementedError

    def judge(self, number: int, step: int, value: float) -> Verdict:
        """Stop what the script says."""
        self.judged.append((number, step, value))
        return Verdict((number, step) in self._stops, "script")

    def tell(
        self,
        number: int,
        state: TrialState,
        values: Sequence[float],
        violations: Sequence[float] = (),
    ) -> None:
        """Remember it."""
        self.told.append((number, state, tuple(values)))
