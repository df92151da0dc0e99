"""Replays methods on results that are known: those of the store, or of an objective that knows."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sweeper.compose.asking import build_question
from sweeper.compose.energy import factors_of
from sweeper.compose.searching import study_settings
from sweeper.compose.storing import build_cache, build_ledger, open_store
from sweeper.compose.sweeps import set_threads
from sweeper.compose.training import trainee
from sweeper.compose.variants import EXHAUSTIVE, Way, variant
from sweeper.config.load import LoadedSweep, load
from sweeper.errors import PoolError, SweeperError
from sweeper.model import (
    Direction,
    Goals,
    Hit,
    Key,
    Params,
    Proposal,
    RecordStatus,
    Take,
)
from sweeper.model.races import Race
from sweeper.replay.race import Contest, race, standings
from sweeper.replay.table import Reported, Table, Training
from sweeper.replay.tables import AskedTable, KeptTable, name_of
from sweeper.seams import Study
from sweeper.search.build import build_study
from sweeper.search.replaced import Replaced
from sweeper.workers.asking import Asker
from sweeper.workers.objective import ObjectiveSource

if TYPE_CHECKING:
    from sweeper.store.engine import Store

__all__ = ["contest_of", "replay_race"]

_TRUTH = 10  # seeds that are the whole truth about a point of an objective that knows


def replay_race(
    loaded: LoadedSweep,
    replaced: Replaced,
    ways: Sequence[Way],
    *,
    overrides: Sequence[str],
    repetitions: int,
    store_url: str | None,
) -> Race:
    """Replay every method on what is known; nothing is trained.

    Args:
        loaded: The sweep file.
        replaced: Its grid.
        ways: The methods.
        overrides: With which the file was loaded.
        repetitions: How many.
        store_url: Wins over the file and the environment.

    Raises:
        SweeperError: If too little is known.
    """
    points = list(replaced.points())
    with closing(open_store(store_url or loaded.config.cache.url)) as store:
        kept = _kept(loaded, points, overrides, store)
    space = replaced.listed()
    entrants = {
        way.name: variant(str(loaded.path), overrides, way, 0, space)
        for way in ways
        if way.name != EXHAUSTIVE
    }
    with ExitStack() as stack:
        table: Table
        if kept is not None:
            table, on_grid, seeds = kept
        else:
            asker = stack.enter_context(closing(_asker(loaded, len(points))))
            table, on_grid, seeds = _asked(asker, loaded, points, repetitions), False, repetitions
        contest = contest_of(loaded, replaced, table, entrants, on_grid=on_grid)
        runs, targets = race(contest, repetitions)
    known = [target for target in targets if not math.isnan(target)]
    if not known:
        raise SweeperError("compare: not one point of the grid has a value")
    return Race(
        name=loaded.config.name,
        metric=loaded.config.goals.first,
        points=len(points),
        repetitions=repetitions,
        recorded=True,
        target=statistics.median(known),
        standings=standings(runs),
        trained=0,
        spent_j=0.0,
        notes=(*_notes(on_grid, seeds),),
    )


def _notes(on_grid: bool, seeds: int) -> list[str]:
    many = f"{seeds} seed" if seeds == 1 else f"{seeds} seeds"
    where = (
        f"on the grid's points, each recorded with {many}; a repetition draws one for each point;"
        if on_grid
        else "asked of the objective, which declares its joules; a repetition has its own seed;"
    )
    alone = ["with one seed there is no noise: repetitions differ in order and search only"]
    return [
        where,
        "the value to reach is the mean over all seeds of what the grid picks; a failure counts as "
        "the grid's energy",
        *(alone if on_grid and seeds == 1 else []),
    ]


def contest_of(
    loaded: LoadedSweep,
    replaced: Replaced,
    table: Table,
    entrants: Mapping[str, LoadedSweep],
    *,
    seen: bool = False,
    on_grid: bool = True,
) -> Contest:
    """Put a contest together.

    Args:
        loaded: The sweep file: its early stopping is given to the shuffled grid as well.
        replaced: The grid.
        table: Of trainings of the grid's points, or of any points.
        entrants: The file as each method has it.
        seen: What trainings showed is compared.
        on_grid: Only the grid's points have trainings.
    """
    rule = loaded.config.early_terminate
    return Contest(
        table=table,
        grid=list(replaced.points()),
        direction=loaded.config.goals.first.direction,
        methods={
            name: partial(_study, entrant, replaced if on_grid else None)
            for name, entrant in entrants.items()
        },
        rule=None if rule is None else (rule.type, lambda: study_settings(loaded).judge),
        seen=seen,
    )


def _study(loaded: LoadedSweep, grid: Replaced | None, repetition: int) -> Study:
    settings = study_settings(loaded)  # anew: a rule of early stopping remembers its trials
    if grid is None:
        return build_study(replace(settings, seed=repetition))
    on_grid = replace(settings, seed=repetition, space=grid.ordinal(), enqueue=())
    return _Decoded(build_study(on_grid), grid)


class _Decoded:
    """A study over a grid's places, which proposes the grid's points."""

    def __init__(self, study: Study, grid: Replaced) -> None:
        self._study = study
        self._grid = grid
        self.judge = study.judge
        self.tell = study.tell

    def ask(self) -> Proposal | None:
        """Propose the next point."""
        proposal = self._study.ask()
        if proposal is None:
            return None
        return replace(proposal, params=self._grid.decoded(proposal.params))

    def repeat(self, params: Params) -> Proposal:
        """Is for sweeps that go on; a replay begins anew."""
        raise NotImplementedError("a replay is played from its beginning")


# --- what is known ---


def _kept(
    loaded: LoadedSweep, points: Sequence[Params], overrides: Sequence[str], store: Store
) -> tuple[Table, bool, int] | None:
    """Read the grid's results from the store, for as many seeds as it has; None: it has none.

    The seeds are 0, 1, 2 ..., as a comparison trains them; else the file's own.
    """
    set_threads(loaded.config)  # they are in the key
    trainings: dict[str, list[Training]] = {name_of(point): [] for point in points}
    most = 0
    for seed in itertools.count():
        seeded = load(loaded.path, [*overrides, f"trial.seed={seed}"])
        most = max(most, _read_into(trainings, seeded, points, store))
        if len(next(iter(trainings.values()))) <= seed:
            break
    if not any(trainings.values()):
        most = max(most, _read_into(trainings, loaded, points, store))
    seeds = len(next(iter(trainings.values()), ()))
    if seeds:
        return KeptTable(trainings, shared=False), True, seeds
    return None


def _read_into(
    trainings: Mapping[str, list[Training]],
    loaded: LoadedSweep,
    points: Sequence[Params],
    store: Store,
) -> int:
    """Add one training of each point if the store has all of them; return how many it has.

    Raises:
        SweeperError: If the joules of one are unknown.
    """
    question = build_question(loaded, trainee(loaded, Path.cwd()))
    keys = [question.key(point, replicate=0) for point in points]
    usable = [key for key in keys if isinstance(key, Key)]
    ledger = build_ledger(store, loaded.config, uuid4())
    hits = build_cache(store, ledger, loaded.config, uuid4(), uuid4()).lookup(usable)
    found = [hits.get(key.run_key) if isinstance(key, Key) else None for key in keys]
    complete = [
        hit for hit in found if hit is not None and hit.record.status is RecordStatus.COMPLETE
    ]
    if len(complete) == len(points):
        for point, hit in zip(points, complete, strict=True):
            trainings[name_of(point)].append(_training(hit, loaded))
    return len(complete)


def _training(hit: Hit, loaded: LoadedSweep) -> Training:
    record, goals = hit.record, loaded.config.goals
    total_j = record.energy.total_j
    if total_j is None:
        raise SweeperError(f"compare: the joules of record {record.uid} are unknown")
    column = goals.judged
    reports: list[Reported] = [
        (point.step, point.values[column], point.elapsed_s, point.energy_j)
        for point in record.curve
    ]
    final = goals.final(record.curve, record.energy, record.elapsed_s, factors_of(loaded.config))[0]
    value = math.nan if final is None else final
    return Training.of(reports, value, total_j, record.elapsed_s)


def _lacking(loaded: LoadedSweep, points: int) -> str:
    return (
        f"compare: the store has no whole grid of results of this file ({points:,} points); "
        f"`sweeper compare {loaded.path} --methods grid,random,bayes --seeds 5` trains them"
    )


def _asker(loaded: LoadedSweep, points: int) -> Asker:
    """Return what asks the objective itself.

    Raises:
        SweeperError: If it is a program: then the store must have the results.
    """
    source = trainee(loaded, Path.cwd())
    if not isinstance(source, ObjectiveSource):
        raise SweeperError(_lacking(loaded, points))
    return Asker(source, loaded.config.max_steps)


def _asked(asker: Asker, loaded: LoadedSweep, points: Sequence[Params], repetitions: int) -> Table:
    """Ask the objective itself, if it is one that knows.

    Raises:
        SweeperError: If it trains for real: then the store must have the results.
    """

    def ask(params: Params, seed: int) -> Training:
        return _told(asker.ask(params, seed), loaded.config.goals)

    try:
        ask(points[0], 0)
    except PoolError as error:
        raise SweeperError(f"{_lacking(loaded, len(points))}\n{error}") from error
    return AskedTable(ask, seeds=min(repetitions, _TRUTH))


def _told(reports: Sequence[tuple[int, Mapping[str, Any]]], goals: Goals) -> Training:
    """Read the reports of an objective that declares its joules; its time is its energy."""
    name, judged = goals.first.name, goals.names[goals.judged]
    read: list[Reported] = []
    values: list[float] = []
    for step, metrics in reports:
        joules = float(metrics["energy_j"])
        own = {**metrics, "energy_j": joules, "energy_kwh": joules / 3.6e6}
        seconds = float(metrics.get("duration_s", joules))
        read.append((step, _number(own.get(judged)), seconds, joules))
        value = _number(own.get(name))
        if value is not None:
            values.append(value)
    last = values[-1] if values else math.nan
    if values and goals.first.take is Take.BEST and all(map(math.isfinite, values)):
        last = max(values) if goals.first.direction is Direction.MAXIMIZE else min(values)
    energy_j, elapsed_s = read[-1][3] or 0.0, read[-1][2]
    return Training.of(read, last, energy_j, elapsed_s)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
