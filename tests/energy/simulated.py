"""A board whose power is known at every time, past and to come, and loads that set it."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sweeper.energy.agent import AgentSettings
from sweeper.energy.board import GpuProcess, ProcessSample
from sweeper.energy.validation.bench import AgentProcess, Bench
from sweeper.energy.validation.plan import Plan
from sweeper.energy.validation.work import Load, Work
from sweeper.model import UNAVAILABLE, Energy, GpuEnergy
from sweeper.seams import Agent, Meter
from sweeper.testing.scripted_meter import HandClock

IDLE_W, BUSY_W = 75.0, 475.0
PERIOD_S, WINDOW_S = 0.1, 0.025
KERNEL_S = 0.001


@dataclass
class SimulatedBoard:
    """Power as steps; the sensors of a recent board, or worse ones.

    ``part_time``: the counter is fed by instant power, which sees the last 25 ms of every 100 ms.
    """

    clock: HandClock
    counter_gain: float = 1.0
    part_time: bool = False
    averages: bool = True
    counts: bool = True
    uuid: str = "GPU-1"
    name: str = "Simulated GPU"
    scope: str = "gpu"
    _times_s: list[float] = field(default_factory=lambda: [0.0])
    _watts: list[float] = field(default_factory=lambda: [IDLE_W])
    _joules: list[float] = field(default_factory=lambda: [0.0])
    _part_time_j: list[float] = field(default_factory=lambda: [0.0])

    def draw(self, at_s: float, watts: float) -> None:
        """Draw so much from then on."""
        self._joules.append(self.used_j(at_s))
        self._times_s.append(at_s)
        self._watts.append(watts)

    def used_j(self, until_s: float) -> float:
        """Return the joules up to a time."""
        step = bisect_right(self._times_s, until_s) - 1
        return self._joules[step] + self._watts[step] * (until_s - self._times_s[step])

    def counter_j(self) -> float | None:
        """Return the counter, which moves every 0.1 s."""
        if not self.counts:
            return None
        steps = int(self.clock() / PERIOD_S + 1e-9)
        if not self.part_time:
            return self.counter_gain * self.used_j(steps * PERIOD_S)
        while len(self._part_time_j) <= steps:
            end_s = len(self._part_time_j) * PERIOD_S
            self._part_time_j.append(self._part_time_j[-1] + PERIOD_S * self._mean_w(end_s))
        return self._part_time_j[steps]

    def average_w(self) -> float | None:
        """Return the mean of the last second before the last step."""
        if not self.averages:
            return None
        until_s = int(self.clock() / PERIOD_S + 1e-9) * PERIOD_S
        return self._mean_w(until_s, 1.0)

    def instant_w(self) -> float | None:
        """Return the mean of the 25 ms before the last step."""
        return self._mean_w(int(self.clock() / PERIOD_S + 1e-9) * PERIOD_S)

    def legacy_w(self) -> float | None:
        """Return the average."""
        return self.average_w()

    def limit_w(self) -> float | None:
        """Return 700 W."""
        return 700.0

    def utilisation(self) -> float | None:
        """Return whether it is busy."""
        return float(self._watts[-1] > IDLE_W)

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

    def _mean_w(self, until_s: float, window_s: float = WINDOW_S) -> float:
        from_s = max(0.0, until_s - window_s)
        if until_s <= from_s:
            return IDLE_W
        return (self.used_j(until_s) - self.used_j(from_s)) / (until_s - from_s)


@dataclass
class SimulatedLoad:
    """Writes the power that its work will draw; waiting for it moves the clock to its end."""

    board: SimulatedBoard
    clock: HandClock
    pid: int = 4711
    name: str = "simulated"
    heat: float = 0.0  # more watts for each second of work
    _started_s: float = 0.0
    _ends_s: float = 0.0

    def start(self, work: Work) -> None:
        """Draw power from now until the work is done."""
        self._started_s = now_s = self.clock()
        seconds = work.kernels * KERNEL_S if work.kernels else work.seconds
        period_s = work.period_s or seconds
        self._ends_s = now_s + seconds
        while now_s < self._ends_s - 1e-9:
            busy_s = work.duty * period_s
            self.board.draw(now_s, BUSY_W + self.heat * seconds)
            self.board.draw(min(now_s + busy_s, self._ends_s), IDLE_W)
            now_s += period_s

    def wait(self) -> float:
        """Let the time of the work go by."""
        self.clock.advance(max(0.0, self._ends_s - self.clock()))
        return self._ends_s - self._started_s

    def kill(self) -> None:
        """Not in these tests."""
        raise NotImplementedError

    def close(self) -> None:
        """End it."""


class PlainAgent:
    """Meters one worker by the counter; settles its edges, or does not."""

    def __init__(self, board: SimulatedBoard, idle_w: float | None, *, settles: bool) -> None:
        self._board = board
        self._idle_w = idle_w or 0.0
        self._settles = settles
        self._opened_j = 0.0

    def meter(self, worker: str, pid: int) -> Meter:
        """Return itself: there is one worker."""
        return self

    def begin(self, gpus: Sequence[str], share: float) -> None:
        """Begin."""

    def open(self) -> None:
        """Remember the counter."""
        self._opened_j = self._board.counter_j() or 0.0

    def read(self) -> float | None:
        """Not in these tests."""
        raise NotImplementedError

    def close(self) -> Energy:
        """Return what the counter went up by, after it has caught up."""
        settle_s = PERIOD_S + 0.02 if self._settles else 0.0
        self._board.clock.advance(settle_s)
        used_j = (self._board.counter_j() or 0.0) - self._opened_j - self._idle_w * settle_s
        return Energy(used_j, "measured:counter", "gpu")

    def overhead(self) -> Energy:
        """Not in these tests."""
        raise NotImplementedError

    def retire(self, worker: str) -> Energy:
        """Return nothing."""
        return UNAVAILABLE

    def boards(self) -> tuple[GpuEnergy, ...]:
        """Return nothing."""
        return ()

    def end(self) -> None:
        """End."""


def simulated_bench(
    plan: Plan,
    *,
    board: SimulatedBoard | None = None,
    load: Callable[[SimulatedBoard, HandClock], Load] = SimulatedLoad,
    settles: bool = True,
) -> tuple[Bench, Load]:
    """Return a bench whose hours are over at once, and its load."""
    clock = HandClock() if board is None else board.clock
    board = board or SimulatedBoard(clock)
    clock.advance(2.03)

    def agent(settings: AgentSettings) -> Agent:
        return PlainAgent(board, settings.gpu_idle_w, settles=settles)

    def no_remote_agent(period_s: float, gpu_idle_w: float | None) -> AgentProcess:
        raise NotImplementedError

    made = load(board, clock)
    bench = Bench(
        board=board,
        start_load=lambda: made,
        agent=agent,
        remote_agent=no_remote_agent,
        plan=plan,
        clock=clock,
        sleep=clock.advance,
        idle_w=IDLE_W,
        random=random.Random(1),
    )
    return bench, made
