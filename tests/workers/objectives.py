"""Writes an objective into a folder and builds what a worker needs from it."""

from __future__ import annotations

import time
from pathlib import Path

from sweeper.energy.meter import MeterSettings, build_meter
from sweeper.seams import Meter
from sweeper.testing.scripted_meter import HandClock, ScriptedMeter
from sweeper.workers.objective import locate
from sweeper.workers.worker import WorkerSetup


def scripted_meter(gpus: Meter | None = None) -> ScriptedMeter:
    """Build a meter that reads 10 W for ever."""
    return ScriptedMeter(HandClock(), lambda _: 10.0)


def real_meter() -> object:
    """Build the meter that a worker has on this machine."""
    return build_meter(MeterSettings())


def setup_for(source: str, folder: Path, *, own_process: bool = False) -> WorkerSetup:
    """Write the objective and describe the worker that trains it.

    Each objective gets a file name of its own: a process imports a module once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = f"objective_{time.monotonic_ns()}"
    (folder / f"{name}.py").write_text(source, encoding="utf-8")
    found = locate(f"{name}.py:train", folder)
    return WorkerSetup(found, scripted_meter, own_process=own_process)
