"""``sweeper run``: the main job."""

from __future__ import annotations

import click

from sweeper.cli.driving import drive

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
    kills them; after SIGTERM the same happens by itself within SWEEPER_GRACE_S (20 s). The same
    command goes on afterwards.
    """
    from sweeper.compose import RunOptions
    from sweeper.config.load import load

    if resume is not None and (fresh or recache):
        raise click.UsageError("--resume goes on with a sweep; --fresh and --recache start one.")
    if cache is not None:
        overrides = (*overrides, f"cache.mode={cache}")
    loaded = load(file, overrides)
    options = RunOptions(fresh=fresh, local=local, store_url=store, recache=recache, resume=resume)
    drive(loaded, options, as_json=as_json)
