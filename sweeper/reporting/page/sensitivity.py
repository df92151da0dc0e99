"""The plots that show what parameters matter: parallel coordinates, importances, slices.

Owns: how a parameter becomes an axis. Plain lines and points, so that they print and need no WebGL.
Standard library only.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sweeper.model import Direction, Value
from sweeper.reporting import figures
from sweeper.reporting.page.dots import Dot, Figure, is_wide, label, layout_of
from sweeper.reporting.summary import Summary

__all__ = [
    "Axis",
    "axes_of",
    "energy_range",
    "importance_plot",
    "log_ticks",
    "parallel_plot",
    "slice_plots",
]

_MOST_AXES = 12
_MOST_LINES = 400  # the best ones: more would be a carpet
_MOST_TICKS = 5
_MOST_WORDS = 12  # positions of a parameter without numbers that are labelled
_FIFTHS = ("best fifth", "second", "third", "fourth", "worst fifth")
_HEAT: Value = [[step / 4, f"--heat-{step}"] for step in range(5)]


@dataclass(frozen=True, slots=True)
class Axis:
    """One parameter that varies, or a metric.

    Attributes:
        name: Its dotted path.
        is_log: It is shown on a logarithmic scale.
        words: Texts of its values in their places, where they are no numbers; empty: numbers.
        places: Where each trial lies, by number; absent: the parameter was not there.
        ends: The least and the greatest place.
    """

    name: str
    is_log: bool
    words: tuple[str, ...]
    places: Mapping[int, float]
    ends: tuple[float, float] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ends", (min(self.places.values()), max(self.places.values())))

    def share(self, place: float) -> float:
        """Return where a place lies between the least and the greatest, 0 to 1."""
        low, high = (self._scaled(end) for end in self.ends)
        return (self._scaled(place) - low) / (high - low) if high > low else 0.5

    def _scaled(self, place: float) -> float:
        return math.log10(place) if self.is_log else place

    def marks(self) -> list[tuple[float, str]]:
        """Return what is written beside the axis: height from 0 to 1, text."""
        if not self.words:
            return [(self.share(end), f"{end:.3g}") for end in dict.fromkeys(self.ends)]
        shown = [(self.share(place), word) for place, word in enumerate(self.words)]
        return shown if len(shown) <= _MOST_WORDS else [shown[0], shown[-1]]


def axes_of(dots: Sequence[Dot], log_parameters: frozenset[str]) -> list[Axis]:
    """Return the parameters that vary, in alphabetical order; at most twelve."""
    values: dict[str, dict[int, Value]] = {}
    for dot in dots:
        for name, value in figures.dotted(dot.trial.first.params):
            values.setdefault(name, {})[dot.number] = value
    axes = [_axis(name, values[name], name in log_parameters) for name in sorted(values)]
    return [axis for axis in axes if len(set(axis.places.values())) > 1][:_MOST_AXES]


def _axis(name: str, values: Mapping[int, Value], is_log: bool) -> Axis:
    if all(_is_number(value) for value in values.values()):
        places = {number: float(value) for number, value in values.items()}
        return Axis(name, is_log and is_wide(list(places.values())), (), places)
    written = {number: _written(value) for number, value in values.items()}
    words = tuple(sorted(set(written.values())))
    return Axis(name, False, words, {n: float(words.index(it)) for n, it in written.items()})


def _is_number(value: Value) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < 1e300  # an int may be more than a float can hold


def _written(value: Value) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


def slice_plots(axes: Sequence[Axis], dots: Sequence[Dot]) -> list[tuple[str, Figure]]:
    """Draw the value against each parameter, coloured by energy on one scale; with its name."""
    full = [dot for dot in dots if dot.is_full]
    ends = energy_range(dots)
    made = []
    for axis in axes:
        own = [dot for dot in full if dot.number in axis.places]
        if own:
            places = [axis.places[dot.number] for dot in own]
            layout = layout_of("", "", showlegend=False, xaxis=_axis_layout(axis, places))
            made.append((axis.name, {"data": [_slice(axis, own, ends)], "layout": layout}))
    return made


def energy_range(dots: Sequence[Dot]) -> tuple[float, float] | None:
    """Return the least and the greatest energy of a complete trial; None: unknown."""
    joules = [dot.energy_j for dot in dots if dot.energy_j is not None and dot.is_full]
    return (min(joules), max(joules)) if joules else None


def _slice(axis: Axis, dots: Sequence[Dot], ends: tuple[float, float] | None) -> Figure:
    marker: Figure = {"size": 8, "color": "--complete", "line": {"width": 0.7, "color": "--soft"}}
    if ends is not None:
        low, high = ends
        marker |= {
            "color": [dot.energy_j for dot in dots],
            "cmin": low,
            "cmax": high if high > low else low + 1,
            "colorscale": _HEAT,
            "showscale": False,
        }
    return {
        "type": "scatter",
        "mode": "markers",
        "name": label(axis.name),
        "x": [axis.places[dot.number] for dot in dots],
        "y": [dot.value for dot in dots],
        "trials": [dot.number for dot in dots],
        "marker": marker,
    }


def _axis_layout(axis: Axis, values: Sequence[float]) -> Figure:
    layout: Figure = {"title": {"text": label(axis.name, 40), "standoff": 8}, "nticks": 6}
    if axis.is_log:
        ticks = log_ticks(min(values), max(values))
        return {**layout, "type": "log", "tickvals": ticks, "ticktext": [f"{it:g}" for it in ticks]}
    if axis.words:
        layout["tickvals"] = list(range(len(axis.words)))
        layout["ticktext"] = [label(word, 20) for word in axis.words]
        layout["range"] = [-0.5, len(axis.words) - 0.5]
    return layout


def log_ticks(low: float, high: float) -> list[float]:
    """Return at most five round numbers between two positive ones, or next to them."""
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for digits in ((1, 2, 5), (1, 3), (1,)):
        every = (float(f"{digit}e{decade}") for decade in decades for digit in digits)
        found = [it for it in every if low / 1.5 <= it <= high * 1.5]
        if len(found) <= _MOST_TICKS:
            return found
    return found[:: math.ceil(len(found) / _MOST_TICKS)]


def parallel_plot(axes: Sequence[Axis], dots: Sequence[Dot], summary: Summary) -> Figure | str:
    """Draw each complete trial as a line over all parameters to its value, coloured by that."""
    metric = summary.goals.first
    sign = -1 if metric.direction is Direction.MAXIMIZE else 1
    ordered = sorted((d for d in dots if d.is_full), key=lambda d: sign * (d.value or 0.0))
    drawn = ordered[:_MOST_LINES]
    values = {dot.number: dot.value for dot in drawn if dot.value is not None}
    if not axes or not values:
        return "no parameter varies among trials that have a value"
    last = Axis(metric.name, False, (), values)
    whole = [*axes, last]
    traces = [_band(whole, drawn, band, label(metric.name, 30)) for band in (4, 3, 2, 1, 0)]
    layout = layout_of("", "", **_parallel_layout(whole))
    return {"data": [trace for trace in traces if trace["x"]], "layout": layout}


def _parallel_layout(axes: Sequence[Axis]) -> Figure:
    marks = [(place, *mark) for place, axis in enumerate(axes) for mark in axis.marks()]
    return {
        "xaxis": {
            "tickvals": list(range(len(axes))),
            "ticktext": [f"<b>{label(axis.name, 24)}</b>" for axis in axes],
            "range": [-0.25, len(axes) - 0.55],
            "showgrid": True,
            "zeroline": False,
            "side": "top",
            "title": None,
        },
        "yaxis": {"visible": False, "range": [-0.06, 1.06]},
        "legend": {"y": -0.04, "yanchor": "top"},
        "margin": {"l": 16, "r": 16, "t": 30, "b": 30},
        "annotations": [
            {
                "x": place,
                "y": height,
                "text": label(word, 22),
                "showarrow": False,
                "xanchor": "left",
                "xshift": 5,
                "font": {"size": 11},
                "bgcolor": "--veil",
            }
            for place, height, word in marks
        ],
    }


def _band(axes: Sequence[Axis], ordered: Sequence[Dot], band: int, metric: str) -> Figure:
    """Draw the trials of one fifth of the ranking; the best fifth stands out."""
    own = [dot for rank, dot in enumerate(ordered) if rank * 5 // len(ordered) == band]
    x: list[int | None] = []
    y: list[float | None] = []
    trials: list[int | None] = []
    for dot in own:
        for place, axis in enumerate(axes):
            at = axis.places.get(dot.number)
            x.append(place)
            y.append(None if at is None else round(axis.share(at), 4))
            trials.append(dot.number)
        for values in (x, y, trials):
            values.append(None)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": f"{_FIFTHS[band]} by {metric}" if band in (0, 4) else _FIFTHS[band],
        "x": x,
        "y": y,
        "trials": trials,
        "line": {"color": f"--band-{band}", "width": 2.2 if band == 0 and len(own) < 20 else 1.2},
        "opacity": min(0.95 if band == 0 else 0.6, max(0.3, 12 / max(1, len(own)))),
    }


def importance_plot(importances: Mapping[str, float]) -> Figure | str:
    """Draw the share of each parameter, the most important on top."""
    ordered = sorted(importances.items(), key=lambda pair: pair[1])[-_MOST_AXES:]
    if not ordered:
        return "nothing varies"
    names: list[Value] = [label(name, 40) for name, _ in ordered]
    bar = {
        "type": "bar",
        "orientation": "h",
        "y": names,
        "x": [share for _, share in ordered],
        "text": [f"{share:.2f}" for _, share in ordered],
        "textposition": "outside",
        "cliponaxis": False,
        "hovertemplate": "%{y}: %{text}<extra></extra>",
        "marker": {"color": "--store"},
    }
    layout = layout_of(
        "importance",
        "",
        xaxis={"range": [0, 1.1]},
        yaxis={"title": None},
        showlegend=False,
        bargap=0.45,
    )
    return {"data": [bar], "layout": layout}
