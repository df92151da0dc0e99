"""What PyYAML says about a text that is no YAML, in plain words.

Owns: the table from PyYAML's wording to ours. Imports ``yaml`` for its types only.
"""

from __future__ import annotations

import re

import yaml

from sweeper.config.problems import Problem, clipped

# The line breaks by which PyYAML counts.
LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")

# A fragment of PyYAML 6's wording -> ours, and whether the place where it began is the better one.
_WORDS: tuple[tuple[str, str, bool], ...] = (
    (" a tag", "a value that starts with ! must be quoted", True),
    (" a directive", "a line that starts with % must be quoted", True),
    ("<document start>", "this does not belong here: check the lines above", False),
    ("mapping values are not allowed", "a colon is not allowed here: check the indentation, or "
     "quote the value that holds it", False),
    ("could not find expected ':'", "a key needs a colon and a space: `key: value`", True),
    ("expected <block end>", "does not fit the lines above: check the indentation, and the quotes "
     "around values", False),
    ("expected ',' or ']'", "the list that starts here is not closed with ], or a comma is missing",
     True),
    ("expected ',' or '}'", "the mapping that starts here is not closed with }, or a comma is "
     "missing", True),
    ("unclosed '[' or '{'", "a bracket is not closed, or the indentation is wrong", False),
    ("found character '\\t'", "a tab cannot indent YAML; use spaces", False),
    ("cannot start any token", "a value cannot start with this character; quote the value", False),
    ("unexpected end of stream", "the quote that opens here is never closed", True),
    ("unexpected document separator", "the quote that opens here is never closed", True),
    ("undefined alias", "* names an anchor (&) that is not defined above; quote the value if it is "
     "text", False),
    ("duplicate anchor", "the same anchor (&) is defined twice", False),
    ("unknown escape character", "a backslash in double quotes starts an escape; use single quotes",
     False),
    ("escape sequence", "a backslash in double quotes starts an escape; use single quotes", False),
    ("sequence entries are not allowed", "a list item (`- `) cannot start here; put it on its own "
     "line", False),
    ("mapping keys are not allowed", "`? ` cannot start a value; quote the value", False),
    ("expected the node content", "a value is missing here", False),
    ("expected a single document", "a second document starts here; a sweep file holds one", False),
    ("expected alphabetic or numeric", "a value that starts with *, & or % must be quoted", True),
    ("chomping or indentation", "text cannot follow | or > on the same line", False),
    ("comment or a line break", "text cannot follow | or > on the same line", False),
)  # fmt: skip


def explained(error: yaml.MarkedYAMLError, text: str) -> Problem:
    """Say in plain words why a text is no YAML, with column and line.

    Args:
        error: What PyYAML raised.
        text: What it read.
    """
    said = f"{error.context or ''} {error.problem or ''}"
    what, at_start = next(
        ((ours, at_start) for theirs, ours, at_start in _WORDS if theirs in said),
        ("this is no valid YAML", False),
    )
    mark = error.problem_mark or error.context_mark
    if at_start and error.context_mark is not None:
        mark = error.context_mark
    if mark is None:  # pragma: no cover - PyYAML marks every error of its scanner and parser
        return Problem((), what, line=1)
    lines = LINE_BREAK.split(text)
    offending = lines[mark.line].strip() if mark.line < len(lines) else ""
    quoted = f": `{clipped(offending)}`" if offending else ""
    return Problem((), f"column {mark.column + 1}: {what}{quoted}", line=mark.line + 1)
