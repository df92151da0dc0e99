"""What ``sweeper check`` and ``plan --sample`` print: ranges, warnings, sampled configurations.

Owns: their words and their JSON. Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sweeper.model import Params, Value
from sweeper.reporting import figures
from sweeper.reporting.clean import jsonable, one_line
from sweeper.reporting.closing import section

__all__ = ["CheckedFile", "checked_text", "refused_json", "sample_lines", "samples_json"]

_PLAIN = re.compile(r"[A-Za-z_][\w.-]*")


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A sweep file in which nothing was found to be wrong.

    Attributes:
        file: As it was named.
        ranges: Dotted path of each parameter, and what it can be.
        warnings: Finished lines: read, but perhaps not as it was meant.
        notes: Finished lines: what else is known before anything runs.
    """

    file: str
    ranges: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Value]:
        """Return ``sweeper check --json`` of a valid file."""
        return {
            "file": self.file,
            "valid": True,
            "warnings": list(self.warnings),
            "notes": list(self.notes),
            "ranges": dict(self.ranges),
        }


def checked_text(checked: CheckedFile) -> str:
    """Word that a file is valid, what to look at, and what each parameter can be."""
    paths = [one_line(path) for path, _ in checked.ranges]
    widest = max((len(path) for path in paths), default=0)
    meanings = [one_line(meaning) for _, meaning in checked.ranges]
    lines = [f"{one_line(checked.file)} is valid"]
    lines += [f"warning: {one_line(text)}" for text in checked.warnings]
    lines += [f"note: {one_line(text)}" for text in checked.notes]
    pairs = zip(paths, meanings, strict=True)
    lines += section("ranges", [f"{path:<{widest}}  {meaning}" for path, meaning in pairs])
    return "\n".join(lines)


def refused_json(file: str, problems: Iterable[str]) -> dict[str, Value]:
    """Return ``sweeper check --json`` of a file that is wrong."""
    return {"file": file, "valid": False, "problems": list(problems)}


def samples_json(samples: Iterable[Params]) -> dict[str, Value]:
    """Return ``sweeper plan --sample N --json``: nested as a program gets them."""
    return {"samples": [jsonable(sample) for sample in samples]}


def sample_lines(samples: Iterable[Params]) -> str:
    """Write configurations as the items of a YAML list, one on a line."""
    return "\n".join(f"- {_flow(jsonable(sample))}" for sample in samples)


def _flow(value: Value) -> str:
    """Write a value in YAML's flow style, in which JSON is YAML."""
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(key)}: {_flow(item)}" for key, item in value.items())
        return f"{{{inside}}}"
    if isinstance(value, list):
        return f"[{', '.join(_flow(item) for item in value)}]"
    return figures.exact(value)


def _key(key: str) -> str:
    return key if _PLAIN.fullmatch(key) else figures.exact(key)
