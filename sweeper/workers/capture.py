"""What a trial prints goes to files in the trial's folder.

The files stay open from the start of an attempt to its end: an objective may keep ``sys.stdout`` or
build a logging handler around it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from sweeper.workers.logs import STDERR, STDOUT

__all__ = ["PythonCapture"]


class PythonCapture:
    """Takes what Python code prints; for a trial inside the driver, which prints itself."""

    def __init__(self) -> None:
        self._files: tuple[TextIO, TextIO] | None = None

    def open(self, folder: Path) -> None:
        """Begin to append to the files in a folder.

        Raises:
            OSError: If they cannot be opened; then nothing is taken.
        """
        self.close()
        out, err = (
            (folder / name).open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
            for name in (STDOUT, STDERR)
        )
        self._files = (out, err)

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """Take what is printed inside."""
        if self._files is None:
            yield
            return
        out, err = self._files
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            yield

    def close(self) -> None:
        """End with these files."""
        for file in self._files or ():
            file.close()
        self._files = None
