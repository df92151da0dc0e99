"""Where things are on this machine, and who uses it. Imports the standard library only."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Mapping
from pathlib import Path

__all__ = [
    "log_file",
    "make_private",
    "state_folder",
    "sweep_folder",
    "trial_folder",
    "trial_folder_here",
    "user",
]


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


def sweep_folder(handle: str) -> Path:
    """Return the folder of a sweep's trials; a sweep may be called anything, ``../..`` too."""
    return state_folder(os.environ) / "sweeps" / re.sub(r"[^\w.-]", "_", handle)


def trial_folder(handle: str, number: int, attempt: int, replicate: int = 0) -> str:
    """Return the folder of a trial's attempt."""
    name = f"{number}-r{replicate}" if replicate else f"{number}"
    name = f"{name}.{attempt}" if attempt else name
    return str(sweep_folder(handle) / name)


def trial_folder_here(folder: str) -> str:
    """Return where this machine keeps what another one keeps in a folder of a trial."""
    sweep, trial = Path(folder).parts[-2:]
    return str(state_folder(os.environ) / "sweeps" / sweep / trial)


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for this user alone.

    Raises:
        OSError: If it cannot be made.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)


def user() -> str:
    """Return who runs this; the uid where a container's user has no name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid-{os.getuid()}"
