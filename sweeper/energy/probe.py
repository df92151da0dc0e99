"""What could be measured of this node's GPUs, and how well; nothing is changed and nothing trained.

Owns: the facts of ``sweeper energy probe`` about GPUs; ``probe_cpu.py`` has those about CPUs,
``probe_text.py`` the words. Must not import psutil, Ray or torch: the validation uses it too.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sweeper.energy.board import Board
from sweeper.energy.calls import CallAnswer, answer
from sweeper.energy.nvml import Nvml
from sweeper.energy.nvml_calls import board_calls, system_calls
from sweeper.energy.sources import SourceSettings, measure_update_s, open_source
from sweeper.energy.surroundings import Surroundings, surroundings
from sweeper.energy.watch import ask

__all__ = ["BoardProbe", "GpuProbe", "SeenProcess", "probe_board", "probe_gpus"]

# Latencies are told of this many calls: a look, not a benchmark, for some take 100 ms.
REPEATS = 5
# How long a sensor is watched for its steps.
WATCH_S = 1.0


@dataclass(frozen=True, slots=True)
class SeenProcess:
    """A process with a context on a board.

    Attributes:
        pid: As the driver counts.
        memory_bytes: What it holds of the board; None: unknown.
        here: This process sees a process of that number. Where PID namespaces do not match that
            is another one, or none.
    """

    pid: int
    memory_bytes: int | None
    here: bool


@dataclass(frozen=True, slots=True)
class BoardProbe:
    """What could be measured of one board.

    Attributes:
        source: Label of the source that a sweep would begin with.
        scope: ``gpu``, or ``module`` where only GPU and CPU together are measured.
        update_s: Period in which the sensor moves; None: it did not move often enough to tell.
        power_w: Power now; None: cannot be read.
        idle_w: The same, if the board was seen to be idle; None: it was not.
        power_limit_w: What the driver enforces; None: unknown.
        processes: With a context on it; None: they cannot be listed.
        process_utilisation: Each process's utilisation can be read.
        mig: In slices; None: cannot be told.
        calls: What each call answered.
    """

    uuid: str
    name: str
    source: str
    scope: str
    update_s: float | None
    power_w: float | None
    idle_w: float | None
    power_limit_w: float | None
    processes: tuple[SeenProcess, ...] | None
    process_utilisation: bool
    mig: bool | None
    calls: tuple[CallAnswer, ...]


@dataclass(frozen=True, slots=True)
class GpuProbe:
    """What could be measured of this node's GPUs.

    Attributes:
        driver: Version; None: the driver does not answer.
        nvml: Version of its library; None: likewise.
        trouble: Why nothing can be asked, in the driver's words; None: it answers.
        boards: By index.
        place: Where this process runs.
    """

    driver: str | None
    nvml: str | None
    trouble: str | None
    boards: tuple[BoardProbe, ...]
    place: Surroundings


def probe_gpus(gpu_w: float | None = None) -> GpuProbe:
    """Look at every GPU of this node that the driver shows; takes about a second.

    Args:
        gpu_w: Watts of one GPU, declared for where nothing can be read; None: not declared.
    """
    driver, nvml, count = (answer(call, 1, time.monotonic) for call in system_calls())
    boards: Sequence[Board] = Nvml().boards() if count.reason is None else ()
    with ThreadPoolExecutor(max_workers=max(1, len(boards))) as pool:
        probes = tuple(pool.map(lambda board: probe_board(board, gpu_w), boards))
    return GpuProbe(
        driver=None if driver.value is None else str(driver.value),
        nvml=None if nvml.value is None else str(nvml.value),
        trouble=count.reason,
        boards=probes,
        place=surroundings(os.environ),
    )


def probe_board(
    board: Board,
    gpu_w: float | None = None,
    *,
    repeats: int = REPEATS,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> BoardProbe:
    """Look at one board.

    Args:
        board: Which.
        gpu_w: Watts that a sweep would declare for it; None: none.
        repeats: How often each call is asked.
        clock: Seconds, monotonic.
        sleep: Waits for so many seconds.
    """
    calls = tuple(answer(call, repeats, clock) for call in board_calls(board.uuid))
    source = open_source(board, SourceSettings(gpu_w=gpu_w), clock())
    processes = _processes(board)
    power_w = _power_w(board)
    return BoardProbe(
        uuid=board.uuid,
        name=board.name,
        source=source.label,
        scope=source.scope,
        update_s=measure_update_s(_sensor(board, source.label), clock, sleep, window_s=WATCH_S),
        power_w=power_w,
        idle_w=power_w if processes == () and not ask(board.utilisation) else None,
        power_limit_w=ask(board.limit_w),
        processes=processes,
        process_utilisation=ask(lambda: board.process_utilisation(0)) is not None,
        mig=_mig(calls),
        calls=calls,
    )


def _sensor(board: Board, label: str) -> Callable[[], float | None]:
    """Return the reading whose steps are looked for: that of the source, or none."""
    readings: dict[str, Callable[[], float | None]] = {
        "measured:counter": board.counter_j,
        "measured:power_avg": board.average_w,
        "measured:power_instant": board.instant_w,
        "measured:power_legacy": board.legacy_w,
    }
    read = readings.get(label, lambda: None)
    return lambda: ask(read)


def _power_w(board: Board) -> float | None:
    for read in (board.average_w, board.legacy_w, board.instant_w):
        power_w = ask(read)
        if power_w is not None:
            return power_w
    return None


def _processes(board: Board) -> tuple[SeenProcess, ...] | None:
    listed = ask(board.processes)
    if listed is None:
        return None
    return tuple(SeenProcess(seen.pid, seen.memory_bytes, _is_here(seen.pid)) for seen in listed)


def _is_here(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # sends nothing: asks whether there is one
    except ProcessLookupError:
        return False
    except OSError:  # there is one, and it is somebody else's
        return True
    return True


def _mig(calls: Sequence[CallAnswer]) -> bool | None:
    value = next((call.value for call in calls if call.name == "nvmlDeviceGetMigMode"), None)
    return None if value is None else value == "on"
