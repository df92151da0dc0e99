"""Which project files a worker has really run, whatever the import statements say.

Code that extends ``sys.path``, imports by computed names or executes files cannot be followed by
reading it; what was run can be seen afterwards.
"""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
from collections.abc import Set
from pathlib import Path
from types import CodeType

__all__ = ["code_files", "project_files"]

_INSTALLED = ("/site-packages/", "/dist-packages/")
_STANDARD = tuple({Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")})
_OWN = Path(__file__).resolve().parents[1]


@functools.cache
def _executed() -> set[str]:
    """Collect the files of code that this process executes, from the first call on.

    An audit hook cannot be taken away again, so there is one for the life of the process.
    """
    found: set[str] = set()

    def hook(event: str, args: tuple[object, ...]) -> None:
        if event == "exec" and args and isinstance(args[0], CodeType):
            found.add(args[0].co_filename)

    sys.addaudithook(hook)
    return found


def code_files() -> frozenset[str]:
    """Return the files of all modules and of all code that was executed, as they were named."""
    modules = (getattr(module, "__file__", None) for module in tuple(sys.modules.values()))
    return frozenset({file for file in modules if isinstance(file, str)} | set(_executed()))


def project_files(root: str, names: Set[str]) -> tuple[str, ...]:
    """List the files of code that is neither installed nor the standard library's.

    Args:
        root: The project's root, absolute, links resolved.
        names: Files of code as they were named.

    Returns:
        Sorted; POSIX paths below the root, absolute ones elsewhere.
    """
    paths = (_own_file(name) for name in names)
    return tuple(
        sorted(
            {
                path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
                for path in paths
                if path is not None
            }
        )
    )


@functools.cache  # thousands of names at the end of each trial, nearly all of them installed
def _own_file(name: str) -> Path | None:
    """Return the file of a piece of code, links resolved; None: it is somebody else's, or none."""
    if any(part in name for part in _INSTALLED):
        return None
    path = Path(os.path.realpath(name))
    others = any(path.is_relative_to(place) for place in (*_STANDARD, _OWN))
    return None if others or not path.is_file() else path
