"""HTML as values: every text is escaped on its way in.

Owns: the class ``Html`` and what makes it. Standard library only.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sweeper.model import Value
from sweeper.reporting.clean import visible

__all__ = [
    "Cell",
    "Html",
    "block",
    "data",
    "definitions",
    "digest_of",
    "join",
    "section_name",
    "table",
    "tag",
    "text",
]

# Characters that could end a script element, start a comment in it, or a line of JavaScript.
_UNSAFE = {char: f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table that can be sorted.

    Attributes:
        words: What it shows.
        key: What it is sorted by; None: unknown, and so last.
    """

    words: str | Html
    key: float | None


def text(value: str) -> Html:
    """Escape a text; what is not seen is left out."""
    return Html(html.escape(visible(value), quote=True))


def join(parts: Iterable[Html], between: str = "\n") -> Html:
    """Put markup together; what is empty is left out."""
    return Html(between.join(part for part in parts if part))


def tag(name: str, *children: str | Html, **attributes: str) -> Html:
    """Make an element.

    Args:
        name: Of the element.
        children: Text is escaped, markup is kept.
        attributes: Values are escaped; ``class_`` is ``class``, ``aria_label`` is ``aria-label``.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_attribute(key, value)}"'
        for key, value in attributes.items()
    )
    inner = "".join(child if isinstance(child, Html) else text(child) for child in children)
    return Html(f"<{name}{written}>{inner}</{name}>")


def _attribute(key: str, value: str) -> str:
    # What is copied keeps its lines; all else is one.
    lines = value.split("\n") if key == "data_copy" else [value]
    return "&#10;".join(text(line) for line in lines)


def block(words: str, **attributes: str) -> Html:
    """Make a block of lines that stay as they are."""
    return tag("pre", Html("\n".join(text(line) for line in words.splitlines())), **attributes)


def section_name(title: str) -> str:
    """Return by what name a link finds a section."""
    return title.lower().replace(" ", "-")


def data(name: str, document: Value) -> Html:
    """Put a JSON document into the page; nothing in it can end the element."""
    written = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for char, escaped in _UNSAFE.items():
        written = written.replace(char, escaped)
    return Html(f'<script type="application/json" id="{text(name)}">{written}</script>')


def digest_of(script: str) -> str:
    """Return what a content security policy calls a script that is allowed to run."""
    found = hashlib.sha256(script.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(found).decode('ascii')}'"


def table(
    header: Sequence[str],
    rows: Iterable[Sequence[str | Html | Cell]],
    *,
    right: frozenset[int] = frozenset(),
    kind: str = "",
) -> Html:
    """Make a table that scrolls sideways where it must.

    Args:
        header: One cell per column.
        rows: The same.
        right: Positions of the columns of figures.
        kind: Its class.
    """

    def cell(element: str, column: int, content: str | Html | Cell) -> Html:
        attributes = {"class_": "figure"} if column in right else {}
        if isinstance(content, Cell):
            attributes["data_key"] = "" if content.key is None else repr(content.key)
            content = content.words
        return tag(element, content, **attributes)

    def line(element: str, row: Sequence[str | Html | Cell]) -> Html:
        return tag("tr", *(cell(element, column, content) for column, content in enumerate(row)))

    body = tag("tbody", *(line("td", row) for row in rows))
    made = tag(
        "table", tag("thead", line("th", header)), body, **({"class_": kind} if kind else {})
    )
    return tag("div", made, class_="wide")


def definitions(pairs: Iterable[tuple[str, str | Html]]) -> Html:
    """Make a list of names and what they are."""
    made = (tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs)
    return tag("dl", *made)
