"""What an experiment is given, and how it reads a board: polls, integrals, edges.

Owns: the readings behind every figure. They are the raw ones, without the product's own sources
and books, which they are there to check.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sweeper.energy.agent import AgentSettings
from sweeper.energy.board import Board
from sweeper.energy.calls import Call
from sweeper.energy.validation.plan import Plan
from sweeper.energy.validation.work import Load, LoadFactory, Work
from sweeper.seams import Agent

__all__ = [
    "AgentProcess",
    "Bench",
    "Comparison",
    "Sample",
    "compare",
    "edge",
    "held_j",
    "poll",
    "warm",
]

# The 1 s average at a time stands for the second before it (docs/energy.md, "Sources").
AVERAGE_S = 1.0
POLL_S, JITTER = 0.1, 0.2
_EDGE_POLL_S = 0.002
# A counter that has not moved for so long will not give an edge.
_EDGE_LIMIT_S = 1.0


class AgentProcess(Agent, Protocol):
    """An agent in a process of its own."""

    def cpu_s(self) -> float:
        """Return the CPU seconds that the process has used."""

    def kill(self) -> None:
        """End the process as the system does when memory runs out."""


@dataclass(frozen=True)
class Bench:
    """One board, what keeps it busy, what meters it, and a clock.

    Attributes:
        board: Under test.
        start_load: Starts a process that can keep the board busy; raises ``LoadFailed``.
        agent: Builds an agent in this process.
        remote_agent: Builds one in a process of its own: with the period and the idle power.
        plan: How long everything takes.
        clock: Seconds, monotonic.
        sleep: Waits for so many seconds.
        calls: What V0 asks the driver.
        idle_w: Of the board, as V1 measured it; None: not measured.
        update_s: Steps of the counter, as V0 measured them.
        random: For phases and jitter.
    """

    board: Board
    start_load: LoadFactory
    agent: Callable[[AgentSettings], Agent]
    remote_agent: Callable[[float, float | None], AgentProcess]
    plan: Plan
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    calls: Sequence[Call] = ()
    idle_w: float | None = None
    update_s: float = 0.1
    random: random.Random = field(default_factory=lambda: random.Random(0))


@dataclass(frozen=True, slots=True)
class Sample:
    """Power as it was read at one time; None: could not be read."""

    at_s: float
    average_w: float | None
    instant_w: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What three sensors say about one window.

    Attributes:
        elapsed_s: Its length.
        counter_j: The energy counter.
        average_j: The integral of the 1 s average; None: it cannot be read.
        instant_j: The integral of the instant power; None: it cannot be read.
    """

    elapsed_s: float
    counter_j: float
    average_j: float | None
    instant_j: float | None

    def off(self) -> float | None:
        """Return by how much the counter is above the average's integral, as a share of it."""
        return self.counter_j / self.average_j - 1 if self.average_j else None

    def off_instant(self) -> float | None:
        """Return by how much the counter is above the instant power's integral."""
        return self.counter_j / self.instant_j - 1 if self.instant_j else None


def compare(bench: Bench, seconds: float) -> Comparison | None:
    """Watch all three sensors for a while; None: the counter cannot be read.

    The load must have been running for a second before, and run for a second after. Both edges are
    steps of the counter, so that no step is counted in part.
    """
    began = edge(bench)
    samples = poll(bench, until_s=began[0] + seconds) if began else []
    ended = edge(bench)
    if began is None or ended is None:
        return None
    samples += poll(bench, until_s=ended[0] + AVERAGE_S / 2 + POLL_S)
    from_s, to_s = began[0], ended[0]
    averages = [(sample.at_s, sample.average_w) for sample in samples]
    instants = [(sample.at_s, sample.instant_w) for sample in samples]
    shift_s = AVERAGE_S / 2
    return Comparison(
        to_s - from_s,
        ended[1] - began[1],
        held_j(averages, from_s + shift_s, to_s + shift_s),
        held_j(instants, from_s, to_s),
    )


def edge(bench: Bench) -> tuple[float, float] | None:
    """Wait for the counter's next step; return its time and the joules then.

    A counter that stands still is returned as it is; None: it cannot be read.
    """
    first_j = bench.board.counter_j()
    until_s = bench.clock() + _EDGE_LIMIT_S
    while bench.clock() < until_s:
        bench.sleep(_EDGE_POLL_S)
        now_j = bench.board.counter_j()
        if first_j is None or now_j is None:
            return None
        if now_j != first_j:
            return bench.clock(), now_j
    return None if first_j is None else (bench.clock(), first_j)


def poll(bench: Bench, until_s: float) -> list[Sample]:
    """Read the powers about ten times a second; the period is jittered by a fifth."""
    samples = []
    while True:
        now_s = bench.clock()
        samples.append(Sample(now_s, bench.board.average_w(), bench.board.instant_w()))
        if now_s >= until_s:
            return samples
        period_s = POLL_S * bench.random.uniform(1 - JITTER, 1 + JITTER)
        bench.sleep(min(period_s, until_s - now_s))


def held_j(
    samples: Sequence[tuple[float, float | None]], from_s: float, to_s: float
) -> float | None:
    """Integrate power between two times, each sample held until the next; None: nothing was read.

    Args:
        samples: Time and watts, in order; what could not be read is skipped.
        from_s: The first sample after it also stands for the time before that sample.
        to_s: The last sample before it is held until then.
    """
    known = [(at_s, watts) for at_s, watts in samples if watts is not None]
    if not known:
        return None
    total_j = 0.0
    for index, (at_s, watts) in enumerate(known):
        begins_s = from_s if index == 0 else max(from_s, at_s)
        ends_s = to_s if index + 1 == len(known) else min(to_s, known[index + 1][0])
        total_j += watts * max(0.0, ends_s - begins_s)
    return total_j


def warm(load: Load, *sizes: int) -> Load:
    """Run kernels of these sizes once: the first ones load libraries and take memory."""
    for size in sizes:
        load.start(Work(kernels=1, size=size))
        load.wait()
    return load
