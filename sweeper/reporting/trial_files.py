"""Reads the ends of a trial's files. The only file of this room that touches a disk."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FILES", "TrialFolder", "read_trial_folder"]

FILES = ("stdout.log", "stderr.log", "error.txt", "params.json")

_TAIL_BYTES = 16_384  # enough for ten long lines, whatever the size of the log
_TAIL_LINES = 10


@dataclass(frozen=True, slots=True)
class TrialFolder:
    """Where the files of one training are.

    Attributes:
        path: The folder; it may be gone.
        ends: Last lines of each file that exists, by name.
    """

    path: str
    ends: Mapping[str, tuple[str, ...]]


def read_trial_folder(folder: Path) -> TrialFolder:
    """Return the files of a training that exist, with at most ten last lines of each.

    A file that cannot be read says so in its place: its absence would be a different message.
    """
    ends = {name: _tail(folder / name) for name in FILES if (folder / name).is_file()}
    return TrialFolder(str(folder), ends)


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
