"""NVML: the connection to the driver, this node's boards, and which of them a worker was given.

NVML's exceptions end here and in ``nvml_board.py``. Importing it needs no GPU and no driver: pynvml
loads the library at the first call. Must not import Ray or torch.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any

import pynvml

from sweeper.energy.board import Assigned, AssignedBoard
from sweeper.energy.nvml_board import NvmlBoard
from sweeper.energy.visible import Named, named_boards

__all__ = ["Nvml"]

_LOG = logging.getLogger(__name__)


class Nvml:
    """NVML in this process: initialised at the first call and again after a fork, never shut down.

    The driver's state does not survive a fork, and each new initialisation is slow. Safe for
    threads without a lock, which a fork could leave locked for ever: initialising twice does no
    harm.
    """

    def __init__(self) -> None:
        self._pid: int | None = None
        self._handles: dict[str, Any] = {}

    def assigned(self, gpus: Sequence[str]) -> Assigned:
        """Find the boards that a worker was given.

        Reads the list as CUDA reads ``CUDA_VISIBLE_DEVICES``: it ends at the first entry that
        names nothing, and one with duplicates names nothing at all. Slices of one board are one.

        Args:
            gpus: NVML indices as text, UUIDs in full or abbreviated, or MIG UUIDs.

        Returns:
            The boards; flag ``gpu_list_invalid`` where the list was cut, ``mig_slices_unknown``
            where a slice does not tell its size and is taken for the smallest, and
            ``nvml_unavailable`` where nothing could be asked.
        """
        try:
            named = named_boards(gpus, self._uuids(), self._parent)
        except pynvml.NVMLError as error:
            _LOG.warning("the energy of GPUs %s cannot be measured: %s", ", ".join(gpus), error)
            return Assigned(flags=("nvml_unavailable",))
        flags = [] if len(named) == len(gpus) else ["gpu_list_invalid"]
        boards = []
        for uuid in dict.fromkeys(entry.uuid for entry in named):
            sizes = [self._slices(entry) for entry in named if entry.uuid == uuid and entry.mig]
            if None in sizes:
                flags.append("mig_slices_unknown")
            slices = sum(size or 1 for size in sizes) if sizes else None
            boards.append(AssignedBoard(NvmlBoard(uuid, self.handle), slices))
        return Assigned(tuple(boards), tuple(dict.fromkeys(flags)))

    def boards(self) -> tuple[NvmlBoard, ...]:
        """Return every board of this node that can be read, by index; none without NVML."""
        try:
            uuids = self._uuids()
        except pynvml.NVMLError:
            return ()
        return tuple(NvmlBoard(uuid, self.handle) for uuid in uuids if uuid is not None)

    def count(self) -> int:
        """Count the boards that can be seen; 0 where NVML cannot be asked."""
        try:
            self._initialise()
            return int(pynvml.nvmlDeviceGetCount())
        except pynvml.NVMLError:
            return 0

    def handle(self, uuid: str) -> Any:
        """Return the driver's handle of a board or a slice.

        Raises:
            pynvml.NVMLError: If it cannot be had.
        """
        self._initialise()
        handles = self._handles
        handle = handles.get(uuid)
        if handle is None:
            handle = handles[uuid] = pynvml.nvmlDeviceGetHandleByUUID(uuid)
        return handle

    def _initialise(self) -> None:
        pid = os.getpid()
        if self._pid == pid:
            return
        pynvml.nvmlInit()
        self._handles = {}
        self._pid = pid  # last: whoever sees it may use the handles

    def _uuids(self) -> list[str | None]:
        """Return the boards' UUIDs by index; a board that does not answer keeps its place."""
        self._initialise()
        uuids: list[str | None] = []
        for index in range(pynvml.nvmlDeviceGetCount()):
            try:
                handle = pynvml.nvmlDeviceGetHandleByIndex(index)
                uuids.append(str(pynvml.nvmlDeviceGetUUID(handle)))
            except pynvml.NVMLError:
                uuids.append(None)
        return uuids

    def _parent(self, mig_uuid: str) -> str | None:
        try:
            parent = pynvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(self.handle(mig_uuid))
            return str(pynvml.nvmlDeviceGetUUID(parent))
        except pynvml.NVMLError:
            return None

    def _slices(self, entry: Named) -> int | None:
        """Return the compute slices of a MIG instance; None: it does not tell."""
        try:
            attributes = pynvml.nvmlDeviceGetAttributes(self.handle(str(entry.mig)))
        except pynvml.NVMLError:
            return None
        return int(attributes.computeInstanceSliceCount) or None
