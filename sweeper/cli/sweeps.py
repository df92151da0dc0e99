"""``sweeper ls``, ``show`` and ``stop``: what was run, and what came of it."""

from __future__ import annotations

import json
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sweeper.compose import SweepView
    from sweeper.model import Value
    from sweeper.reporting.documents import ListedSweep
    from sweeper.store.engine import Store

__all__ = ["ls", "show", "stop"]

_STORE = click.option("--store", metavar="URL", help="Read this store instead of the usual one.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@click.option("--all", "everybody", is_flag=True, help="Everybody's sweeps, not only yours.")
@_STORE
@_JSON
def ls(*, everybody: bool, store: str | None, as_json: bool) -> None:
    """List your sweeps, newest first.

    Each with its handle, its state, how many trials have settled, and when and where it was
    started.
    """
    from sweeper.compose import open_store
    from sweeper.places import user
    from sweeper.reporting import documents

    with closing(open_store(store, existing=True)) as opened:
        rows = _listings(opened, None if everybody else opened.who or user())
    if as_json:
        _print_json(documents.sweeps_json(rows))
        return
    if not rows:
        click.echo("no sweeps yet; `sweeper run FILE` makes one", err=True)
        return
    from sweeper.reporting import tables

    tables.print_page(tables.sweeps_table(rows, now=time.time()), sys.stdout)


def _listings(store: Store, who: str | None) -> list[ListedSweep]:
    from sweeper.reporting.documents import ListedSweep
    from sweeper.store.admin import list_sweeps

    return [
        ListedSweep(
            handle=found.sweep.handle,
            uid=found.sweep.uid,
            state=found.sweep.state,
            settled=found.settled,
            started_at=found.sweep.started_at,
            who=found.sweep.who,
            host=found.sweep.host,
        )
        for found in list_sweeps(store, who=who)
    ]


@click.command()
@click.argument("what", metavar="SWEEP[/TRIAL]")
@_STORE
@_JSON
def show(what: str, *, store: str | None, as_json: bool) -> None:
    """Show a sweep, or one trial of it.

    SWEEP is the handle that `run` prints, a uid, or `last`; TRIAL is a number. A trial is shown
    with its params, its curve, what early stopping decided, its energy and where that figure comes
    from, the cause if it failed, and where its files are.
    """
    from sweeper.compose import open_store, view
    from sweeper.places import user
    from sweeper.reporting import documents
    from sweeper.store.admin import find_sweep

    name, number = _sweep_and_trial(what)
    with closing(open_store(store, existing=True)) as opened:
        seen = view(opened, find_sweep(opened, name, who=opened.who or user()))
    if number is not None:
        _show_trial(seen, number, as_json=as_json)
        return
    if as_json:
        _print_json(documents.sweep_json(seen.history, seen.summary))
        return
    from sweeper.reporting import tables

    tables.print_page(tables.sweep_page(seen.history, seen.summary), sys.stdout)


def _show_trial(seen: SweepView, number: int, *, as_json: bool) -> None:
    from sweeper.compose import trial_folder_of
    from sweeper.reporting import documents
    from sweeper.reporting.trial_files import read_trial_folder

    trial = documents.find_trial(seen.history, number)
    places = [trial_folder_of(seen.history, number, row.id.replicate) for row in trial.replicates]
    folders = [read_trial_folder(Path(place)) for place in places]
    if as_json:
        _print_json(documents.trial_json(seen.history, number, seen.summary, folders))
        return
    from sweeper.reporting.tables import print_page
    from sweeper.reporting.trial_page import trial_page

    print_page(trial_page(seen.history, number, seen.summary, folders), sys.stdout)


def _sweep_and_trial(what: str) -> tuple[str, int | None]:
    name, slash, trial = what.rpartition("/")
    if not slash:
        return what, None
    if not trial.isdecimal():
        raise click.UsageError(f"{what}: TRIAL must be a number, as in {name}/7; got {trial!r}")
    return name, int(trial)


def _print_json(document: Value) -> None:
    click.echo(json.dumps(document, ensure_ascii=False, allow_nan=False))


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
