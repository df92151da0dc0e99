"""The words of the validation: a table of findings, and what they do not show. Plain text."""

from __future__ import annotations

from collections.abc import Iterator

from sweeper.energy.probe import GpuProbe
from sweeper.energy.probe_text import calls_table, place_lines
from sweeper.energy.validation.finding import Finding
from sweeper.energy.validation.protocol import Validation

__all__ = ["validation_text"]

_OUTCOMES = {True: "pass", False: "FAIL", None: "skipped"}

_GAIN = (
    "All sensors that were compared are the board's own, so a gain that is common to them is not "
    "seen here: about ±5 % (0.87 to 1.18 on boards that were held against meters) stays in every "
    "absolute figure until this board is held against an external meter. Ratios on one board do "
    "not have it."
)


def validation_text(validation: Validation) -> str:
    """Write what was found.

    Args:
        validation: From ``validate``.
    """
    if validation.gpu is None:
        return f"nothing to validate here: {_why_not(validation.facts)}"
    lines = [
        f"{validation.name}  {validation.gpu}",
        *(f"  {line}" for line in _facts(validation)),
        "",
        *(line for finding in validation.findings for line in _lines(finding)),
        "",
        f"{_verdict(validation)} in {validation.elapsed_s:.0f} s",
        _GAIN,
    ]
    return "\n".join(lines)


def _why_not(facts: GpuProbe) -> str:
    if facts.trouble is not None:
        return f"NVML says: {facts.trouble}"
    return "no such GPU" if facts.boards else "the driver shows no GPU"


def _facts(validation: Validation) -> Iterator[str]:
    facts = validation.facts
    yield f"driver         {facts.driver}, NVML {facts.nvml}"
    yield from place_lines(facts.place)
    for board in facts.boards:
        if board.uuid == validation.gpu:
            yield f"source         {board.source}"
            yield from calls_table(board.calls)


def _lines(finding: Finding) -> Iterator[str]:
    yield f"{finding.id}  {_OUTCOMES[finding.passed]:7}  {finding.what}"
    for name, value in finding.figures.items():
        yield f"             {name:28}  {value:12.4g}"
    if finding.note:
        yield f"             {finding.note}"


def _verdict(validation: Validation) -> str:
    outcomes = [finding.passed for finding in validation.findings]
    counts = {word: outcomes.count(outcome) for outcome, word in _OUTCOMES.items()}
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "nothing done"
