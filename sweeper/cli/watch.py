"""``sweeper watch``: a sweep that runs elsewhere, as it goes on."""

from __future__ import annotations

import os
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING
from uuid import UUID

import click

from sweeper.cli.exit_codes import FAILED, INTERRUPTED, exit_code

if TYPE_CHECKING:
    from sweeper.compose.watching import Watcher
    from sweeper.reporting.watching import Watched
    from sweeper.reporting.watching_screen import Screen
    from sweeper.store.engine import Store

__all__ = ["watch"]

_PATIENCE = 5  # looks in a row that may fail


@click.command()
@click.argument("sweep", metavar="[SWEEP]", required=False)
@click.option(
    "--interval",
    "interval_s",
    metavar="SECONDS",
    type=click.FloatRange(min=0.1),
    default=2.0,
    show_default=True,
    help="Look so often.",
)
@click.option("--store", metavar="URL", help="Read this store instead of the usual one.")
@click.option("--json", "as_json", is_flag=True, help="Print each look as one line of JSON.")
def watch(sweep: str | None, *, interval_s: float, store: str | None, as_json: bool) -> None:
    """Watch a running sweep, yours or a colleague's, until it ends.

    SWEEP is a handle, a uid, or `last`; without it your newest sweep that runs, else your last one.
    What is shown comes from the store: trials that ended at once, how far others are every few
    seconds, as their driver writes it. On a terminal it is a live table, elsewhere a line whenever
    a trial begins or ends. Nothing is changed: Ctrl-C ends the watching, not the sweep.

    The exit code is that of `run`: 0 done, 1 failed, 3 stopped, 130 interrupted. A sweep whose
    driver was not heard of for longer than a lease, or is known to be gone, ends it with 1:
    `sweeper run` goes on with such a sweep.
    """
    from sweeper.compose import open_store
    from sweeper.compose.watching import Watcher
    from sweeper.places import user

    screen = _screen(as_json=as_json)
    try:
        with closing(open_store(store, existing=True)) as opened:
            watcher = Watcher(opened, _sweep(opened, sweep, opened.who or user()))
            seen = _until_over(watcher, screen, interval_s)
    except KeyboardInterrupt:
        screen.close()
        sys.exit(INTERRUPTED)
    finally:
        screen.close()
    sys.exit(FAILED if seen.lost else exit_code(seen.state, seen.stopped_by))


def _sweep(store: Store, text: str | None, who: str) -> UUID:
    from sweeper.store.admin import find_sweep
    from sweeper.store.watching import newest_running

    if text is not None:
        return find_sweep(store, text, who=who)
    return newest_running(store, who) or find_sweep(store, "last", who=who)


def _until_over(watcher: Watcher, screen: Screen, interval_s: float) -> Watched:
    """Look until there is nothing more to see; a store that is away is asked again."""
    from sweeper.errors import CacheError

    failed = 0
    while True:
        try:
            seen = watcher.look()
        except CacheError as error:
            failed += 1
            if failed >= _PATIENCE:
                raise
            screen.say(f"{error}; trying again")
        else:
            failed = 0
            screen.show(seen)
            if seen.over:
                return seen
        time.sleep(interval_s)


def _screen(*, as_json: bool) -> Screen:
    from sweeper.reporting.watching_screen import JsonScreen, LiveScreen, PlainScreen

    if as_json:
        return JsonScreen(sys.stdout)
    if not sys.stdout.isatty() or os.environ.get("TERM", "").lower() in ("dumb", "unknown"):
        return PlainScreen(sys.stdout)
    from sweeper.reporting.live import terminal

    return LiveScreen(terminal(sys.stdout))
