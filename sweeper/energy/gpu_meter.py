"""One worker's GPUs, metered by the node's agent.

Owns: the shared state of an agent and its workers' meters, and their lock. Must not import psutil,
ray or torch.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar

from sweeper.energy.board import Board, Finder
from sweeper.energy.books import SLICES
from sweeper.energy.device import Device, DeviceSettings
from sweeper.energy.gpu_statement import gpu_energy, gpu_rest
from sweeper.energy.owners import Owners
from sweeper.errors import MeterError
from sweeper.model import UNAVAILABLE, Energy, GpuEnergy, known_sum

__all__ = ["GpuMeter", "Node"]

_LOG = logging.getLogger(__name__)

Answer = TypeVar("Answer")


@dataclass(slots=True)
class Node:
    """What an agent and its workers' meters share.

    Attributes:
        finder: Finds the boards behind what a worker was given.
        settings: Of each board.
        clock: Seconds, monotonic.
        sleep: Lets seconds go by.
        owners: Whose processes are.
        lock: Held for everything below, and never while sleeping.
        devices: By UUID.
    """

    finder: Finder
    settings: DeviceSettings
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    owners: Owners
    lock: Lock = field(default_factory=Lock)
    devices: dict[str, Device] = field(default_factory=dict)
    _failed: bool = False

    def device(self, board: Board) -> Device:
        """Return a board's books; opens them the first time."""
        if board.uuid not in self.devices:
            self.devices[board.uuid] = Device(board, self.settings, self.owners, self.clock)
        return self.devices[board.uuid]

    def safely(self, act: Callable[[], Answer], otherwise: Answer) -> Answer:
        """Measure; the one place where an error of the agent ends."""
        try:
            return act()
        except Exception:  # measuring must never cost a training run (seams.py, Meter)
            if not self._failed:
                self._failed = True
                _LOG.warning("the energy agent could not measure", exc_info=True)
            return otherwise


@dataclass(slots=True)
class _Held:
    """A board that a worker was given, and the part of it."""

    device: Device
    fraction: float = 0.0
    mig: bool = False


class GpuMeter:
    """Meters one worker's part of its boards; implements ``seams.Meter``, scope ``gpu``.

    Args:
        node: Its agent's.
        worker: The worker's name.
    """

    def __init__(self, node: Node, worker: str) -> None:
        self._node = node
        self._worker = worker
        self._held: tuple[_Held, ...] = ()
        self._flags: tuple[str, ...] = ()
        self._begun = self._open = False
        self._kept: Energy | None = None  # closed by the agent, and not told yet

    def begin(self, gpus: Sequence[str], share: float) -> None:
        """Start the worker's books; a second call starts them anew.

        Args:
            gpus: What this worker was given: NVML indices, UUIDs or MIG UUIDs.
            share: The part of those boards that is this worker's, 0 < share <= 1.
        """
        self._node.safely(lambda: self._begin(gpus, share), None)

    def open(self) -> None:
        """Open the account of the next trial."""
        self._node.safely(self._open_account, None)

    def read(self) -> float | None:
        """Return joules of the open account so far; None: unknown."""
        return self._node.safely(self._read, None)

    def close(self) -> Energy:
        """Close the open account; a short one on boards of its own waits for the sensor first."""
        return self._node.safely(self._close, UNAVAILABLE)

    def overhead(self) -> Energy:
        """Return the worker's part of what was used outside closed accounts."""
        return self._node.safely(self._overhead, UNAVAILABLE)

    def leave(self) -> None:
        """Close what is open, at once, because the worker's process is gone; holds the lock."""
        if self._open:
            self._kept = self._end()

    def retire(self) -> Energy:
        """Close what is open or was left, and deal its overhead out to others; holds the lock."""
        self.leave()
        kept, self._kept = self._kept, None
        for held in self._held:
            held.device.parts.leave(self._worker)
        self._begun, self._held = False, ()
        return kept or UNAVAILABLE

    def _begin(self, gpus: Sequence[str], share: float) -> None:
        if not 0 < share <= 1:
            raise MeterError(f"a worker's share of its GPUs must be in (0, 1], got {share!r}")
        assigned = self._node.finder(gpus)
        with self._node.lock:
            self._forget(keep={each.board.uuid for each in assigned.boards})
            found: dict[str, _Held] = {}
            for each in assigned.boards:
                device = self._node.device(each.board)
                held = found.setdefault(each.board.uuid, _Held(device))
                held.mig = each.slices is not None
                held.fraction += share if each.slices is None else each.slices / SLICES
            self._held, self._flags = tuple(found.values()), assigned.flags
            now_s = self._node.clock()
            for held in self._held:
                held.device.join(self._worker, held.fraction, now_s)
            self._begun = True

    def _forget(self, keep: Collection[str]) -> None:
        """Forget what was begun before; only boards that it keeps may forget its overhead."""
        now_s = self._node.clock()
        for held in self._held:
            if self._open:
                held.device.forget(self._worker, now_s)
            if held.device.board.uuid not in keep:
                held.device.parts.leave(self._worker)
        self._open = self._begun = False

    def _open_account(self) -> None:
        with self._node.lock:
            if not self._begun:
                return
            now_s = self._node.clock()
            for held in self._held:
                held.device.open(self._worker, held.fraction, now_s, mig=held.mig)
            self._open, self._kept = True, None

    def _read(self) -> float | None:
        with self._node.lock:
            if not self._open or not self._held:
                return None
            now_s = self._node.clock()
            return known_sum(held.device.read(self._worker, now_s) for held in self._held)

    def _close(self) -> Energy:
        with self._node.lock:
            wait_s = self._settle() if self._open else 0.0
        if wait_s > 0:
            self._node.sleep(wait_s)
        with self._node.lock:
            if self._open:
                return self._end()
            kept, self._kept = self._kept, None
            return kept or UNAVAILABLE

    def _settle(self) -> float:
        """End the leases now, if they may wait for their sensors; return how long."""
        now_s = self._node.clock()
        devices = [held.device for held in self._held]
        if not devices or not all(each.may_settle(self._worker, now_s) for each in devices):
            return 0.0
        for device in devices:
            device.settle(self._worker, now_s)
        return max(device.settle_s for device in devices)

    def _end(self) -> Energy:
        """Close the open account."""
        self._open = False
        now_s = self._node.clock()
        accounts = [held.device.close(self._worker, now_s) for held in self._held]
        return gpu_energy([each for each in accounts if each is not None], self._flags)

    def _overhead(self) -> Energy:
        with self._node.lock:
            if not self._begun:
                return UNAVAILABLE
            now_s = self._node.clock()
            lines = [self._part_of(held, now_s) for held in self._held]
            own = all(held.fraction >= 1 for held in self._held)
            return gpu_rest(lines, self._flags, own=own)

    def _part_of(self, held: _Held, now_s: float) -> GpuEnergy:
        device = held.device
        device.tick(now_s)
        part_j = device.parts.of(self._worker) + device.unclosed_j(self._worker)
        return GpuEnergy(
            uuid=device.board.uuid,
            name=device.board.name,
            energy_j=part_j if device.known(now_s) else None,
            source=device.source.label,
            update_s=device.source.update_s,
        )
