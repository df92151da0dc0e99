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
    Factors,
    Notice,
    Outcome,
    Settled,
    Source,
    SweepBegan,
    SweepEnded,
    TrialSettled,
    TrialState,
)
from sweeper.reporting import figures
from sweeper.reporting.clean import one_line
from sweeper.reporting.guard import Guard
from sweeper.reporting.tally import Tally
from sweeper.reporting.whole_trial import WholeTrial
from sweeper.reporting.worth import worth_of

__all__ = ["PlainLines", "begin_line", "counts_of", "end_line", "notice_line"]


class PlainLines:
    """Writes a line per settled trial and notice. An ``Observer``: it never raises.

    Args:
        stream: Where to; flushed after each line.
        factors: From joules to grams and money.
        budget_trials: Of the sweep; None: open.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        factors: Factors,
        budget_trials: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._tally = Tally(budget_trials=budget_trials, factors=factors, clock=clock)
        self._guard = Guard("the progress output")

    def observe(self, event: Event) -> None:
        """Write the event's line, if it has one."""
        self._guard.call(self._observe, event)

    def close(self) -> None:
        """Flush; nothing else is open."""
        self._guard.call(self._stream.flush)

    def _observe(self, event: Event) -> None:
        ended = self._tally.take(event)
        lines = self._lines(event, ended)
        if lines:
            self._stream.write("".join(f"{line}\n" for line in lines))
            self._stream.flush()

    def _lines(self, event: Event, ended: WholeTrial | None) -> list[str]:
        match event:
            case SweepBegan():
                return [begin_line(event, self._tally.budget_trials)]
            case TrialSettled(settled, replayed=False):
                return _settled_lines(settled, ended, self._tally)
            case Notice(text):
                return [notice_line(text)]
            case SweepEnded():
                return [end_line(event, self._tally)]
            case _:
                return []


def begin_line(began: SweepBegan, budget_trials: int | None) -> str:
    """Word the beginning: handle, aims, budget, and what it goes on from."""
    aims = [f"{it.direction.value} {one_line(it.name)}" for it in began.goals.metrics]
    aim = " and ".join(aims)
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


def _settled_lines(settled: Settled, ended: WholeTrial | None, tally: Tally) -> list[str]:
    """Word the end of a training, and that of its trial if it is one of several replicates."""
    outcome, name = settled.outcome, settled.attempt.id
    further = settled.told is None and outcome.state is TrialState.COMPLETE
    whole = ended if ended is not None and ended.trainings > 1 else None
    one_of_several = name.replicate > 0 or further or whole is not None
    which = f"trial {name.number}" + (f", replicate {name.replicate}" if one_of_several else "")
    parts = [
        f"{which} {outcome.state.value} at step {outcome.steps}{_again(settled)}",
        _value(outcome, tally),
        _energy(settled),
        _cause(outcome),
        figures.params(settled.attempt.params),
        "" if one_of_several else _front(ended, tally),
    ]
    lines = ["  ".join(part for part in parts if part)]
    return lines if whole is None else [*lines, _whole_line(whole, tally)]


def _again(settled: Settled) -> str:
    """Say that a training starts again; whether a further replicate does is not known here."""
    state = settled.outcome.state
    again = settled.told is None and state is not TrialState.COMPLETE
    sure = state is TrialState.LOST or settled.attempt.id.replicate == 0
    return ", to run again" if again and sure else ""


def _whole_line(trial: WholeTrial, tally: Tally) -> str:
    """Word the end of a trial with several replicates."""
    energy = figures.energy(trial.energy_j)
    parts = [
        f"trial {trial.number} {trial.state.value}",
        "" if trial.worth is None else trial.worth.written(),
        f"{energy} together" if energy != figures.UNKNOWN else "energy unknown",
        figures.params(trial.params),
        _front(trial, tally),
    ]
    return "  ".join(part for part in parts if part)


def _value(outcome: Outcome, tally: Tally) -> str:
    worth = None if tally.goals is None else worth_of([outcome], tally.goals, tally.factors)
    return "" if worth is None or not worth.figure() else worth.written()


def _front(trial: WholeTrial | None, tally: Tally) -> str:
    """Say how many trials are on the front, when one was told that may be there."""
    if trial is None or trial.state is not TrialState.COMPLETE or tally.on_front is None:
        return ""
    return f"({figures.count(tally.on_front)} on the front)"


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
    if tally.on_front is not None:
        parts.append(f"{figures.count(tally.on_front)} on the front")
    return ", ".join(parts)
