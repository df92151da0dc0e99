"""What is wrong with a sweep file, and how it is said.

Owns: the value ``Problem``, the exception that carries several of them out of a parser, and the
wording that all parsers share. Imports nothing but the standard library.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

# A place in the document: mapping keys and list positions from the top.
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong or odd, and where.

    Attributes:
        path: The place in the document.
        what: The rule, what was given, what is allowed, the cure; without the place.
        line: The line of the file, where it is not that of ``path``; None: that of ``path``.
        override: Position of the override on the command line that it is about; None: none.
        beside: The key beside it that is as much to blame; empty: none.
        absolute: ``path`` counts from the top of the file, wherever the problem was found.
    """

    path: Path
    what: str
    line: int | None = None
    override: int | None = None
    beside: str = ""
    absolute: bool = False

    def below(self, path: Path) -> Problem:
        """Return the same problem, its place read from ``path`` on unless it is absolute."""
        return self if self.absolute else replace(self, path=path + self.path)


class Several(ValueError):
    """A part of the document is wrong in one or more places.

    A ``ValueError``, so that validators can raise it.

    Args:
        problems: All of them, with places relative to the part.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("; ".join(problem.what for problem in self.problems))


def dotted(path: Path) -> str:
    """Write a place as people type it: ``parameters.lr.values[2]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if part.strip() == part != "" else json.dumps(part)
            text += f".{clipped(name)}" if text else clipped(name)
    return text


def on_one_line(text: str) -> str:
    """Escape what would break the line, or what no terminal can show."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def clipped(text: str, limit: int = 80) -> str:
    """Shorten a text that would fill the screen."""
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def shown(value: object) -> str:
    """Write a value of the document on one line, nearly as it would stand in the file."""
    if value is None:
        return "nothing"
    if isinstance(value, float):
        return repr(value)
    return clipped(json.dumps(value, ensure_ascii=False, default=str))


def kind(value: object) -> str:
    """Name the kind of a value of the document."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return shown(value)


def looks_like_number(value: object) -> bool:
    """Tell whether a value is text that holds a number."""
    try:
        return isinstance(value, str) and math.isfinite(float(value[:60]))
    except ValueError:
        return False


def listed(names: Iterable[str], word: str = "or") -> str:
    """Write alternatives: ``a, b or c``."""
    *most, last = names
    return f"{', '.join(most)} {word} {last}" if most else last


def nearest(word: str, known: Sequence[str]) -> str | None:
    """Return the known word that was probably meant; None: nothing is near."""
    word = word[:60]
    folded = {name.casefold(): name for name in known}
    begun = [name for low, name in folded.items() if word and low.startswith(word.casefold())]
    if len(begun) == 1:
        return begun[0]
    close = difflib.get_close_matches(word.casefold(), list(folded), n=1)
    return folded[close[0]] if close else None


def one_of(value: object, known: Sequence[str]) -> str:
    """Say that a value is not among the known words, with the nearest one."""
    text = f"must be {listed(known)}, got {shown(value)}"
    near = nearest(value, known) if isinstance(value, str) else None
    return f"{text}; did you mean {near}?" if near else text


def unknown_name(name: str, what: str, known: Sequence[str]) -> str:
    """Say that there is no such thing, with the nearest one or else all of them.

    Args:
        name: As given.
        what: What it should name: ``parameter``.
        known: The names that there are; may be empty.
    """
    text = f"there is no {what} {shown(name)}"
    near = nearest(name, known)
    if near:
        return f"{text}; did you mean {near}?"
    return f"{text}; there is {listed(known, 'and')}" if known else text


def not_a_key(key: str, section: str, known: Sequence[str]) -> str:
    """Say that a section has no such key, with the nearest one or else all of them."""
    near = nearest(key, known)
    if near:
        return f"is not a key of {section}; did you mean {near}?"
    return f"is not a key of {section}, which has: {', '.join(sorted(known))}"
