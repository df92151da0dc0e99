"""A board whose power follows a trace that is written by hand, and a way to meter it."""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field

from sweeper.energy.board import GpuLost, GpuProcess, ProcessSample
from sweeper.energy.sources import Source, SourceSettings, Taken, open_source
from sweeper.testing.scripted_meter import HandClock

PERIOD_S = 0.1


@dataclass
class TracedBoard:
    """Power as steps, and the sensors of a recent board; what is in ``missing`` answers None.

    The counter advances in steps; the 1 s average and the instant power (of the last 25 ms) are
    renewed with it. ``watts`` was drawn for ever before time 0.
    """

    clock: HandClock
    watts: float = 70.0
    missing: set[str] = field(default_factory=set)
    limit: float = 700.0
    load: float = 0.5
    counter_gain: float = 1.0
    name: str = "Traced GPU"
    scope: str = "gpu"
    uuid: str = "GPU-1"
    period_s: float = PERIOD_S
    fails: Callable[[str, float], bool] = lambda name, now_s: False
    reset_s: float = math.inf
    stuck_s: float = math.inf
    lost_s: float = math.inf
    before_j: float = 1000.0
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._trace: list[tuple[float, float, float]] = [(-10.0, self.watts, -10.0 * self.watts)]

    def draw(self, watts: float) -> None:
        """Draw so much from now on."""
        now_s = self.clock()
        self._trace.append((now_s, watts, self.used_j(now_s)))

    def used_j(self, until_s: float, from_s: float = 0.0) -> float:
        """Return the joules of a window."""
        return self._total_j(until_s) - self._total_j(from_s)

    def counter_j(self) -> float | None:
        """Return the counter."""
        if not self._answers("counter"):
            return None
        until_s = self._stepped(min(self.clock(), self.stuck_s))
        if until_s >= self.reset_s:
            return self.counter_gain * self.used_j(until_s, self.reset_s)
        return self.before_j + self.counter_gain * self.used_j(until_s)

    def average_w(self) -> float | None:
        """Return the mean of the last second."""
        return self._mean_w("average", 1.0)

    def instant_w(self) -> float | None:
        """Return the mean of the last 25 ms."""
        return self._mean_w("instant", 0.025)

    def legacy_w(self) -> float | None:
        """Return the same as the instant power."""
        return self._mean_w("legacy", 0.025)

    def limit_w(self) -> float | None:
        """Return the limit."""
        return self.limit if self._answers("limit") else None

    def utilisation(self) -> float | None:
        """Return the load."""
        return self.load if self._answers("utilisation") else None

    def processes(self) -> tuple[GpuProcess, ...] | None:
        """Return none."""
        return ()

    def process_utilisation(self, since_us: int) -> tuple[ProcessSample, ...] | None:
        """Return none."""
        return ()

    def temperature_c(self) -> float | None:
        """Return a mild one."""
        return 40.0

    def memory_bytes(self) -> int | None:
        """Return 80 GiB."""
        return 80 << 30

    def _answers(self, name: str) -> bool:
        self.asked.append(name)
        if self.clock() >= self.lost_s:
            raise GpuLost(self.uuid)
        return name not in self.missing and not self.fails(name, self.clock())

    def _mean_w(self, name: str, window_s: float) -> float | None:
        if not self._answers(name):
            return None
        until_s = self._stepped(self.clock())
        return self.used_j(until_s, until_s - window_s) / window_s

    def _stepped(self, now_s: float) -> float:
        return math.floor(now_s / self.period_s + 1e-6) * self.period_s

    def _total_j(self, until_s: float) -> float:
        step = bisect_right(self._trace, until_s, key=lambda entry: entry[0]) - 1
        began_s, watts, before_j = self._trace[max(0, step)]
        return before_j + watts * (until_s - began_s)


class Metered:
    """A source on a traced board, sampled as an agent would: in its period, with jitter."""

    def __init__(
        self, board: TracedBoard, settings: SourceSettings | None = None, *, jitter: float = 0.2
    ) -> None:
        self.board = board
        self.clock = board.clock
        self.source: Source = open_source(board, settings or SourceSettings(), self.clock())
        self._jitter = jitter
        self._random = random.Random(1)
        self._next_s = self.clock()

    def run(self, elapsed_s: float, watts: float | None = None) -> Metered:
        """Let time go by, at this power if it is given."""
        if watts is not None:
            self.board.draw(watts)
        until_s = self.clock() + elapsed_s
        while self._next_s <= until_s:
            self.clock.advance(max(0.0, self._next_s - self.clock()))
            self.source.sample(self.clock())
            jitter = self._random.uniform(1 - self._jitter, 1 + self._jitter)
            self._next_s = self.clock() + self.source.period_s * jitter
        self.clock.advance(until_s - self.clock())
        return self

    def take(self) -> Taken | None:
        """Take what there is now."""
        return self.source.take(self.clock())

    def known(self) -> Taken:
        """Take what there must be now."""
        taken = self.take()
        assert taken is not None, "the board could not be read"
        return taken


def metered(*missing: str, watts: float = 70.0, gpu_w: float | None = None) -> Metered:
    """Return a source on a board that lacks these readings."""
    board = TracedBoard(HandClock(), watts, set(missing))
    return Metered(board, SourceSettings(gpu_w=gpu_w))


def is_said(
    taken: Taken | None, energy_j: float, seen_s: float, *flags: str, rel: float = 1e-6
) -> None:
    """Compare what a source said."""
    assert taken is not None, "the board could not be read"
    assert math.isclose(taken.energy_j, energy_j, rel_tol=rel, abs_tol=1e-6), taken
    assert math.isclose(taken.seen_s, seen_s, rel_tol=rel, abs_tol=1e-6), taken
    assert taken.flags == flags
