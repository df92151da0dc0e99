"""Outlives a driver to end what it has left behind; run as a script, imports nothing of ours.

Its standard input ends when the driver does, however that went. Then every process is killed whose
environment holds the variable ``SWEEPER_GUARD`` with the value of the first argument, and the
folder of the second one is removed. What the driver has started inherited that variable: Ray's own
agents, which linger for minutes after a driver was killed, among it. Linux only.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time

_CLEAN_LOOKS = 2  # in a row: what was being started during the first is seen by the second
_PAUSE_S = 0.2
_PATIENCE_S = 30.0


def main() -> None:
    """Wait for the driver's end and clean up after it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    marker, folder = f"SWEEPER_GUARD={sys.argv[1]}".encode(), sys.argv[2]
    while os.read(0, 4096):
        pass
    until_s = time.monotonic() + _PATIENCE_S
    clean = 0
    while clean < _CLEAN_LOOKS and time.monotonic() < until_s:
        left = _marked(marker)
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        clean = 0 if left else clean + 1
        time.sleep(_PAUSE_S)
    shutil.rmtree(folder, ignore_errors=True)


def _marked(marker: bytes) -> list[int]:
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc") if os.path.isdir("/proc") else ()):
        with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
            if int(name) != os.getpid() and marker in file.read().split(b"\0"):
                found.append(int(name))
    return found


if __name__ == "__main__":
    main()
