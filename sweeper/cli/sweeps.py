"""``sweeper ls`` and ``stop``: what was run, and ending what runs."""

from __future__ import annotations

import json
import sys
import time
from contextlib import closing

import click

__all__ = ["ls", "stop"]

_STATES = ("running", "complete", "stopped", "failed")
_STORE = click.option("--store", metavar="URL", help="Read this store instead of the usual one.")


@click.command()
@click.option("--all", "everybody", is_flag=True, help="Everybody's sweeps, not only yours.")
@click.option(
    "--state",
    "states",
    type=click.Choice(_STATES),
    multiple=True,
    help="Only sweeps that stand so; may be given several times.",
)
@click.option("--name", metavar="GLOB", help="Only sweeps of such a name or handle: 'vit-*'.")
@click.option("-n", "most", metavar="N", type=click.IntRange(1), help="Only the newest N.")
@_STORE
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def ls(
    *,
    everybody: bool,
    states: tuple[str, ...],
    name: str | None,
    most: int | None,
    store: str | None,
    as_json: bool,
) -> None:
    """List your sweeps, newest first.

    Each with its handle, its state and what ended it, how many trials have settled, the best value
    or the size of the front, the energy that was spent, and when and where it was started.
    """
    from sweeper.compose import open_store
    from sweeper.compose.listing import listed_sweeps
    from sweeper.model import SweepState
    from sweeper.places import user
    from sweeper.store.sweep_list import SweepFilter

    with closing(open_store(store, existing=True)) as opened:
        wanted = SweepFilter(
            who=None if everybody else opened.who or user(),
            states=frozenset(map(SweepState, states)) or None,
            name=name,
            most=most,
        )
        rows = listed_sweeps(opened, wanted)
    from sweeper.reporting.sweep_list import SweepsTable, sweeps_json

    if as_json:
        click.echo(json.dumps(sweeps_json(rows), ensure_ascii=False, allow_nan=False))
    elif rows:
        from sweeper.reporting.tables import print_page

        print_page(SweepsTable(rows, now=time.time()), sys.stdout)
    elif states or name is not None:
        click.echo("no such sweeps; `sweeper ls` lists all of yours", err=True)
    else:
        click.echo("no sweeps yet; `sweeper run FILE` makes one", err=True)


@click.command()
@click.argument("sweep", metavar="SWEEP")
@_STORE
def stop(sweep: str, *, store: str | None) -> None:
    """Ask a running sweep to end: running trials finish, no more start.

    The same `sweeper run` continues it afterwards.
    """
    from sweeper.compose import open_store
    from sweeper.model import SweepState
    from sweeper.places import user
    from sweeper.store.admin import find_sweep, request_stop

    with closing(open_store(store, existing=True)) as opened:
        state = request_stop(opened, find_sweep(opened, sweep, who=opened.who or user()))
    if state is SweepState.RUNNING:
        click.echo(f"{sweep} was asked to stop; it ends when its running trials have finished")
    else:
        click.echo(f"{sweep} is not running: it is {state.value}")
