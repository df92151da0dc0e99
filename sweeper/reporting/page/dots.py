"""Trials as the plots see them: what kind each is, where it lies, what it says when pointed at.

Owns: kinds, their symbols and colours. A colour is the name of a variable of ``style.css``, so that
plots change with the page. Labels are escaped: plotly reads a little markup in them. Standard
library only.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from sweeper.model import Source, TrialState, Value
from sweeper.reporting import figures
from sweeper.reporting.clean import one_line
from sweeper.reporting.outcomes import TrialView
from sweeper.reporting.physical import physical
from sweeper.reporting.summary import Summary
from sweeper.reporting.worth import Worth, broken, worth_of

__all__ = [
    "Dot",
    "Figure",
    "Kind",
    "by_kind",
    "dots_of",
    "is_wide",
    "label",
    "layout_of",
    "log_axis",
    "points",
]

Figure = dict[str, Value]

_MANY = 200  # points from which on they are drawn smaller
_WIDE = 100  # two decades: from there on a linear axis hides the lower one


class Kind(Enum):
    """What a settled trial is in a plot: words, symbol, colour."""

    COMPLETE = ("complete", "circle", "--complete")
    STORE = ("from the store", "diamond", "--store")
    DUPLICATE = ("duplicate", "square-open", "--duplicate")
    BREAKS = ("breaks a constraint", "circle-open-dot", "--breaks")
    PRUNED = ("pruned", "x-thin-open", "--pruned")
    FAILED = ("failed", "triangle-down-open", "--failed")

    @property
    def words(self) -> str:
        """Return what a legend says."""
        return str(self.value[0])

    @property
    def symbol(self) -> str:
        """Return plotly's name of its symbol."""
        return str(self.value[1])

    @property
    def colour(self) -> str:
        """Return the variable that holds its colour."""
        return str(self.value[2])


@dataclass(frozen=True, slots=True)
class Dot:
    """One settled trial.

    Attributes:
        worth: What it is worth, or was so far; None: nothing.
        energy_j: Of its trainings, wherever they took place; None: unknown.
    """

    trial: TrialView
    kind: Kind
    worth: Worth | None
    energy_j: float | None

    @property
    def number(self) -> int:
        """Return the trial's number."""
        return self.trial.number

    @property
    def value(self) -> float | None:
        """Return the first metric."""
        return None if self.worth is None else self.worth.values[0]

    @property
    def is_full(self) -> bool:
        """Tell whether it ran to its end and has a value."""
        return self.trial.state is TrialState.COMPLETE and self.value is not None

    def words(self) -> str:
        """Say what it is, for whoever points at it."""
        written = [] if self.worth is None else [self._written(self.worth)]
        joules, seconds = figures.energy(self.energy_j), figures.duration(self.trial.elapsed_s)
        pairs = figures.dotted(self.trial.first.params)
        params = [label(figures.params({name: value}), 60) for name, value in pairs]
        lines = [f"<b>trial {self.number}</b>, {self.kind.words}", *written]
        return "<br>".join([*lines, f"{joules}, {seconds}", *params[:12]])

    def _written(self, worth: Worth) -> str:
        columns = [it for it in range(len(worth.names)) if worth.figure(it)]
        return "<br>".join(label(worth.written(it), 80) for it in columns)


def dots_of(trials: Sequence[TrialView], summary: Summary) -> list[Dot]:
    """Return the settled trials."""
    return [_dot(trial, summary) for trial in trials if trial.settled]


def _dot(trial: TrialView, summary: Summary) -> Dot:
    worth = worth_of(trial.trainings, summary.goals, summary.factors)
    return Dot(trial, _kind(trial, worth, summary), worth, physical(trial.energy_j))


def _kind(trial: TrialView, worth: Worth | None, summary: Summary) -> Kind:
    if trial.state is TrialState.FAILED:
        return Kind.FAILED
    if trial.source is Source.DUPLICATE:
        return Kind.DUPLICATE
    if trial.state is TrialState.PRUNED:
        return Kind.PRUNED
    if worth is not None and broken(worth, trial.first.params, summary.goals):
        return Kind.BREAKS
    return Kind.STORE if trial.source in (Source.CACHE, Source.ATTACHED) else Kind.COMPLETE


def by_kind(dots: Sequence[Dot]) -> Iterator[tuple[Kind, list[Dot]]]:
    """Yield each kind of which there is a trial."""
    for kind in Kind:
        own = [dot for dot in dots if dot.kind is kind]
        if own:
            yield kind, own


def label(words: str, limit: int = 200) -> str:
    """Make a text harmless in a plot."""
    return html.escape(one_line(words, limit), quote=False)


def is_wide(values: Sequence[float]) -> bool:
    """Tell whether positive values lie over so many decades that only a logarithm shows them."""
    return bool(values) and min(values) > 0 and max(values) / min(values) >= _WIDE


def log_axis(values: Sequence[float]) -> Figure:
    """Return a logarithmic axis with a legible number of ticks."""
    decades = math.log10(max(values) / min(values))
    return {"type": "log", "dtick": 1 if decades > 3 else "D2"}


def layout_of(x: str, y: str, **more: Value) -> Figure:
    """Return a layout with two named axes; mappings in ``more`` add to those that are there."""
    layout: Figure = {
        "xaxis": {"title": {"text": label(x, 60), "standoff": 8}, "automargin": True},
        "yaxis": {"title": {"text": label(y, 40), "standoff": 8}, "automargin": True},
    }
    for key, value in more.items():
        known = layout.get(key)
        layout[key] = {**known, **value} if isinstance(known, dict) else value
    return layout


def points(
    kind: Kind, dots: Sequence[Dot], x: Sequence[float | None], y: Sequence[float | None]
) -> Figure:
    """Return the points of one kind; ``trials`` says to the page's script whose words they have."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": kind.words,
        "x": list(x),
        "y": list(y),
        "trials": [dot.number for dot in dots],
        "marker": {
            "symbol": kind.symbol,
            "size": 8 if len(dots) < _MANY else 6,
            "color": kind.colour,
            "line": {"width": 1.5, "color": kind.colour},
        },
    }
