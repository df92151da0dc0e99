"""The pages that list: all sweeps, and the trials of one.

Owns: their layout, and how any page is printed. Imports rich at the top: only the reading commands
import this module.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.text import Text

from sweeper.model import SweepHistory
from sweeper.reporting import figures
from sweeper.reporting.clean import one_line
from sweeper.reporting.closing import headline, section, summary_lines
from sweeper.reporting.documents import ListedSweep
from sweeper.reporting.grid import table_of, text_of
from sweeper.reporting.outcomes import trials_of
from sweeper.reporting.summary import Summary
from sweeper.reporting.trial_table import TrialTable

__all__ = ["page_console", "print_page", "sweep_page", "sweeps_table"]

_UNWRAPPED = 100_000  # columns: a file has no right margin


def page_console(stream: TextIO, *, is_terminal: bool) -> Console:
    """Return a console for pages: wrapped on a terminal, neither colour nor wrapping elsewhere.

    Args:
        stream: Where to, normally stdout.
        is_terminal: Whether a person sees it.
    """
    return Console(
        file=stream,
        force_terminal=is_terminal,
        width=None if is_terminal else _UNWRAPPED,
        markup=False,
        emoji=False,
        highlight=False,
    )


def print_page(page: RenderableType, stream: TextIO) -> None:
    """Print a page as its stream can show it."""
    page_console(stream, is_terminal=stream.isatty()).print(page)


def sweeps_table(listings: Iterable[ListedSweep], *, now: float) -> RenderableType:
    """Lay out ``sweeper ls``.

    Args:
        listings: In the order in which they are shown.
        now: Seconds since 1970 UTC by the clock that ``started_at`` comes from.
    """
    rows = [
        (
            listed.handle,
            listed.state.value,
            figures.count(listed.settled),
            figures.ago(now - listed.started_at),
            listed.who,
            listed.host,
        )
        for listed in listings
    ]
    if not rows:
        return Text("no sweeps")
    return table_of(["sweep", "state", "trials", "started", "who", "host"], rows, right={2})


def sweep_page(history: SweepHistory, summary: Summary) -> RenderableType:
    """Lay out ``sweeper show SWEEP``: what the end of ``run`` says, and every trial."""
    sweep = history.sweep
    who = f"{one_line(sweep.who)} on {one_line(sweep.host)}"
    started = f"{who}, started {figures.moment(sweep.started_at)}"
    head = [
        headline(summary),
        *section("run by", [started, f"uid {sweep.uid}"]),
        *summary_lines(summary),
    ]
    trials = trials_of(history)
    if not trials:
        return text_of(head)
    return Group(text_of(head), Text(), TrialTable(trials, summary))
