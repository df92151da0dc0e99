"""Lets methods race on a sweep file, as sweeps that are trained."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

from sweeper.compose.grids import replaced_of
from sweeper.compose.reading import SweepView
from sweeper.compose.replaying import contest_of
from sweeper.compose.searching import space_errors
from sweeper.compose.sweeps import RunOptions, compose
from sweeper.compose.variants import EXHAUSTIVE, Way, variant
from sweeper.config.load import LoadedSweep, load
from sweeper.errors import SweeperError
from sweeper.model import Event, Goals, Params, SweepState, TrialStarted
from sweeper.model.races import Race, Run
from sweeper.replay.race import SHUFFLED, race, standings
from sweeper.replay.table import Table, Training
from sweeper.replay.tables import KeptTable, name_of
from sweeper.reporting.outcomes import TrialView, trials_of
from sweeper.reporting.trajectory import trajectory_of
from sweeper.seams import Observer
from sweeper.search.replaced import Replaced
from sweeper.sweep.stop import StopLadder

__all__ = ["RaceOptions", "grid_of", "race_sweeps"]

_MOST_POINTS = 20_000  # of a grid that is raced over


@dataclass(frozen=True, slots=True)
class RaceOptions:
    """What the command line says.

    Attributes:
        file: The sweep file.
        overrides: ``key=value`` each.
        ways: The methods, grid among them.
        seeds: Repetitions.
        local: Train in this process.
        store_url: Wins over the file and the environment.
    """

    file: str
    overrides: tuple[str, ...]
    ways: tuple[Way, ...]
    seeds: int
    local: bool = False
    store_url: str | None = None


def grid_of(options: RaceOptions) -> tuple[LoadedSweep, Replaced]:
    """Load the file and lay its grid.

    Raises:
        ConfigError: If the file is wrong.
        SweeperError: If it has several objectives, or the grid too many points.
    """
    loaded = load(options.file, options.overrides)
    if len(loaded.config.goals.metrics) > 1:
        raise SweeperError("compare: needs one metric; this file has several, which make a front")
    with space_errors(loaded):
        replaced = replaced_of(loaded.config)
    count = replaced.count()
    if count is None or count > _MOST_POINTS:
        many = "too many points to be listed" if count is None else f"{count:,} points"
        raise SweeperError(
            f"compare: the grid has {many}; state one of at most {_MOST_POINTS:,} with grid.levels"
        )
    return loaded, replaced


# --- sweeps that are trained ---


def race_sweeps(
    options: RaceOptions,
    make_observer: Callable[[LoadedSweep], Observer],
    ladder: StopLadder,
    say: Callable[[str], None],
) -> Race:
    """Run every method with every seed, sharing the store; each is charged as if alone.

    Args:
        options: What to run.
        make_observer: Shows the progress of one sweep.
        ladder: Of Ctrl-C, for all of them.
        say: Tells a person how far it is.

    Raises:
        SweeperError: If a sweep cannot be run, was stopped, or its joules are unknown.
    """
    loaded, replaced = grid_of(options)
    space = replaced.listed()
    counter = _Counter()
    views: dict[tuple[str, int], SweepView] = {}
    ways = sorted(options.ways, key=lambda way: way.name != EXHAUSTIVE)
    for repetition in range(options.seeds):
        for way in ways:
            say(f"[{len(views) + 1}/{options.seeds * len(ways)}] {way.name}, seed {repetition}")
            entrant = variant(options.file, options.overrides, way, repetition, space)
            views[way.name, repetition] = _run(entrant, options, make_observer, ladder, counter)
    runs, target = _judged(loaded, replaced, options, views)
    return Race(
        name=loaded.config.name,
        metric=loaded.config.goals.first,
        points=len(list(replaced.points())),
        repetitions=options.seeds,
        recorded=False,
        target=target,
        standings=standings(runs),
        trained=counter.trained,
        spent_j=counter.spent_j,
        notes=(
            "the value to reach is the best that the exhaustive grid saw with the same seed; a "
            "failure counts as",
            "the grid's whole energy. Every method is charged what it would have used alone, with "
            "an empty store.",
            f"{SHUFFLED}: a random order that stops at the value, replayed on the grid's own "
            "trainings.",
        ),
    )


class _Counter:
    """Counts what the comparison itself trained and consumed."""

    def __init__(self) -> None:
        self.trained = 0
        self.spent_j: float | None = 0.0

    def observe(self, event: Event) -> None:
        """Count a training that starts."""
        self.trained += isinstance(event, TrialStarted)

    def close(self) -> None:
        """Nothing is held."""

    def add(self, spent_j: float | None) -> None:
        """Add what a sweep consumed."""
        known = self.spent_j is not None and spent_j is not None
        self.spent_j = (self.spent_j or 0.0) + (spent_j or 0.0) if known else None


def _run(
    loaded: LoadedSweep,
    options: RaceOptions,
    make_observer: Callable[[LoadedSweep], Observer],
    ladder: StopLadder,
    counter: _Counter,
) -> SweepView:
    observer = make_observer(loaded)
    before = counter.trained
    run_options = RunOptions(local=options.local, store_url=options.store_url)
    composed = compose(loaded, run_options, [observer, counter], ladder)
    with closing(composed):
        try:
            result = composed.run()
        finally:
            observer.close()
        view = composed.look()
    if result.state is not SweepState.COMPLETE:
        raise SweeperError(
            f"compare: {view.summary.handle} ended as {result.state.value} ({result.stopped_by}); "
            "the same command goes on where it ended"
        )
    if counter.trained > before:
        counter.add(view.summary.energy.spent_j)
    return view


def _judged(
    loaded: LoadedSweep,
    replaced: Replaced,
    options: RaceOptions,
    views: dict[tuple[str, int], SweepView],
) -> tuple[list[Run], float]:
    """Find out what each sweep took to reach what the grid saw, and replay the shuffled grid."""
    points = list(replaced.points())
    table = _grid_table(points, options.seeds, views)
    contest = contest_of(loaded, replaced, table, {}, seen=True)
    runs, targets = race(contest, options.seeds)
    better = contest.direction.better
    for (name, repetition), view in views.items():
        if name == EXHAUSTIVE:
            continue
        moments = trajectory_of(view.history, view.summary.goals, view.summary.factors)
        target = targets[repetition]
        reached = next(
            (m for m in moments if m.best is not None and not better(target, m.best)), None
        )
        if reached is not None and reached.cold_j is None:
            raise SweeperError(f"compare: {view.summary.handle} has trials of unknown joules")
        grid_j = next(it.grid_j for it in runs if it.repetition == repetition)
        energy_j = None if reached is None else reached.cold_j
        within = energy_j is not None and energy_j <= grid_j
        runs.append(
            Run(
                method=name,
                repetition=repetition,
                grid_j=grid_j,
                energy_j=energy_j if within else None,
                quality=moments[-1].best if moments else None,
                trials=view.summary.trials.settled - view.summary.trials.duplicate,
                pruned=view.summary.trials.pruned,
            )
        )
    return runs, statistics.median(targets)


def _grid_table(
    points: Sequence[Params], seeds: int, views: dict[tuple[str, int], SweepView]
) -> Table:
    trainings: dict[str, list[Training]] = {name_of(point): [] for point in points}
    for repetition in range(seeds):
        view = views[EXHAUSTIVE, repetition]
        found = {name_of(it.first.params): it for it in trials_of(view.history)}
        for name, own in trainings.items():
            if name not in found:
                raise SweeperError(
                    f"compare: {view.summary.handle} has no trial of the point {name}"
                )
            own.append(_training(found[name], view.summary.goals, view.summary.handle))
    return KeptTable(trainings, shared=True)


def _training(trial: TrialView, goals: Goals, handle: str) -> Training:
    """Read a trial of the exhaustive grid as a training."""
    row = trial.first
    if trial.energy_j is None:
        raise SweeperError(f"compare: the joules of {handle}/{trial.number} are unknown")
    value = row.final[0] if trial.complete else math.nan
    if trial.complete and len(trial.trainings) > 1:
        value = statistics.fmean(it.final[0] for it in trial.trainings)
    judged = goals.judged
    reported = [
        (point.step, point.values[judged], point.elapsed_s, point.energy_j) for point in row.curve
    ]
    return Training.of(reported, value, trial.energy_j, trial.elapsed_s or 0.0)
