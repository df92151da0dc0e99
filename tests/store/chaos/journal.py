"""What a driver saw, in a file of its own that outlives it.

A line is written by one ``write(2)``: it survives the writer's death. Only a power cut would need
an fsync, and nothing here cuts the power. Times are of the machine's one monotonic clock.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

__all__ = ["Journal", "read_journals"]


class Journal:
    """The journal of one driver process."""

    def __init__(self, folder: Path, holder: UUID) -> None:
        self._holder = holder.hex
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(folder / f"{holder.hex}.jsonl", flags, 0o600)

    def note(self, event: str, **facts: Any) -> None:
        """Write down that something happened, now."""
        line = {"event": event, "holder": self._holder, "at": time.monotonic(), **facts}
        os.write(self._fd, json.dumps(line).encode("ascii") + b"\n")


def read_journals(folder: Path) -> Iterator[dict[str, Any]]:
    """Read all journals of a round; a last line that was cut short never happened."""
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                yield json.loads(line)
