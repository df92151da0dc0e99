"""Which project files a worker has really imported, whatever the import statements say.

Code that extends ``sys.path`` or imports by computed names cannot be followed by reading it; what
was loaded can be seen afterwards.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Set
from pathlib import Path

__all__ = ["imported_files"]

_INSTALLED = ("site-packages", "dist-packages")
_STANDARD = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib")})
_OWN = str(Path(__file__).resolve().parents[1])


def imported_files(root: str, *, before: Set[str]) -> tuple[str, ...]:
    """List the source files of modules that are neither installed nor the standard library's.

    Args:
        root: The project's root, absolute, links resolved.
        before: Names of modules that were loaded before the objective was.

    Returns:
        Sorted; POSIX paths below the root, absolute ones elsewhere.
    """
    found = set()
    for name, module in tuple(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name in before or not isinstance(file, str) or _is_others(file):
            continue
        path = Path(os.path.realpath(file))
        inside = path.is_relative_to(root)
        found.add(path.relative_to(root).as_posix() if inside else str(path))
    return tuple(sorted(found))


def _is_others(file: str) -> bool:
    return file.startswith((*_STANDARD, _OWN)) or any(name in file for name in _INSTALLED)
