"""The energy agents of the nodes as Ray actors, and the way to them from workers and driver.

Imported by ``ray_pool.py`` and ``ray_worker.py`` only, and with them the owner of ray.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import ray
import ray.exceptions
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sweeper.model import UNAVAILABLE, Energy, GpuEnergy
from sweeper.seams import Agent, Meter

__all__ = ["NodeAgents", "RemoteAgent"]

_START_S = 60.0  # its process and NVML may need as long on a busy node
_ANSWER_S = 5.0  # an agent that takes longer is as good as dead
_HURRY_S = 1.0  # the same when everything is being killed
_AT_ONCE = 64  # calls: a short trial's end waits for the sensor, and must not hold up the others


class _AgentActor:
    """What runs in the agent's process."""

    def __init__(self, make_agent: Callable[[], Agent]) -> None:
        self._agent = make_agent()
        self._meters: dict[str, Meter] = {}

    def begin(self, worker: str, pid: int, gpus: Sequence[str], share: float) -> None:
        meter = self._agent.meter(worker, pid)
        meter.begin(gpus, share)
        self._meters[worker] = meter

    def ask(self, worker: str, method: str) -> Any:
        return getattr(self._meters[worker], method)()

    def retire(self, worker: str) -> Energy:
        self._meters.pop(worker, None)
        return self._agent.retire(worker)

    def boards(self) -> tuple[GpuEnergy, ...]:
        return self._agent.boards()


@dataclass(frozen=True, slots=True)
class _RemoteMeter:
    """What the agent measures for one worker; implements ``seams.Meter``.

    Raises:
        ray.exceptions.RayError: From every method, when the agent is dead or does not answer.
    """

    actor: Any
    booked: float
    worker: str
    pid: int

    def begin(self, gpus: Sequence[str], share: float) -> None:
        """Start the worker's books; the agent sees who else is there and needs no ``share``."""
        begun = self.actor.begin.remote(self.worker, self.pid, tuple(gpus), self.booked)
        ray.get(begun, timeout=_START_S)

    def open(self) -> None:
        self._ask("open")

    def read(self) -> float | None:
        joules: float | None = self._ask("read")
        return joules

    def close(self) -> Energy:
        energy: Energy = self._ask("close")
        return energy

    def overhead(self) -> Energy:
        energy: Energy = self._ask("overhead")
        return energy

    def _ask(self, method: str) -> Any:
        return ray.get(self.actor.ask.remote(self.worker, method), timeout=_ANSWER_S)


@dataclass(frozen=True, slots=True)
class RemoteAgent:
    """An agent in another process; implements ``seams.Agent``, may be sent to workers.

    Attributes:
        actor: Ray's handle.
        booked: The part of each of its GPUs that every worker has booked, at most 1.
        answer_s: How long to wait for an answer.

    Raises:
        ray.exceptions.RayError: From ``retire`` and ``boards``, when the agent is dead or silent.
    """

    actor: Any
    booked: float
    answer_s: float = _ANSWER_S

    def meter(self, worker: str, pid: int) -> Meter:
        """Return the meter of one worker's GPUs; it raises when the agent is dead or silent."""
        return _RemoteMeter(self.actor, self.booked, worker, pid)

    def retire(self, worker: str) -> Energy:
        """Close what a worker that is gone left open; unavailable if that was nothing."""
        energy: Energy = ray.get(self.actor.retire.remote(worker), timeout=self.answer_s)
        return energy

    def boards(self) -> tuple[GpuEnergy, ...]:
        """Return a line per board that was ever given to a worker."""
        lines: tuple[GpuEnergy, ...] = ray.get(self.actor.boards.remote(), timeout=self.answer_s)
        return lines

    def end(self) -> None:
        """End its process."""
        ray.kill(self.actor)


@dataclass(slots=True)
class NodeAgents:
    """The agents of a pool's nodes, by Ray's ids of those.

    Attributes:
        make_agent: Builds one, in its process; None: there are none.
        booked: As ``RemoteAgent`` has it.
    """

    make_agent: Callable[[], Agent] | None
    booked: float = 1.0
    _agents: dict[str, RemoteAgent] = field(default_factory=dict)

    def on(self, node: str) -> RemoteAgent | None:
        """Return the agent of a node; starts it the first time, and never another one there.

        A second one's books would begin in the middle of the first one's.
        """
        if self.make_agent is not None and node not in self._agents:
            self._agents[node] = RemoteAgent(_start(self.make_agent, node), self.booked)
        return self._agents.get(node)

    def retire(self, node: str, worker: str) -> Energy:
        """Return what a worker that is gone left open; unavailable if nobody knows."""
        agent = self._agents.get(node)
        with suppress(ray.exceptions.RayError):
            return UNAVAILABLE if agent is None else agent.retire(worker)
        return UNAVAILABLE

    def boards(self, *, hurry: bool = False) -> dict[str, tuple[GpuEnergy, ...]]:
        """Return the boards' lines of each node whose agent answers.

        Args:
            hurry: Do not wait long.
        """
        answers: dict[str, tuple[GpuEnergy, ...]] = {}
        for node, agent in self._agents.items():
            asked = replace(agent, answer_s=_HURRY_S if hurry else _ANSWER_S)
            with suppress(ray.exceptions.RayError):
                answers[node] = asked.boards()
        return {node: lines for node, lines in answers.items() if lines}

    def forget(self) -> None:
        """Let go of agents that went down with their Ray; what they knew is lost."""
        self._agents.clear()

    def end(self) -> None:
        """End all of them."""
        for agent in self._agents.values():
            agent.end()


def _start(make_agent: Callable[[], Agent], node: str) -> Any:
    """Start an agent on a node; it takes no CPU and no GPU from the workers."""
    return (
        ray.remote(_AgentActor)
        .options(
            num_cpus=0,
            num_gpus=0,
            max_restarts=0,
            max_concurrency=_AT_ONCE,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
        )
        .remote(make_agent)
    )
