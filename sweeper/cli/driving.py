"""Runs a composed sweep in the foreground and prints what came of it: ``run`` and ``retry``."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import click

from sweeper.cli.exit_codes import exit_code
from sweeper.errors import SweeperError

if TYPE_CHECKING:
    from sweeper.compose import RunOptions, SweepView
    from sweeper.config.load import LoadedSweep

__all__ = ["drive"]


def drive(loaded: LoadedSweep, options: RunOptions, *, as_json: bool) -> None:
    """Run a sweep to its end, print its result, and exit with its code.

    Raises:
        SweeperError: When it cannot begin or go on; what is settled was printed first.
    """
    import os

    from sweeper.compose import compose
    from sweeper.compose.energy import loaded_factors
    from sweeper.model import Notice
    from sweeper.reporting.observers import build_observer
    from sweeper.sweep.stop import StopLadder, grace_s

    observer = build_observer(
        sys.stderr,
        is_terminal=sys.stderr.isatty(),
        factors=loaded_factors(loaded),
        max_steps=loaded.config.max_steps,
        budget_trials=loaded.config.budget.trials,
    )
    failure: SweeperError | None = None
    ladder = StopLadder(lambda text: observer.observe(Notice(text)), grace_s=grace_s(os.environ))
    with ladder:
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
