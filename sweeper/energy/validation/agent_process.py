"""A node agent in a process of its own, which can be killed: ``python -m`` this module.

Reads one JSON object a line, a call, and answers each with one. The other end is
``remote_agent.py``.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from sweeper.energy.agent import AgentSettings, build_agent
from sweeper.seams import Agent, Meter

__all__ = ["main"]


class Desk:
    """Answers calls about one agent; ``main`` gives it the lines."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._meters: dict[str, Meter] = {}
        self._calls: Mapping[str, Callable[..., Any]] = {
            "meter": self._meter,
            "begin": lambda worker, gpus, share: self._meters[worker].begin(gpus, share),
            "open": lambda worker: self._meters[worker].open(),
            "read": lambda worker: self._meters[worker].read(),
            "close": lambda worker: asdict(self._meters[worker].close()),
            "overhead": lambda worker: asdict(self._meters[worker].overhead()),
            "retire": lambda worker: asdict(self._agent.retire(worker)),
            "boards": lambda: [asdict(board) for board in self._agent.boards()],
            "cpu_s": time.process_time,
        }

    def answer(self, call: Mapping[str, Any]) -> dict[str, Any]:
        """Do what is asked; what goes wrong is an answer too."""
        arguments = {name: value for name, value in call.items() if name != "call"}
        try:
            return {"answer": self._calls[call["call"]](**arguments)}
        except Exception as error:  # the agent must go on for the other workers
            return {"failed": f"{type(error).__name__}: {error}"}

    def _meter(self, worker: str, pid: int) -> None:
        self._meters[worker] = self._agent.meter(worker, pid)


def main() -> int:
    """Answer until standard input ends; the first line has the settings."""
    settings = AgentSettings(**json.loads(sys.stdin.readline()))
    agent = build_agent(settings)
    desk = Desk(agent)
    print(json.dumps({"answer": "ready"}), flush=True)
    for line in sys.stdin:
        print(json.dumps(desk.answer(json.loads(line))), flush=True)
    agent.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
