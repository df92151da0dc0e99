"""Paths and globs of a sweep file, as the regular files they stand for.

Imports nothing but the standard library.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["expand", "files_below"]

_DERIVED = frozenset((".git", "__pycache__"))  # made from other files, and changed by reading them


def expand(root: Path, pattern: str) -> tuple[Path, ...]:
    """Find what a path or glob names; an existing path is never read as a glob.

    Args:
        root: What relative patterns start from.
        pattern: Relative or absolute; ``~`` is the home folder, ``**`` any number of folders.

    Returns:
        Files and folders, ascending; empty: there is nothing.
    """
    path = Path(os.path.expanduser(pattern))
    start = Path(path.anchor) if path.is_absolute() else root
    try:
        if (root / path).exists():
            return (root / path,)
        return tuple(sorted(start.glob(str(path.relative_to(path.anchor)))))
    except ValueError:  # no glob, such as a**
        return ()


def files_below(path: Path) -> Iterator[Path]:
    """Yield a file, or all files of a folder and its subfolders, links followed, circles cut.

    Raises:
        OSError: If a folder cannot be read.
    """
    if not path.is_dir():
        yield path
        return
    for folder, subfolders, names in os.walk(path, followlinks=True, onerror=_raise):
        above = Path(folder).parents
        real = os.path.realpath(folder)
        if any(os.path.realpath(one) == real for one in above):
            subfolders.clear()  # a link to a folder above it
            continue
        subfolders[:] = sorted(set(subfolders) - _DERIVED)
        yield from (Path(folder, name) for name in sorted(names))


def _raise(error: OSError) -> None:
    raise error
