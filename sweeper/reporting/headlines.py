"""The figures at the head of a report, each with what it rests on: result, energy, money, saving.

Owns: which they are and how they are worded, for the page and for Markdown alike. Standard library
only.
"""

from __future__ import annotations

from dataclasses import dataclass

from sweeper.model import SweepState
from sweeper.reporting import figures
from sweeper.reporting.bootstrap import CONFIDENCE, Interval
from sweeper.reporting.clean import one_line
from sweeper.reporting.counterfactual import Saving
from sweeper.reporting.finds import Find
from sweeper.reporting.summary import Summary

__all__ = [
    "Headline",
    "avoided_rows",
    "counts_headline",
    "found_headline",
    "headlines",
    "money_rows",
    "running_words",
    "saved_headline",
    "spent_headline",
    "split_rows",
]


@dataclass(frozen=True, slots=True)
class Headline:
    """One figure of the head.

    Attributes:
        name: What it is.
        value: The figure with its unit.
        note: What it rests on.
        is_loss: It is a saving, and negative.
    """

    name: str
    value: str
    note: str
    is_loss: bool = False


def headlines(summary: Summary) -> list[Headline]:
    """Return all of them, the result first."""
    return [
        found_headline(summary),
        spent_headline(summary),
        *money_rows(summary),
        saved_headline(summary),
        counts_headline(summary),
    ]


def running_words(summary: Summary, written: str) -> str | None:
    """Say that a sweep is still running; None: it is not.

    Args:
        summary: Of the sweep.
        written: When the report was written, in words.
    """
    if summary.state is not SweepState.RUNNING:
        return None
    return f"This sweep is still running: this is how it stood on {written}."


def found_headline(summary: Summary) -> Headline:
    """Return the best value, or how many trials are on the front, or that there is none."""
    best, finds = summary.best, summary.finds
    name = f"best {one_line(summary.goals.first.name)}"
    if best is not None:
        return Headline(name, best.worth.figure(), _origin(best))
    if finds.front:
        aims = ", ".join(
            f"{it.direction.value} {one_line(it.name)}" for it in summary.goals.metrics
        )
        value = figures.count(len(finds.front), "trial")
        return Headline("Pareto front", value, f"that no other one beats: {aims}")
    why = "no trial completed" if finds.nearest is None else "no trial met the constraints"
    return Headline(name, "none", why)


def _origin(best: Find) -> str:
    by = "" if best.producer is None else f", trained by {one_line(best.producer)}"
    where = f"from the store{by}" if best.from_cache else "trained by this sweep"
    return f"trial {best.number} at step {figures.count(best.worth.step)}, {where}"


def spent_headline(summary: Summary) -> Headline:
    """Return all that was consumed, with its uncertainty and its source."""
    energy = summary.energy
    if energy.source == "none" and not energy.spent_j:
        return Headline("energy consumed", figures.energy(energy.spent_j), "nothing was trained")
    sure = figures.uncertain(figures.energy(energy.spent_j), energy.doubt.u_rel)
    kwh = figures.kwh(energy.spent_j)
    in_kwh = "" if kwh == figures.energy(energy.spent_j) else f"{kwh}; "
    note = f"{in_kwh}{one_line(energy.scope)}, {one_line(energy.source)}"
    if energy.coverage < 1:
        note += f", {figures.share(energy.coverage)} of the time is covered"
    if energy.unknown_terms:
        note += f"; unknown in {figures.count(energy.unknown_terms, 'term')}"
    return Headline("energy consumed", figures.at_least(sure, energy.unknown_terms), note)


def money_rows(summary: Summary) -> list[Headline]:
    """Return grams and money of all that was consumed, with their factors."""
    factors, unknown = summary.factors, summary.energy.unknown_terms
    intensity = figures.significant(factors.g_per_kwh, 3)
    grams = Headline(
        "emissions",
        figures.at_least(figures.co2e(summary.co2e_g), unknown),
        f"{intensity} g/kWh: {one_line(factors.intensity_from)}; "
        f"PUE {factors.pue:g}: {one_line(factors.pue_from)}",
    )
    price = factors.price_per_kwh
    why = (
        "no energy.price_per_kwh"
        if price is None
        else f"electricity, at {figures.money(price, factors.currency)} per kWh"
    )
    cost = figures.at_least(figures.money(summary.cost, factors.currency), unknown)
    rows = [grams, Headline("cost", cost, why)]
    if summary.cloud_cost is not None:
        rent = figures.money(summary.cloud_cost, factors.currency)
        hours = figures.significant(summary.held.gpu_h, 3)
        rows.append(
            Headline(
                "or as a cloud's rent",
                figures.at_least(rent, summary.held.missing),
                f"{hours} GPU-hours, electricity included",
            )
        )
    return rows


def avoided_rows(summary: Summary) -> list[Headline]:
    """Return what was avoided, which is never netted with what was consumed."""
    energy, trials = summary.energy, summary.trials
    rows = []
    if trials.cached or trials.attached or energy.avoided_store.energy_j != 0:
        store = energy.avoided_store
        figure = figures.at_least(figures.energy(store.energy_j), store.missing)
        other = energy.other_hardware_j
        differs = (
            "" if other == 0 else f"{figures.energy(other)} of it on hardware that may differ; "
        )
        note = f"{differs}would not necessarily have been run"
        rows.append(Headline("by the store", figure, note))
    if trials.duplicate:
        twice = energy.avoided_duplicate
        figure = figures.at_least(figures.energy(twice.energy_j), twice.missing)
        rows.append(Headline("by not training duplicates", figure, ""))
    if energy.avoided_pruning.energy_j != 0:
        pruned = energy.avoided_pruning
        figure = figures.about(figures.energy(pruned.energy_j))
        rows.append(Headline("by pruning", figures.at_least(figure, pruned.missing), "estimated"))
    return rows


def saved_headline(summary: Summary) -> Headline:
    """Return what was saved against grid search, or why nothing is claimed."""
    name, saving = "saved against grid search", summary.saving
    if saving is None:
        return Headline(name, "not asked", "no grid search is known that this sweep replaces")
    if saving.saved_j is None or saving.counterfactual_j is None:
        return Headline(name, "not claimed", saving.why_not or "")
    most = "at most " if saving.at_most else ""
    value = f"{most}{figures.about(figures.energy(saving.saved_j.value))}"
    is_loss = saving.saved_j.value < 0
    verb = "used more than that" if is_loss else f"saved {_share(saving)} of that"
    note = (
        f"a grid of {figures.count(saving.points or 0, 'point')} would have used "
        f"{figures.about(figures.energy(saving.counterfactual_j.value))}; this sweep {verb}"
        f"{_interval(saving.saved_j)}; estimated"
    )
    return Headline(name, value, note, is_loss)


def _share(saving: Saving) -> str:
    return figures.share(saving.share) if saving.share is not None else "a part"


def _interval(it: Interval) -> str:
    """Write the ends; an estimate that is exact has none to speak of."""
    if it.low is None or it.high is None:
        return ", too few trials for an interval"
    if it.low == it.high:
        return ""
    ends = f"{figures.energy(it.low)} to {figures.energy(it.high)}"
    return f" ({figures.share(CONFIDENCE)}: {ends})"


def split_rows(saving: Saving) -> list[tuple[str, str]]:
    """Return the terms of a saving with their signs, and what they add up to."""
    split = saving.split
    if split is None:
        return []
    terms = [
        ("+ fewer points", split.fewer_points_j),
        ("+ pruning", split.pruning_j),
        ("+ store", split.cache_j),
        ("- overhead", split.overhead_j),
        *([("- lost and made again", split.lost_j)] if split.lost_j else []),
    ]
    rows = [(name, figures.energy(joules)) for name, joules in terms]
    if saving.saved_j is not None:
        rows.append(("= saved", figures.about(figures.energy(saving.saved_j.value))))
    return rows


def counts_headline(summary: Summary) -> Headline:
    """Return how many trials were asked, where they came from, and how they ended."""
    trials = summary.trials
    states = [
        f"{figures.count(trials.complete)} complete",
        f"{figures.count(trials.pruned)} pruned",
        f"{figures.count(trials.failed)} failed",
        *([f"{figures.count(trials.unfinished)} unfinished"] if trials.unfinished else []),
    ]
    if trials.feasible is not None:
        states.append(f"{figures.count(trials.feasible)} met the constraints")
    note = (
        f"{figures.count(trials.trained)} trained, {figures.count(trials.cached)} from the store, "
        f"{figures.count(trials.duplicate, 'duplicate')}, "
        f"{figures.count(trials.attached)} attached; {', '.join(states)}"
    )
    return Headline("trials", f"{figures.count(trials.asked)} asked", note)
