"""``sweeper compare``: sweeps against each other, searches against grid search."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sweeper.compose.racing import RaceOptions
    from sweeper.config.load import LoadedSweep
    from sweeper.model.races import Race
    from sweeper.reporting.versus import Versus
    from sweeper.seams import Observer

__all__ = ["compare"]

_METHODS = "grid,random,bayes"
_SEEDS, _RECORDED_SEEDS = 5, 40


@click.command()
@click.argument("what", nargs=-1, required=True, metavar="SWEEP SWEEP... | FILE [KEY=VALUE]...")
@click.option(
    "--methods",
    metavar="A,B,...",
    help="For FILE: grid, random, bayes or a sampler, each perhaps with its own early stopping, as "
    f"in bayes:median; grid must be among them. Default: {_METHODS}.",
)
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    help=f"Repetitions. Default: {_SEEDS}, with --recorded {_RECORDED_SEEDS}.",
)
@click.option(
    "--recorded",
    is_flag=True,
    help="Train nothing: replay on results that the store has, or that the objective declares.",
)
@click.option("--local", is_flag=True, help="Train in this process, no Ray.")
@click.option("--store", metavar="URL", help="Use this store instead of the usual one.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def compare(
    what: tuple[str, ...],
    *,
    methods: str | None,
    seeds: int | None,
    recorded: bool,
    local: bool,
    store: str | None,
    as_json: bool,
) -> None:
    """Compare finished sweeps, or methods of searching on a sweep file.

    Two or more SWEEPs: what each found, the energy that each took to reach the quality of the worst
    of them, all its energy, its time.

    A FILE: every method is run with every seed, sharing the store, and charged as if it were alone.
    What is judged is the energy up to the value that exhaustive grid search finds. With --recorded
    nothing is trained: searches are replayed on results that are there.
    """
    is_file = what[0].endswith((".yaml", ".yml")) or Path(what[0]).is_file()
    if not is_file:
        if methods is not None or seeds is not None or recorded:
            raise click.UsageError("--methods, --seeds and --recorded need a sweep file.")
        if len(what) < 2:
            raise click.UsageError(f"{what[0]}: give two sweeps or more, or a sweep file.")
        _print_versus(what, store, as_json=as_json)
        return
    from sweeper.compose.racing import RaceOptions
    from sweeper.compose.variants import read_ways

    count = seeds or (_RECORDED_SEEDS if recorded else _SEEDS)
    ways = read_ways(methods or _METHODS)
    options = RaceOptions(what[0], what[1:], ways, count, local=local, store_url=store)
    _print_race(_replay(options) if recorded else _race(options), as_json=as_json)


def _print_versus(handles: tuple[str, ...], store: str | None, *, as_json: bool) -> None:
    from sweeper.compose import open_store
    from sweeper.compose.reading import compare_sweeps
    from sweeper.places import user
    from sweeper.store.admin import find_sweep

    with closing(open_store(store, existing=True)) as opened:
        who = opened.who or user()
        uids = [find_sweep(opened, handle, who=who) for handle in handles]
        found: Versus = compare_sweeps(opened, uids)
    if as_json:
        click.echo(json.dumps(found.to_json(), ensure_ascii=False, allow_nan=False))
        return
    from sweeper.reporting.comparison import versus_page
    from sweeper.reporting.tables import print_page

    print_page(versus_page(found), sys.stdout)


def _replay(options: RaceOptions) -> Race:
    from sweeper.compose.racing import grid_of
    from sweeper.compose.replaying import replay_race

    loaded, replaced = grid_of(options)
    return replay_race(
        loaded,
        replaced,
        options.ways,
        overrides=options.overrides,
        repetitions=options.seeds,
        store_url=options.store_url,
    )


def _race(options: RaceOptions) -> Race:
    from sweeper.compose.energy import loaded_factors
    from sweeper.compose.racing import race_sweeps
    from sweeper.reporting.observers import build_observer
    from sweeper.sweep.stop import StopLadder

    def observer_of(loaded: LoadedSweep) -> Observer:
        return build_observer(
            sys.stderr,
            is_terminal=sys.stderr.isatty(),
            factors=loaded_factors(loaded),
            max_steps=loaded.config.max_steps,
            budget_trials=loaded.config.budget.trials,
        )

    def say(text: str) -> None:
        click.echo(text, err=True)

    with StopLadder(say) as ladder:
        return race_sweeps(options, observer_of, ladder, say)


def _print_race(race: Race, *, as_json: bool) -> None:
    from sweeper.reporting.comparison import race_json, race_page

    if as_json:
        click.echo(json.dumps(race_json(race), ensure_ascii=False, allow_nan=False))
        return
    from sweeper.reporting.tables import print_page

    print_page(race_page(race), sys.stdout)
