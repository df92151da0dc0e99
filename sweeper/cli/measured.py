"""The words of ``sweeper energy measure``: what a command used, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sweeper.reporting import figures

if TYPE_CHECKING:
    from sweeper.compose.metering import Measured
    from sweeper.model import Energy, Factors

__all__ = ["measured_text"]


def measured_text(measured: Measured, factors: Factors) -> str:
    """Write the figures of a command, one kind a line; what is unknown says so or is left out.

    Args:
        measured: What it used.
        factors: What turns joules into grams and money.
    """
    lines = dict(_lines(measured, factors))
    return "\n".join(f"{name:8} {text}" for name, text in lines.items())


def _lines(measured: Measured, factors: Factors) -> Iterator[tuple[str, str]]:
    energy = measured.energy
    yield "energy", _joules(energy)
    if energy.total_j is not None:
        pue = f"PUE {factors.pue:g} ({factors.pue_from})"
        grams = figures.co2e(factors.co2e_g(energy.total_j))
        yield (
            "CO2e",
            f"{grams}, {factors.g_per_kwh:g} g/kWh: {factors.intensity_from}, {pue}",
        )
        if factors.price_per_kwh is not None:
            yield "cost", figures.money(factors.cost(energy.total_j), factors.currency)
    yield "source", _source(energy)
    yield "scope", _scope(energy)
    yield "time", _time(measured)
    if energy.flags:
        yield "flags", " ".join(energy.flags)
    if measured.notes:
        yield "note", "; ".join(measured.notes)


def _joules(energy: Energy) -> str:
    if energy.total_j is None:
        most = "" if energy.hi_j is None else f", at most {figures.energy(energy.hi_j)}"
        return f"unknown{most}"
    spread = ""
    if energy.u_rel is not None:
        spread = f" ± {figures.significant(energy.u_rel * energy.total_j, 2)} J"
    if energy.lo_j is not None and energy.hi_j is not None:
        spread += f" [{figures.energy(energy.lo_j)}, {figures.energy(energy.hi_j)}]"
    joules = figures.significant(energy.total_j, 3)
    return f"{joules} J{spread}, {figures.kwh(energy.total_j)}"


def _source(energy: Energy) -> str:
    seen = "" if energy.coverage >= 1 else f", seen {figures.share(energy.coverage)} of the time"
    split = "" if energy.total_j is None else f", {energy.attribution}"
    return f"{energy.source}{split}{seen}"


def _scope(energy: Energy) -> str:
    apart = [
        f"{what} apart: {figures.energy(joules)}, {source}"
        for what, joules, source in (
            ("CPU", energy.cpu_j, energy.cpu_source),
            ("memory", energy.dram_j, energy.dram_source),
        )
        if joules is not None
    ]
    return "; ".join([energy.scope, *apart])


def _time(measured: Measured) -> str:
    parts = [figures.duration(measured.elapsed_s)]
    if measured.mean_power_w is not None:
        parts.append(f"mean {figures.significant(measured.mean_power_w, 3)} W")
    if measured.utilisation is not None:
        parts.append(f"GPU utilisation {figures.share(measured.utilisation)}")
    return ", ".join(parts)
