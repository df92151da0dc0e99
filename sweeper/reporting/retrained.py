"""A trial that was trained again, held against what was recorded of it.

Owns: what "agrees" means, its words and its JSON. Joules and seconds are measured anew and decide
nothing. Standard library only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from sweeper.model import Goals, SweepHistory, TrialRow, TrialState, Value
from sweeper.reporting import figures
from sweeper.reporting.clean import one_line
from sweeper.reporting.closing import section
from sweeper.reporting.documents import find_trial
from sweeper.reporting.outcomes import TrialView
from sweeper.reporting.summary import Summary
from sweeper.reporting.worth import Worth, worth_of

__all__ = ["Retrained", "retrained"]


@dataclass(frozen=True, slots=True)
class Retrained:
    """A trial then and now.

    Attributes:
        then: Handle and number of the recorded trial.
        now: Of the one that was trained.
        state_then: How the recorded one ended.
        state_now: How it ended this time.
        cause_now: Why it did not complete this time.
        same_question: Code, data, environment and seed are those of the record; None: one of the
            two has no key.
        values: By name, what was reported then and now; None: unknown.
        points: How many reports both have, of the first replicate.
        points_equal: How many of those agree.
        energy_then_j: What its trainings used; None: unknown.
        energy_now_j: The same.
        tolerance: Relative difference that is taken as equal.
    """

    then: str
    now: str
    state_then: TrialState
    state_now: TrialState
    cause_now: str | None
    same_question: bool | None
    values: dict[str, tuple[float | None, float | None]]
    points: int
    points_equal: int
    energy_then_j: float | None
    energy_now_j: float | None
    tolerance: float

    @property
    def agrees(self) -> bool:
        """Tell whether it ended alike, with the same values."""
        alike = self.state_then is self.state_now and self.points_equal == self.points
        return alike and all(_close(*pair, self.tolerance) for pair in self.values.values())

    def to_json(self) -> dict[str, Value]:
        """Return ``sweeper retrain --json``."""
        return {
            "then": self.then,
            "now": self.now,
            "state_then": self.state_then.value,
            "state_now": self.state_now.value,
            "cause_now": self.cause_now,
            "same_question": self.same_question,
            "values": {
                name: {"then": then, "now": now} for name, (then, now) in self.values.items()
            },
            "points": self.points,
            "points_equal": self.points_equal,
            "energy_then_j": self.energy_then_j,
            "energy_now_j": self.energy_now_j,
            "tolerance": self.tolerance,
            "agrees": self.agrees,
        }

    def lines(self) -> list[str]:
        """Word it."""
        energy = f"{figures.energy(self.energy_then_j)} then, {figures.energy(self.energy_now_j)}"
        return [
            f"{one_line(self.then)} was trained again as {one_line(self.now)}",
            *section("question", self._question()),
            *section("ended", self._ends()),
            *section("value", self._values()),
            *section("curve", [f"{self.points_equal} of {self.points} common points are equal"]),
            *section("energy", [f"{energy} now: measured anew, it need not agree"]),
            *section("agrees", ["yes" if self.agrees else "no"]),
        ]

    def _question(self) -> Iterator[str]:
        if self.same_question:
            yield "the same: code, data, environment and seed are those of the record"
        elif self.same_question is None:
            yield "not known to be the same: it has no key"
        else:
            yield "not the same; what changed since:"
            yield f"  sweeper cache diff {one_line(self.then)} {one_line(self.now)}"

    def _ends(self) -> Iterator[str]:
        why = "" if self.cause_now is None else f" ({one_line(self.cause_now, 200)})"
        yield f"{self.state_then.value} then, {self.state_now.value} now{why}"

    def _values(self) -> Iterator[str]:
        for name, (then, now) in self.values.items():
            equal = "equal" if _close(then, now, self.tolerance) else _difference(then, now)
            written = [figures.UNKNOWN if it is None else repr(it) for it in (then, now)]
            yield f"{one_line(name)} {written[0]} then, {written[1]} now: {equal}"


def retrained(
    then: SweepHistory, number: int, now: SweepHistory, summary: Summary, *, tolerance: float
) -> Retrained:
    """Hold a trial against the first one of a sweep that trained it again.

    Args:
        then: The sweep that had the trial.
        number: The trial's.
        now: The sweep that trained it again.
        summary: Of the sweep that had it.
        tolerance: Relative difference that is taken as equal.

    Raises:
        SweeperError: If nothing was trained.
    """
    before, after = find_trial(then, number), find_trial(now, 0)
    goals = summary.goals
    worths = [worth_of(it.trainings, goals, summary.factors) for it in (before, after)]
    columns = _reported(before, goals)
    points, equal = _common(before.first, after.first, tolerance)
    return Retrained(
        then=f"{then.sweep.handle}/{number}",
        now=f"{now.sweep.handle}/0",
        state_then=before.state,
        state_now=after.state,
        cause_now=after.cause,
        same_question=_same_question(before, after),
        values={
            goals.names[column]: (_value(worths[0], column), _value(worths[1], column))
            for column in columns
        },
        points=points,
        points_equal=equal,
        energy_then_j=before.energy_j,
        energy_now_j=after.energy_j,
        tolerance=tolerance,
    )


def _reported(trial: TrialView, goals: Goals) -> list[int]:
    """Return the columns of what the objective reported; joules and seconds are not that."""
    curve = [point for row in trial.trainings for point in row.curve]
    return [
        column
        for column in range(len(goals.names))
        if any(point.values[column] is not None for point in curve)
    ]


def _value(worth: Worth | None, column: int) -> float | None:
    return None if worth is None else worth.values[column]


def _common(before: TrialRow, after: TrialRow, tolerance: float) -> tuple[int, int]:
    """Count the reports that two trainings have in common, and those that are equal."""
    now = {point.step: point.values for point in after.curve}
    both = [(point.values, now[point.step]) for point in before.curve if point.step in now]
    equal = sum(
        all(_close(x, y, tolerance) for x, y in zip(left, right, strict=True))
        for left, right in both
    )
    return len(both), equal


def _same_question(before: TrialView, after: TrialView) -> bool | None:
    keys = [[row.run_key for row in trial.trainings] for trial in (before, after)]
    if None in (*keys[0], *keys[1]):
        return None
    return set(keys[0]) == set(keys[1])


def _close(left: float | None, right: float | None, tolerance: float) -> bool:
    if left is None or right is None:
        return left is right
    return math.isclose(left, right, rel_tol=tolerance, abs_tol=0.0)


def _difference(then: float | None, now: float | None) -> str:
    if then is None or now is None:
        return "differs"
    return f"differs by {figures.significant(abs(now - then), 2)}"
