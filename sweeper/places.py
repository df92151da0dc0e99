"""Where things are on this machine, and who uses it. Imports the standard library only."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Mapping
from pathlib import Path

__all__ = ["log_file", "state_folder", "trial_folder", "user"]


def state_folder(env: Mapping[str, str]) -> Path:
    """Return where this user's sweeper keeps its state: ``$XDG_STATE_HOME/sweeper``.

    Source: the XDG base directory specification, which also says to ignore relative values.
    """
    base = Path(env.get("XDG_STATE_HOME", ""))
    if not base.is_absolute():
        home = Path(env["HOME"]) if env.get("HOME") else Path.home()
        base = home / ".local" / "state"
    return base / "sweeper"


def log_file(env: Mapping[str, str]) -> Path:
    """Return the log of all sweeps of this user."""
    return state_folder(env) / "sweeper.log"


def trial_folder(handle: str, number: int, attempt: int, replicate: int = 0) -> str:
    """Return the folder of a trial's attempt; a sweep may be called anything, ``../..`` too."""
    name = f"{number}-r{replicate}" if replicate else f"{number}"
    name = f"{name}.{attempt}" if attempt else name
    return str(state_folder(os.environ) / "sweeps" / re.sub(r"[^\w.-]", "_", handle) / name)


def user() -> str:
    """Return who runs this; the uid where a container's user has no name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid-{os.getuid()}"
