"""The ladder: which source of joules a board has, and in which period its sensor moves.

Owns: the order of preference (docs/energy.md, "Sources"). A source is chosen by asking the board,
never by its architecture. Must not import psutil, Ray or torch.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from sweeper.energy.board import Board, GpuLost
from sweeper.energy.constant import ASSUMED_LOAD, ConstantSource, NoSource, design_power_w
from sweeper.energy.counter import CounterSource
from sweeper.energy.polled import AVERAGE_SHIFT_S, PolledSource, above_zero
from sweeper.energy.source import Source, Taken

__all__ = [
    "ConstantSource",
    "Source",
    "SourceSettings",
    "Taken",
    "measure_update_s",
    "open_source",
]

_READ_EVERY_S = 0.002
_LEAST_CHANGES = 3


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """What the user says about a GPU's power.

    Attributes:
        gpu_w: Watts of one GPU, for where nothing can be read; None: not declared.
        gpu_idle_w: Watts of an idle GPU, for the estimate from utilisation; None: taken as 0.
    """

    gpu_w: float | None = None
    gpu_idle_w: float | None = None


def open_source(board: Board, settings: SourceSettings, now_s: float) -> Source:
    """Open the strongest source that the board answers; whether it is sane shows later.

    Args:
        board: Whose joules.
        settings: What to fall back on.
        now_s: The clock: when the source begins.

    Returns:
        A source; the last resort is one that is ``unavailable``.
    """
    scope = board.scope
    try:
        beside = _without_counter(board, settings, now_s, scope)
        reading_j = board.counter_j()
        if reading_j is None:
            return beside
        return CounterSource(board, beside, now_s, reading_j=reading_j, scope=scope)
    except GpuLost:
        return NoSource("gpu_lost")


def measure_update_s(
    read: Callable[[], float | None],
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    *,
    window_s: float = 1.0,
) -> float | None:
    """Measure the period in which a sensor moves: the median time between changes.

    Args:
        read: The sensor; None, or ``GpuLost``: it cannot be read.
        clock: Seconds, monotonic.
        sleep: Waits for so many seconds.
        window_s: How long to watch it, reading every 2 ms.

    Returns:
        Seconds; None: fewer than three changes were seen.
    """
    until_s = clock() + window_s
    changes_s: list[float] = []
    last: float | None = None
    try:
        while clock() < until_s:
            value = read()
            if value is not None:
                if last is not None and value != last:
                    changes_s.append(clock())
                last = value
            sleep(_READ_EVERY_S)
    except GpuLost:
        return None
    if len(changes_s) < _LEAST_CHANGES:
        return None
    return statistics.median(later - earlier for earlier, later in pairwise(changes_s))


def _without_counter(board: Board, settings: SourceSettings, now_s: float, scope: str) -> Source:
    """Return the strongest source that needs no energy counter."""
    rungs = (
        ("measured:power_avg", board.average_w, AVERAGE_SHIFT_S),
        ("measured:power_instant", board.instant_w, 0.0),
        ("measured:power_legacy", board.legacy_w, 0.0),
    )
    for label, read, shift_s in rungs:
        power_w = above_zero(read)
        if power_w() is not None:
            return PolledSource(label, power_w, now_s, shift_s=shift_s, scope=scope)
    limit_w = board.limit_w()
    if limit_w is not None and board.utilisation() is not None:
        model = _utilisation_model(board, settings.gpu_idle_w or 0.0, limit_w)
        return PolledSource("estimated:util", model, now_s)
    if settings.gpu_w is not None:
        return ConstantSource("declared", settings.gpu_w, now_s)
    design_w = design_power_w(board.name) or limit_w
    if design_w is not None:
        return ConstantSource("estimated:tdp", ASSUMED_LOAD * design_w, now_s)
    return NoSource()


def _utilisation_model(board: Board, idle_w: float, limit_w: float) -> Callable[[], float | None]:
    """Return watts that rise from idle to the limit with the board's utilisation."""

    def power_w() -> float | None:
        utilisation = board.utilisation()
        return None if utilisation is None else idle_w + utilisation * (limit_w - idle_w)

    return power_w
