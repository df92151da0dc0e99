"""A GPU of pure Python: its sensors follow a draw that is set by hand, on a clock set by hand.

The same physics as the fake library's (``fake_nvml/sensors.c``), for tests that need no pynvml and
no second process. Imports the words of boards only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from sweeper.energy.board import GpuLost, GpuProcess, ProcessSample
from sweeper.testing.steps import Steps

__all__ = ["READINGS", "FakeBoard"]

# What ``missing`` may name.
READINGS = frozenset(
    {
        "counter_j",
        "average_w",
        "instant_w",
        "legacy_w",
        "limit_w",
        "utilisation",
        "processes",
        "process_utilisation",
        "temperature_c",
        "memory_bytes",
    }
)

AVERAGE_S = 1.0
# The driver samples its processes six times a second and keeps the last ten seconds (nvml.h gives
# 1/6 s to 1 s for the period of a sample).
SAMPLE_S, SAMPLES_KEPT = 1 / 6, 60

# For 0.3 / 0.1, which is less than 3.
_ROUNDING = 1e-6


@dataclass
class _Process:
    """One process on the board: whether it has a context, and its share of busy time."""

    memory_bytes: int | None
    there: Steps = field(default_factory=Steps)
    sm: Steps = field(default_factory=Steps)


@dataclass
class FakeBoard:
    """A board that draws what it is told; implements ``energy.board.Board``.

    Attributes:
        clock: Seconds.
        watts: Drawn until ``draw`` says something else, and for ever before.
        period_s: Steps in which counter and power readings move; 0: always.
        phase_s: The time of one of these steps.
        window_s: How long before its step instant power looks.
        legacy_instant: What ``legacy_w`` is: instant power, else the 1 s average.
        gain: Multiplies counter and power readings.
        counter_gain: Multiplies the counter alone.
        before_j: What the counter says at 0 s, where it begins.
        stuck_s: From when on the counter stands still.
        reset_s: When the counter goes back to 0.
        lost_s: From when on the board is lost.
        limit: Power limit in watts.
        memory: Bytes of the board.
        temperature: Degrees Celsius.
        epoch_us: What the wall clock of ``process_utilisation`` says at 0 s.
        missing: Names of readings that are not there; may be changed at any time.
        scope: What the readings cover, ``gpu`` or ``module``.
    """

    clock: Callable[[], float]
    watts: float = 75.0
    uuid: str = "GPU-1"
    name: str = "Fake GPU"
    period_s: float = 0.1
    phase_s: float = 0.0
    window_s: float = 0.025
    legacy_instant: bool = False
    gain: float = 1.0
    counter_gain: float = 1.0
    before_j: float = 1000.0
    stuck_s: float = math.inf
    reset_s: float = math.inf
    lost_s: float = math.inf
    limit: float = 700.0
    memory: int = 80 << 30
    temperature: float = 40.0
    epoch_us: int = 1_700_000_000_000_000
    missing: set[str] = field(default_factory=set)
    scope: str = "gpu"
    _power: Steps = field(init=False, repr=False)
    _on_board: dict[int, _Process] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self._power = Steps(self.watts)

    def draw(self, watts: float, at_s: float | None = None) -> None:
        """Draw so much from now on, or from another time on."""
        self._power.set(self.clock() if at_s is None else at_s, watts)

    def run(self, pid: int, sm: float = 0.0, memory_bytes: int | None = 1 << 30) -> None:
        """Let a process keep the board busy from now on, a share ``sm`` of the time."""
        process = self._on_board.setdefault(pid, _Process(memory_bytes))
        process.memory_bytes = memory_bytes
        process.there.set(self.clock(), 1.0)
        process.sm.set(self.clock(), sm)

    def stop(self, pid: int) -> None:
        """Let a process leave the board.

        Raises:
            KeyError: If it never was there.
        """
        self._on_board[pid].there.set(self.clock(), 0.0)
        self._on_board[pid].sm.set(self.clock(), 0.0)

    def used_j(self, from_s: float = 0.0, to_s: float | None = None) -> float:
        """Return the joules that were drawn between two times, exactly; up to now without one."""
        return self._power.integral(from_s, self.clock() if to_s is None else to_s)

    def counter_j(self) -> float | None:
        """Return the counter."""
        if not self._has("counter_j"):
            return None
        # After a reset the steps begin anew, as in the library.
        since_s, before_j = (0.0, self.before_j)
        if self.clock() >= self.reset_s:
            since_s, before_j = (self.reset_s, 0.0)
        until_s = max(since_s, min(self._moved_s(since_s + self.phase_s), self.stuck_s))
        return before_j + self.gain * self.counter_gain * self._power.integral(since_s, until_s)

    def average_w(self) -> float | None:
        """Return the mean of the second before the last step."""
        return self._mean_w(AVERAGE_S) if self._has("average_w") else None

    def instant_w(self) -> float | None:
        """Return the mean of the window before the last step."""
        return self._mean_w(self.window_s) if self._has("instant_w") else None

    def legacy_w(self) -> float | None:
        """Return one of both."""
        if not self._has("legacy_w"):
            return None
        return self._mean_w(self.window_s if self.legacy_instant else AVERAGE_S)

    def limit_w(self) -> float | None:
        """Return the power limit."""
        return self.limit if self._has("limit_w") else None

    def utilisation(self) -> float | None:
        """Return what its processes' shares sum to now, at most 1."""
        if not self._has("utilisation"):
            return None
        return min(1.0, sum(each.sm.at(self.clock()) for each in self._on_board.values()))

    def processes(self) -> tuple[GpuProcess, ...] | None:
        """Return those that are there now."""
        if not self._has("processes"):
            return None
        return tuple(
            GpuProcess(pid, process.memory_bytes)
            for pid, process in self._on_board.items()
            if process.there.at(self.clock())
        )

    def process_utilisation(self, since_us: int) -> tuple[ProcessSample, ...] | None:
        """Return the kept samples that are newer, of every process that was there."""
        if not self._has("process_utilisation"):
            return None
        last = math.floor(self.clock() / SAMPLE_S + _ROUNDING)
        ends = [(each - 1, each) for each in range(max(1, last - SAMPLES_KEPT + 1), last + 1)]
        return tuple(
            sample
            for begin, end in ends
            if self._stamp_us(end) > since_us
            for sample in self._samples(begin, end)
        )

    def temperature_c(self) -> float | None:
        """Return the temperature."""
        return self.temperature if self._has("temperature_c") else None

    def memory_bytes(self) -> int | None:
        """Return the size of the memory."""
        return self.memory if self._has("memory_bytes") else None

    def _has(self, reading: str) -> bool:
        """Tell whether there is such a reading; raise where the board is lost."""
        unknown = self.missing - READINGS
        assert not unknown, f"missing names {sorted(unknown)}, readings are {sorted(READINGS)}"
        if self.clock() >= self.lost_s:
            raise GpuLost(f"{self.uuid} fell off the bus")
        return reading not in self.missing

    def _moved_s(self, one_step_s: float) -> float:
        """Return the last time up to now at which the sensors moved."""
        if self.period_s <= 0:
            return self.clock()
        steps = math.floor((self.clock() - one_step_s) / self.period_s + _ROUNDING)
        return one_step_s + steps * self.period_s

    def _mean_w(self, length_s: float) -> float:
        until_s = self._moved_s(self.phase_s)
        return self.gain * self._power.integral(until_s - length_s, until_s) / length_s

    def _stamp_us(self, sample: int) -> int:
        return self.epoch_us + round(sample * SAMPLE_S * 1e6)

    def _samples(self, begin: int, end: int) -> list[ProcessSample]:
        span_s = (begin * SAMPLE_S, end * SAMPLE_S)
        return [
            ProcessSample(pid, self._stamp_us(end), process.sm.integral(*span_s) / SAMPLE_S)
            for pid, process in self._on_board.items()
            if process.there.integral(*span_s) > 0
        ]
