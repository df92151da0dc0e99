"""NVML asked call by call, with its own reason for each refusal: for the probe and the validation.

``nvml.py`` turns a refusal into None, because a meter needs no reason; a person does. Only getters:
nothing here changes a setting. Importing it needs no driver. Must not import Ray or torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pynvml

from sweeper.energy.calls import Call, Refused

__all__ = ["board_calls", "system_calls"]

# Values of nvml.h, which older releases of nvidia-ml-py do not name.
_FIELDS = {
    "TOTAL_ENERGY_CONSUMPTION (83)": (83, "J"),
    "ENERGY (191)": (191, "J"),
    "POWER_AVERAGE (185)": (185, "W"),
    "POWER_INSTANT (186)": (186, "W"),
}
_SCOPES = {"": 0, " scope MODULE": 1}
_UNSIGNED_INT, _UNSIGNED_LONG, _UNSIGNED_LONG_LONG = 1, 2, 3
_EMPTY = (0, 6)  # pynvml raises these for an empty list of samples: "success", and "not found"


def system_calls() -> tuple[Call, ...]:
    """Return the questions that concern the node; the library is opened, and never closed."""

    def ask(name: str, kind: Callable[[Any], float | str]) -> Call:
        def read() -> float | str:
            pynvml.nvmlInit()
            return kind(getattr(pynvml, name)())

        return _call(name, "", read)

    return (
        ask("nvmlSystemGetDriverVersion", str),
        ask("nvmlSystemGetNVMLVersion", str),
        ask("nvmlDeviceGetCount", float),
    )


def board_calls(uuid: str) -> tuple[Call, ...]:
    """Return the questions about one board: those that the meter asks, and what it runs under."""
    found: list[Any] = []

    def handle() -> Any:
        if not found:
            pynvml.nvmlInit()
            found.append(pynvml.nvmlDeviceGetHandleByUUID(uuid))
        return found[0]

    def call(name: str, unit: str, read: Callable[[Any], float | str]) -> Call:
        return _call(name, unit, lambda: read(handle()))

    fields = (
        call(f"field {name}{scope}", unit, partial(_field, field=field, scope=number))
        for scope, number in _SCOPES.items()
        for name, (field, unit) in _FIELDS.items()
    )
    others = (call(name, unit, read) for name, (unit, read) in _CALLS.items())
    return (*fields, *others)


def _call(name: str, unit: str, read: Callable[[], float | str]) -> Call:
    return Call(name, unit, partial(_refusing, read))


def _refusing(read: Callable[[], float | str]) -> float | str:
    """Read; whatever the driver or its wrapper raises ends here.

    The wrapper has exceptions that are no ``NVMLError``: one for drivers that are older than itself
    is a plain ``Exception``, and a name that an older wrapper lacks is an ``AttributeError``.
    """
    try:
        return read()
    except Refused:
        raise
    except Exception as error:
        raise Refused(str(error)) from None


def _counter_j(board: Any) -> float:
    return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(board) / 1e3)


def _milli(name: str) -> Callable[[Any], float]:
    return lambda board: float(getattr(pynvml, name)(board) / 1e3)


def _field(board: Any, *, field: int, scope: int) -> float:
    """Return a field in joules or watts; each entry has a return code and a type of its own."""
    (entry,) = pynvml.nvmlDeviceGetFieldValues(board, [(field, scope)])
    if entry.nvmlReturn:
        raise pynvml.NVMLError(entry.nvmlReturn)
    values = {
        _UNSIGNED_INT: entry.value.uiVal,
        _UNSIGNED_LONG: entry.value.ulVal,
        _UNSIGNED_LONG_LONG: entry.value.ullVal,
    }
    if entry.valueType not in values:
        raise Refused(f"a value of type {entry.valueType}")
    return float(values[entry.valueType] / 1e3)


def _processes(board: Any) -> float:
    return float(len(pynvml.nvmlDeviceGetComputeRunningProcesses_v3(board)))


def _process_samples(board: Any) -> float:
    try:
        return float(len(pynvml.nvmlDeviceGetProcessUtilization(board, 0)))
    except pynvml.NVMLError as error:
        if error.value in _EMPTY:
            return 0.0
        raise


def _persistence(board: Any) -> str:
    return "on" if pynvml.nvmlDeviceGetPersistenceMode(board) else "off"


def _mig(board: Any) -> str:
    current, _pending = pynvml.nvmlDeviceGetMigMode(board)
    return "on" if current else "off"


def _power_samples(board: Any) -> float:
    return float(len(pynvml.nvmlDeviceGetSamples(board, pynvml.NVML_TOTAL_POWER_SAMPLES, 0)[1]))


def _temperature_c(board: Any) -> float:
    return float(pynvml.nvmlDeviceGetTemperature(board, pynvml.NVML_TEMPERATURE_GPU))


# Name, unit of the answer, and what asks; none of them sets anything.
_CALLS: Mapping[str, tuple[str, Callable[[Any], float | str]]] = {
    "nvmlDeviceGetTotalEnergyConsumption": ("J", _counter_j),
    "nvmlDeviceGetPowerUsage": ("W", _milli("nvmlDeviceGetPowerUsage")),
    "nvmlDeviceGetEnforcedPowerLimit": ("W", _milli("nvmlDeviceGetEnforcedPowerLimit")),
    "nvmlDeviceGetUtilizationRates": (
        "%",
        lambda board: float(pynvml.nvmlDeviceGetUtilizationRates(board).gpu),
    ),
    "nvmlDeviceGetComputeRunningProcesses": ("processes", _processes),
    "nvmlDeviceGetProcessUtilization": ("samples", _process_samples),
    "nvmlDeviceGetSamples TOTAL_POWER": ("samples", _power_samples),
    "nvmlDeviceGetMemoryInfo": (
        "MiB",
        lambda board: float(pynvml.nvmlDeviceGetMemoryInfo(board).total >> 20),
    ),
    "nvmlDeviceGetTemperature": ("°C", _temperature_c),
    "nvmlDeviceGetPersistenceMode": ("", _persistence),
    "nvmlDeviceGetMigMode": ("", _mig),
}
