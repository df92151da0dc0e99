"""NVML: which boards a worker was given, and their energy counters. Alone imports pynvml.

Millijoules and milliwatts stay in this file, and so do NVML's exceptions. Importing it needs no GPU
and no driver: pynvml loads the library at the first call. Must not import Ray or torch.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from functools import partial
from typing import Any

import pynvml

from sweeper.energy.books import Assigned, Board

__all__ = ["Nvml"]

_LOG = logging.getLogger(__name__)


class Nvml:
    """NVML in this process: initialised at the first call and again after a fork, never shut down.

    The driver's state does not survive a fork, and each new initialisation is slow.
    """

    def __init__(self) -> None:
        self._pid: int | None = None
        self._handles: dict[str, Any] = {}

    def assigned(self, gpus: Sequence[str]) -> Assigned:
        """Find the boards that a worker was given.

        Reads the list as CUDA reads ``CUDA_VISIBLE_DEVICES``: it ends at the first entry that
        names nothing, and one with duplicates names nothing at all.

        Args:
            gpus: NVML indices as text, UUIDs in full or abbreviated, or MIG UUIDs.

        Returns:
            The boards; flag ``gpu_list_invalid`` where the list was cut, ``nvml_unavailable``
            where nothing could be asked.
        """
        try:
            boards = self._boards(gpus)
        except pynvml.NVMLError as error:
            _LOG.warning("the energy of GPUs %s cannot be measured: %s", ", ".join(gpus), error)
            return Assigned(flags=("nvml_unavailable",))
        if len({board.uuid for board in boards}) < len(boards):
            boards = ()
        return Assigned(boards, () if len(boards) == len(gpus) else ("gpu_list_invalid",))

    def count(self) -> int:
        """Count the boards that can be seen; 0 where NVML cannot be asked."""
        try:
            self._initialise()
            return int(pynvml.nvmlDeviceGetCount())
        except pynvml.NVMLError:
            return 0

    def _boards(self, gpus: Sequence[str]) -> tuple[Board, ...]:
        """Return the boards up to the first entry that names none."""
        self._initialise()
        everything = self._all_uuids()
        boards: list[Board] = []
        for given in gpus:
            uuid = self._find(given.strip(), everything)
            if uuid is None:
                break
            boards.append(self._board(uuid, whole=not given.strip().startswith("MIG-")))
        return tuple(boards)

    def _initialise(self) -> None:
        if self._pid == os.getpid():
            return
        pynvml.nvmlInit()
        self._pid = os.getpid()
        self._handles.clear()

    def _all_uuids(self) -> list[str]:
        """Return the boards' UUIDs by index."""
        count = pynvml.nvmlDeviceGetCount()
        return [
            pynvml.nvmlDeviceGetUUID(pynvml.nvmlDeviceGetHandleByIndex(index))
            for index in range(count)
        ]

    def _find(self, given: str, everything: Sequence[str]) -> str | None:
        """Return the UUID of the board that an entry names; None: it names none."""
        if given.isdecimal():
            return everything[int(given)] if int(given) < len(everything) else None
        if given.startswith("MIG-"):
            return self._parent(given)
        if not given.startswith("GPU-"):
            return None
        matching = [uuid for uuid in everything if uuid.startswith(given)]
        return matching[0] if len(matching) == 1 else None

    def _parent(self, mig_uuid: str) -> str | None:
        try:
            mig = pynvml.nvmlDeviceGetHandleByUUID(mig_uuid)
            parent = pynvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(mig)
            return str(pynvml.nvmlDeviceGetUUID(parent))
        except pynvml.NVMLError:
            return None

    def _board(self, uuid: str, *, whole: bool) -> Board:
        handle = self._handle(uuid)
        try:
            power_limit_w = pynvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1e3
        except pynvml.NVMLError:
            power_limit_w = None
        try:
            name = str(pynvml.nvmlDeviceGetName(handle))
        except pynvml.NVMLError:
            name = "unknown"
        return Board(uuid, name, power_limit_w, partial(self._counter_j, uuid), whole=whole)

    def _handle(self, uuid: str) -> Any:
        self._initialise()
        if uuid not in self._handles:
            self._handles[uuid] = pynvml.nvmlDeviceGetHandleByUUID(uuid)
        return self._handles[uuid]

    def _counter_j(self, uuid: str) -> float | None:
        # Whether there is a counter is found out by reading it: the architecture does not tell.
        try:
            return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(self._handle(uuid)) / 1e3)
        except pynvml.NVMLError:
            return None
