"""Holds the programs of a worker on a leash: they do not outlive it, even when it is killed."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import weakref
from pathlib import Path

__all__ = ["Leash"]

_SCRIPT = Path(__file__).with_name("leash_process.py")


class Leash:
    """Tells the watching process which groups are this process's."""

    def __init__(self) -> None:
        self._pipe: int | None = None
        self._finalizer: weakref.finalize[[int], Leash] | None = None

    def start(self) -> None:
        """Start the watching process if there is none yet.

        Raises:
            OSError: If that is impossible.
        """
        if self._pipe is None:
            self._pipe = _start()
            self._finalizer = weakref.finalize(self, os.close, self._pipe)

    def hold(self, group: int) -> None:
        """Have a process group killed when this process ends."""
        self._say(f"+{group}\n")

    def let_go(self, group: int) -> None:
        """Forget a process group that has ended."""
        self._say(f"-{group}\n")

    def close(self) -> None:
        """Have what is still held killed, and end the watching process."""
        self._pipe = None
        if self._finalizer is not None:
            self._finalizer()

    def _say(self, text: str) -> None:
        if self._pipe is not None:
            with contextlib.suppress(OSError):  # somebody killed it: the programs are unharmed
                os.write(self._pipe, text.encode())


def _start() -> int:
    """Start the watching process and return the pipe whose end it waits for.

    ``-I -S`` keeps the user's environment and packages out of it.
    """
    ours, pipe = os.pipe()
    try:
        subprocess.run(
            [sys.executable, "-I", "-S", str(_SCRIPT)],
            stdin=ours,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
            start_new_session=True,
        )
    except subprocess.CalledProcessError as error:
        os.close(pipe)
        raise OSError(f"the process that watches over programs did not start: {error}") from error
    except BaseException:
        os.close(pipe)
        raise
    finally:
        os.close(ours)
    return pipe
