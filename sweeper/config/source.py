"""Where each value of a sweep came from: a line of the file, or an override.

Owns: turning problems into finished lines, ``file:line: key.path: what``, in the order in which a
reader meets them. Imports nothing but ``problems`` and the standard library.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sweeper.config.problems import Path, Problem, clipped, dotted, on_one_line


@dataclass(slots=True)
class Source:
    """The places of one loaded file; overrides move places from the file to the command line.

    Attributes:
        label: The file as the user named it.
        lines: Line of each key and list item, from 1.
        labels: Each override as it was typed, in order.
        overridden: Which override set what stands at a place.
        written_as: Places that the file names otherwise (``budget.trials`` as ``run_cap``).
    """

    label: str
    lines: dict[Path, int] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    overridden: dict[Path, int] = field(default_factory=dict)
    written_as: dict[Path, Path] = field(default_factory=dict)

    def override(self, path: Path, index: int) -> None:
        """Note that override number ``index`` set everything at and below ``path``."""
        places: tuple[dict[Path, int] | dict[Path, Path], ...]
        places = (self.lines, self.overridden, self.written_as)
        for known in places:
            for place in [place for place in known if place[: len(path)] == path]:
                del known[place]
        self.overridden[path] = index

    def rendered(self, problems: Iterable[Problem]) -> list[str]:
        """Finish the lines: those of the file by line, then those of overrides in their order."""
        placed = sorted((self._order(problem), self.line(problem)) for problem in problems)
        return list(dict.fromkeys(line for _, line in placed))

    def line(self, problem: Problem, key_path: str | None = None) -> str:
        """Finish one line; ``key_path`` is written instead of the problem's place."""
        from_override, number = self._order(problem)
        if from_override:
            where = f"override {clipped(self.labels[number])}"
        else:
            where = f"{self.label}:{number}" if number else self.label
        if key_path is None:
            key_path = dotted(self.written_as.get(problem.path, problem.path))
        return on_one_line(": ".join(part for part in (where, key_path, problem.what) if part))

    def path_of(self, key_path: str) -> Path:
        """Find the place that a dotted key path means, or the nearest one above it."""
        known = {dotted(path): path for path in (*self.lines, *self.overridden)}
        while key_path and key_path not in known:
            key_path = key_path.rpartition(".")[0]
        return known.get(key_path, ())

    def _order(self, problem: Problem) -> tuple[bool, int]:
        """Return whether an override is to blame, and its position or the file's line."""
        if problem.override is not None:
            return True, problem.override
        if problem.line is not None:
            return False, problem.line
        nearest = self._nearest(problem.path)
        for path in (nearest, (*problem.path[:-1], problem.beside)):
            if path in self.overridden:
                return True, self.overridden[path]
        below = [path for path in self.overridden if path[: len(problem.path)] == problem.path]
        if below and problem.path:
            return True, self.overridden[below[-1]]
        return False, self.lines.get(nearest, 1)

    def _nearest(self, path: Path) -> Path:
        """Return the place, or the nearest one above it, that somebody wrote."""
        while path and path not in self.overridden and path not in self.lines:
            path = path[:-1]
        return path
