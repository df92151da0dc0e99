"""The words of ``sweeper energy probe``: what can be measured here, how well, and what to do.

Pure functions of values, plain text: it must print where nothing but Python is installed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sweeper.energy.calls import CallAnswer
from sweeper.energy.probe import BoardProbe, GpuProbe
from sweeper.energy.surroundings import Surroundings

if TYPE_CHECKING:
    from sweeper.energy.probe_cpu import CpuProbe

__all__ = ["calls_table", "place_lines", "probe_text", "scope_with_gpus"]

_UDEV_RULE = (
    'SUBSYSTEM=="powercap", KERNEL=="intel-rapl:*", '
    'RUN+="/bin/chgrp energy /sys%p/energy_uj", RUN+="/bin/chmod g+r /sys%p/energy_uj"'
)


def probe_text(gpus: GpuProbe, cpu: CpuProbe) -> str:
    """Say what can be measured on this node, and what to do about what cannot.

    Args:
        gpus: From ``probe_gpus``.
        cpu: From ``probe_cpu``.
    """
    lines = [*_gpu_lines(gpus), "", *_cpu_lines(cpu), "", *_scope_lines(gpus, cpu)]
    advice = list(_advice(gpus, cpu))
    if advice:
        lines += ["", "what to do", *(f"  - {line}" for line in advice)]
    return "\n".join(lines)


def scope_with_gpus(gpus: GpuProbe, cpu: CpuProbe) -> str:
    """Return the scope that a sweep with GPUs would have here; ``unavailable``: no joules."""
    measurable = [board for board in gpus.boards if board.source != "unavailable"]
    if not measurable:
        return "unavailable"
    return "gpu+cpu" if cpu.packages else "gpu"


def place_lines(place: Surroundings) -> list[str]:
    """Say where this process runs."""
    namespace = {
        True: "the first: the driver's PIDs are this process's",
        False: "not the first: the driver's PIDs are those of the host",
        None: "cannot be told here",
    }[place.first_pid_namespace]
    return [
        f"container      {place.container or 'no sign of one'}",
        f"PID namespace  {namespace}",
    ]


def calls_table(calls: Sequence[CallAnswer]) -> list[str]:
    """Write a line per call: what it answered or why it did not, and how long it took."""
    width = max((len(call.name) for call in calls), default=0)
    return [
        f"{call.name:{width}}  p50 {call.p50_s * 1e3:7.3f} ms  p99 {call.p99_s * 1e3:7.3f} ms  "
        f"{_answer(call)}"
        for call in calls
    ]


def _answer(call: CallAnswer) -> str:
    if call.value is None:
        return call.reason or "no answer"
    value = f"{call.value:,.6g}" if isinstance(call.value, float) else call.value
    return f"{value} {call.unit}".rstrip()


def _gpu_lines(gpus: GpuProbe) -> Iterator[str]:
    if gpus.trouble is not None:
        yield f"GPUs: nothing can be measured: {gpus.trouble}"
    elif not gpus.boards:
        yield "GPUs: the driver answers, and shows no board"
    else:
        yield f"GPUs: {len(gpus.boards)}, driver {gpus.driver}, NVML {gpus.nvml}"
    yield from (f"  {line}" for line in place_lines(gpus.place))
    for index, board in enumerate(gpus.boards):
        yield ""
        yield f"GPU {index}  {board.name}  {board.uuid}"
        yield from (f"  {line}" for line in _board_lines(board))


def _board_lines(board: BoardProbe) -> Iterator[str]:
    scope = " (GPU and CPU of the module together)" if board.scope == "module" else ""
    yield f"source         {board.source}{scope}"
    yield f"update period  {_or_unknown(board.update_s, 1e3, 'ms', 'did not move in 1 s')}"
    power = _or_unknown(board.power_w, 1, "W", "cannot be read")
    idle = " (idle)" if board.idle_w is not None else ""
    limit = _or_unknown(board.power_limit_w, 1, "W", "unknown")
    yield f"power          {power}{idle}, limit {limit}"
    yield f"processes      {_process_words(board)}"
    yield f"MIG            { {True: 'on', False: 'off', None: 'cannot be told'}[board.mig] }"
    yield "calls"
    yield from (f"  {line}" for line in calls_table(board.calls))


def _process_words(board: BoardProbe) -> str:
    each = "utilisation of each " + ("readable" if board.process_utilisation else "unreadable")
    if board.processes is None:
        return f"cannot be listed; {each}"
    hidden = sum(not seen.here for seen in board.processes)
    others = f" ({hidden} of them not visible here)" if hidden else ""
    return f"{len(board.processes)} on the board{others}; {each}"


def _cpu_lines(cpu: CpuProbe) -> Iterator[str]:
    yield f"CPU: {cpu.source}"
    if cpu.packages:
        mirrored = f", {cpu.mirrored} more that mirror another left out" if cpu.mirrored else ""
        yield f"  RAPL           {cpu.packages} of the packages{mirrored}"
        yield f"  memory         {f'{cpu.dram} domains' if cpu.dram else 'no domain'}"
        return
    unreadable = [zone for zone in cpu.zones if not zone.readable]
    if unreadable:
        names = ", ".join(zone.name for zone in unreadable)
        yield f"  RAPL           {names}: not readable by this user"
    else:
        yield f"  RAPL           no package in {cpu.zones_at}"
    yield (
        f"  estimate       {cpu.w_per_core:g} W per busy core, up to "
        f"{cpu.w_per_core * cpu.cores:g} W on the {cpu.cores} usable here; easily 50 % off"
    )


def _scope_lines(gpus: GpuProbe, cpu: CpuProbe) -> Iterator[str]:
    yield "a sweep here would account"
    scope = scope_with_gpus(gpus, cpu)
    words = {
        "gpu+cpu": "gpu+cpu, the sum of measured GPUs and measured CPUs",
        "gpu": "gpu, with the CPU's estimate apart",
        "unavailable": "nothing: the energy of GPUs would be unknown",
    }
    yield f"  with GPUs      {words[scope]}"
    yield f"  without        cpu, {cpu.source}"


def _advice(gpus: GpuProbe, cpu: CpuProbe) -> Iterator[str]:
    if gpus.trouble is not None or not gpus.boards:
        yield (
            "if there is an NVIDIA GPU: install its driver; in a container give it the GPU and the "
            "capability NVIDIA_DRIVER_CAPABILITIES=utility (or all)"
            + (f", now {gpus.place.capabilities}" if gpus.place.capabilities else "")
        )
    if any(board.source in ("unavailable", "estimated:tdp") for board in gpus.boards):
        yield "give the watts of one GPU in the sweep file, energy.gpu_w: 300, labelled declared"
    if any(board.processes is None or not board.process_utilisation for board in gpus.boards):
        yield (
            "processes cannot be told apart on every board, so trials that share one are split by "
            "their booked fraction: give each trial a whole GPU where its energy matters"
        )
    if gpus.boards and gpus.place.first_pid_namespace is False:
        yield "run in the host's PID namespace (--pid=host), so that processes can be recognised"
    if not cpu.packages and any(not zone.readable for zone in cpu.zones):
        yield (
            "let a group read the CPU's counters (since CVE-2020-8694 only root may): a udev rule "
            f"{_UDEV_RULE}"
        )
    if not cpu.packages:
        yield "give the watts of one busy core, energy.cpu_w_per_core, to better the CPU's estimate"


def _or_unknown(value: float | None, factor: float, unit: str, unknown: str) -> str:
    return unknown if value is None else f"{value * factor:.3g} {unit}"
