"""Shows a watched sweep: live on a terminal, else on plain lines or as JSON lines.

Owns: the layout of ``sweeper watch``. Imports rich at the top: only that command imports this
module.
"""

from __future__ import annotations

import json
from typing import Protocol, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sweeper.reporting import figures
from sweeper.reporting.clean import one_line
from sweeper.reporting.watching import Flying, Watched

__all__ = ["JsonScreen", "LiveScreen", "PlainScreen", "Screen", "draw"]

_AROUND = 7  # lines above and below the trials
_PARAMS_IN_FOOTER = 200


class Screen(Protocol):
    """Shows what is seen, one moment after the other."""

    def show(self, seen: Watched) -> None:
        """Show a moment."""

    def say(self, text: str) -> None:
        """Show a note."""

    def close(self) -> None:
        """Give the terminal back."""


class JsonScreen:
    """Writes each moment as one line of JSON; notes have no place there."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def show(self, seen: Watched) -> None:
        """Write the moment."""
        line = json.dumps(seen.to_json(), ensure_ascii=False, allow_nan=False)
        self._stream.write(f"{line}\n")
        self._stream.flush()

    def say(self, text: str) -> None:
        """Leave the note out."""

    def close(self) -> None:
        """Nothing is open."""


class PlainScreen:
    """Writes a line whenever a trial began or ended, and what to do at the end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._before: object = None

    def show(self, seen: Watched) -> None:
        """Write a line if there is something new."""
        flying = tuple(it.name for it in seen.in_flight)
        now = (seen.head(), seen.counts(), flying, seen.over)
        if now != self._before:
            self._before = now
            self._write(seen.line())
        words = seen.last_words()
        if words is not None:
            self._write(words)

    def say(self, text: str) -> None:
        """Write the note."""
        self._write(f"note: {one_line(text)}")

    def close(self) -> None:
        """Nothing is open."""

    def _write(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()


class LiveScreen:
    """Draws each moment in the place of the one before.

    Args:
        console: Where to, a terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False)
        self._started = False

    def show(self, seen: Watched) -> None:
        """Draw the moment."""
        if not self._started:
            self._live.start()
            self._started = True
        rows = max(3, self._console.size.height - _AROUND)
        self._live.update(draw(seen, rows=rows), refresh=True)

    def say(self, text: str) -> None:
        """Print the note above."""
        self._console.print(Text(f"note: {one_line(text)}"))

    def close(self) -> None:
        """Leave the last moment on the screen."""
        if self._started:
            self._live.stop()


def draw(seen: Watched, *, rows: int) -> RenderableType:
    """Lay a moment out: header, trials in flight, footer; no line is ever wrapped.

    Args:
        seen: The moment.
        rows: How many trials the screen has room for.
    """
    times = "  ".join(part for part in (figures.duration(seen.elapsed_s), seen.left()) if part)
    parts: list[RenderableType] = [_line(f"{seen.head()}  {times}", style="bold")]
    if seen.in_flight and not seen.over:
        parts.append(_trials(seen, rows))
    hidden = 0 if seen.over else len(seen.in_flight) - rows
    if hidden > 0:
        parts.append(_line(f"and {figures.count(hidden)} more in flight"))
    parts += [_line(line) for line in _footer(seen)]
    return Group(*parts)


def _footer(seen: Watched) -> list[str]:
    best = seen.summary.best
    params = "" if best is None else f"  {one_line(figures.params(best.params), _PARAMS_IN_FOOTER)}"
    lines = [f"{seen.found()}{params}", seen.counts(), f"energy: {seen.energy()}"]
    failures = seen.summary.failures
    if failures:
        lines.append(f"failed: {figures.count(failures[0].count)} x {failures[0].cause}")
    words = seen.last_words()
    return lines if words is None else [*lines, words]


def _trials(seen: Watched, rows: int) -> Table:
    table = Table(box=None, pad_edge=False, expand=True, header_style="dim")
    for header in ("trial", "step", "energy", "time"):
        table.add_column(Text(header), justify="right", no_wrap=True, overflow="ellipsis")
    table.add_column(Text("params"), ratio=1, no_wrap=True, overflow="ellipsis")
    for flying in sorted(seen.in_flight, key=lambda it: it.parked)[:rows]:
        table.add_row(*(Text(cell) for cell in _cells(flying, seen.max_steps)))
    return table


def _cells(flying: Flying, max_steps: int | None) -> tuple[str, ...]:
    horizon = "" if max_steps is None else f"/{max_steps}"
    known = flying.energy_j is not None
    return (
        flying.name,
        "parked" if flying.parked else f"{flying.steps}{horizon}",
        figures.energy(flying.energy_j) if known and not flying.parked else "",
        figures.duration(flying.running_s),
        figures.params(flying.params),
    )


def _line(text: str, style: str = "") -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")
