"""One GPU read through NVML, in SI units.

Millijoules, milliwatts, per cent and the driver's errors stay in this file. Importing it needs no
GPU and no driver. Must not import Ray or torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pynvml

from sweeper.energy.board import GpuLost, GpuProcess, ProcessSample

__all__ = ["NvmlBoard"]

Answer = TypeVar("Answer")

# Fields and scopes of nvml.h, which older releases of nvidia-ml-py do not all name.
_ENERGY, _POWER_AVERAGE, _POWER_INSTANT = 83, 185, 186
_SCOPES = {"gpu": 0, "module": 1}
# What a field's value may be: valueType to the member of the union.
_MEMBERS = {0: "dVal", 1: "uiVal", 2: "ulVal", 3: "ullVal"}
# pynvml raises both where there are no samples: "not found", and the sizing call's "success".
_NO_SAMPLES = (0, 6)
_GPU_IS_LOST = 15


class NvmlBoard:
    """A physical GPU, read through NVML; implements ``Board``.

    What the driver refuses is None, whatever its reason; only a lost board is told apart.

    Args:
        uuid: Of the board.
        handle: Returns the driver's handle of a UUID.

    Attributes:
        scope: What its fields cover: ``module`` (GPU and CPU together) only where nothing answers
            for the GPU alone.
    """

    def __init__(self, uuid: str, handle: Callable[[str], Any]) -> None:
        self.uuid = uuid
        self._handle = handle
        try:
            self.name = self._ask(lambda handle: str(pynvml.nvmlDeviceGetName(handle))) or "unknown"
            self.scope = self._find_scope()
        except GpuLost:
            self.name, self.scope = "unknown", "gpu"

    def counter_j(self) -> float | None:
        """Return joules since the driver was loaded."""
        used_j = self._milli(pynvml.nvmlDeviceGetTotalEnergyConsumption)
        return self._field(_ENERGY) if used_j is None else used_j

    def average_w(self) -> float | None:
        """Return the power averaged over the last second."""
        return self._field(_POWER_AVERAGE)

    def instant_w(self) -> float | None:
        """Return the power now."""
        return self._field(_POWER_INSTANT)

    def legacy_w(self) -> float | None:
        """Return the power of ``nvmlDeviceGetPowerUsage``."""
        return self._milli(pynvml.nvmlDeviceGetPowerUsage)

    def limit_w(self) -> float | None:
        """Return the power limit that the driver enforces."""
        return self._milli(pynvml.nvmlDeviceGetEnforcedPowerLimit)

    def utilisation(self) -> float | None:
        """Return the share of the last sample period with a resident kernel."""
        return self._ask(
            lambda handle: _share(int(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu))
        )

    def processes(self) -> tuple[GpuProcess, ...] | None:
        """Return the processes with a compute context; None: cannot be listed here."""
        # Without its version the call raises an error of its own where a driver lacks it.
        listed = self._ask(pynvml.nvmlDeviceGetComputeRunningProcesses_v3)
        if listed is None:
            return None
        return tuple(GpuProcess(int(seen.pid), seen.usedGpuMemory) for seen in listed)

    def process_utilisation(self, since_us: int) -> tuple[ProcessSample, ...] | None:
        """Return samples that are newer than ``since_us``; None: not available here."""

        def samples(handle: Any) -> Sequence[Any]:
            try:
                found: Sequence[Any] = pynvml.nvmlDeviceGetProcessUtilization(handle, since_us)
            except pynvml.NVMLError as error:
                if error.value in _NO_SAMPLES:
                    return ()
                raise
            return found

        found = self._ask(samples)
        if found is None:
            return None
        return tuple(
            ProcessSample(int(sample.pid), int(sample.timeStamp), _share(int(sample.smUtil)))
            for sample in found
            # Drivers leave entries empty, and some answer with what was asked before.
            if sample.pid and sample.timeStamp > since_us
        )

    def temperature_c(self) -> float | None:
        """Return the temperature of the chip in degrees Celsius."""
        return self._ask(
            lambda handle: float(
                pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)
            )
        )

    def memory_bytes(self) -> int | None:
        """Return the size of the board's memory."""
        return self._ask(lambda handle: int(pynvml.nvmlDeviceGetMemoryInfo(handle).total))

    def _ask(self, read: Callable[[Any], Answer]) -> Answer | None:
        """Read; the one place where NVML's exceptions of a board end."""
        try:
            return read(self._handle(self.uuid))
        except pynvml.NVMLError as error:
            if error.value == _GPU_IS_LOST:
                raise GpuLost(f"{self.uuid} fell off the bus") from error
            return None

    def _milli(self, read: Callable[[Any], int]) -> float | None:
        return self._ask(lambda handle: read(handle) / 1e3)

    def _field(self, field: int) -> float | None:
        return self._fields((field, _SCOPES[self.scope]))[0]

    def _fields(self, *wanted: tuple[int, int]) -> list[float | None]:
        """Return fields in joules and watts, of one trip to the driver."""
        entries = self._ask(lambda handle: pynvml.nvmlDeviceGetFieldValues(handle, list(wanted)))
        return [None] * len(wanted) if entries is None else [_value(entry) for entry in entries]

    def _find_scope(self) -> str:
        """Find out whether anything answers for the GPU alone, else for the module."""
        wanted = [
            (field, scope)
            for scope in _SCOPES.values()
            for field in (_ENERGY, _POWER_AVERAGE, _POWER_INSTANT)
        ]
        answers = [value is not None for value in self._fields(*wanted)]
        if any(answers[:3]) or not any(answers[3:]):
            return "gpu"
        plain = (pynvml.nvmlDeviceGetTotalEnergyConsumption, pynvml.nvmlDeviceGetPowerUsage)
        return "gpu" if any(self._milli(read) is not None for read in plain) else "module"


def _value(entry: Any) -> float | None:
    """Return a field's value, of the type that it says it has; each has its own return code."""
    if entry.nvmlReturn:
        if entry.nvmlReturn == _GPU_IS_LOST:
            raise GpuLost("a field's return code says so")
        return None
    member = _MEMBERS.get(entry.valueType)
    return None if member is None else float(getattr(entry.value, member)) / 1e3


def _share(percent: int) -> float:
    """Return per cent as a share; drivers were seen to say hundreds (docs/energy.md)."""
    return min(max(percent, 0), 100) / 100
