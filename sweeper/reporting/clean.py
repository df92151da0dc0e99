"""What others wrote, made safe to show: names, parameters, error messages, numbers.

Owns: the removal of terminal controls and of what JSON cannot say. Standard library only.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence

from sweeper.model import Value

__all__ = ["jsonable", "one_line", "visible"]

# ECMA-48: CSI sequences, strings (OSC, DCS, SOS, PM, APC) up to their terminator, other escapes.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
# Controls, invisible formatting (bidirectional overrides among them), lone surrogates, separators.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_BLANKS = frozenset("\t\n\r\v\f\u0085\u2028\u2029")


def visible(text: str) -> str:
    """Remove terminal escapes and every character that is not seen; a line break is a blank."""
    kept = (" " if c in _BLANKS else c for c in _ESCAPES.sub("", text))
    return "".join(c for c in kept if unicodedata.category(c) not in _HIDDEN)


def one_line(text: str, limit: int | None = None) -> str:
    """Make one trimmed line of a text, with ``...`` where it was cut to ``limit`` characters."""
    line = " ".join(visible(text).split())
    if limit is None or len(line) <= limit:
        return line
    return line[: max(0, limit - 3)] + "..."


def jsonable(value: Value) -> Value:
    """Copy a value into what strict JSON can say: non-finite is null, the unknown is its text."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [jsonable(item) for item in value]
    return str(value)
