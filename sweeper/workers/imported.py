"""Which project files a worker has really run and read, whatever the import statements say.

Code that extends ``sys.path``, imports by computed names or executes files cannot be followed by
reading it; what was run can be seen afterwards.
"""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
from collections.abc import Sequence, Set
from pathlib import Path
from types import CodeType

__all__ = ["Watch", "code_files", "opened_files", "project_files", "watch"]

_INSTALLED = ("/site-packages/", "/dist-packages/")
_STANDARD = tuple({Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")})
_MOST_OPENED = 20_000
_OWN = Path(__file__).resolve().parents[1]


class Watch:
    """What this process executes and opens, as it was named. One for the life of the process.

    An audit hook cannot be taken away again. It runs at every open, so it only puts names away.
    """

    def __init__(self) -> None:
        self.executed: set[str] = set()
        self.opened: set[str] = set()
        self.written: set[str] = set()
        sys.addaudithook(self._hook)

    def begin(self) -> None:
        """Forget what was opened before a training."""
        self.opened.clear()
        self.written.clear()

    def _hook(self, event: str, args: tuple[object, ...]) -> None:
        if event == "open":
            name, _, flags = args
            if type(name) is str and type(flags) is int:
                kind = self.opened if flags & os.O_ACCMODE == os.O_RDONLY else self.written
                if len(kind) < _MOST_OPENED:
                    kind.add(name)
        elif event == "exec" and args and isinstance(args[0], CodeType):
            self.executed.add(args[0].co_filename)


@functools.cache
def watch() -> Watch:
    """Return the watch of this process; it sees what happens from the first call on."""
    return Watch()


def code_files() -> frozenset[str]:
    """Return the files of all modules and of all code that was executed, as they were named."""
    modules = (getattr(module, "__file__", None) for module in tuple(sys.modules.values()))
    return frozenset({file for file in modules if isinstance(file, str)} | set(watch().executed))


def project_files(root: str, names: Set[str], mirror: str | None = None) -> tuple[str, ...]:
    """List the files of code that is neither installed nor the standard library's.

    Args:
        root: The project's root, absolute, links resolved.
        names: Files of code as they were named.
        mirror: A folder that stands for the root; None: there is none.

    Returns:
        Sorted; POSIX paths below the root, absolute ones elsewhere.
    """
    paths = (_own_file(name) for name in names)
    places = {_below(path, root, mirror) or str(path) for path in paths if path is not None}
    return tuple(sorted(places))


def opened_files(
    root: str, names: Set[str], *, mirror: str | None, without: Sequence[str]
) -> tuple[str, ...]:
    """List the project's files among those that were opened.

    Args:
        root: The project's root, absolute, links resolved.
        names: As they were named.
        mirror: A folder that stands for the root; None: there is none.
        without: Folders whose files do not count: the trial's own.

    Returns:
        Sorted POSIX paths below the root; nothing in hidden folders or of installed packages.
    """
    found = set()
    for name in names:
        if any(part in name for part in (*_INSTALLED, "/__pycache__/")):
            continue
        path = Path(os.path.realpath(name))
        below = _below(path, root, mirror)
        if below is None or any(part.startswith(".") for part in Path(below).parts):
            continue
        if path.is_file() and not any(path.is_relative_to(folder) for folder in without):
            found.add(below)
    return tuple(sorted(found))


def _below(path: Path, root: str, mirror: str | None) -> str | None:
    """Return the POSIX path below the project's root; None: it is elsewhere."""
    for place in (mirror, root):
        if place is not None and path.is_relative_to(place):
            return path.relative_to(place).as_posix()
    return None


@functools.cache  # thousands of names at the end of each trial, nearly all of them installed
def _own_file(name: str) -> Path | None:
    """Return the file of a piece of code, links resolved; None: it is somebody else's, or none."""
    if any(part in name for part in _INSTALLED):
        return None
    path = Path(os.path.realpath(name))
    others = any(path.is_relative_to(place) for place in (*_STANDARD, _OWN))
    return None if others or not path.is_file() else path
