"""The block ``co2_eq_emissions`` of a Hugging Face model card.

Owns: its keys and what they say (https://huggingface.co/docs/hub/model-cards-co2). Standard library
only: every text is a JSON string, which is a YAML string too.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from enum import Enum

from sweeper.errors import SweeperError
from sweeper.model import Source, SweepHistory
from sweeper.reporting import figures
from sweeper.reporting.clean import one_line
from sweeper.reporting.outcomes import trials_of
from sweeper.reporting.physical import physical
from sweeper.reporting.summary import Summary

__all__ = ["TrainingType", "model_card"]


class TrainingType(Enum):
    """What was trained, in the words of the hub."""

    PRE_TRAINING = "pre-training"
    FINE_TUNING = "fine-tuning"


# Sources as a reader of the card knows them.
_SOURCES: Mapping[str, str] = {
    "measured:counter": "NVML energy counter",
    "measured:power_avg": "NVML 1-second average power",
    "measured:power_instant": "NVML instant power",
    "measured:power_legacy": "NVML power",
    "measured:rapl": "RAPL",
    "estimated:util": "estimated from the GPU's utilisation",
    "estimated:cpu_load": "estimated from CPU load",
    "estimated:tdp": "estimated from the design power",
    "declared": "declared",
    "unknown": "source unknown",
}


def model_card(
    history: SweepHistory,
    summary: Summary,
    *,
    version: str,
    training_type: TrainingType | None = None,
    cpu: str | None = None,
) -> str:
    """Write the block for the whole sweep; the best trial's share is a comment below it.

    Args:
        history: The sweep's.
        summary: Of it.
        version: Of this program.
        training_type: Left out if None.
        cpu: Name of the CPU that trained, where there was no GPU; None: unknown.

    Returns:
        YAML, with grams as a plain number, and a line break at the end.

    Raises:
        SweeperError: If nothing is known of the sweep's energy, or it trained nothing.
    """
    grams, handle = summary.co2e_g, one_line(summary.handle)
    if grams is None or not math.isfinite(grams):
        raise SweeperError(
            f"{handle}: its energy is unknown, so there is no number for a card; "
            f"`sweeper show {handle}` says why, `sweeper energy probe` what can be measured here"
        )
    if not summary.trials.trained:
        raise SweeperError(
            f"{handle}: it trained nothing itself, so its own emissions are none; "
            f"report the sweep that trained what the store answered (`sweeper show {handle}`)"
        )
    texts = {
        "source": _source(summary, version),
        "training_type": None if training_type is None else training_type.value,
        "geographical_location": summary.factors.place,
        "hardware_used": _hardware(summary, cpu),
    }
    known = {key: text for key, text in texts.items() if text is not None}
    quoted = [f"  {key}: {json.dumps(text, ensure_ascii=False)}" for key, text in known.items()]
    lines = ["co2_eq_emissions:", f"  emissions: {_plain(grams)}", *quoted]
    return "\n".join([*lines, *_best_lines(history, summary)]) + "\n"


def _plain(grams: float) -> str:
    """Write grams as a decimal number: whole from 1000 on, 4 significant digits below."""
    if grams >= 1000 or grams == 0:
        return f"{grams:.0f}"
    exponent = math.floor(math.log10(grams))
    return f"{grams:.{min(15, 3 - exponent)}f}"


def _source(summary: Summary, version: str) -> str:
    """Say what the number is made of: program, sources, scope, basis and year, PUE."""
    energy, factors = summary.energy, summary.factors
    trials = figures.count(summary.trials.trained, "trained trial")
    parts = [
        f"sweeper {version}",
        _SOURCES.get(energy.source, one_line(energy.source)),
        f"scope {one_line(energy.scope)}",
        f"whole sweep, {trials}",
    ]
    if energy.unknown_terms:
        parts.append(f"at least: {_unknown(summary)}")
    intensity = figures.significant(factors.g_per_kwh, 3)
    parts += [
        f"{intensity} g/kWh: {one_line(factors.intensity_from)}",
        f"PUE {factors.pue:g} ({one_line(factors.pue_from)})",
    ]
    return "; ".join(parts)


def _unknown(summary: Summary) -> str:
    energy, parts = summary.energy, []
    if energy.missing:
        parts.append(f"the energy of {figures.count(energy.missing, 'training')}")
    if energy.overhead_j is None or energy.overhead_is_partial:
        parts.append("the overhead")
    return f"{' and '.join(parts)} is not wholly known"


def _hardware(summary: Summary, cpu: str | None) -> str | None:
    """Name the GPUs with their counts, else the CPU."""
    counts = Counter(one_line(board.line.name) for board in summary.energy.boards)
    if counts:
        return ", ".join(f"{counts[name]} x {name}" for name in sorted(counts))
    if cpu is None:
        return "CPU (model not recorded)" if summary.energy.scope == "cpu" else None
    return one_line(cpu)


def _best_lines(history: SweepHistory, summary: Summary) -> list[str]:
    """Say in a comment how much of it the best trial is: the card has one number."""
    if summary.best is None:
        return []
    best = next(it for it in trials_of(history) if it.number == summary.best.number)
    grams = summary.factors.co2e_g(physical(best.energy_j))
    text = f"# best trial: {best.number}, {figures.co2e(grams)}"
    if summary.best.from_cache:
        return [f"{text} when it was trained elsewhere, not in the sum"]
    spent_j, energy_j = summary.energy.spent_j, physical(best.energy_j)
    if not spent_j or energy_j is None or best.source is not Source.RUN:
        return [text]
    return [f"{text}, {figures.percent(energy_j / spent_j)} of the sweep"]
