"""The energy of one trial in words: how much, how sure, of what, and what was odd.

Owns: these lines. What is unknown is left out. Standard library only.
"""

from __future__ import annotations

from collections.abc import Sequence

from sweeper.model import Energy, GpuEnergy, Source, joined
from sweeper.reporting import figures
from sweeper.reporting.clean import one_line
from sweeper.reporting.documents import spent_by
from sweeper.reporting.flags import flag_line
from sweeper.reporting.outcomes import TrialView

__all__ = ["region_rows", "spent_figure", "trial_energy_lines"]


def trial_energy_lines(trial: TrialView) -> list[str]:
    """Word what this sweep consumed for a trial, and the account of each of its replicates."""
    lines = [f"{spent_figure(trial)} spent by this sweep"]
    if trial.source is not Source.RUN and trial.energy_j is not None:
        lines.append(f"{figures.energy(trial.energy_j)} when it was trained")
    blocks: dict[tuple[str, ...], list[int]] = {}  # equal ones are shown once
    for row in trial.replicates:
        if row.energy is not None:
            blocks.setdefault(tuple(_account_lines(row.energy)), []).append(row.id.replicate)
    for block, replicates in blocks.items():
        if len(blocks) > 1:
            lines.append(f"replicate {', '.join(str(number) for number in replicates)}:")
        lines += [f"  {line}" if len(blocks) > 1 else line for line in block]
    return lines


def spent_figure(trial: TrialView) -> str:
    """Write what this sweep consumed for a trial, over all its attempts."""
    spent = spent_by(trial)
    return figures.at_least(figures.energy(spent.energy_j), spent.missing)


def _account_lines(energy: Energy) -> list[str]:
    """Word where a figure came from, how far it can be relied on, and its parts."""
    origin = (
        f"scope {one_line(energy.scope)}, source {one_line(energy.source)}, "
        f"attribution {one_line(energy.attribution)}"
    )
    return [
        origin,
        ", ".join(_reliance(energy)),
        *_part_lines(energy),
        *(line for gpu in energy.gpus for line in _gpu_lines(gpu)),
        *(f"flag {flag_line(flag)}" for flag in energy.flags),
    ]


def _reliance(energy: Energy) -> list[str]:
    parts = []
    if energy.u_rel is not None:
        parts.append(figures.uncertain(figures.energy(energy.total_j), energy.u_rel))
    bounds = figures.bounds(energy.lo_j, energy.hi_j)
    if bounds:
        parts.append(bounds)
    parts.append(f"coverage {figures.share(energy.coverage)}")
    if energy.settled:
        parts.append("settled")
    if energy.synced is False:
        parts.append("the GPU was not synchronised before the end")
    return parts


def _part_lines(energy: Energy) -> list[str]:
    """Word the idle part, and what is kept apart."""
    lines = []
    if energy.idle_j is not None and energy.total_j is not None:
        dynamic_j = max(0.0, energy.total_j - energy.idle_j)
        idle, dynamic = figures.energy(energy.idle_j), figures.energy(dynamic_j)
        lines.append(f"idle draw {idle}, dynamic {dynamic}")
    for what, joules, source in (
        ("CPU", energy.cpu_j, energy.cpu_source),
        ("memory", energy.dram_j, energy.dram_source),
    ):
        if joules is not None:
            lines.append(f"{what} apart {figures.energy(joules)} ({one_line(str(source))})")
    return lines


def _gpu_lines(line: GpuEnergy) -> list[str]:
    """Word one board: what of it was the trial's, and how it and its sensor stood meanwhile."""
    joules = []
    if line.energy_j is not None:
        whole = "" if line.device_j is None else f" of {figures.energy(line.device_j)}"
        joules.append(f"{figures.energy(line.energy_j)}{whole}")
    if line.external_j:
        joules.append(f"others {figures.energy(line.external_j)}")
    name, sensor = f"{one_line(line.name)} {one_line(line.uuid)}", _sensor(line)
    used = ", ".join([*joules, *_use(line)])
    return [f"{name}: {used}" if used else name, *([f"  {', '.join(sensor)}"] if sensor else [])]


def _use(line: GpuEnergy) -> list[str]:
    facts = []
    if line.utilisation is not None:
        facts.append(f"busy {figures.percent(line.utilisation)}")
    if line.memory_peak_bytes is not None:
        size = "" if line.memory_bytes is None else f" of {figures.memory(line.memory_bytes)}"
        facts.append(f"memory {figures.memory(line.memory_peak_bytes)}{size}")
    return facts


def _sensor(line: GpuEnergy) -> list[str]:
    facts = []
    temperatures = [it for it in (line.temp_start_c, line.temp_end_c) if it is not None]
    if temperatures:
        facts.append(f"{' to '.join(f'{it:.0f}' for it in temperatures)} °C")
    if line.idle_w is not None:
        facts.append(f"idle {figures.significant(line.idle_w, 2)} W")
    if line.power_limit_w is not None:
        facts.append(f"limit {figures.significant(line.power_limit_w, 3)} W")
    if line.update_s is not None:
        facts.append(f"sensor moves every {figures.significant(line.update_s * 1e3, 2)} ms")
    return facts


def region_rows(replicates: Sequence[Energy]) -> list[tuple[str, str, str, str]]:
    """Return name, joules, seconds and passages of each named region, over all replicates."""
    return [
        (
            region.name,
            figures.energy(region.energy_j),
            figures.duration(region.elapsed_s),
            figures.count(region.passages),
        )
        for region in joined(replicates).regions
    ]
