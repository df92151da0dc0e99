"""``sweeper retry``: the failed trials of a sweep, once more."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import closing

import click

from sweeper.cli.driving import drive

__all__ = ["retry"]


@click.command()
@click.argument("sweep", metavar="SWEEP")
@click.option(
    "--cause",
    "causes",
    multiple=True,
    metavar="CLASS",
    help="Only trials that failed so: error, crash, oom, ...; may be given several times.",
)
@click.option("--local", is_flag=True, help="Train in this process, no Ray.")
@click.option("--store", metavar="URL", help="Use this store instead of the usual one.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one line of JSON.")
def retry(
    sweep: str, *, causes: tuple[str, ...], local: bool, store: str | None, as_json: bool
) -> None:
    """Run the failed trials of SWEEP again, with their numbers and params; then it goes on.

    By the file as it was recorded and the code that is here now: mend the code, then run this in
    the folder of the project. What they spent before stays in the sweep's account.
    """
    from sweeper.compose import RunOptions, open_store, view
    from sweeper.compose.retrying import failed_by_class, recorded_sweep, wanted_classes
    from sweeper.places import user
    from sweeper.store.admin import find_sweep

    wanted = wanted_classes(causes)
    with closing(open_store(store, existing=True)) as opened:
        seen = view(opened, find_sweep(opened, sweep, who=opened.who or user()))
        # A server's own URL has no password any more.
        url = store or os.environ.get("SWEEPER_STORE") or opened.url
    handle = seen.summary.handle
    failed = Counter({it: n for it, n in failed_by_class(seen).items() if it in wanted})
    if not failed:
        of = f" of {', '.join(causes)}" if causes else ""
        click.echo(f"{handle} has no failed trials{of}; `sweeper show {handle}` lists its trials")
        return
    listed = ", ".join(f"{number} {kind.value}" for kind, number in failed.most_common())
    trials = "trial runs" if failed.total() == 1 else "trials run"
    click.echo(f"{handle}: {failed.total()} failed {trials} again ({listed})", err=True)
    options = RunOptions(
        local=local, store_url=url, resume=str(seen.history.sweep.uid), retry=frozenset(failed)
    )
    drive(recorded_sweep(seen), options, as_json=as_json)
