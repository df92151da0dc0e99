"""What it takes to find what grid search finds: joules, on recorded tuning runs.

Run it:  python benchmarks/energy_to_target.py [--write]
Nothing is trained. Searches of sweeper and of its peers are replayed on tables that others
recorded, each repetition with the same noise, target and grid order for all of them. The rules were
fixed before the first run (docs/benchmarks.md). What was played is kept in a file, one line each,
and not played again: an interrupted run goes on, a new search is played alone. ``--write`` puts
tables and the figure into docs/.

    --benchmarks zeus/cifar100@v100 deepobs/mnist_vae   or: development (default), all
    --searches "sweeper bayes"                           those whose names contain it
    --seeds 40 --workers 1 4 16 --jobs 2
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from recorded import DEVELOPMENT, DataMissing, loader, problem
from searches import SEARCHES, Search
from target_pages import write_pages

from sweeper.replay.play import Rules, play

RESULTS = Path(__file__).parents[1] / ".benchmarks" / "energy_to_target.jsonl"
CHUNK = 5  # repetitions that are played in one go
TO_BUDGET = 10  # first repetitions that go on after their success: the quality guard
PARALLEL_SEEDS = 10  # repetitions with several workers


@dataclass(frozen=True)
class Task:
    """Some repetitions of one search on one benchmark."""

    benchmark: str
    search: str
    workers: int
    repetitions: tuple[int, ...]


@dataclass(frozen=True)
class Row:
    """One replay.

    Attributes:
        ratio: Joules to the target over those of the whole grid; 1 where it was not reached.
        reached: Within the grid's joules.
        time_ratio: Seconds to the target by the event clock over those of the grid in one row.
        quality: Hidden quality of the incumbent at the budget; None: it stopped at the target.
        target: Hidden quality that had to be reached.
        trials: Distinct configurations up to the end.
        own_share: Of the orchestrator's own joules in those that were consumed.
    """

    benchmark: str
    search: str
    workers: int
    repetition: int
    ratio: float
    reached: bool
    time_ratio: float | None
    quality: float | None
    target: float
    trials: int
    pruned: int
    own_share: float


def key_of(row: Row | Task, repetition: int) -> tuple[str, str, int, int]:
    """Name a replay."""
    return row.benchmark, row.search, row.workers, repetition


def play_task(task: Task) -> list[Row]:
    """Play some repetitions."""
    return [_row(task, repetition) for repetition in task.repetitions]


def _row(task: Task, repetition: int) -> Row:
    on, search = problem(task.benchmark), SEARCHES[task.search]
    grid_j = on.grid_energy_j(repetition)
    grid_s = math.fsum(on.train(config, repetition).elapsed_s[-1] for config in on.grid)
    is_slow = search.most_seeds is not None
    until_success = repetition >= TO_BUDGET or task.workers > 1 or is_slow
    rules = Rules(
        direction=on.direction,
        succeeds=on.succeeds(repetition),
        budget_j=grid_j,
        workers=task.workers,
        own_w=on.own_w,
        until_success=until_success,
        most_trials=len(on.grid),
        repeats_count=search.repeats_count,
    )
    table = on.table()
    played = play(search.make(on, repetition), table, repetition, rules)
    reached_j, reached_s = played.energy_to_target_j, played.time_to_target_s
    quality = None if until_success or played.best is None else table.quality(played.best)
    return Row(
        benchmark=task.benchmark,
        search=task.search,
        workers=task.workers,
        repetition=repetition,
        ratio=1.0 if reached_j is None else min(1.0, reached_j / grid_j),
        reached=reached_j is not None,
        time_ratio=None if reached_s is None else reached_s / grid_s,
        quality=quality if quality is None or math.isfinite(quality) else None,
        target=on.target(repetition),
        trials=played.trials,
        pruned=played.pruned,
        own_share=played.own_j / played.energy_j if played.energy_j else 0.0,
    )


def fits(search: Search, benchmark: str) -> bool:
    """Tell whether a search makes sense on a benchmark: stopping takes curves."""
    on = problem(benchmark)
    is_small = search.most_points is None or len(on.grid) <= search.most_points
    has_curves = on.has_curves or not search.needs_curves
    return is_small and has_curves and search.only in ("", on.claim)


def tasks_of(
    benchmarks: Sequence[str],
    searches: Sequence[str],
    workers: Sequence[int],
    seeds: int,
    known: set[tuple[str, str, int, int]],
) -> Iterator[Task]:
    """Yield what is still to be played."""
    for count in workers:
        for benchmark in benchmarks:
            for search in searches:
                if not fits(SEARCHES[search], benchmark):
                    continue
                most = SEARCHES[search].most_seeds or seeds
                asked = range(min(seeds, most, seeds if count == 1 else PARALLEL_SEEDS))
                left = [r for r in asked if (benchmark, search, count, r) not in known]
                for at in range(0, len(left), CHUNK):
                    yield Task(benchmark, search, count, tuple(left[at : at + CHUNK]))


def read(file: Path) -> list[Row]:
    """Read what was played; a torn last line is left out."""
    if not file.exists():
        return []
    rows = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(Row(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return rows


def chosen(names: Sequence[str]) -> list[str]:
    """Return the benchmarks that words stand for."""
    found: list[str] = []
    for name in names:
        if name == "development":
            found += DEVELOPMENT
        elif name == "all":
            found += loader().names()
        else:
            found.append(name)
    return list(dict.fromkeys(found))


def run(arguments: argparse.Namespace) -> list[Row]:
    """Play what is missing; return everything that was asked for."""
    for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(threads, "1")  # one process per core does the work
    benchmarks = chosen(arguments.benchmarks)
    searches = [it for it in SEARCHES if any(word in it for word in arguments.searches or [""])]
    file: Path = arguments.results
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = read(file)
    known = {key_of(row, row.repetition) for row in rows}
    tasks = list(tasks_of(benchmarks, searches, arguments.workers, arguments.seeds, known))
    began, done = time.monotonic(), 0
    with (
        file.open("a", encoding="utf-8") as kept,
        multiprocessing.get_context("spawn").Pool(arguments.jobs) as pool,
    ):
        for played in pool.imap_unordered(play_task, tasks):
            kept.writelines(json.dumps(asdict(row), allow_nan=False) + "\n" for row in played)
            kept.flush()
            rows += played
            done += 1
            print(f"\r{done} of {len(tasks)} parts", end="", file=sys.stderr, flush=True)
    if tasks:
        print(f"\nplayed in {time.monotonic() - began:.0f} s", file=sys.stderr)
    return list(_asked(rows, benchmarks, searches, arguments))


def _asked(
    rows: Iterable[Row],
    benchmarks: Sequence[str],
    searches: Sequence[str],
    arguments: argparse.Namespace,
) -> Iterator[Row]:
    for row in rows:
        in_table = row.benchmark in benchmarks and row.search in searches
        if in_table and row.workers in arguments.workers and row.repetition < arguments.seeds:
            yield row


def main() -> int:
    """Play, print, and write the pages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--benchmarks", nargs="+", default=["development"])
    parser.add_argument("--searches", nargs="+")
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/")
    arguments = parser.parse_args()
    try:
        rows = run(arguments)
    except DataMissing as missing:
        print(f"skipped: {missing}", file=sys.stderr)
        return 0
    print(write_pages(rows, to_docs=arguments.write))
    trials = statistics.fmean(row.trials for row in rows) if rows else 0
    print(f"\n{len(rows)} replays, {trials:.0f} trials each on average, nothing trained")
    return 0


if __name__ == "__main__":
    sys.exit(main())
