"""Sees to it that nothing of a driver outlives it, not even after SIGKILL."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

__all__ = ["FOLDER", "Guard", "without_own_ray"]

_SCRIPT = Path(__file__).with_name("guard_process.py")
_VARIABLE = "SWEEPER_GUARD"
FOLDER = "SWEEPER_GUARDED_FOLDER"


def without_own_ray(env: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for user code: the key to a Ray of our own is not its business."""
    ours = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN") if _VARIABLE in env else ()
    return {name: value for name, value in env.items() if name not in ours}


class Guard:
    """A small process that ends, after this one, whatever this one has started from now on.

    It knows them by a variable that they inherit (``guard_process.py``).

    Args:
        folder: Is removed at the end, too, with what workers put there for the time being.

    Raises:
        OSError: If it cannot be started.
    """

    def __init__(self, folder: str) -> None:
        marker = secrets.token_hex(16)
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_SCRIPT), marker, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={name: value for name, value in os.environ.items() if name != _VARIABLE},
        )
        os.environ[_VARIABLE] = marker  # only now: the guard itself must not have it
        os.environ[FOLDER] = folder

    def close(self) -> None:
        """Have what is left ended now, and wait for that. May be called twice."""
        for name in (_VARIABLE, FOLDER):
            os.environ.pop(name, None)
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        self._process.wait()
