"""The files of a whole project tree, for code that cannot be followed by its imports.

Imports nothing but the standard library; asks the git program when there is one.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

__all__ = ["tree_files"]

_CODE = re.compile(r".*\.(py|pyx|c|cc|cpp|cu|cuh|h|toml|yaml|yml|json|cfg|sh)")
_LEFT_OUT = frozenset(("tests", "docs", ".sweeper"))  # at the top of the project
_GIT_TIMEOUT_S = 30.0


def tree_files(root: Path, left_out: Sequence[Path] = ()) -> set[Path]:
    """List a project's code: what git knows or does not ignore, else all but hidden folders.

    Args:
        root: The project's folder.
        left_out: Files and folders that are left out, like ``tests/``, ``docs/`` and ``.sweeper/``
            at the top.
    """
    listed = _git_files(root) or [path.relative_to(root) for path in _walked(root)]
    skipped = {path.resolve() for path in left_out}
    return {
        root / path
        for path in listed
        if _CODE.fullmatch(path.name)
        and path.parts[0] not in _LEFT_OUT
        and (root / path).is_file()
        and skipped.isdisjoint(_places(root / path))
    }


def _places(file: Path) -> tuple[Path, ...]:
    """Return a file and all folders above it."""
    place = file.resolve()
    return (place, *place.parents)


def _git_files(root: Path) -> list[Path]:
    """Ask git for tracked and new files that it does not ignore; empty: no git here."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    # A hook's GIT_DIR would answer for another repository.
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            command, cwd=root, env=env, capture_output=True, check=True, timeout=_GIT_TIMEOUT_S
        )
    except (OSError, subprocess.SubprocessError):
        return []
    listed = [Path(os.fsdecode(name)) for name in done.stdout.split(b"\0") if name]
    inner = [path for path in listed if (root / path).is_dir()]  # submodules, other repositories
    return listed + [path / file for path in inner for file in _git_files(root / path)]


def _walked(root: Path) -> Iterator[Path]:
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [
            name
            for name in subfolders
            if not name.startswith(".")
            and name not in ("__pycache__", "node_modules")
            and not Path(folder, name, "pyvenv.cfg").is_file()  # a virtual environment
        ]
        yield from (Path(folder, name) for name in names)
