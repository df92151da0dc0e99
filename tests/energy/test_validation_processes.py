"""V6 and V7 with loads and agents whose figures are given: they pass, and they can fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from sweeper.energy.validation.bench import Bench
from sweeper.energy.validation.cost import metering_is_cheap
from sweeper.energy.validation.plan import QUICK
from sweeper.energy.validation.sharing import sharing_closes
from sweeper.energy.validation.work import Load, Work
from sweeper.model import UNAVAILABLE, Energy, GpuEnergy
from sweeper.seams import Meter
from sweeper.testing.scripted_meter import HandClock

from .simulated import KERNEL_S, simulated_bench

BUSY_W, OVERHEAD_J = 100.0, 10.0


@dataclass
class TimedLoad:
    """Takes so long per kernel, and draws nothing."""

    clock: HandClock
    pid: int
    slowness: Callable[[], float] = lambda: 1.0
    name: str = "timed"
    seconds: float = 0.0

    def start(self, work: Work) -> None:
        """Remember how long it takes."""
        self.seconds = work.kernels * KERNEL_S * self.slowness()

    def wait(self) -> float:
        """Let the time go by."""
        self.clock.advance(self.seconds)
        return self.seconds

    def kill(self) -> None:
        """Not in these tests."""
        raise NotImplementedError

    def close(self) -> None:
        """End it."""


@dataclass
class BookkeepingAgent:
    """Books 100 W for the time of each worker's own load, or something else.

    Attributes:
        lost_j: Joules of the board that are booked to nobody.
        equal: Every worker gets the same instead.
        core: CPU time that it uses, as a share of the time.
    """

    loads: dict[int, TimedLoad]
    clock: HandClock
    flags: tuple[str, ...] = ()
    lost_j: float = 0.0
    equal: bool = False
    core: float = 0.0
    workers: list[int] = field(default_factory=list)

    def meter(self, worker: str, pid: int) -> Meter:
        """Return the worker's meter."""
        self.workers.append(pid)
        return BookkeepingMeter(self, pid)

    def due_j(self, pid: int) -> float:
        """Return what a worker gets."""
        each_j = [BUSY_W * self.loads[worker].seconds for worker in self.workers]
        return sum(each_j) / len(each_j) if self.equal else BUSY_W * self.loads[pid].seconds

    def retire(self, worker: str) -> Energy:
        """Return nothing."""
        return UNAVAILABLE

    def boards(self) -> tuple[GpuEnergy, ...]:
        """Return the one board's books."""
        booked_j = sum(self.due_j(worker) for worker in self.workers)
        device_j = booked_j + OVERHEAD_J + self.lost_j
        return (GpuEnergy("GPU-1", "Fake", OVERHEAD_J, device_j, external_j=0.0),)

    def cpu_s(self) -> float:
        """Return its part of all time."""
        return self.core * self.clock()

    def kill(self) -> None:
        """Not in these tests."""
        raise NotImplementedError

    def end(self) -> None:
        """End."""


@dataclass
class BookkeepingMeter:
    """One worker's."""

    agent: BookkeepingAgent
    pid: int

    def begin(self, gpus: Sequence[str], share: float) -> None:
        """Begin."""

    def open(self) -> None:
        """Open."""

    def read(self) -> float | None:
        """Not in these tests."""
        raise NotImplementedError

    def close(self) -> Energy:
        """Return what the agent booked."""
        used_j = self.agent.due_j(self.pid)
        return Energy(used_j, "measured:counter", "gpu", "sm_util", flags=self.agent.flags)

    def overhead(self) -> Energy:
        """Not in these tests."""
        raise NotImplementedError


def bench_with(
    make: Callable[[dict[int, TimedLoad], HandClock], BookkeepingAgent],
) -> tuple[Bench, HandClock]:
    """Return a bench of timed loads with such agents."""
    bench, _ = simulated_bench(QUICK)
    clock = HandClock()
    loads: dict[int, TimedLoad] = {}

    def start_load() -> Load:
        loads[len(loads)] = TimedLoad(clock, len(loads))
        return loads[len(loads) - 1]

    return (
        replace(
            bench,
            clock=clock,
            sleep=clock.advance,
            start_load=start_load,
            agent=lambda settings: make(loads, clock),
            remote_agent=lambda period_s, idle_w: make(loads, clock),
        ),
        clock,
    )


def test_books_that_close_and_fair_shares_pass() -> None:
    """V6: each process is given what the same work cost alone."""
    bench, _ = bench_with(BookkeepingAgent)
    found = sharing_closes(bench)
    assert found.passed
    assert found.figures["closure %"] == pytest.approx(0, abs=1e-9)
    assert found.figures["4 unlike: share off %"] == pytest.approx(0, abs=1e-9)
    assert found.note == ""


def test_books_that_do_not_close_fail() -> None:
    """V6: joules that nobody has are a failure, however fair the rest."""
    bench, _ = bench_with(lambda loads, clock: BookkeepingAgent(loads, clock, lost_j=2.0))
    found = sharing_closes(bench)
    assert found.passed is False
    assert "the books do not close" in found.note


@pytest.mark.parametrize(
    ("flags", "passed"), [((), False), (("pid_namespace",), True)], ids=["by use", "by booking"]
)
def test_unfair_shares_fail_where_use_was_seen(flags: tuple[str, ...], passed: bool) -> None:
    """V6: equal shares of unlike work are wrong; where use cannot be seen they are told as such."""

    def equal(loads: dict[int, TimedLoad], clock: HandClock) -> BookkeepingAgent:
        return BookkeepingAgent(loads, clock, flags, equal=True)

    bench, _ = bench_with(equal)
    found = sharing_closes(bench)
    assert found.passed is passed
    assert found.figures["2 alike: share off %"] == pytest.approx(0, abs=1e-9)
    assert found.figures["4 unlike: share off %"] > 10
    assert ("cannot be told apart" in found.note) is passed


@pytest.mark.parametrize(
    ("core", "slowdown", "passed"),
    [(0.002, 0.0, True), (0.02, 0.0, False), (0.002, 0.01, False)],
    ids=["cheap", "a busy agent", "a slow load"],
)
def test_metering_must_be_cheap(core: float, slowdown: float, passed: bool) -> None:
    """V7: an agent of 1 % of a core, and one that slows the load down by 0.5 %, fail."""
    metered: list[bool] = [False]

    def agent(loads: dict[int, TimedLoad], clock: HandClock) -> BookkeepingAgent:
        metered[0] = True
        return Metering(loads, clock, core=core, metered=metered)

    bench, clock = bench_with(agent)
    load = TimedLoad(clock, 0, lambda: 1 + slowdown * metered[0])
    found = metering_is_cheap(replace(bench, start_load=lambda: load), load)
    assert found.passed is passed
    assert found.figures["1 Hz: agent % of a core"] == pytest.approx(100 * core)
    assert found.figures["10 Hz: slowdown %"] == pytest.approx(100 * slowdown)


@dataclass
class Metering(BookkeepingAgent):
    """Tells whether it is running."""

    metered: list[bool] = field(default_factory=lambda: [False])

    def meter(self, worker: str, pid: int) -> Meter:
        """Return a meter that says nothing."""
        return SilentMeter(self, pid)

    def end(self) -> None:
        """No longer running."""
        self.metered[0] = False


class SilentMeter(BookkeepingMeter):
    """Has no figure."""

    def close(self) -> Energy:
        """Return nothing."""
        return UNAVAILABLE
