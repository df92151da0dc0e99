"""Progress as a live table on a terminal.

Owns: the layout while a sweep runs. Imports rich at the top: ``observers.py`` imports this module
only when there is a terminal to draw on.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sweeper.model import AttemptId, Event, Factors, Notice, SweepBegan, SweepEnded
from sweeper.reporting import figures
from sweeper.reporting.accounts import STORE
from sweeper.reporting.clean import one_line
from sweeper.reporting.guard import Guard
from sweeper.reporting.plain import counts_of, end_line, notice_line
from sweeper.reporting.tally import BestSoFar, Parked, Running, Tally

__all__ = ["LiveTable", "draw", "terminal"]

_REDRAWS_PER_S = 4  # a person sees no more, and the driver has better things to do
_AROUND = 8  # lines of header and footer that must stay on the screen
_METRIC_WIDTH = 16
_PARAMS_IN_FOOTER = 200


class _Terminal(Console):
    """A console that falls silent when its reader goes away, instead of ending the program."""

    def on_broken_pipe(self) -> None:
        """Write nothing more."""
        self.quiet = True


def terminal(stream: TextIO) -> Console:
    """Return a console for progress on a terminal; no text is taken for markup."""
    return _Terminal(file=stream, force_terminal=True, markup=False, emoji=False, highlight=False)


class LiveTable:
    """Draws the running trials, the best so far and what it cost. An ``Observer``: never raises.

    Args:
        console: Where to, a terminal.
        factors: From joules to grams and money.
        max_steps: The planned horizon; None: open.
        budget_trials: Of the sweep; None: open.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        console: Console,
        *,
        factors: Factors,
        max_steps: int | None = None,
        budget_trials: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._max_steps = max_steps
        self._tally = Tally(budget_trials=budget_trials, factors=factors, clock=clock)
        # rich draws in a thread of its own; a signal may bring a notice in the midst of an event.
        self._lock = threading.RLock()
        self._guard = Guard("the live table")
        self._live = Live(
            console=console,
            get_renderable=self._renderable,
            refresh_per_second=_REDRAWS_PER_S,
            redirect_stdout=sys.stdout.isatty(),  # what goes to a file must get there
        )

    def observe(self, event: Event) -> None:
        """Count the event; the next redraw shows it."""
        self._guard.call(self._observe, event)

    def close(self) -> None:
        """Draw a last time and give the terminal back."""
        self._guard.call(self._live.stop)

    def _observe(self, event: Event) -> None:
        with self._lock:
            self._tally.take(event)
        # Outside the lock: rich holds its own lock while it asks for the table.
        match event:
            case Notice(text):
                self._console.print(Text(notice_line(text)))
            case SweepBegan():
                self._live.start()
            case SweepEnded():
                self._live.stop()

    def _renderable(self) -> RenderableType:
        return self._guard.call(self._draw) or Text()

    def _draw(self) -> RenderableType:
        with self._lock:
            rows = max(3, self._console.size.height - _AROUND)
            return draw(self._tally, max_steps=self._max_steps, rows=rows)


def draw(tally: Tally, *, max_steps: int | None, rows: int) -> RenderableType:
    """Lay out what a tally knows: header, trials in flight, footer; no line is ever wrapped.

    Args:
        tally: What is known.
        max_steps: The planned horizon; None: open.
        rows: How many trials the screen has room for.
    """
    if tally.began is None:
        return Text()
    parts: list[RenderableType] = [_line(_header(tally), style="bold")]
    if tally.running or tally.parked:
        parts.append(_trials(tally, max_steps, rows))
    hidden = len(tally.running) + len(tally.parked) - rows
    if hidden > 0:
        parts.append(_line(f"and {figures.count(hidden)} more in flight"))
    parts.extend(_line(line) for line in _footer(tally))
    return Group(*parts)


def _line(text: str, style: str = "") -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


def _header(tally: Tally) -> str:
    if tally.began is None:
        return ""
    if tally.ended is not None:
        return f"{end_line(tally.ended, tally)}  {figures.duration(tally.elapsed_s)}"
    budget = "" if tally.budget_trials is None else f"/{figures.count(tally.budget_trials)}"
    left_s = tally.left_s
    left = "time left unknown" if left_s is None else f"about {figures.duration(left_s)} left"
    done = f"{figures.count(tally.done)}{budget} trials"
    handle = one_line(tally.began.handle)
    return "  ".join([handle, done, figures.duration(tally.elapsed_s), left])


def _trials(tally: Tally, max_steps: int | None, rows: int) -> Table:
    name = "" if tally.goals is None else tally.goals.first.name
    table = Table(box=None, pad_edge=False, expand=True, header_style="dim")
    for header in ("trial", "step", one_line(name, _METRIC_WIDTH), "energy"):
        table.add_column(Text(header), justify="right", no_wrap=True, overflow="ellipsis")
    table.add_column(Text("params"), ratio=1, no_wrap=True, overflow="ellipsis")
    running = [_running(trial, max_steps) for _, trial in sorted(tally.running.items())]
    parked = [_parked(trial) for _, trial in sorted(tally.parked.items())]
    for cells in [*running, *parked][:rows]:
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _running(trial: Running, max_steps: int | None) -> tuple[str, ...]:
    point = trial.point
    horizon = "" if max_steps is None else f"/{max_steps}"
    return (
        _name(trial.attempt.id),
        f"{0 if point is None else point.step}{horizon}",
        "" if trial.value is None else figures.metric(trial.value),
        "" if point is None else figures.energy(point.energy_j),
        figures.params(trial.attempt.params),
    )


def _parked(trial: Parked) -> tuple[str, ...]:
    busy = trial.busy
    horizon = "" if busy.steps_total is None else f"/{busy.steps_total}"
    waits = f"waits for {one_line(busy.who)} on {one_line(busy.host)}"
    return (
        _name(trial.attempt.id),
        f"{busy.steps}{horizon}",
        "parked",
        "",
        f"{waits}  {figures.params(trial.attempt.params)}",
    )


def _name(attempt: AttemptId) -> str:
    return f"{attempt.number}r{attempt.replicate}" if attempt.replicate else str(attempt.number)


def _footer(tally: Tally) -> list[str]:
    lines = [_best(tally.best, tally), counts_of(tally), _energy(tally)]
    if tally.last_failure is not None:
        number, cause = tally.last_failure
        why = "unknown cause" if cause is None else one_line(str(cause))
        lines.append(f"last failure: trial {number}, {why}")
    return lines


def _best(best: BestSoFar | None, tally: Tally) -> str:
    front = "" if tally.on_front is None else f"front: {figures.count(tally.on_front, 'trial')}; "
    if best is None:
        constrained = tally.goals is not None and tally.goals.constraints
        kind = "feasible" if constrained else "complete"
        return f"{front}best: no {kind} trial yet"
    store = ", from the store" if best.source in STORE else ""
    params = one_line(figures.params(best.params), _PARAMS_IN_FOOTER)
    score = f"{best.worth.written()} at step {best.worth.step}"
    return f"{front}best: trial {best.number}, {score}{store}  {params}"


def _energy(tally: Tally) -> str:
    spent = tally.spent
    figure = figures.at_least(figures.energy(spent.energy_j), spent.missing)
    label = "" if tally.source is None else f" ({one_line(tally.source)})"
    line = f"energy: {figure} spent{label}"
    if any(tally.sources[source] for source in STORE):
        avoided = figures.energy(tally.avoided.energy_j)
        line += f", {figures.at_least(avoided, tally.avoided.missing)} avoided by the store"
    return line
