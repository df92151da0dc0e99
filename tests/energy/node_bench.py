"""A node of simulated boards whose power, processes and time are set by hand, and its agents."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sweeper.energy.agent import AgentSettings, NodeAgent
from sweeper.energy.board import Assigned, AssignedBoard, GpuLost, GpuProcess, ProcessSample
from sweeper.energy.gpu_meter import GpuMeter
from sweeper.energy.owners import Owners
from sweeper.model import Energy
from sweeper.testing.scripted_meter import HandClock

LIMIT_W = 700.0
STRANGER = 666
GIB = 1 << 30
# The driver's ring is small.
MOST_SAMPLES = 64


@dataclass
class HandBoard:
    """A board that draws what it is told; its counter moves every ``period_s``, 0: always.

    ``missing`` are readings that are not there.
    """

    clock: HandClock
    uuid: str = "GPU-1"
    name: str = "Hand GPU"
    scope: str = "gpu"
    period_s: float = 0.0
    sample_s: float = 1 / 8
    epoch_us: int = 1_700_000_000_000_000
    missing: set[str] = field(default_factory=set)
    lost: bool = False
    _times_s: list[float] = field(default_factory=lambda: [0.0])
    _watts: list[float] = field(default_factory=lambda: [0.0])
    _joules: list[float] = field(default_factory=lambda: [0.0])
    _running: dict[int, tuple[float, int]] = field(default_factory=dict)
    _samples: list[ProcessSample] = field(default_factory=list)
    _sampled: int = 0

    def draw(self, watts: float) -> None:
        """Draw so much from now on."""
        self._joules.append(self.used_j(self.clock()))
        self._times_s.append(self.clock())
        self._watts.append(watts)

    def used_j(self, until_s: float) -> float:
        """Return the joules up to a time."""
        step = bisect_right(self._times_s, until_s) - 1
        return self._joules[step] + self._watts[step] * (until_s - self._times_s[step])

    def run(self, pid: int, sm: float = 0.0, memory_bytes: int | None = GIB) -> None:
        """Let a process keep the board busy from now on."""
        self._make_samples()
        self._running[pid] = (sm, memory_bytes or 0)

    def stop(self, pid: int) -> None:
        """A process leaves the board."""
        self._make_samples()
        del self._running[pid]

    def counter_j(self) -> float | None:
        """Return the counter."""
        self._answer("counter")
        if "counter" in self.missing:
            return None
        until_s = self.clock()
        if self.period_s:
            until_s = int(until_s / self.period_s + 1e-9) * self.period_s
        return 1000.0 + self.used_j(until_s)

    def average_w(self) -> float | None:
        """Return the power now: what it was in the second before is no matter here."""
        return self._power_w("average")

    def instant_w(self) -> float | None:
        """Return the power now."""
        return self._power_w("instant")

    def legacy_w(self) -> float | None:
        """Return the power now."""
        return self._power_w("legacy")

    def limit_w(self) -> float | None:
        """Return the limit."""
        self._answer("limit")
        return None if "limit" in self.missing else LIMIT_W

    def utilisation(self) -> float | None:
        """Return the sum of all processes."""
        self._answer("utilisation")
        if "utilisation" in self.missing:
            return None
        return min(1.0, sum(sm for sm, _ in self._running.values()))

    def processes(self) -> tuple[GpuProcess, ...] | None:
        """Return those that run."""
        self._answer("processes")
        if "processes" in self.missing:
            return None
        return tuple(GpuProcess(pid, held or None) for pid, (_, held) in self._running.items())

    def process_utilisation(self, since_us: int) -> tuple[ProcessSample, ...] | None:
        """Return samples of those that were busy."""
        self._answer("samples")
        if "samples" in self.missing:
            return None
        self._make_samples()
        return tuple(sample for sample in self._samples if sample.at_us > since_us)

    def temperature_c(self) -> float | None:
        """Return what one can tell the time by."""
        self._answer("temperature")
        return 40.0 + self.clock()

    def memory_bytes(self) -> int | None:
        """Return 80 GiB."""
        return 80 * GIB

    def _power_w(self, name: str) -> float | None:
        self._answer(name)
        return None if name in self.missing else self._watts[-1]

    def _answer(self, name: str) -> None:
        if self.lost:
            raise GpuLost(name)

    def _make_samples(self) -> None:
        """Sample up to now what has been running since the last change."""
        until = int(self.clock() / self.sample_s + 1e-9)
        for number in range(max(self._sampled, until - 600) + 1, until + 1):
            at_us = self.epoch_us + round(number * self.sample_s * 1e6)
            self._samples += [
                ProcessSample(pid, at_us, sm) for pid, (sm, _) in self._running.items() if sm > 0
            ]
        self._sampled = until
        self._samples = self._samples[-MOST_SAMPLES:]


class NodeBench:
    """Boards, a clock, and a ``/proc`` that is written by hand."""

    gpus: Sequence[str] = ("GPU-1",)

    def __init__(self, root: Path, *, boards: int = 1, watts: float = 300.0) -> None:
        self.clock = HandClock()
        self.proc = root / "proc"
        self.boards = [HandBoard(self.clock, f"GPU-{n + 1}") for n in range(boards)]
        self.gpus = [board.uuid for board in self.boards]
        self.watts = watts
        self.first_namespace = True
        self.flags: tuple[str, ...] = ()
        self.slices: int | None = None
        self._pids = 1000
        for board in self.boards:
            board.draw(watts)
        self.start(1, 0)
        self.start(STRANGER, 1)

    @property
    def board(self) -> HandBoard:
        """Return the first board."""
        return self.boards[0]

    def agent(
        self,
        settings: AgentSettings | None = None,
        *,
        sleep: Callable[[float], None] = lambda seconds: None,
    ) -> NodeAgent:
        """Return an agent that waits for nothing: between trials no time goes by."""
        return NodeAgent(
            self.assigned,
            settings or AgentSettings(gpu_idle_w=0.0),
            boards=self.boards,
            clock=self.clock,
            sleep=sleep,
            threaded=False,
            owners=Owners(self.proc, first_namespace=self.first_namespace),
        )

    def assigned(self, gpus: Sequence[str]) -> Assigned:
        """Find boards by UUID."""
        by_uuid = {board.uuid: board for board in self.boards}
        found = tuple(AssignedBoard(by_uuid[uuid], self.slices) for uuid in gpus)
        return Assigned(found, self.flags)

    def worker(self, agent: NodeAgent, name: str, share: float = 1.0) -> Worker:
        """Return a worker that has begun."""
        pid = self.new_pid()
        meter = agent.meter(name, pid)
        meter.begin(self.gpus, share)
        assert isinstance(meter, GpuMeter)
        return Worker(meter, pid)

    def new_pid(self) -> int:
        """Start the root process of a worker."""
        self._pids += 1
        self.start(self._pids, 1)
        return self._pids

    def start(self, pid: int, parent: int, started: int = 7, state: str = "S") -> None:
        """Let there be a process."""
        folder = self.proc / str(pid)
        folder.mkdir(parents=True, exist_ok=True)
        rest = " ".join(["0"] * 17)
        (folder / "stat").write_text(f"{pid} (a (b) c) {state} {parent} {rest} {started} 0")

    def end(self, pid: int) -> None:
        """Let a process be gone."""
        (self.proc / str(pid) / "stat").unlink()
        (self.proc / str(pid)).rmdir()

    def run_for(self, elapsed_s: float) -> None:
        """Let time go by."""
        self.clock.advance(elapsed_s)

    def power_w(self) -> float:
        """Return the draw of all boards together."""
        return self.watts * len(self.boards)

    def used_j(self) -> float:
        """Return what the boards have used."""
        return sum(board.used_j(self.clock()) for board in self.boards)


@dataclass(frozen=True)
class Worker:
    """A worker's meter and its root process."""

    meter: GpuMeter
    pid: int


def sampled(agent: NodeAgent, clock: HandClock, elapsed_s: float, step_s: float = 0.5) -> None:
    """Let time go by while the agent samples."""
    until_s = clock() + elapsed_s
    while clock() < until_s - 1e-9:
        clock.advance(min(step_s, until_s - clock()))
        agent.sample()


def trial(node: NodeBench, worker: Worker, elapsed_s: float) -> Energy:
    """Run one trial."""
    worker.meter.open()
    node.run_for(elapsed_s)
    return worker.meter.close()
