"""The page of a sweep.

Owns: its layout, and how any page is printed. Imports rich at the top: only the reading commands
import this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.text import Text

from sweeper.model import SweepHistory
from sweeper.reporting import figures
from sweeper.reporting.clean import one_line
from sweeper.reporting.closing import headline, section, summary_lines
from sweeper.reporting.grid import text_of
from sweeper.reporting.outcomes import trials_of
from sweeper.reporting.selection import EVERYTHING, Selection, select
from sweeper.reporting.summary import Summary
from sweeper.reporting.trial_table import TrialTable

__all__ = ["page_console", "print_page", "sweep_page"]

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


def sweep_page(
    history: SweepHistory,
    summary: Summary,
    *,
    selection: Selection = EVERYTHING,
    best: Sequence[str] = (),
) -> RenderableType:
    """Lay out ``sweeper show SWEEP``: what the end of ``run`` says, and its trials.

    Args:
        history: The sweep's.
        summary: Of the sweep.
        selection: Which trials are listed.
        best: Lines about the best trial: where its files are, how it is trained again.
    """
    sweep = history.sweep
    who = f"{one_line(sweep.who)} on {one_line(sweep.host)}"
    started = f"{who}, started {figures.moment(sweep.started_at)}"
    head = [
        headline(summary),
        *section("run by", [started, f"uid {sweep.uid}"]),
        *summary_lines(summary),
        *best,
    ]
    trials, hidden = select(trials_of(history), summary, selection)
    parts: list[RenderableType] = [text_of(head)]
    if trials:
        parts += [Text(), TrialTable(trials, summary)]
    elif selection.words:
        parts += [Text(), Text(f"no {selection.words} trial")]
    if hidden:
        more = figures.count(hidden, f"more {selection.words} trial".replace("  ", " "))
        parts.append(Text(f"and {more}"))
    return Group(*parts)
