"""What processes a project's commands have started, wherever they have gone."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from pathlib import Path

import psutil

__all__ = ["RAY", "assert_nothing_is_left", "processes_of"]

RAY = r"raylet|gcs_server|ray::|ray/(dashboard|autoscaler|_private)/"


def processes_of(state: Path, words: str = "") -> set[int]:
    """Return the processes that a driver of a project has started, with words like these.

    Args:
        state: The project's home, which all of them have in their environment.
        words: What their command line must match.
    """
    found = set()
    for process in psutil.process_iter(["cmdline"]):
        if not re.search(words, " ".join(process.info["cmdline"] or [])):
            continue
        with suppress(psutil.Error):
            if process.environ().get("XDG_STATE_HOME") == str(state):
                found.add(process.pid)
    return found


def assert_nothing_is_left(state: Path, within_s: float = 5) -> None:
    """Wait a moment for processes that are on their way out, whatever they are, then look."""
    deadline_s = time.monotonic() + within_s
    while left := processes_of(state):
        assert time.monotonic() < deadline_s, f"processes are left: {left}"
        time.sleep(0.1)
