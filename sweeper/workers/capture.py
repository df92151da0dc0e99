"""What a trial prints goes to files in the trial's folder."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["captured_process", "captured_python"]

STDOUT = "stdout.log"
STDERR = "stderr.log"


@contextlib.contextmanager
def captured_python(folder: Path) -> Iterator[None]:
    """Append what Python code prints to the trial's files; for a trial inside the driver."""
    with (
        (folder / STDOUT).open("a", encoding="utf-8", errors="replace") as out,
        (folder / STDERR).open("a", encoding="utf-8", errors="replace") as err,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        yield


@contextlib.contextmanager
def captured_process(folder: Path) -> Iterator[None]:
    """Append what this process and its children print to the trial's files; for a worker's own."""
    targets = ((1, sys.stdout, STDOUT), (2, sys.stderr, STDERR))
    with contextlib.ExitStack() as stack:
        for number, stream, name in targets:
            stream.flush()
            saved = os.dup(number)
            stack.callback(os.close, saved)
            stack.callback(os.dup2, saved, number)
            stack.callback(stream.flush)
            with (folder / name).open("ab") as file:
                os.dup2(file.fileno(), number)
        yield
