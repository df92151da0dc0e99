"""Lets searches race on a table: the same noise, target and grid order for all of them.

Owns: the three baselines, the target, the order of a shuffled grid, and how repetitions become
standings (docs/benchmarks.md, "Energy to the quality of grid search"). Knows the seam ``Study``.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sweeper.model import GO_ON, Direction, Params, Proposal, TrialState, Verdict
from sweeper.model.races import Ratio, Run, Spread, Standing
from sweeper.replay.play import Rules, play
from sweeper.replay.statistics import holm, median_interval, quartiles, wilcoxon
from sweeper.replay.table import Table
from sweeper.seams import Study

__all__ = ["EXHAUSTIVE", "SHUFFLED", "Contest", "Listed", "Rule", "race", "standings"]

EXHAUSTIVE = "grid"  # G1
SHUFFLED = "grid, shuffled"  # G2; with early stopping G3

# Builds a study from the repetition.
MakeStudy = Callable[[int], Study]


class Rule(Protocol):
    """A rule of early stopping."""

    def judge(self, number: int, step: int, value: float) -> Verdict:
        """Say whether a trial should stop."""

    def end(self, number: int, state: TrialState) -> None:
        """Hear that a trial has ended."""


class Listed:
    """Proposes points in a given order: grid search.

    Args:
        points: In their order.
        rule: May stop them early; None: nothing is stopped.
    """

    def __init__(self, points: Sequence[Params], rule: Rule | None = None) -> None:
        self._points: Iterator[tuple[int, Params]] = iter(enumerate(points))
        self._rule = rule

    def ask(self) -> Proposal | None:
        """Propose the next point; None: all were."""
        found = next(self._points, None)
        return None if found is None else Proposal(*found)

    def repeat(self, params: Params) -> Proposal:
        """Is for sweeps that go on; a list begins anew."""
        raise NotImplementedError("a list of points is played from its beginning")

    def judge(self, number: int, step: int, value: float) -> Verdict:
        """Ask the rule."""
        return GO_ON if self._rule is None else self._rule.judge(number, step, value)

    def tell(
        self,
        number: int,
        state: TrialState,
        values: Sequence[float],
        violations: Sequence[float] = (),
    ) -> None:
        """Let the rule hear of it."""
        if self._rule is not None:
            self._rule.end(number, state)


@dataclass(frozen=True, slots=True)
class Contest:
    """What is raced over.

    Attributes:
        table: Of recorded trainings.
        grid: The points of the exhaustive grid.
        direction: Which way the value gets better.
        methods: What builds the study of each, from the repetition.
        rule: Name of the early stopping that the shuffled grid is given as well (G3), and what
            builds it; None: there is none.
        seen: What a training showed is compared, not the mean over all that is recorded.
    """

    table: Table
    grid: Sequence[Params]
    direction: Direction
    methods: Mapping[str, MakeStudy]
    rule: tuple[str, Callable[[], Rule]] | None = None
    seen: bool = False

    def quality(self, params: Params, repetition: int) -> float:
        """Return what a point is worth in a repetition; nan: nothing."""
        if not self.seen:
            return self.table.quality(params)
        value = self.table.train(params, repetition).last
        return math.nan if value is None else value


def race(contest: Contest, repetitions: int) -> tuple[list[Run], list[float]]:
    """Play every method in every repetition.

    Returns:
        The runs, and the target of each repetition.
    """
    runs: list[Run] = []
    targets: list[float] = []
    for repetition in range(repetitions):
        grid_j, target = _grid_search(contest, repetition)
        targets.append(target)
        runs.append(
            Run(EXHAUSTIVE, repetition, grid_j, grid_j, target, len(contest.grid), pruned=0)
        )
        for method, make in _entrants(contest, repetition):
            runs.append(_run(contest, method, make, repetition, grid_j, target))
    return runs, targets


def _grid_search(contest: Contest, repetition: int) -> tuple[float, float]:
    """Return what the exhaustive grid consumes, and what its pick is really worth."""
    trainings = [(contest.table.train(point, repetition), point) for point in contest.grid]
    known = [(it.last, point) for it, point in trainings if it.last is not None]
    sign = -1.0 if contest.direction is Direction.MAXIMIZE else 1.0
    picked = min(known, key=lambda pair: sign * pair[0], default=None)
    target = math.nan if picked is None else contest.quality(picked[1], repetition)
    return math.fsum(it.energy_j[-1] for it, _ in trainings), target


def _entrants(contest: Contest, repetition: int) -> Iterator[tuple[str, MakeStudy]]:
    points = list(contest.grid)
    random.Random(f"order {repetition}").shuffle(points)
    yield SHUFFLED, lambda _: Listed(points)
    if contest.rule is not None:
        name, make = contest.rule
        yield f"{SHUFFLED}, {name}", lambda _: Listed(points, make())
    yield from contest.methods.items()


def _run(
    contest: Contest,
    method: str,
    make: MakeStudy,
    repetition: int,
    grid_j: float,
    target: float,
) -> Run:
    def succeeds(params: Params) -> bool:
        quality = contest.quality(params, repetition)
        return quality == target or contest.direction.better(quality, target)

    rules = Rules(contest.direction, succeeds, grid_j, most_trials=len(contest.grid))
    played = play(make(repetition), contest.table, repetition, rules)
    quality = math.nan if played.best is None else contest.quality(played.best, repetition)
    return Run(
        method,
        repetition,
        grid_j,
        played.energy_to_target_j,
        quality if math.isfinite(quality) else None,
        played.trials,
        played.pruned,
    )


def standings(runs: Sequence[Run]) -> tuple[Standing, ...]:
    """Sum repetitions up, methods in the order in which they first ran."""
    methods: dict[str, list[Run]] = {}
    for run in runs:
        methods.setdefault(run.method, []).append(run)
    shuffled = {run.repetition: run for run in methods.get(SHUFFLED, ())}
    tests = {
        name: wilcoxon([r.ratio - shuffled[r.repetition].ratio for r in own])
        if shuffled and name not in (SHUFFLED, EXHAUSTIVE)
        else None
        for name, own in methods.items()
    }
    adjusted = holm(tests)
    return tuple(_standing(name, own, shuffled, adjusted[name]) for name, own in methods.items())


def _standing(
    method: str, runs: Sequence[Run], shuffled: Mapping[int, Run], p: float | None
) -> Standing:
    is_shuffled = method == SHUFFLED or not shuffled
    qualities = [run.quality for run in runs if run.quality is not None]
    return Standing(
        method=method,
        repetitions=len(runs),
        energy_j=Spread(*quartiles([run.charged_j for run in runs])),
        to_grid=Ratio(*median_interval([run.ratio for run in runs])),
        to_shuffled=None
        if is_shuffled
        else Ratio(*median_interval([_over(run, shuffled[run.repetition]) for run in runs])),
        reached=sum(run.energy_j is not None for run in runs),
        p=p,
        quality=statistics.median(qualities) if qualities else None,
        trials=statistics.median(run.trials for run in runs),
        pruned=statistics.median(run.pruned for run in runs),
    )


def _over(run: Run, base: Run) -> float:
    return run.charged_j / base.charged_j if base.charged_j > 0 else 1.0
