"""``sweeper run``: the main job."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import click

from sweeper.cli.exit_codes import exit_code
from sweeper.errors import SweeperError

if TYPE_CHECKING:
    from sweeper.compose import SweepView

__all__ = ["run"]


@click.command()
@click.argument("file", type=click.Path())
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--fresh", is_flag=True, help="Start another sweep; what is stored is still used.")
@click.option("--recache", is_flag=True, help="Train although the store answers; adds results.")
@click.option(
    "--resume",
    metavar="SWEEP",
    help="Go on with this sweep although its code or file has changed since.",
)
@click.option("--local", is_flag=True, help="Train in this process, one trial at a time, no Ray.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one line of JSON.")
@click.option("--store", metavar="URL", help="Use this store, e.g. sqlite:////scratch/store.db.")
@click.option(
    "--cache",
    type=click.Choice(["rw", "ro", "off"]),
    help="Use and add results (rw, default), only use them (ro), neither (off).",
)
def run(
    file: str,
    overrides: tuple[str, ...],
    *,
    fresh: bool,
    recache: bool,
    resume: str | None,
    local: bool,
    as_json: bool,
    store: str | None,
    cache: str | None,
) -> None:
    """Run the sweep in FILE, or go on with it where it was interrupted.

    KEY=VALUE overrides a key of the file, as in `budget.trials=10 parameters.lr.max=0.01`. A sweep
    that is done already prints its result again. Progress goes to standard error, the result to
    standard output.

    Ctrl-C once lets running trials finish, twice stops them at their next report, three times
    kills them; the same command goes on afterwards.
    """
    from sweeper.compose import RunOptions, compose
    from sweeper.compose.energy import loaded_factors
    from sweeper.config.load import load
    from sweeper.model import Notice
    from sweeper.reporting.observers import build_observer
    from sweeper.sweep.stop import StopLadder

    if resume is not None and (fresh or recache):
        raise click.UsageError("--resume goes on with a sweep; --fresh and --recache start one.")
    if cache is not None:
        overrides = (*overrides, f"cache.mode={cache}")
    loaded = load(file, overrides)
    observer = build_observer(
        sys.stderr,
        is_terminal=sys.stderr.isatty(),
        factors=loaded_factors(loaded),
        max_steps=loaded.config.max_steps,
        budget_trials=loaded.config.budget.trials,
    )
    options = RunOptions(fresh=fresh, local=local, store_url=store, recache=recache, resume=resume)
    failure: SweeperError | None = None
    with StopLadder(lambda text: observer.observe(Notice(text))) as ladder:
        composed = compose(loaded, options, [observer], ladder)
        try:
            result = composed.run()
        except SweeperError as error:
            failure = error
        finally:
            observer.close()
    with closing(composed):
        seen = composed.look()
    if as_json or failure is None or seen.summary.trials.settled:
        _print(seen, as_json=as_json)
    if failure is not None:
        raise failure
    sys.exit(exit_code(result.state, result.stopped_by))


def _print(view: SweepView, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(view.summary.to_json(), ensure_ascii=False, allow_nan=False))
        return
    from sweeper.reporting.closing import closing_text

    click.echo(closing_text(view.summary))
