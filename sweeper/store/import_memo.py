"""What the import statements of a file's content are, remembered by the content's digest.

Parsing is most of the time that a key costs. As the digest stands for the content, an entry can
never be out of date; a lost, broken or unwritable file costs time only.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

__all__ = ["ImportMemo", "Imports"]

# (level, parts) of each import; None: the content is no valid Python of this version.
Imports: TypeAlias = tuple[tuple[int, tuple[str, ...]], ...] | None

_FILE = "imports-{}.{}.json"  # what is valid Python depends on its version
_MOST_ENTRIES = 20_000


class ImportMemo:
    """Remembers in memory and in one JSON file.

    Args:
        folder: Where the file is kept; made when first written. None: memory only.
    """

    def __init__(self, folder: Path | None) -> None:
        name = _FILE.format(*sys.version_info[:2])
        self._file = None if folder is None else folder / name
        self._known = {} if self._file is None else _read(self._file)
        self._dirty = False

    def imports(self, content: bytes, parse: Callable[[bytes], Imports]) -> Imports:
        """Return what a content imports; it is parsed where that is not known."""
        digest = hashlib.sha256(content).hexdigest()
        if digest not in self._known:
            self._known[digest] = parse(content)
            self._dirty = True
        return self._known[digest]

    def save(self) -> None:
        """Write what is new, together with what others wrote meanwhile."""
        if self._file is None or not self._dirty:
            return
        merged = _read(self._file) | self._known
        newest = dict(list(merged.items())[-_MOST_ENTRIES:])
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            beside = self._file.with_name(f".{self._file.name}.{os.getpid()}")
            try:
                beside.write_text(json.dumps(newest), encoding="ascii")
                beside.replace(self._file)
            finally:
                beside.unlink(missing_ok=True)
            self._dirty = False


def _read(file: Path) -> dict[str, Imports]:
    try:
        kept = json.loads(file.read_bytes())
        return {digest: _imports(found) for digest, found in kept.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _imports(found: object) -> Imports:
    if found is None:
        return None
    if not isinstance(found, list):
        raise TypeError(found)
    imports = tuple((level, tuple(parts)) for level, parts in found)
    if not all(
        type(level) is int and all(type(part) is str for part in parts) for level, parts in imports
    ):
        raise TypeError(found)
    return imports
