"""The last words of ``sweeper run``: what was found, what it cost, what to do next.

Owns: the wording of a summary for a person. Plain text, the same on a terminal and in a file.
Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sweeper.model import SweepState
from sweeper.reporting import figures
from sweeper.reporting.clean import one_line
from sweeper.reporting.energy_words import energy_lines, hint_lines
from sweeper.reporting.find_words import find_lines
from sweeper.reporting.findings import Failure, Producer, Uncached
from sweeper.reporting.saving_words import saving_lines
from sweeper.reporting.summary import Summary

__all__ = ["closing_text", "headline", "section", "summary_lines"]

_MOST_CAUSES = 3
_MOST_PRODUCERS = 2
_MOST_REASONS = 2
_CAUSE_LIMIT = 160
_HARDWARE_LIMIT = 60


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
        *section("energy", energy_lines(summary)),
        *section("grid", saving_lines(summary)),
        *section("hint", hint_lines(summary)),
        *section("store", _store_lines(summary)),
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
    if trials.retried:
        tried = ", ".join(f"{number} {kind}" for kind, number in trials.retried.items())
        states += f"; tried again: {tried}"
    if trials.feasible is None:
        return [asked, states]
    of = f"{figures.count(trials.feasible)} of {figures.count(trials.complete, 'complete trial')}"
    return [asked, states, f"{of} met the constraints"]


def _store_lines(summary: Summary) -> list[str]:
    return [*_producer_lines(summary.producers), *_uncached_lines(summary.uncached)]


def _producer_lines(producers: Sequence[Producer]) -> list[str]:
    lines = []
    for producer in producers[:_MOST_PRODUCERS]:
        hardware = one_line("; ".join(producer.hardware), _HARDWARE_LIMIT)
        lines += [
            f"{figures.count(producer.trials, 'trial')} answered by what "
            f"{one_line(producer.who)} trained on {one_line(producer.host)}",
            f"  ({hardware}), stored {figures.moment(producer.stored_at)}",
        ]
    rest = producers[_MOST_PRODUCERS:]
    if rest:
        answered = figures.count(sum(producer.trials for producer in rest), "trial")
        lines.append(f"{answered} by {figures.count(len(rest), 'other')}")
    return lines


def _uncached_lines(uncached: Sequence[Uncached]) -> list[str]:
    """Word what could not be shared: it was trained, and will be trained again."""
    lines = [
        f"{figures.count(it.trials, 'trial')} could not be shared: "
        f"{one_line(it.reason, _CAUSE_LIMIT)}"
        for it in uncached[:_MOST_REASONS]
    ]
    rest = uncached[_MOST_REASONS:]
    if rest:
        count = figures.count(sum(it.trials for it in rest), "trial")
        lines.append(f"{count} for {figures.count(len(rest), 'other reason')}")
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
    if summary.trials.failed:
        again = f"sweeper retry {one_line(summary.handle)}"
        lines.append(f"{again}  (the failed trials, when what failed is mended)")
    return section("next", lines)
