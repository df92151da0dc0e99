"""The head of a page: result, energy and saving side by side, then how the trials ended.

Owns: these panels. Every figure is one of ``headlines.py``. Standard library only.
"""

from __future__ import annotations

import json

from sweeper.reporting import figures
from sweeper.reporting.clean import jsonable
from sweeper.reporting.counterfactual import Saving
from sweeper.reporting.finds import Find
from sweeper.reporting.headlines import (
    Headline,
    avoided_rows,
    counts_headline,
    found_headline,
    money_rows,
    saved_headline,
    spent_headline,
    split_rows,
)
from sweeper.reporting.page.markup import Html, definitions, join, table, tag
from sweeper.reporting.summary import Summary

__all__ = ["cards"]


def cards(summary: Summary) -> Html:
    """Return the headline figures, each with what belongs to it."""
    made = tag("div", _found(summary), _spent(summary), _saved(summary), class_="cards")
    return tag("section", join([made, _front(summary)]), id="result")


def _card(line: Headline, *inner: Html, tone: str = "") -> Html:
    return tag(
        "div",
        tag("h2", line.name),
        tag("div", line.value, class_=f"value {tone}".strip()),
        tag("p", line.note, class_="note"),
        *inner,
        class_="card",
    )


def _found(summary: Summary) -> Html:
    best, nearest = summary.best, summary.finds.nearest
    line = found_headline(summary)
    counts = _counts(summary)
    if best is not None:
        return _card(line, _params(best), counts)
    if nearest is None:
        return _card(line, counts)
    missed = ", ".join(f"{text} by {figures.metric(by)}" for text, by in nearest.broken.items())
    words = f"Nearest: trial {nearest.number} ({nearest.worth.written()}) breaks {missed}."
    return _card(line, tag("p", words), _params(nearest), counts)


def _params(found: Find) -> Html:
    """Return params in full, and a button that copies them as JSON."""
    pairs = [(name, tag("code", figures.exact(it))) for name, it in figures.dotted(found.params)]
    columns = range(1, len(found.worth.names))
    others = [(found.worth.names[it], found.worth.figure(it)) for it in columns]
    written = json.dumps(jsonable(found.params), allow_nan=False)
    return join(
        [
            definitions([pair for pair in others if pair[1]])
            if any(p for _, p in others)
            else Html(),
            tag("div", definitions(pairs), class_="params"),
            tag("button", "Copy params", type="button", class_="copy", data_copy=written),
        ]
    )


def _spent(summary: Summary) -> Html:
    energy = summary.energy
    rows = [_row(line) for line in money_rows(summary)]
    overhead = figures.energy(energy.overhead_j)
    if energy.overhead_is_partial and energy.overhead_j is not None:
        overhead = f"at least {overhead}"
    rows.append(_row(Headline("of it overhead", overhead, "workers outside of trials")))
    bounds = figures.bounds(energy.doubt.lo_j, energy.doubt.hi_j)
    if bounds and energy.doubt.lo_j != energy.doubt.hi_j:
        rows.append(_row(Headline("bounds", bounds, "the least and the most that it can be")))
    avoided = avoided_rows(summary)
    apart = [
        tag("h3", "Avoided, never netted"),
        definitions(_row(line) for line in avoided),
    ]
    return _card(
        spent_headline(summary),
        definitions(rows),
        tag("div", *apart, class_="apart") if avoided else Html(),
    )


def _row(line: Headline) -> tuple[str, Html]:
    note = tag("span", line.note, class_="note")
    return line.name, join([tag("b", line.value), note], " ")


def _saved(summary: Summary) -> Html:
    line, saving = saved_headline(summary), summary.saving
    if saving is None:
        return _card(line)
    claimed = saving.saved_j is not None
    tone = "" if not claimed else "bad" if line.is_loss else "good"
    parts = [_bars(saving, summary), _split(saving), _grid_costs(saving, summary)]
    return _card(line, join([*parts, _assumptions(saving)]), tone=tone)


def _bars(saving: Saving, summary: Summary) -> Html:
    """Draw what was spent beside what grid search would have used."""
    grid, spent_j = saving.counterfactual_j, summary.energy.spent_j
    if grid is None or spent_j is None:
        return Html()
    most_j = max(spent_j, grid.value, grid.high or 0.0) or 1.0
    whisker = Html()
    if grid.low is not None and grid.high is not None and grid.high > grid.low:
        left, width = 100 * max(0.0, grid.low) / most_j, 100 * (grid.high - grid.low) / most_j
        whisker = tag("i", class_="whisker", style=f"left:{left:.2f}%;width:{width:.2f}%")
    spent = figures.at_least(figures.energy(spent_j), summary.energy.unknown_terms)
    grid_name = f"grid search, {figures.count(saving.points or 0, 'point')}"
    return tag(
        "div",
        _bar("this sweep", spent, 100 * spent_j / most_j, "own", Html()),
        _bar(
            grid_name,
            figures.about(figures.energy(grid.value)),
            100 * grid.value / most_j,
            "grid",
            whisker,
        ),
        class_="bars",
    )


def _bar(name: str, figure: str, percent: float, kind: str, whisker: Html) -> Html:
    fill = tag("i", class_=f"fill {kind}", style=f"width:{percent:.2f}%")
    words = tag("div", tag("span", name), tag("b", figure), class_="bar-words")
    return tag("div", words, tag("div", fill, whisker, class_="track"), class_="bar")


def _split(saving: Saving) -> Html:
    rows = split_rows(saving)
    return tag("div", definitions(rows), class_="sum") if rows else Html()


def _grid_costs(saving: Saving, summary: Summary) -> Html:
    """Say what else the grid search would have cost."""
    if saving.counterfactual_j is None:
        return Html()
    factors, joules = summary.factors, saving.counterfactual_j.value
    parts = [figures.about(figures.co2e(factors.co2e_g(joules)))]
    cost = factors.cost(joules)
    if cost is not None:
        parts.append(figures.about(figures.money(cost, factors.currency)))
    known = (
        f"{figures.count(saving.measured)} of its points known from end to end, "
        f"{figures.count(saving.projected)} projected, {figures.count(saving.assumed)} assumed"
    )
    words = f"The grid search would have emitted {' and cost '.join(parts)}. {known}."
    return tag("p", words, class_="note")


def _assumptions(saving: Saving) -> Html:
    if not saving.assumptions:
        return Html()
    items = (tag("li", words) for words in saving.assumptions)
    return tag("details", tag("summary", "What the estimate rests on"), tag("ul", *items))


def _counts(summary: Summary) -> Html:
    """Return a bar of how the trials ended, and the counts below."""
    trials, line = summary.trials, counts_headline(summary)
    parts = {
        "complete": trials.complete,
        "pruned": trials.pruned,
        "failed": trials.failed,
        "unfinished": trials.unfinished,
    }
    fills = (
        tag("i", class_=f"fill {name}", style=f"flex-grow:{count}", title=f"{count} {name}")
        for name, count in parts.items()
        if count
    )
    words = tag("p", tag("b", f"{line.value} "), line.note, class_="note")
    stack = tag("div", *fills, class_="stack")
    return tag("div", stack, words, class_="counts")


def _front(summary: Summary) -> Html:
    """Return the trials of the front, the best in the first objective first."""
    front, metrics = summary.finds.front, summary.goals.metrics
    if not front:
        return Html()
    descending = metrics[0].direction.better(1.0, 0.0)
    ordered = sorted(front, key=lambda it: it.value, reverse=descending)
    rows = [
        (
            str(it.number),
            *(it.worth.cell(column) for column in range(len(metrics))),
            tag("code", figures.params(it.params)),
        )
        for it in ordered
    ]
    header = ["trial", *(it.name for it in metrics), "params"]
    made = table(header, rows, right=frozenset(range(1 + len(metrics))))
    documents = [{"number": it.number, "params": jsonable(it.params)} for it in ordered]
    written = json.dumps(documents, allow_nan=False)
    button = tag("button", "Copy params", type="button", class_="copy", data_copy=written)
    return tag("div", tag("h3", "The front"), made, button, class_="panel")
