"""The log of what a trial prints: private, and bounded however much that is."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

__all__ = ["OLDER", "STDERR", "STDOUT", "BoundedLog", "ends_of"]

STDOUT = "stdout.log"
STDERR = "stderr.log"
OLDER = ".1"  # stdout.log.1 is what came before stdout.log

_MOST_BYTES = 8 * 2**20  # of each of the two files
_SENT_BYTES = 2**18


def ends_of(folder: Path, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return name and end of each file that is there, to be sent to another machine."""
    ends = []
    for name in names:
        with contextlib.suppress(OSError), (folder / name).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _SENT_BYTES))
            ends.append((name, file.read().decode("utf-8", "replace")))
    return tuple(ends)


class BoundedLog:
    """Appends to a file; a full one becomes the older half, and the older half before it goes.

    A full disk or a missing folder costs the log, not the training.

    Args:
        file: Where.
        most_bytes: The size at which a new file is begun.
    """

    def __init__(self, file: Path, *, most_bytes: int = _MOST_BYTES) -> None:
        self._file = file
        self._most_bytes = most_bytes
        self._descriptor: int | None = None
        self._size = 0
        with contextlib.suppress(OSError):
            self._begin(b"")

    def write(self, data: bytes) -> None:
        """Append what was printed."""
        with contextlib.suppress(OSError):
            if self._descriptor is None or self._size + len(data) > self._most_bytes:
                self._begin(data)
            assert self._descriptor is not None  # just opened
            self._size += os.write(self._descriptor, data[-self._most_bytes :])

    def close(self) -> None:
        """Close the file; the next write opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _begin(self, data: bytes) -> None:
        """Open the file, and a new one if it is full."""
        if self._descriptor is not None:
            self.close()
            self._file.replace(self._file.with_name(self._file.name + OLDER))
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(self._file, flags, 0o600)
        self._size = os.fstat(self._descriptor).st_size
        if self._size and self._size + len(data) > self._most_bytes:
            self._begin(data)
