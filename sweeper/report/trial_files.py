"""Reads the ends of a trial's files. The only file of this room that touches a disk."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["LOGS", "read_trial_files"]

LOGS = ("stdout.log", "stderr.log", "error.txt")

_TAIL_BYTES = 16_384  # enough for ten long lines, whatever the size of the log
_TAIL_LINES = 10


def read_trial_files(folder: Path) -> dict[str, tuple[str, ...]]:
    """Return the last lines of each log of a trial that exists, at most ten of each.

    A file that cannot be read says so in its place: its absence would be a different message.
    """
    return {name: _tail(folder / name) for name in LOGS if (folder / name).is_file()}


def _tail(path: Path) -> tuple[str, ...]:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError as error:
        return (f"(cannot be read: {error.strerror})",)
    # Of a progress bar, which returns to the start of its line, the last state counts.
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in text.rstrip("\n").split("\n")]
    return tuple(lines[-_TAIL_LINES:]) if text else ()
