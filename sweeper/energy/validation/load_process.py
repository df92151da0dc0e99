"""A load in a process of its own, and the line on which it is told what to do.

A subprocess with pipes: a forked copy of this process could use neither NVML nor CUDA.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from sweeper.energy.validation.work import LoadFailed, Work

__all__ = ["LoadProcess"]

_MODULE = "sweeper.energy.validation.load"


class LoadProcess:
    """Keeps one GPU busy from a process of its own; implements ``work.Load``.

    Args:
        gpu: UUID of the board.
        kind: ``torch``, ``cupy``, or ``auto``: the first that works.

    Raises:
        LoadFailed: If the GPU cannot be used from there.
    """

    def __init__(self, gpu: str, kind: str) -> None:
        # The reason for a failure comes on the line; what libraries say beside it is not shown.
        self._process = subprocess.Popen(
            [sys.executable, "-m", _MODULE, kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": gpu},
        )
        self.pid = self._process.pid
        try:
            self.name = str(self._answer()["name"])
        except LoadFailed:
            self.close()
            raise

    def start(self, work: Work) -> None:
        """Begin some work and return at once."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(asdict(work)) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise LoadFailed(f"the load has died: {error}") from error

    def wait(self) -> float:
        """Wait until the work is done and the device synchronised; return its length in seconds."""
        return float(self._answer()["elapsed_s"])

    def kill(self) -> None:
        """End the process as the system does when memory runs out."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End the process; may be called twice."""
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what was never read by a process that has died
                    pipe.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise LoadFailed(f"the load has died with exit code {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "failed" in answer:
            raise LoadFailed(str(answer["failed"]))
        return answer
