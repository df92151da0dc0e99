"""Outlives a worker to end what it has left behind; run as a script, imports nothing of ours.

Reads ``+GROUP`` and ``-GROUP`` from its standard input. When that ends, the worker is gone, however
it went, and the process groups that are left are killed. It detaches itself first: what ends the
worker and its children must not end this.
"""

import contextlib
import os
import signal
import sys


def main() -> None:
    """Follow the worker to its end."""
    if os.fork():
        os._exit(0)
    os.setsid()
    groups = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        with contextlib.suppress(OSError):  # it has ended already
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
