"""What grid search would have cost, in words.

Owns: these lines. Standard library only.
"""

from __future__ import annotations

import textwrap

from sweeper.reporting import figures
from sweeper.reporting.bootstrap import CONFIDENCE, Interval
from sweeper.reporting.counterfactual import Saving, Split
from sweeper.reporting.summary import Summary

__all__ = ["interval", "saving_lines", "split_words"]

_WIDTH = 86  # beside a title of ten columns


def saving_lines(summary: Summary) -> list[str]:
    """Word the grid search that the sweep replaces and what was saved against it."""
    saving = summary.saving
    if saving is None:
        return []
    lines = []
    if saving.counterfactual_j is not None:
        points = figures.count(saving.points or 0, "point")
        lines.append(f"grid search of {points} would have used {interval(saving.counterfactual_j)}")
    lines += _claim(saving)
    return [*lines, *(line for words in saving.assumptions for line in _wrapped(words))]


def _wrapped(words: str) -> list[str]:
    return textwrap.wrap(words, _WIDTH, initial_indent="  ", subsequent_indent="    ")


def _claim(saving: Saving) -> list[str]:
    if saving.saved_j is None:
        return [f"no saving is claimed: {saving.why_not}"]
    share = "" if saving.share is None else f" = {_percent(saving.share)} of it"
    most = "at most " if saving.at_most else ""
    lines = [f"saved {most}{interval(saving.saved_j)}{share} (estimated)"]
    return lines if saving.split is None else [*lines, f"  {split_words(saving.split)}"]


def split_words(split: Split) -> str:
    """Word where a saving comes from."""
    words = (
        f"{figures.energy(split.fewer_points_j)} fewer points, "
        f"{figures.energy(split.pruning_j)} pruning, {figures.energy(split.cache_j)} store, "
        f"less {figures.energy(split.overhead_j)} overhead"
    )
    return words if not split.lost_j else f"{words} and {figures.energy(split.lost_j)} lost"


def interval(it: Interval) -> str:
    """Write an estimate with its interval: ``~4.94 kJ (95 %: 4.31 kJ to 5.60 kJ)``."""
    value = figures.about(figures.energy(it.value))
    if it.low is None or it.high is None:
        return f"{value} (too few trials for an interval)"
    if it.low == it.high:
        return value
    low, high = figures.energy(it.low), figures.energy(it.high)
    return f"{value} ({figures.share(CONFIDENCE)}: {low} to {high})"


def _percent(share: float) -> str:
    """Write a share that may be negative; never rounded up to all of it."""
    return f"-{figures.percent(-share)}" if share < 0 else figures.share(share)
