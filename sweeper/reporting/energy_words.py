"""What a sweep consumed, in words: joules, grams, money, GPUs, what was avoided; never netted.

Owns: these lines. What is unknown and was not asked for is left out. Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sweeper.reporting import figures
from sweeper.reporting.boards import BoardAccount
from sweeper.reporting.budgets import Spending
from sweeper.reporting.clean import one_line
from sweeper.reporting.summary import Summary

__all__ = ["energy_lines", "hint_lines"]

_MOST_BOARDS = 4


def energy_lines(summary: Summary) -> list[str]:
    """Word what was consumed and what was avoided."""
    return [
        *_spent_lines(summary),
        *_apart_lines(summary),
        *_board_lines(summary),
        *_grams(summary),
        *_money_lines(summary),
        *(_spending(spending, summary.factors.currency) for spending in summary.spendings),
        *_avoided_lines(summary),
    ]


def hint_lines(summary: Summary) -> list[str]:
    """Say where half-idle GPUs would probably have carried more trials."""
    found = summary.packing
    if found is None:
        return []
    busy = figures.percent(found.trials * found.busy)
    held = figures.memory(found.trials * found.memory_peak_bytes)
    return [
        f"trials kept their GPU busy {figures.percent(found.busy)} of the time: "
        f"resources.gpus: {found.gpus:g} might have fitted,",
        f"{found.trials} trials per GPU, together {busy} busy "
        f"with {held} of {figures.memory(found.memory_bytes)}, if the CPUs carry them",
    ]


def _spent_lines(summary: Summary) -> list[str]:
    energy = summary.energy
    if energy.source == "none" and not energy.spent_j:
        return ["0 J spent: nothing was trained"]
    spent = figures.energy(energy.spent_j)
    kwh = figures.kwh(energy.spent_j)
    in_kwh = "" if kwh == spent else f" = {kwh}"
    label = f"{one_line(energy.scope)}, {one_line(energy.source)}"
    least = figures.at_least(figures.uncertain(spent, energy.doubt.u_rel), energy.unknown_terms)
    idle = "" if energy.idle_j is None else f", idle draw {figures.energy(energy.idle_j)}"
    cut = "at least " if energy.overhead_is_partial and energy.overhead_j is not None else ""
    overhead = f"of which overhead {cut}{figures.energy(energy.overhead_j)}{idle}"
    return [
        f"{least} spent{in_kwh} ({label})",
        f"{overhead}; driver and store are not measured",
        *_missing_lines(summary),
    ]


def _missing_lines(summary: Summary) -> list[str]:
    """Word the attempts and the time of which nothing is known, and what a budget takes them for.

    A budget has to count them; the sum does not.
    """
    energy = summary.energy
    covered = f"{figures.share(energy.coverage)} of the time is covered"
    if not energy.missing:
        return [covered] if energy.coverage < 1 else []
    lines = [f"unknown for {figures.count(energy.missing, 'attempt')}; {covered}"]
    if energy.assumed_j and summary.spendings:
        assumed = figures.energy(energy.assumed_j)
        lines.append(f"for which the budget counts {assumed}, the mean of the others each")
    return lines


def _apart_lines(summary: Summary) -> list[str]:
    energy = summary.energy
    apart = {"CPUs": energy.cpu, "memory": energy.dram}
    parts = [
        f"{what} {figures.at_least(figures.energy(it.total.energy_j), it.total.missing)}"
        f" ({one_line(it.source or 'unknown')})"
        for what, it in apart.items()
        if it.total.energy_j is not None
    ]
    return [f"apart from that, not counted: {', '.join(parts)}"] if parts else []


def _board_lines(summary: Summary) -> list[str]:
    """Show that the accounts of each GPU add up to what it used, or by how much they do not."""
    boards = [it for it in summary.energy.boards if it.difference_j is not None]
    lines = [_board(it) for it in boards[:_MOST_BOARDS]]
    rest = boards[_MOST_BOARDS:]
    if rest:
        odd = sum(not it.closes for it in rest)
        verb = "does" if odd == 1 else "do"
        how = f"{odd} of them {verb} not add up" if odd else "all add up"
        lines.append(f"and {figures.count(len(rest), 'other GPU')}: {how}")
    return lines


def _board(board: BoardAccount) -> str:
    line = board.line
    others = "" if not line.external_j else f" + others {figures.energy(line.external_j)}"
    missing = "" if board.closes else f", of which {figures.energy(board.difference_j)} is nobody's"
    return (
        f"{one_line(line.name)} {one_line(line.uuid)[:12]}: trials {figures.energy(board.trials_j)}"
        f" + overhead {figures.energy(board.overhead_j)}{others}"
        f" = {figures.energy(line.device_j)} in all{missing}"
    )


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


def _money_lines(summary: Summary) -> list[str]:
    """Word the electricity, or else the cloud's rent, which contains it; and the offset."""
    factors, unknown = summary.factors, summary.energy.unknown_terms
    currency = factors.currency
    cost = figures.at_least(figures.money(summary.cost, currency), unknown)
    rented = summary.cloud_cost is not None
    lines = []
    if factors.price_per_kwh is not None:
        lines.append(f"cost {cost}" + (" for electricity" if rented else ""))
    elif not rented:
        lines.append("cost unknown: no energy.price_per_kwh")
    if rented:
        hours = figures.significant(summary.held.gpu_h, 3)
        rent = figures.at_least(figures.money(summary.cloud_cost, currency), summary.held.missing)
        instead = "or " if lines else "cost "
        lines.append(f"{instead}{rent} to rent {hours} GPU-hours, electricity included")
    if factors.offset_price_per_t is not None:
        offset = figures.at_least(figures.money(summary.offset_cost, currency), unknown)
        price = figures.money(factors.offset_price_per_t, currency)
        lines.append(f"offsetting the CO2e {offset}, at {price} per tonne")
    return lines


def _spending(spending: Spending, currency: str) -> str:
    """Word what was spent of a limit; an overshoot with the reason that there can be one."""
    in_kwh = spending.limit >= 3.6e3  # J: below a watt-hour kWh have too many zeros
    writers: Mapping[str, Callable[[float | None], str]] = {
        "budget.energy": figures.kwh if in_kwh else figures.energy,
        "budget.co2e": figures.co2e,
        "budget.cost": lambda amount: figures.money(amount, currency),
    }
    write = writers[spending.key]
    text = f"{spending.key} {write(spending.limit)}: spent {write(spending.spent)}"
    if spending.assumed:
        text += f" with {write(spending.assumed)} assumed"
    if spending.over:
        text += f", {write(spending.over)} over: at most one step per worker"
    return text


def _avoided_lines(summary: Summary) -> list[str]:
    energy, trials = summary.energy, summary.trials
    lines = []
    if trials.cached or trials.attached or energy.avoided_store.energy_j != 0:
        store = energy.avoided_store
        figure = figures.at_least(figures.energy(store.energy_j), store.missing)
        other = energy.other_hardware_j
        apart = (
            "" if other == 0 else f", of which {figures.energy(other)} on hardware that may differ"
        )
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
