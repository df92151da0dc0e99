"""The last words of ``sweeper run``: what was found, what it cost, what to do next.

Owns: the wording of a summary for a person. Plain text, the same on a terminal and in a file.
Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sweeper.model import SweepState
from sweeper.reporting import figures
from sweeper.reporting.clean import one_line
from sweeper.reporting.find_words import find_lines
from sweeper.reporting.findings import Failure, Producer
from sweeper.reporting.summary import Summary

__all__ = ["closing_text", "headline", "section", "summary_lines"]

_MOST_CAUSES = 3
_MOST_PRODUCERS = 2
_CAUSE_LIMIT = 160


def closing_text(summary: Summary) -> str:
    """Word a summary in about twenty lines, without a line break at the end."""
    return "\n".join([headline(summary), *summary_lines(summary), *_next_lines(summary)])


def summary_lines(summary: Summary) -> list[str]:
    """Word what was found and what it cost.

    A sweep in which nothing but failures came out shows their causes first.
    """
    failed = _failure_lines(summary)
    trials = summary.trials
    only_failures = bool(failed) and not trials.complete and not trials.pruned
    found = section("front" if summary.finds.front else "best", find_lines(summary))
    first, last = (failed, []) if only_failures else (found, failed)
    return [
        *(["no trial got a value"] if only_failures else []),
        *first,
        *section("trials", _count_lines(summary)),
        *section("energy", _energy_lines(summary)),
        *section("store", _producer_lines(summary.producers)),
        *last,
    ]


def section(title: str, lines: Iterable[str]) -> list[str]:
    """Put a title before the first of some lines and indent the others."""
    return [f"{'' if n else title:<10}{line}" for n, line in enumerate(lines)]


def headline(summary: Summary) -> str:
    """Word how a sweep stands: handle, state, why, time."""
    why = "" if summary.stopped_by is None else f" ({one_line(summary.stopped_by)})"
    elapsed = figures.duration(summary.elapsed_s)
    return f"{one_line(summary.handle)}  {summary.state.value}{why}  {elapsed}"


def _energy_lines(summary: Summary) -> list[str]:
    """Word what was consumed, in joules, grams and money, and what was avoided; never netted."""
    return [
        *_spent_lines(summary),
        *_grams(summary),
        _price(summary),
        *_avoided_lines(summary),
    ]


def _spent_lines(summary: Summary) -> list[str]:
    energy = summary.energy
    if energy.source == "none" and not energy.spent_j:
        return ["0 J spent: nothing was trained"]
    spent = figures.energy(energy.spent_j)
    kwh = figures.kwh(energy.spent_j)
    in_kwh = "" if kwh == spent else f" = {kwh}"
    label = f"{one_line(energy.scope)}, {one_line(energy.source)}"
    overhead = f"of which overhead {figures.energy(energy.overhead_j)}"
    lines = [
        f"{figures.at_least(spent, energy.unknown_terms)} spent{in_kwh} ({label})",
        f"{overhead}; driver and store are not measured",
    ]
    if energy.missing:
        attempts = figures.count(energy.missing, "attempt")
        lines.append(
            f"unknown for {attempts}; {figures.share(energy.coverage)} of the time is covered"
        )
    elif energy.coverage < 1:
        lines.append(f"{figures.share(energy.coverage)} of the time is covered")
    return lines


def _grams(summary: Summary) -> list[str]:
    """Word the grams and, on a line of its own because it may be long, the grid's intensity."""
    factors = summary.factors
    grams = figures.at_least(figures.co2e(summary.co2e_g), summary.energy.unknown_terms)
    known = "CO2e " if grams == figures.UNKNOWN else ""
    intensity = figures.significant(factors.g_per_kwh, 3)
    return [
        f"{known}{grams} (PUE {factors.pue:g}: {one_line(factors.pue_from)})",
        f"  {intensity} g/kWh: {one_line(factors.intensity_from)}",
    ]


def _price(summary: Summary) -> str:
    cost = figures.money(summary.cost, summary.factors.currency)
    if summary.factors.price_per_kwh is None:
        return "cost unknown: no energy.price_per_kwh"
    return f"cost {figures.at_least(cost, summary.energy.unknown_terms)}"


def _avoided_lines(summary: Summary) -> list[str]:
    energy, trials = summary.energy, summary.trials
    lines = []
    if trials.cached or trials.attached or energy.avoided_store.energy_j != 0:
        store = energy.avoided_store
        figure = figures.at_least(figures.energy(store.energy_j), store.missing)
        other = energy.other_hardware_j
        apart = "" if other == 0 else f", of which {figures.energy(other)} on hardware not compared"
        lines.append(f"avoided by the store {figure}{apart} (would not necessarily have been run)")
    if trials.duplicate:
        twice = energy.avoided_duplicate
        figure = figures.at_least(figures.energy(twice.energy_j), twice.missing)
        lines.append(f"avoided by not training duplicates {figure}")
    if energy.avoided_pruning.energy_j != 0:
        pruned = energy.avoided_pruning
        figure = figures.about(figures.energy(pruned.energy_j))
        lines.append(f"avoided by pruning {figures.at_least(figure, pruned.missing)} (estimated)")
    return lines


def _count_lines(summary: Summary) -> list[str]:
    trials = summary.trials
    asked = (
        f"{figures.count(trials.asked)} asked = {figures.count(trials.trained)} trained"
        f" + {figures.count(trials.cached)} from the store"
        f" + {figures.count(trials.duplicate, 'duplicate')}"
        f" + {figures.count(trials.attached)} attached"
    )
    states = (
        f"{figures.count(trials.complete)} complete, {figures.count(trials.pruned)} pruned, "
        f"{figures.count(trials.failed)} failed"
    )
    if trials.unfinished:
        states += f", {figures.count(trials.unfinished)} unfinished"
    if trials.feasible is None:
        return [asked, states]
    of = f"{figures.count(trials.feasible)} of {figures.count(trials.complete, 'complete trial')}"
    return [asked, states, f"{of} met the constraints"]


def _producer_lines(producers: Sequence[Producer]) -> list[str]:
    lines = [
        f"{figures.count(producer.trials, 'trial')} answered by what {one_line(producer.who)} "
        f"trained on {one_line(producer.host)}, stored {figures.moment(producer.stored_at)}"
        for producer in producers[:_MOST_PRODUCERS]
    ]
    rest = producers[_MOST_PRODUCERS:]
    if rest:
        answered = figures.count(sum(producer.trials for producer in rest), "trial")
        lines.append(f"{answered} by {figures.count(len(rest), 'other')}")
    return lines


def _failure_lines(summary: Summary) -> list[str]:
    shown = summary.failures[:_MOST_CAUSES]
    lines = section("failed", (_failure(failure, summary.handle) for failure in shown))
    rest = summary.failures[_MOST_CAUSES:]
    if rest:
        failed = figures.count(sum(failure.count for failure in rest), "trial")
        lines.append(f"          {failed} with {figures.count(len(rest), 'other cause')}")
    return lines


def _failure(failure: Failure, handle: str) -> str:
    where = f"sweeper show {one_line(handle)}/{failure.example}"
    return f"{figures.count(failure.count)} x {one_line(failure.cause, _CAUSE_LIMIT)}  ({where})"


def _next_lines(summary: Summary) -> list[str]:
    lines = [f"sweeper show {one_line(summary.handle)}"]
    if summary.state is SweepState.STOPPED or summary.trials.unfinished:
        lines.append("the same sweeper run goes on where this one ended")
    return section("next", lines)
