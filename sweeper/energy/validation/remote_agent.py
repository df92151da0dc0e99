"""The near end of an agent in another process; implements ``seams.Agent`` over a pair of pipes."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from sweeper.model import Energy, GpuEnergy
from sweeper.seams import Meter

__all__ = ["AgentDied", "RemoteAgent"]

_MODULE = "sweeper.energy.validation.agent_process"


class AgentDied(Exception):
    """The agent's process is gone, or the agent could not do what was asked."""


class RemoteAgent:
    """Starts an agent in a process of its own and passes every call on to it.

    Args:
        period_s: How often it samples a board.
        gpu_idle_w: Watts of the idle board; None: the agent finds out.

    Raises:
        AgentDied: From any method but ``kill`` and ``end``, when it does not answer.
    """

    def __init__(self, *, period_s: float = 1.0, gpu_idle_w: float | None = None) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", _MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._talk({"period_s": period_s, "gpu_idle_w": gpu_idle_w})

    def meter(self, worker: str, pid: int) -> Meter:
        """Return the meter of one worker's GPUs."""
        self.call("meter", worker=worker, pid=pid)
        return _RemoteMeter(self, worker)

    def retire(self, worker: str) -> Energy:
        """Close what a worker that is gone left open."""
        return _energy(self.call("retire", worker=worker))

    def boards(self) -> tuple[GpuEnergy, ...]:
        """Return a line per board that was ever given to a worker."""
        return tuple(GpuEnergy(**board) for board in self.call("boards"))

    def cpu_s(self) -> float:
        """Return the CPU seconds that the agent's process has used."""
        return float(self.call("cpu_s"))

    def end(self) -> None:
        """Stop reading; may be called twice."""
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def kill(self) -> None:
        """End the process with SIGKILL, as the system does when memory runs out."""
        self._process.kill()
        self._process.wait()

    def call(self, name: str, **arguments: Any) -> Any:
        """Ask and wait for the answer."""
        return self._talk({"call": name, **arguments})

    def _talk(self, line: Mapping[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            try:
                self._process.stdin.write(json.dumps(line) + "\n")
                self._process.stdin.flush()
                told = self._process.stdout.readline()
            except (OSError, ValueError) as error:
                raise AgentDied(str(error)) from error
        if not told:
            raise AgentDied("the agent's process has ended")
        answer = json.loads(told)
        if "failed" in answer:
            raise AgentDied(str(answer["failed"]))
        return answer["answer"]


class _RemoteMeter:
    """One worker's GPU meter, in the agent's process; implements ``seams.Meter``."""

    def __init__(self, agent: RemoteAgent, worker: str) -> None:
        self._agent = agent
        self._worker = worker

    def begin(self, gpus: Sequence[str], share: float) -> None:
        """Start the worker's books."""
        self._agent.call("begin", worker=self._worker, gpus=list(gpus), share=share)

    def open(self) -> None:
        """Open the account of the next trial."""
        self._agent.call("open", worker=self._worker)

    def read(self) -> float | None:
        """Return joules of the open account so far."""
        joules = self._agent.call("read", worker=self._worker)
        return None if joules is None else float(joules)

    def close(self) -> Energy:
        """Close the open account."""
        return _energy(self._agent.call("close", worker=self._worker))

    def overhead(self) -> Energy:
        """Return what was used since ``begin`` outside closed accounts."""
        return _energy(self._agent.call("overhead", worker=self._worker))


def _energy(answer: Mapping[str, Any]) -> Energy:
    gpus = tuple(GpuEnergy(**gpu) for gpu in answer["gpus"])
    flags = tuple(answer["flags"])
    return Energy(**{**answer, "gpus": gpus, "flags": flags, "regions": ()})
