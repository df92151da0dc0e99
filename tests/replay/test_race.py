"""A race of searches on a table, worked out by hand: baselines, target, standings."""

from __future__ import annotations

import math
import random

import pytest

from sweeper.model import GO_ON, Direction, TrialState, Verdict
from sweeper.model.races import Run
from sweeper.replay.race import EXHAUSTIVE, SHUFFLED, Contest, race, standings
from tests.replay.grounds import Fixed, Script, straight

NAMES = ("a", "b", "c", "d")
TABLE = Fixed({name: straight(1.0 - k / 10, 0.9 - k / 10) for k, name in enumerate(NAMES)})
GRID = [{"x": name} for name in NAMES]  # d is the best with 0.6; each takes 20 J


class StopFirst:
    """Stops every trial but that of number 0 at its first report."""

    def judge(self, number: int, step: int, value: float) -> Verdict:
        """Stop."""
        return Verdict(True, "first") if number and step == 1 else GO_ON

    def end(self, number: int, state: TrialState) -> None:
        """Learn nothing."""


def contest(**changes: object) -> Contest:
    """Return a contest in which one method finds d first."""
    given: dict[str, object] = {
        "table": TABLE,
        "grid": GRID,
        "direction": Direction.MINIMIZE,
        "methods": {"clever": lambda _: Script(["d", "a"])},
        **changes,
    }
    return Contest(**given)  # type: ignore[arg-type]


def test_the_baselines() -> None:
    """G1 pays for all four; G2 for those up to d in its order; clever for d alone."""
    runs, targets = race(contest(), 8)
    assert targets == [pytest.approx(0.6)] * 8
    for run in runs:
        assert run.grid_j == 80.0
        order = list(NAMES)
        random.Random(f"order {run.repetition}").shuffle(order)
        expected = {EXHAUSTIVE: 80.0, SHUFFLED: 20.0 * (order.index("d") + 1), "clever": 20.0}
        assert run.energy_j == expected[run.method]
    assert len(runs) == 24


def test_the_shuffled_grid_has_the_same_early_stopping() -> None:
    """G3 pays 10 J for what it stops; it stops d too unless d comes first, and then fails."""
    runs, _ = race(contest(rule=("first", StopFirst)), 12)
    for run in (it for it in runs if it.method == f"{SHUFFLED}, first"):
        order = list(NAMES)
        random.Random(f"order {run.repetition}").shuffle(order)
        assert run.energy_j == (20.0 if order[0] == "d" else None)
        assert (run.trials, run.pruned) == (4, 3)


def test_a_failure_is_charged_the_whole_grid() -> None:
    """A method that never finds it has the ratio 1 and the grid's joules."""
    runs, _ = race(contest(methods={"lost": lambda _: Script(["a", "b"])}), 1)
    (lost,) = (run for run in runs if run.method == "lost")
    assert lost.energy_j is None
    assert (lost.ratio, lost.charged_j) == (1.0, 80.0)
    assert lost.quality == pytest.approx(0.8)


def test_the_target_is_what_the_pick_is_worth() -> None:
    """The grid picks the luckiest run; what must be reached is what that point really is."""
    table = Fixed({"a": straight(0.1), "b": straight(0.3)}, {"a": 0.5, "b": 0.4})
    grid = [{"x": "a"}, {"x": "b"}]
    _, targets = race(contest(table=table, grid=grid, methods={}), 1)
    assert targets == [0.5]
    assert {run.quality for run in race(contest(table=table, grid=grid, methods={}), 1)[0]} == {0.5}


def test_where_what_was_seen_counts_quality_is_that_too() -> None:
    """Trained sweeps are compared by what each training showed, in every column."""
    table = Fixed({"a": straight(0.1), "b": straight(0.3)}, {"a": 0.5, "b": 0.4})
    methods = {"other": lambda _: Script(["b"])}
    entry = contest(table=table, grid=[{"x": "a"}, {"x": "b"}], methods=methods, seen=True)
    runs, targets = race(entry, 1)
    assert targets == [0.1]
    assert {run.method: run.quality for run in runs} == {
        EXHAUSTIVE: 0.1,
        SHUFFLED: 0.1,
        "other": 0.3,
    }


def test_a_grid_without_a_value_has_no_target() -> None:
    """Where every point diverged nothing can be reached, and nothing is."""
    table = Fixed({"a": straight(math.nan)})
    runs, targets = race(contest(table=table, grid=[{"x": "a"}], methods={}), 1)
    assert math.isnan(targets[0])
    assert [run.energy_j for run in runs if run.method == SHUFFLED] == [None]


def of(method: str, *joules: float | None) -> list[Run]:
    """Return one run per repetition on a grid of 100 J."""
    return [
        Run(method, repetition, 100.0, energy_j, None if energy_j is None else 0.5, 3, 1)
        for repetition, energy_j in enumerate(joules)
    ]


def test_standings_by_hand() -> None:
    """Medians, quartiles and successes of five repetitions; a failure counts 100 J."""
    runs = [
        *of(EXHAUSTIVE, *[100.0] * 5),
        *of(SHUFFLED, 50.0, 40.0, 80.0, None, 60.0),
        *of("clever", 10.0, 20.0, 20.0, 50.0, None),
    ]
    grid, shuffled, clever = standings(runs)
    assert (grid.method, shuffled.method, clever.method) == (EXHAUSTIVE, SHUFFLED, "clever")
    assert grid.to_grid.median == grid.to_grid.low == 1.0
    assert (shuffled.energy_j.q25, shuffled.energy_j.median, shuffled.energy_j.q75) == (50, 60, 80)
    assert shuffled.reached == 4
    assert (clever.energy_j.q25, clever.energy_j.median, clever.energy_j.q75) == (20, 20, 50)
    assert clever.to_grid.median == 0.2
    # Paired: .2, .5, .25, .5, 100/60.
    assert clever.to_shuffled is not None
    assert clever.to_shuffled.median == 0.5
    # Differences in ratio: -.4 -.2 -.6 -.5 +.4; |.4| shares the ranks 2 and 3, so the positive
    # ones sum to 2.5. Of the 32 signs those up to 2.5: {}, {.2}, {.4}, {.4}: 4, twice.
    assert clever.p == pytest.approx(8 / 32)
    assert shuffled.p is None
    assert shuffled.to_shuffled is None
    assert (clever.quality, clever.trials, clever.pruned) == (0.5, 3, 1)
