"""``sweeper show``: one sweep, or one trial of it."""

from __future__ import annotations

import json
import os
import socket
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweeper.cli.trial_names import sweep_and_trial, trial_number

if TYPE_CHECKING:
    from sweeper.compose import SweepView
    from sweeper.model import Value
    from sweeper.reporting.selection import Selection
    from sweeper.reporting.whereabouts import Whereabouts

__all__ = ["show"]


@click.command()
@click.argument("what", metavar="SWEEP[/TRIAL]")
@click.option("--failed", is_flag=True, help="List only the trials that failed.")
@click.option("--best", is_flag=True, help="List only the best trial, or those on the front.")
@click.option(
    "--sort",
    "order",
    type=click.Choice(["number", "value", "energy", "time"]),
    default="number",
    show_default=True,
    help="List by this: the best value, the most energy or the longest time first.",
)
@click.option("-n", "most", metavar="N", type=click.IntRange(1), help="List at most N trials.")
@click.option("--store", metavar="URL", help="Read this store instead of the usual one.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(
    what: str,
    *,
    failed: bool,
    best: bool,
    order: str,
    most: int | None,
    store: str | None,
    as_json: bool,
) -> None:
    """Show a sweep, or one trial of it.

    SWEEP is the handle that `run` prints, a uid, or `last`; TRIAL is a number, or `best`. A trial
    is shown with its params, its curve, what early stopping decided, its energy and where that
    figure comes from, the cause if it failed, where its files are, and the line that trains it
    again.
    """
    from sweeper.compose import open_store, view
    from sweeper.places import user
    from sweeper.reporting.selection import Order, Selection
    from sweeper.store.admin import find_sweep

    name, trial = sweep_and_trial(what) if "/" in what else (what, None)
    selection = Selection(failed, best, Order(order), most)
    if trial is not None and selection != Selection():
        raise click.UsageError("--failed, --best, --sort and -n are for the list of a sweep")
    with closing(open_store(store, existing=True)) as opened:
        who = opened.who or user()
        seen = view(opened, find_sweep(opened, name, who=who))
    if trial is None:
        _show_sweep(seen, selection, who, store, as_json=as_json)
    else:
        _show_trial(seen, trial_number(seen, trial), who, store, as_json=as_json)


def _show_sweep(
    seen: SweepView, selection: Selection, who: str, store: str | None, *, as_json: bool
) -> None:
    from sweeper.reporting.documents import sweep_json
    from sweeper.reporting.outcomes import trials_of
    from sweeper.reporting.selection import select

    if as_json:
        trials, _ = select(trials_of(seen.history), seen.summary, selection)
        _print_json(sweep_json(seen.history, seen.summary, trials=trials))
        return
    from sweeper.reporting.tables import print_page, sweep_page

    best = _best_lines(seen, who, store)
    page = sweep_page(seen.history, seen.summary, selection=selection, best=best)
    print_page(page, sys.stdout)


def _show_trial(
    seen: SweepView, number: int, who: str, store: str | None, *, as_json: bool
) -> None:
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

    more = _trial_lines(seen, number, who, store)
    print_page(trial_page(seen.history, number, seen.summary, folders, more=more), sys.stdout)


def _best_lines(seen: SweepView, who: str, store: str | None) -> list[str]:
    """Word where the files of the best trial are, and how it is trained again."""
    from sweeper.reporting.closing import section
    from sweeper.reporting.documents import find_trial
    from sweeper.reporting.whereabouts import retrain_line, whereabouts

    best = seen.summary.best
    if best is None:
        return []
    at = whereabouts(find_trial(seen.history, best.number), seen.history)
    first, *others = at.lines(here=_here(at, who))
    again = retrain_line(seen.summary.handle, best.number, store=store)
    return [
        *section("files", [f"trial {best.number}: {first}", *others]),
        *section("again", [again]),
    ]


def _trial_lines(seen: SweepView, number: int, who: str, store: str | None) -> list[str]:
    """Word where a trial's files are if they are elsewhere, and how it is trained again."""
    from sweeper.reporting.closing import section
    from sweeper.reporting.documents import find_trial
    from sweeper.reporting.whereabouts import retrain_line, whereabouts

    trial, handle = find_trial(seen.history, number), seen.summary.handle
    at = whereabouts(trial, seen.history)
    here = _here(at, who)
    elsewhere = here is None or at.trial != f"{handle}/{number}"
    return [
        *section("files at", at.lines(here=here) if elsewhere else ()),
        *section("again", [retrain_line(handle, number, store=store)] if trial.settled else ()),
    ]


def _here(at: Whereabouts, who: str) -> str | None:
    """Return this user's state folder, if that is where the files are."""
    from sweeper.places import state_folder

    mine = at.who == who and at.host == socket.gethostname()
    return str(state_folder(os.environ)) if mine else None


def _print_json(document: Value) -> None:
    click.echo(json.dumps(document, ensure_ascii=False, allow_nan=False))
