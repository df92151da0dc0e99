"""``sweeper retrain``: a recorded trial, trained again."""

from __future__ import annotations

import json
import os
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import click

from sweeper.cli.exit_codes import DONE, FAILED, exit_code
from sweeper.cli.trial_names import sweep_and_trial, trial_number

if TYPE_CHECKING:
    from sweeper.compose import RunOptions, SweepView
    from sweeper.config.load import LoadedSweep
    from sweeper.sweep.loop import SweepResult

__all__ = ["retrain"]


@click.command()
@click.argument("trial", metavar="SWEEP/TRIAL")
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Relative difference that is taken as equal, for GPUs that round differently each time.",
)
@click.option("--local", is_flag=True, help="Train in this process, no Ray.")
@click.option("--store", metavar="URL", help="Use this store instead of the usual one.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def retrain(trial: str, *, tolerance: float, local: bool, store: str | None, as_json: bool) -> None:
    """Train a recorded trial again, and say whether its values agree; TRIAL is a number or `best`.

    With the params, seeds and settings of the record, by the code that is here now: run it in the
    folder of the project. The store does not answer; what comes out is added to it, in a sweep of
    its own. Exit code 0: the values agree, 1: they do not.
    """
    from sweeper.compose import open_store, view
    from sweeper.compose.retraining import retraining
    from sweeper.places import user
    from sweeper.store.admin import find_sweep

    sweep, which = sweep_and_trial(trial)
    with closing(open_store(store, existing=True)) as opened:
        then = view(opened, find_sweep(opened, sweep, who=opened.who or user()))
        number = trial_number(then, which)
        # A server's own URL has no password any more.
        url = store or os.environ.get("SWEEPER_STORE") or opened.url
    loaded, options = retraining(then, number, local=local, store_url=url)
    now, result = _run(loaded, options)
    code = exit_code(result.state, result.stopped_by)
    if code not in (DONE, FAILED):
        click.echo(
            f"{now.summary.handle} ended before its trial did: {result.stopped_by}", err=True
        )
        sys.exit(code)
    from sweeper.reporting.retrained import retrained

    found = retrained(then.history, number, now.history, then.summary, tolerance=tolerance)
    if as_json:
        click.echo(json.dumps(found.to_json(), ensure_ascii=False, allow_nan=False))
    else:
        click.echo("\n".join(found.lines()))
    sys.exit(DONE if found.agrees else FAILED)


def _run(loaded: LoadedSweep, options: RunOptions) -> tuple[SweepView, SweepResult]:
    """Train, with progress on standard error, and read the result back."""
    from sweeper.compose import compose
    from sweeper.compose.energy import loaded_factors
    from sweeper.model import Notice
    from sweeper.reporting.observers import build_observer
    from sweeper.sweep.stop import StopLadder

    observer = build_observer(
        sys.stderr,
        is_terminal=sys.stderr.isatty(),
        factors=loaded_factors(loaded),
        max_steps=loaded.config.max_steps,
        budget_trials=1,
    )
    with StopLadder(lambda text: observer.observe(Notice(text))) as ladder:
        composed = compose(loaded, options, [observer], ladder)
        with closing(composed):
            try:
                result = composed.run()
            finally:
                observer.close()
            return composed.look(), result
