"""Where each value of a sweep came from: a line of the file, an override, or the user's defaults.

Owns: turning problems into finished lines, ``file:line: key.path: what``, in the order in which a
reader meets them. Imports nothing but ``problems`` and the standard library.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

from sweeper.config.problems import Path, Problem, clipped, dotted, on_one_line


class _Layer(IntEnum):
    """Who wrote a value, in the order in which problems are said."""

    FILE = 0
    OVERRIDE = 1
    DEFAULTS = 2


@dataclass(slots=True)
class Source:
    """The places of one loaded file; overrides move places from the file to the command line.

    Attributes:
        label: The file as the user named it.
        lines: Line of each key and list item, from 1.
        labels: Each override as it was typed, in order.
        overridden: Which override set what stands at a place.
        written_as: Places that the file names otherwise (``budget.trials`` as ``run_cap``).
        below: The user's defaults; None: there are none.
        filled: Places that came from there, with everything below them.
    """

    label: str
    lines: dict[Path, int] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    overridden: dict[Path, int] = field(default_factory=dict)
    written_as: dict[Path, Path] = field(default_factory=dict)
    below: Source | None = None
    filled: set[Path] = field(default_factory=set)

    def override(self, path: Path, index: int) -> None:
        """Note that override number ``index`` set everything at and below ``path``."""
        places: tuple[dict[Path, int] | dict[Path, Path], ...]
        places = (self.lines, self.overridden, self.written_as)
        for known in places:
            for place in [place for place in known if place[: len(path)] == path]:
                del known[place]
        self.overridden[path] = index

    def rendered(self, problems: Iterable[Problem]) -> list[str]:
        """Finish the lines: the file's by line, the overrides' in their order, the defaults'."""
        placed = sorted((self._order(problem), self.line(problem)) for problem in problems)
        return list(dict.fromkeys(line for _, line in placed))

    def line(self, problem: Problem, key_path: str | None = None) -> str:
        """Finish one line; ``key_path`` is written instead of the problem's place."""
        layer, number = self._order(problem)
        if layer is _Layer.OVERRIDE:
            where = f"override {clipped(self.labels[number])}"
        else:
            label = self.below.label if layer is _Layer.DEFAULTS and self.below else self.label
            where = f"{label}:{number}" if number else label
        if key_path is None:
            key_path = dotted(self.written_as.get(problem.path, problem.path))
        return on_one_line(": ".join(part for part in (where, key_path, problem.what) if part))

    def path_of(self, key_path: str) -> Path:
        """Find the place that a dotted key path means, or the nearest one above it."""
        below = self.below.lines if self.below else {}
        filled = [path for path in below if self._fill_of(path) is not None]
        known = {dotted(path): path for path in (*self.lines, *self.overridden, *filled)}
        while key_path and key_path not in known:
            key_path = key_path.rpartition(".")[0]
        return known.get(key_path, ())

    def _order(self, problem: Problem) -> tuple[_Layer, int]:
        """Return who is to blame, and the position of the override or the line."""
        if problem.override is not None:
            return _Layer.OVERRIDE, problem.override
        if problem.line is not None:
            return _Layer.FILE, problem.line
        nearest = self._nearest(problem.path)
        for path in (nearest, (*problem.path[:-1], problem.beside)):
            if path in self.overridden:
                return _Layer.OVERRIDE, self.overridden[path]
        below = [path for path in self.overridden if path[: len(problem.path)] == problem.path]
        if below and problem.path:
            return _Layer.OVERRIDE, self.overridden[below[-1]]
        if self.below is not None and self._fill_of(problem.path) is not None:
            return _Layer.DEFAULTS, self.below.lines.get(self.below._nearest(problem.path), 1)
        return _Layer.FILE, self.lines.get(nearest, 1)

    def _fill_of(self, path: Path) -> Path | None:
        """Return the place, it or one above, that the defaults filled; None: they did not."""
        return next((path[:n] for n in range(len(path), 0, -1) if path[:n] in self.filled), None)

    def _nearest(self, path: Path) -> Path:
        """Return the place, or the nearest one above it, that somebody wrote."""
        while path and path not in self.overridden and path not in self.lines:
            path = path[:-1]
        return path
