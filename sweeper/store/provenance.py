"""Where code comes from: the commit of the project and what was edited since.

Asks the git program when there is one. Imports the standard library only.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from sweeper.model import Value

__all__ = ["provenance"]

_GIT_TIMEOUT_S = 10.0
_MOST_FILES = 20


def provenance(root: Path) -> dict[str, Value]:
    """Return the commit and the edited files of a project; empty where git knows nothing of it.

    Args:
        root: The project's folder.

    Returns:
        ``commit``, 40 hex digits, and ``dirty``, up to 20 paths with ``...`` for the rest.
    """
    commit = _git(root, "rev-parse", "HEAD")
    if not commit:
        return {}
    status = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".")
    dirty: list[Value] = [line[3:] for line in status.splitlines()]
    shown = dirty if len(dirty) <= _MOST_FILES else [*dirty[:_MOST_FILES], "..."]
    return {"commit": commit, "dirty": shown}


def _git(root: Path, *arguments: str) -> str:
    # A hook's GIT_DIR would answer for another repository.
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=root,
            env=env,
            capture_output=True,
            check=True,
            text=True,
            timeout=_GIT_TIMEOUT_S,
        )
    except (OSError, subprocess.SubprocessError, UnicodeError):
        return ""
    return done.stdout.rstrip()
