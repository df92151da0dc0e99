"""How a person names a trial: ``last/7``, ``last/best``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sweeper.errors import SweeperError

if TYPE_CHECKING:
    from sweeper.compose import SweepView

__all__ = ["sweep_and_trial", "trial_number"]

_BEST = "best"


def sweep_and_trial(text: str) -> tuple[str, str]:
    """Split ``SWEEP/TRIAL``; TRIAL is a number or ``best``.

    Raises:
        click.UsageError: If it is not that.
    """
    sweep, _, trial = text.rpartition("/")
    if not sweep:
        raise click.UsageError(f"{text!r} names no trial; write SWEEP/TRIAL, as in last/7")
    if trial != _BEST and not trial.isdecimal():
        raise click.UsageError(
            f"{text}: TRIAL must be a number or {_BEST}, as in {sweep}/7; got {trial!r}"
        )
    return sweep, trial


def trial_number(seen: SweepView, trial: str) -> int:
    """Return the number of a trial of a sweep.

    Args:
        seen: The sweep.
        trial: A number or ``best``.

    Raises:
        SweeperError: If there is no best trial.
    """
    if trial != _BEST:
        return int(trial)
    if seen.summary.best is not None:
        return seen.summary.best.number
    handle = seen.summary.handle
    why = "several objectives, and so a front" if seen.summary.several else "no best trial"
    raise SweeperError(f"{handle} has {why}: `sweeper show {handle} --best` lists what there is")
