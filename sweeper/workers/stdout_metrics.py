"""Metrics in what a program prints: JSON lines, ``name=value``, or patterns of the sweep file.

Owns: what a line means. A line that means nothing is not an error: programs print much. Must not
import other rooms.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterator
from typing import Any

from sweeper.model import OutputRule, OutputStyle
from sweeper.trial import Report

__all__ = ["LONGEST_LINE", "LineReader", "Lines"]

LONGEST_LINE = 2**16  # bytes; a longer one is kept in the log but not read for metrics
_STEPS = ("step", "epoch")
_DECLARED = "energy_j"  # what a trial says of its own joules is no metric of the sweep
_LAST_STEP = 2**53
_NUMBER = re.compile(r"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|inf(?:inity)?|nan)", re.IGNORECASE)
_BETWEEN = re.compile(r"[\s,;]+")


class LineReader:
    """Reads one program's lines; counts its reports for those that give no step.

    Args:
        names: The metrics that count; a line without any of them is no report.
        rule: What a line may look like.
    """

    def __init__(self, names: Collection[str], rule: OutputRule) -> None:
        self._names = frozenset(names)
        self._style = rule.style
        self._patterns = tuple(re.compile(pattern) for pattern in rule.patterns)
        self._reports = 0

    def read(self, line: str) -> Report | None:
        """Return what a line reports; None: nothing."""
        found = self._found(line.strip())
        if not self._names.intersection(found):
            return None
        self._reports += 1
        steps = (_step(found.pop(name)) for name in _STEPS if name in found.keys() - self._names)
        given = [step for step in steps if step is not None]
        return given[0] if given else self._reports, found

    def _found(self, line: str) -> dict[str, Any]:
        match self._style:
            case OutputStyle.NONE:
                return {}
            case OutputStyle.PATTERN:
                return dict(self._matched(line))
            case OutputStyle.JSON:
                return _json_object(line)
            case OutputStyle.ASSIGNMENTS:
                return dict(self._assigned(line))
            case OutputStyle.AUTO:
                return _json_object(line) or dict(self._assigned(line))

    def _assigned(self, line: str) -> Iterator[tuple[str, float]]:
        known = self._names.union(_STEPS, (_DECLARED,))
        for token in _BETWEEN.split(line):
            name, _, text = token.partition("=")
            if name in known and _NUMBER.fullmatch(text):
                yield name, float(text)

    def _matched(self, line: str) -> Iterator[tuple[str, float]]:
        for pattern in self._patterns:
            for found in pattern.finditer(line):
                groups = {name: text for name, text in found.groupdict().items() if text}
                if "name" not in self._names and {"name", "value"} <= groups.keys():
                    groups[groups.pop("name")] = groups.pop("value")
                for name, text in groups.items():
                    if _NUMBER.fullmatch(text.strip()):
                        yield name, float(text)


def _json_object(line: str) -> dict[str, Any]:
    if not line.startswith("{"):
        return {}
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _step(value: Any) -> int | None:
    """Return a step; None: what was printed is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not math.isfinite(value) or value != int(value) or not 0 <= value <= _LAST_STEP:
        return None
    return int(value)


class Lines:
    """Cuts a stream of bytes into lines; of a progress bar the last state of its line counts."""

    def __init__(self) -> None:
        self._begun = b""
        self._too_long = False

    def feed(self, data: bytes) -> Iterator[str]:
        """Take some bytes and yield the lines that they end."""
        first, *others = data.split(b"\n")
        self._add(first)
        for part in others:
            yield from self.end()
            self._add(part)

    def end(self) -> Iterator[str]:
        """Yield the line that is begun, if it is short enough to be read."""
        whole, self._begun = self._begun, b""
        too_long, self._too_long = self._too_long, False
        if whole and not too_long:
            yield whole.decode("utf-8", "replace").rstrip("\r").rpartition("\r")[2]

    def _add(self, part: bytes) -> None:
        self._too_long = self._too_long or len(self._begun) + len(part) > LONGEST_LINE
        self._begun = b"" if self._too_long else self._begun + part
