"""Progress as plain lines, for logs and pipes: begin, settled trials, notices, end.

Owns: the wording of one trial on one line. Standard library only.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

from sweeper.model import (
    CauseKind,
    Event,
    Metric,
    Notice,
    Outcome,
    Settled,
    Source,
    SweepBegan,
    SweepEnded,
    TrialSettled,
    TrialState,
)
from sweeper.report import figures
from sweeper.report.clean import one_line
from sweeper.report.guard import Guard
from sweeper.report.outcomes import worth
from sweeper.report.tally import Tally

__all__ = ["PlainLines", "begin_line", "counts_of", "end_line", "notice_line", "settled_line"]


class PlainLines:
    """Writes a line per settled trial and notice. An ``Observer``: it never raises.

    Args:
        stream: Where to; flushed after each line.
        budget_trials: Of the sweep; None: open.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        budget_trials: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._tally = Tally(budget_trials=budget_trials, clock=clock)
        self._guard = Guard("the progress output")

    def observe(self, event: Event) -> None:
        """Write the event's line, if it has one."""
        self._guard.call(self._observe, event)

    def close(self) -> None:
        """Flush; nothing else is open."""
        self._guard.call(self._stream.flush)

    def _observe(self, event: Event) -> None:
        self._tally.take(event)
        line = self._line(event)
        if line is not None:
            self._stream.write(line + "\n")
            self._stream.flush()

    def _line(self, event: Event) -> str | None:
        match event:
            case SweepBegan():
                return begin_line(event, self._tally.budget_trials)
            case TrialSettled(settled, replayed=False):
                return settled_line(settled, self._tally.metric)
            case Notice(text):
                return notice_line(text)
            case SweepEnded():
                return end_line(event, self._tally)
            case _:
                return None


def begin_line(began: SweepBegan, budget_trials: int | None) -> str:
    """Word the beginning: handle, aim, budget, and what it goes on from."""
    aim = f"{began.metric.direction.value} {one_line(began.metric.name)}"
    parts = [f"sweep {one_line(began.handle)}: {aim}"]
    if budget_trials is not None:
        parts.append(figures.count(budget_trials, "trial"))
    if began.resumed:
        parts.append("continued")
    if began.leader is not None:
        parts.append(f"following {one_line(began.leader)}")
    return ", ".join(parts)


def notice_line(text: str) -> str:
    """Word a notice."""
    return f"note: {one_line(text)}"


def settled_line(settled: Settled, metric: Metric | None) -> str:
    """Word the end of an attempt: how, its value, its joules, why, and its params."""
    outcome = settled.outcome
    again = settled.told is None
    parts = [
        f"trial {settled.attempt.id.number} {outcome.state.value} at step {outcome.steps}"
        + (", to run again" if again else ""),
        _value(outcome, metric),
        _energy(settled),
        _cause(outcome),
        figures.params(settled.attempt.params),
    ]
    return "  ".join(part for part in parts if part)


def _value(outcome: Outcome, metric: Metric | None) -> str:
    score = None if metric is None else worth(outcome.curve, outcome.final, metric)
    if metric is None or score is None:
        return ""
    return f"{one_line(metric.name)} {figures.metric(score.value)}"


def _energy(settled: Settled) -> str:
    match settled.source:
        case Source.RUN:
            used = figures.energy(settled.outcome.energy.total_j)
            return used if used != figures.UNKNOWN else "energy unknown"
        case Source.DUPLICATE:
            return "0 J, duplicate"
        case _:
            avoided = None if settled.use is None else settled.use.avoided_j
            return f"0 J, from the store, avoided {figures.energy(avoided)}"


def _cause(outcome: Outcome) -> str:
    cause = outcome.cause
    if cause is None:
        return "" if outcome.state is not TrialState.FAILED else "(unknown cause)"
    text = cause.text if cause.kind is CauseKind.PRUNER else str(cause)
    return f"({one_line(text, 300)})"


def end_line(ended: SweepEnded, tally: Tally) -> str:
    """Word the end: state, why, and how many trials of which kind."""
    handle = "" if tally.began is None else f" {one_line(tally.began.handle)}"
    return f"sweep{handle} {ended.state.value} ({one_line(ended.stopped_by)}): {counts_of(tally)}"


def counts_of(tally: Tally) -> str:
    """Word the counts of settled trials; what is zero is left out except for the states."""
    states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAILED)
    parts = [f"{figures.count(tally.states[state])} {state.value}" for state in states]
    stored = tally.sources[Source.CACHE] + tally.sources[Source.ATTACHED]
    if stored:
        parts.append(f"{figures.count(stored)} from the store")
    if tally.sources[Source.DUPLICATE]:
        parts.append(figures.count(tally.sources[Source.DUPLICATE], "duplicate"))
    return ", ".join(parts)
