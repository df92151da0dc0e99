"""Chooses how a sweep's progress is shown.

Owns: that choice. Imports the live table, and with it rich, only for a terminal.
"""

from __future__ import annotations

import os
from typing import TextIO

from sweeper.model import Factors
from sweeper.reporting.plain import PlainLines
from sweeper.seams import Observer

__all__ = ["build_observer"]


def build_observer(
    stream: TextIO,
    *,
    is_terminal: bool,
    factors: Factors,
    max_steps: int | None,
    budget_trials: int | None,
) -> Observer:
    """Return a live table on a terminal, else plain lines.

    Args:
        stream: Where progress goes, normally stderr.
        is_terminal: Whether a person sees it; one that cannot move its cursor (``TERM=dumb``) gets
            plain lines.
        factors: From joules to grams and money.
        max_steps: The planned horizon; None: open.
        budget_trials: Of the sweep; None: open.
    """
    if not is_terminal or os.environ.get("TERM", "").lower() in ("dumb", "unknown"):
        return PlainLines(stream, factors=factors, budget_trials=budget_trials)
    from sweeper.reporting.live import LiveTable, terminal

    console = terminal(stream)
    return LiveTable(console, factors=factors, max_steps=max_steps, budget_trials=budget_trials)
