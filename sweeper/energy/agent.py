"""The node's energy agent: one ledger per GPU for all workers of a node, outside their trials.

Owns: the thread that samples. Must not import psutil, ray, torch or other rooms, so that it works
where only Python and nvidia-ml-py are installed.
"""

from __future__ import annotations

import random
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Event, Thread, current_thread

from sweeper.energy.board import Board, Finder
from sweeper.energy.device import COUNTER, Device, DeviceSettings
from sweeper.energy.gpu_meter import GpuMeter, Node
from sweeper.energy.ledger import IdlePolicy
from sweeper.energy.nvml import Nvml
from sweeper.energy.owners import Owners
from sweeper.energy.sources import measure_update_s
from sweeper.model import UNAVAILABLE, Energy, GpuEnergy
from sweeper.seams import Meter

__all__ = ["AgentSettings", "NodeAgent", "build_agent"]

# A board that nobody was given for so long after the agent began is not this sweep's: what it drew
# is not the start of a worker. Its books begin when it is given, if it ever is.
START_S = 300.0

# How long the thread may take to end.
END_S = 1.0

# Share of a period by which a sample comes early or late, so that it cannot lock to a training step
# (docs/energy.md, "Sources").
JITTER = 0.2

# The thread rests so long at least, whatever is due.
LEAST_PAUSE_S = 0.01

_ROUNDING_S = 1e-9


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """What the sweep file says about a node's GPUs.

    Attributes:
        idle_policy: Who pays for what a board draws idle.
        gpu_idle_w: Watts that one board draws idle; None: measure them.
        gpu_w: Watts of one board, declared for where nothing can be read.
        period_s: How often processes, utilisation and temperatures are read.
    """

    idle_policy: IdlePolicy = IdlePolicy.ACTIVE
    gpu_idle_w: float | None = None
    gpu_w: float | None = None
    period_s: float = 1.0


def build_agent(settings: AgentSettings | None = None) -> NodeAgent:
    """Build the agent of this node, on NVML."""
    nvml = Nvml()
    return NodeAgent(nvml.assigned, settings, boards=nvml.boards())


class NodeAgent:
    """Keeps the ledgers of a node's GPUs; implements ``seams.Agent``.

    The books of a board begin with the agent, so that what it draws while workers start is theirs.

    Args:
        finder: Finds the boards behind what a worker was given.
        settings: From the sweep file.
        boards: Those whose books begin now; others' begin when they are first given.
        clock: Seconds, monotonic.
        sleep: Lets seconds go by.
        threaded: Sample in a thread of its own; False: only when ``sample`` is called.
        owners: Whose processes are; None: as this machine's ``/proc`` says.
    """

    def __init__(
        self,
        finder: Finder,
        settings: AgentSettings | None = None,
        *,
        boards: Sequence[Board] = (),
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        threaded: bool = True,
        owners: Owners | None = None,
    ) -> None:
        self._settings = settings or AgentSettings()
        of_boards = DeviceSettings(
            self._settings.idle_policy, self._settings.gpu_idle_w, self._settings.gpu_w
        )
        self._node = Node(finder, of_boards, clock, sleep, owners or Owners())
        self._meters: dict[str, GpuMeter] = {}
        self._begun_s = clock()
        self._due: dict[str, _Due] = {}
        self._jitter = JITTER if threaded else 0.0
        # Its own: an objective in the same process may have seeded the module's generator.
        self._random = random.Random()
        for board in boards:
            self._node.safely(partial(self._node.device, board), None)
        self._stop = Event()
        self._threads: list[Thread] = []
        if threaded:
            self._start("sweeper-energy", _sample_until, self._stop, weakref.ref(self))
            self._start("sweeper-energy-period", _measure_updates, self._stop, self._node)

    def meter(self, worker: str, pid: int) -> Meter:
        """Return the meter of one worker's GPUs.

        Args:
            worker: Any name that no other worker of this agent has.
            pid: The root of its process tree, on this node.
        """
        self.retire(worker)
        meter = GpuMeter(self._node, worker)
        with self._node.lock:
            self._node.owners.register(worker, pid)
            self._meters[worker] = meter
        return meter

    def retire(self, worker: str) -> Energy:
        """Close what a worker that is gone left open; unavailable if that was nothing."""
        return self._node.safely(lambda: self._retire(worker), UNAVAILABLE)

    def boards(self) -> tuple[GpuEnergy, ...]:
        """Return a line per board that was ever given to a worker, since its books began.

        ``energy_j`` is overhead, ``device_j`` everything, ``external_j`` other people's.
        """
        return self._node.safely(self._lines, ())

    def end(self) -> None:
        """Stop reading. May be called twice."""
        self._stop.set()
        for thread in self._threads:
            if thread is not current_thread():
                thread.join(END_S / len(self._threads))

    def sample(self) -> float:
        """Do what is due: look at each board and tick; return seconds until more is due.

        The agent's thread calls it; without one, somebody else has to.
        """
        now_s = self._node.clock()
        self._node.safely(lambda: self._tend(now_s), None)
        with self._node.lock:
            devices = tuple(self._node.devices.values())
        for device in devices:
            self._node.safely(partial(self._sample, device), None)
        return self._pause_s(devices)

    def _tend(self, now_s: float) -> None:
        """Close what dead workers left open, and forget boards that are not this sweep's."""
        with self._node.lock:
            for worker, meter in self._meters.items():
                if self._node.owners.gone(worker):
                    self._node.owners.forget(worker)
                    meter.leave()
            if now_s - self._begun_s > START_S:
                others = [uuid for uuid, each in self._node.devices.items() if not each.given]
                for uuid in others:
                    del self._node.devices[uuid]

    def _sample(self, device: Device) -> None:
        now_s = self._node.clock()
        due = self._due.setdefault(device.board.uuid, _Due(now_s, now_s))
        look = device.watch.look() if now_s >= due.look_s - _ROUNDING_S else None
        with self._node.lock:
            now_s = self._node.clock()
            if now_s >= due.sample_s - _ROUNDING_S:
                due.sample_s = now_s + self._jittered(device.source.period_s)
                device.source.sample(now_s)
            if look is not None:
                due.look_s = now_s + self._jittered(self._settings.period_s)
                device.see(look, now_s)

    def _jittered(self, period_s: float) -> float:
        return period_s * self._random.uniform(1 - self._jitter, 1 + self._jitter)

    def _pause_s(self, devices: Sequence[Device]) -> float:
        """Return seconds until the next thing is due."""
        now_s = self._node.clock()
        dues = [
            self._due[device.board.uuid] for device in devices if device.board.uuid in self._due
        ]
        due_s = [min(due.sample_s, due.look_s) - now_s for due in dues]
        return max(0.0, min(due_s, default=self._settings.period_s))

    def _retire(self, worker: str) -> Energy:
        with self._node.lock:
            self._node.owners.forget(worker)
            meter = self._meters.pop(worker, None)
            return UNAVAILABLE if meter is None else meter.retire()

    def _lines(self) -> tuple[GpuEnergy, ...]:
        with self._node.lock:
            now_s = self._node.clock()
            given = [device for device in self._node.devices.values() if device.given]
            return tuple(device.line(now_s) for device in given)

    def _start(self, name: str, target: Callable[..., None], *given: object) -> None:
        thread = Thread(target=target, name=name, args=given, daemon=True)
        self._threads.append(thread)
        thread.start()


@dataclass(slots=True)
class _Due:
    """When a board wants what next."""

    sample_s: float
    look_s: float


class _Stopped(Exception):
    """The agent was told to end."""


def _sample_until(stop: Event, agent: weakref.ref[NodeAgent]) -> None:
    """Sample when it is due; an agent that nobody holds any more is not held alive either."""
    pause_s = 0.0
    while not stop.wait(pause_s):
        there = agent()
        if there is None:
            return
        pause_s = max(LEAST_PAUSE_S, there.sample())
        del there


def _measure_updates(stop: Event, node: Node) -> None:
    """Find out in which period each counter moves, beside everything else."""

    def sleep(seconds: float) -> None:
        if stop.wait(seconds):
            raise _Stopped

    for device in tuple(node.devices.values()):
        if device.source.label == COUNTER:
            with suppress(Exception):  # then it is not known, as for a board that is lost
                update_s = measure_update_s(device.board.counter_j, node.clock, sleep)
                with node.lock:
                    if device.source.label == COUNTER:
                        device.source.update_s = update_s
