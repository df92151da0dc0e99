"""The plots of what the search did and what that took, as plotly's plain documents.

Owns: best value against joules, trials as points, the front, learning curves, time per trial, where
the energy went. What cannot be drawn is a sentence that says why. Standard library only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from sweeper.model import Direction, Value
from sweeper.reporting import figures
from sweeper.reporting.energy_shares import EnergyShare
from sweeper.reporting.page.dots import (
    Dot,
    Figure,
    Kind,
    by_kind,
    is_wide,
    label,
    layout_of,
    log_axis,
    points,
)
from sweeper.reporting.summary import Summary
from sweeper.reporting.trajectory import Moment

__all__ = [
    "best_plot",
    "curves_plot",
    "energy_plot",
    "left_out",
    "time_plot",
    "trials_plot",
]

_FAR = 20  # times what was spent: a grid search farther away than this needs a logarithmic axis
# A second axis from 0 to 1, for marks whose height says nothing.
_HEIGHT = {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True}


def best_plot(moments: Sequence[Moment], summary: Summary) -> Figure | str:
    """Draw the best value against joules, and where grid search would have ended."""
    if not any(moment.best is not None for moment in moments):
        return "no trial has a value"
    known = [m for m in moments if m.best is not None and m.spent_j is not None]
    if not known:
        return "what the sweep had consumed is unknown while it ran, since joules are missing"
    spent_j = known[-1].spent_j or 0.0
    grid = _grid(summary)
    far = bool(spent_j) and any(it["x"][0] > _FAR * spent_j for it in grid[-1:])
    layout = layout_of(
        "energy consumed [J]",
        f"best {summary.goals.first.name} so far",
        xaxis={"type": "log", "dtick": 1} if far else {"rangemode": "tozero"},
        yaxis2=_HEIGHT,
    )
    return {"data": [*grid[:-1], *_progress(known, summary), *grid[-1:]], "layout": layout}


def _progress(known: Sequence[Moment], summary: Summary) -> list[Figure]:
    """Draw every complete trial, the best value so far, and the same with an empty store."""
    valued = [moment for moment in known if moment.value is not None]
    steps = [m for n, m in enumerate(known) if not n or m.best != known[n - 1].best]
    traces: list[Figure] = [
        {
            **_scatter("markers", "a complete trial"),
            "x": [moment.spent_j for moment in valued],
            "y": [moment.value for moment in valued],
            "trials": [moment.number for moment in valued],
            "marker": {"size": 6, "color": "--duplicate", "opacity": 0.55},
        },
        {
            **_scatter("lines", "best so far"),
            "x": [moment.spent_j for moment in known],
            "y": [moment.best for moment in known],
            "hoverinfo": "skip",
            "line": {"shape": "hv", "color": "--complete", "width": 3},
        },
        {
            **_scatter("markers", "a new best"),
            "x": [moment.spent_j for moment in steps],
            "y": [moment.best for moment in steps],
            "trials": [moment.number for moment in steps],
            "marker": {"size": 9, "color": "--complete"},
            "showlegend": False,
        },
    ]
    if summary.trials.cached or summary.trials.attached:
        cold = [moment for moment in known if moment.cold_j is not None]
        line = {"shape": "hv", "color": "--store", "dash": "dot", "width": 2}
        traces.append(
            {
                **_scatter("lines", "best so far, had the store been empty"),
                "x": [moment.cold_j for moment in cold],
                "y": [moment.best for moment in cold],
                "hovertemplate": "%{x:.3s} J: %{y:.6g}<extra></extra>",
                "line": line,
            }
        )
    return traces


def _grid(summary: Summary) -> list[Figure]:
    """Draw grid search: a band for the interval of its joules, last a line at their estimate."""
    saving = summary.saving
    grid = None if saving is None else saving.counterfactual_j
    if saving is None or grid is None:
        return []
    joules = figures.about(figures.energy(grid.value))
    name = f"grid search of {figures.count(saving.points or 0, 'point')}: {joules}, estimated"
    line = {
        **_scatter("lines", name),
        "x": [grid.value, grid.value],
        "y": [0, 1],
        "yaxis": "y2",
        "hovertemplate": f"{name}<extra></extra>",
        "legendrank": 1001,
        "line": {"color": "--grid-search", "dash": "dash", "width": 2},
    }
    if grid.low is None or grid.high is None or grid.low == grid.high:
        return [line]
    band = {
        **_scatter("lines", "its 95 % interval"),
        "x": [grid.low, grid.high, grid.high, grid.low],
        "y": [0, 0, 1, 1],
        "yaxis": "y2",
        "fill": "toself",
        "legendrank": 1002,
        "fillcolor": "--grid-band",
        "hoverinfo": "skip",
        "line": {"width": 0, "color": "--grid-band"},
    }
    return [band, line]


def _scatter(mode: str, name: str) -> Figure:
    return {"type": "scatter", "mode": mode, "name": label(name)}


def trials_plot(dots: Sequence[Dot], summary: Summary) -> Figure | str:
    """Draw quality against energy; of several objectives the first two, with their front."""
    if summary.several:
        return _front_plot(dots, summary)
    shown = [dot for dot in dots if dot.value is not None and dot.energy_j is not None]
    traces = [
        points(kind, own, [dot.energy_j for dot in own], [dot.value for dot in own])
        for kind, own in by_kind(shown)
    ]
    mute = [dot for dot in dots if dot.kind is Kind.FAILED and dot.value is None and dot.energy_j]
    if not traces:
        return "no trial has both a value and known joules"
    if mute:
        rug = points(Kind.FAILED, mute, [dot.energy_j for dot in mute], [0.02] * len(mute))
        traces.append({**rug, "name": "failed without a value", "yaxis": "y2"})
    traces += _best_mark(summary, {dot.number: (dot.energy_j, dot.value) for dot in shown})
    joules = [dot.energy_j for dot in shown if dot.energy_j is not None]
    scale = log_axis(joules) if is_wide(joules) else {"rangemode": "tozero"}
    name = summary.goals.first.name
    layout = layout_of("energy of the trial [J]", name, xaxis=scale, yaxis2=_HEIGHT)
    return {"data": traces, "layout": layout}


def _front_plot(dots: Sequence[Dot], summary: Summary) -> Figure | str:
    first, second = summary.goals.metrics[:2]
    pairs: dict[int, tuple[float, float]] = {}
    for dot in dots:
        y, x = (None, None) if dot.worth is None else dot.worth.values[:2]
        if x is not None and y is not None:
            pairs[dot.number] = (x, y)
    if not pairs:
        return "no trial has a value of both objectives"
    traces = [
        points(
            kind, own, [pairs[dot.number][0] for dot in own], [pairs[dot.number][1] for dot in own]
        )
        for kind, own in by_kind([dot for dot in dots if dot.number in pairs])
    ]
    front = sorted(pairs[it.number] for it in summary.finds.front if it.number in pairs)
    if front:
        # The way on which nothing is better than the front in the objective that x shows.
        shape = "hv" if second.direction is Direction.MINIMIZE else "vh"
        mark = {"size": 13, "symbol": "circle-open", "color": "--best", "line": {"width": 2}}
        traces.append(
            {
                **_scatter("lines+markers", "Pareto front"),
                "x": [x for x, _ in front],
                "y": [y for _, y in front],
                "hoverinfo": "skip",
                # More than two objectives: the front is no staircase in these two.
                **({"mode": "markers"} if len(summary.goals.metrics) > 2 else {}),
                "line": {"shape": shape, "color": "--best", "width": 1.5},
                "marker": mark,
            }
        )
    return {"data": traces, "layout": layout_of(second.name, first.name)}


def _best_mark(
    summary: Summary, places: Mapping[int, tuple[float | None, float | None]]
) -> list[Figure]:
    best = summary.best
    if best is None or best.number not in places:
        return []
    x, y = places[best.number]
    ring = {"symbol": "circle-open", "size": 17, "color": "--best", "line": {"width": 2.5}}
    mark = {**_scatter("markers", f"best: trial {best.number}"), "x": [x], "y": [y]}
    return [{**mark, "hoverinfo": "skip", "marker": ring}]


def left_out(dots: Sequence[Dot], summary: Summary) -> int:
    """Return how many trials are not among the points, as a figure of theirs is unknown."""
    if summary.several:
        known = [dot for dot in dots if dot.worth and None not in dot.worth.values[:2]]
    else:
        known = [
            dot
            for dot in dots
            if dot.energy_j is not None and (dot.value is not None or dot.kind is Kind.FAILED)
        ]
    return len(dots) - len(known)


def curves_plot(dots: Sequence[Dot], summary: Summary) -> Figure | str:
    """Draw all learning curves in few traces: lines are broken between trials."""
    column = summary.goals.judged
    best = {it.number for it in summary.finds.front}
    best |= set() if summary.best is None else {summary.best.number}
    traces = []
    for kind, own in by_kind(dots):
        drawn = [dot for dot in own if dot.trial.first.curve and kind is not Kind.DUPLICATE]
        line = {"color": kind.colour, "width": 1.2}
        if drawn:
            traces.append({**_lines(kind.words, drawn, column, summary, line), "opacity": 0.45})
    chosen = [dot for dot in dots if dot.number in best and dot.trial.first.curve]
    if chosen:
        name = "the front" if summary.several else f"best: trial {chosen[0].number}"
        traces.append(_lines(name, chosen, column, summary, {"color": "--best", "width": 3}))
    values = [value for trace in traces for value in trace["y"] if value is not None]
    if not values:
        return "no trial reported a value"
    scale = log_axis(values) if is_wide(values) else {}
    name = summary.goals.names[column]
    return {"data": traces, "layout": layout_of("step", name, yaxis=scale)}


def _lines(name: str, dots: Sequence[Dot], column: int, summary: Summary, line: Figure) -> Figure:
    x: list[int | None] = []
    y: list[float | None] = []
    trials: list[int | None] = []
    for dot in dots:
        for point in dot.trial.first.curve:
            value = summary.goals.value_at(point, column, summary.factors)
            x.append(point.step)
            finite = value is not None and math.isfinite(value)
            y.append(float(figures.metric(value)) if finite else None)
            trials.append(dot.number)
        for values in (x, y, trials):
            values.append(None)
    single = any(len(dot.trial.first.curve) == 1 for dot in dots)
    return {
        **_scatter("lines+markers" if single else "lines", name),
        "x": x,
        "y": y,
        "trials": trials,
        "line": line,
        "marker": {"size": 4, "color": line["color"]},
    }


def time_plot(dots: Sequence[Dot]) -> Figure | str:
    """Draw the training time of each trial, as authors are asked to report."""
    timed = [dot for dot in dots if dot.trial.elapsed_s is not None]
    traces = [
        points(kind, own, [dot.number for dot in own], [dot.trial.elapsed_s for dot in own])
        for kind, own in by_kind(timed)
    ]
    seconds = [dot.trial.elapsed_s for dot in timed if dot.trial.elapsed_s is not None]
    scale: Figure = log_axis(seconds) if is_wide(seconds) else {"rangemode": "tozero"}
    if not traces:
        return "of no trial the time is known"
    return {"data": traces, "layout": layout_of("trial", "training time [s]", yaxis=scale)}


def energy_plot(shares: Sequence[EnergyShare]) -> Figure | str:
    """Draw where the energy went, a bar each."""
    shown = [(it.name, it.energy.energy_j or 0.0) for it in shares if it.energy.energy_j][::-1]
    if not shown:
        return "nothing is known to have been consumed"
    names: list[Value] = [label(name) for name, _ in shown]
    bar = {
        "type": "bar",
        "orientation": "h",
        "y": names,
        "x": [joules for _, joules in shown],
        "text": [figures.energy(joules) for _, joules in shown],
        "textposition": "outside",
        "cliponaxis": False,
        "hovertemplate": "%{y}: %{text}<extra></extra>",
        "marker": {"color": "--complete"},
    }
    room = {"range": [0, 1.2 * max(joules for _, joules in shown)]}  # for the figures beside
    layout = layout_of(
        "energy [J]", "", xaxis=room, yaxis={"title": None}, showlegend=False, bargap=0.45
    )
    return {"data": [bar], "layout": layout}
