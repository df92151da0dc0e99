"""The report of a sweep as Markdown.

Owns: its layout. Every figure is the summary's, worded as on the page and on the terminal. Standard
library only.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from sweeper.model import SweepHistory
from sweeper.reporting import figures
from sweeper.reporting.citing import citations
from sweeper.reporting.clean import one_line, visible
from sweeper.reporting.energy_shares import energy_shares
from sweeper.reporting.energy_words import energy_lines
from sweeper.reporting.find_words import find_lines
from sweeper.reporting.headlines import headlines, running_words
from sweeper.reporting.outcomes import TrialView, trials_of
from sweeper.reporting.saving_words import saving_lines
from sweeper.reporting.summary import Summary
from sweeper.reporting.surroundings import Surroundings
from sweeper.reporting.trial_energy import spent_figure
from sweeper.reporting.worth import worth_of

__all__ = ["markdown_report"]

# What means something in Markdown wherever it stands; in a table's cell also a bar.
_SPECIAL = re.compile(r"([\\`*_\[\]{}|~#!$@:])")


def markdown_report(history: SweepHistory, summary: Summary, around: Surroundings) -> str:
    """Write the report.

    Args:
        history: The sweep's.
        summary: Of it.
        around: What else there is to say.
    """
    trials = trials_of(history)
    running = running_words(summary, around.written)
    parts = [
        f"# {_text(summary.handle)}",
        _state(history, summary),
        *([] if running is None else [f"**{_text(running)}**"]),
        _table(["", "", ""], [(it.name, it.value, it.note) for it in headlines(summary)]),
        *_section("Result", _block(find_lines(summary))),
        *_section("Against grid search", _block(saving_lines(summary))),
        *_section("Energy", _energy(history, summary, trials), _block(energy_lines(summary))),
        *_section("What matters", _importances(around)),
        *_section("From the store", _producers(summary)),
        *_section("Failures", _failures(summary)),
        *_section("Trials", _trials(trials, summary)),
        *_section("Configuration", _block(around.config.splitlines(), "yaml")),
        *_section("Environment", _table(["", ""], around.environment)),
        *_section("How to cite", _block(citations(around.version).splitlines(), "bibtex")),
        f"Written by sweeper {_text(around.version)} on {_text(around.written)}. "
        "Estimates are marked with \\~; what is not known is said to be unknown.",
    ]
    return "\n\n".join(parts) + "\n"


def _section(title: str, *parts: str) -> list[str]:
    """Put a title above what there is to say; nothing where there is nothing."""
    kept = [part for part in parts if part]
    return [f"## {title}", *kept] if kept else []


def _text(words: str) -> str:
    """Make a text that neither Markdown nor HTML in it can change."""
    return _SPECIAL.sub(r"\\\1", html.escape(one_line(words), quote=False))


def _block(lines: Sequence[str], language: str = "text") -> str:
    """Put lines into a fenced block; no line in it can end it."""
    shown = [visible(line).rstrip() for line in lines]
    longest = max((len(run) for line in shown for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}{language}", *shown, fence]) if lines else ""


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(_text(cell) for cell in cells)} |"

    made = [line(row) for row in rows]
    return "\n".join([line(header), f"|{'---|' * len(header)}", *made]) if made else ""


def _state(history: SweepHistory, summary: Summary) -> str:
    sweep = history.sweep
    why = "" if summary.stopped_by is None else f" ({summary.stopped_by})"
    aims = ", ".join(f"{it.direction.value} {it.name}" for it in summary.goals.metrics)
    return _text(
        f"{summary.state.value}{why}; {aims}; {sweep.who} on {sweep.host}, "
        f"{figures.moment(sweep.started_at)}, {figures.duration(summary.elapsed_s)}"
    )


def _energy(history: SweepHistory, summary: Summary, trials: Sequence[TrialView]) -> str:
    rows = [
        (
            it.name,
            "" if it.attempts is None else figures.count(it.attempts),
            figures.at_least(figures.energy(it.energy.energy_j), it.energy.missing),
            ", ".join(it.sources) or figures.UNKNOWN,
        )
        for it in energy_shares(history, summary, trials)
    ]
    return _table(["what", "trainings", "energy", "source"], rows)


def _importances(around: Surroundings) -> str:
    if around.importances is None:
        return _text(f"Importances unknown: {around.no_importances}.")
    ordered = sorted(around.importances.items(), key=lambda pair: -pair[1])
    return _table(["parameter", "importance"], [(name, f"{share:.2f}") for name, share in ordered])


def _producers(summary: Summary) -> str:
    rows = [
        (it.who, it.host, str(it.trials), figures.moment(it.stored_at), "; ".join(it.hardware))
        for it in summary.producers
    ]
    return _table(["who", "host", "trials", "stored", "hardware"], rows)


def _failures(summary: Summary) -> str:
    rows = [(figures.count(it.count), it.cause, str(it.example)) for it in summary.failures]
    return _table(["trials", "cause", "such as trial"], rows)


def _trials(trials: Sequence[TrialView], summary: Summary) -> str:
    rows = []
    for trial in trials:
        worth = worth_of(trial.trainings, summary.goals, summary.factors)
        columns = range(len(summary.goals.names))
        cells = ["" if worth is None else worth.cell(column) for column in columns]
        source = "" if trial.source is None else trial.source.value
        seconds = "" if trial.elapsed_s is None else figures.duration(trial.elapsed_s)
        ends = (spent_figure(trial), seconds, figures.params(trial.first.params))
        rows.append((str(trial.number), trial.state.value, source, *cells, *ends))
    names = ["trial", "state", "source", *summary.goals.names, "energy spent", "time", "params"]
    return _table(names, rows)
