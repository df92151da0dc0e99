"""The whole protocol on the fake library; test_validation_on_fake.py runs this where it is found.

Prints the findings as JSON. The first seven experiments run in virtual time, the two that kill or
time processes in real time. Loads write the power that they draw into the library's trace.
"""

from __future__ import annotations

import heapq
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from sweeper.energy.agent import AgentSettings, NodeAgent
from sweeper.energy.nvml import Nvml
from sweeper.energy.nvml_calls import board_calls
from sweeper.energy.validation.bench import Bench
from sweeper.energy.validation.plan import FULL
from sweeper.energy.validation.protocol import EXPERIMENTS, bench_of, experiments
from sweeper.energy.validation.work import LARGE, MEDIUM, SMALL, Work
from sweeper.seams import Agent

IDLE_W = 75.0
KERNEL_S = 0.002
# A kernel's watts and its share of the multiprocessors: in proportion, so shares can be foreseen.
WATTS = {LARGE: 200.0, MEDIUM: 160.0, SMALL: 80.0}
SM = {LARGE: 50, MEDIUM: 40, SMALL: 20}

PLAN = replace(
    FULL,
    calls=20,
    watch_s=1.0,
    windows=((0.05, 5), (0.2, 5), (1.0, 5), (10.0, 2)),
    cost_s=0.2,
    cost_repeats=1,
    kill_s=0.6,
)
REAL_TIME = ("V7", "V8")


@dataclass
class Station:
    """What all loads draw together, written into the library's files as time goes by."""

    clock: Callable[[], float]
    wait_until: Callable[[float], None]
    folder: Path
    drawn: dict[int, int] = field(default_factory=dict)  # pid -> size of its kernel
    events: list[tuple[float, int, int]] = field(default_factory=list)  # time, pid, size or 0

    def __post_init__(self) -> None:
        self.write("trace", f"0 0 {IDLE_W}")

    def write(self, file: str, line: str) -> None:
        """Append a line to one of the library's files."""
        with (self.folder / file).open("a") as opened:
            opened.write(line + "\n")

    def plan(self, at_s: float, pid: int, size: int) -> None:
        """Let a load draw this from a time on; 0: nothing."""
        heapq.heappush(self.events, (at_s, pid, size))

    def forget(self, pid: int) -> None:
        """A load is gone, with all that it was to do."""
        self.events = [event for event in self.events if event[1] != pid]
        heapq.heapify(self.events)
        self.drawn.pop(pid, None)
        self.tell(self.clock())
        self.write("processes", f"{self.clock()} 0 {pid} -1 0")

    def run_until(self, until_s: float) -> None:
        """Let time go by, and loads begin and end in it."""
        while self.events and self.events[0][0] <= until_s:
            at_s, pid, size = heapq.heappop(self.events)
            self.wait_until(at_s)
            at_s = max(at_s, self.clock())
            self.drawn[pid] = size
            self.tell(at_s)
            self.write("processes", f"{at_s} 0 {pid} {SM.get(size, 0)} 500")
        self.wait_until(until_s)

    def sleep(self, seconds: float) -> None:
        """Let so much time go by."""
        self.run_until(self.clock() + seconds)

    def tell(self, at_s: float) -> None:
        """Write what the board draws from now on."""
        watts = IDLE_W + sum(WATTS.get(size, 0.0) for size in self.drawn.values())
        self.write("trace", f"{at_s} 0 {watts}")


class StationLoad:
    """A load with a real process, so that it has a pid and can be killed, but no GPU."""

    name = "station"

    def __init__(self, station: Station) -> None:
        self._station = station
        self._process = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
        )
        self.pid = self._process.pid
        self._from_s = self._to_s = 0.0
        station.write("processes", f"{station.clock()} 0 {self.pid} 0 500")

    def start(self, work: Work) -> None:
        """Plan what the board draws for it."""
        self._from_s = at_s = self._station.clock()
        seconds = work.kernels * KERNEL_S if work.kernels else work.seconds
        period_s = work.period_s or seconds
        self._to_s = at_s + seconds
        while at_s < self._to_s - 1e-9:
            self._station.plan(at_s, self.pid, work.size)
            self._station.plan(min(at_s + work.duty * period_s, self._to_s), self.pid, 0)
            at_s += period_s
        self._station.run_until(self._from_s)

    def wait(self) -> float:
        """Let time go by until it is done."""
        self._station.run_until(max(self._to_s, self._station.clock()))
        return self._to_s - self._from_s

    def kill(self) -> None:
        """End its process."""
        self._process.kill()
        self._process.wait()
        self._station.forget(self.pid)

    def close(self) -> None:
        """End its process; may be called twice."""
        if self._process.poll() is None:
            self.kill()
        if self._process.stdin is not None:
            self._process.stdin.close()


class VirtualTime:
    """A clock in a file, which the library reads, and the agents that sample by it."""

    STEP_S = 0.1

    def __init__(self, file: Path) -> None:
        self._file = file
        self._now_s = 0.0
        self.agents: list[NodeAgent] = []
        self.wait_until(1.0)

    def __call__(self) -> float:
        """Return the time."""
        return self._now_s

    def wait_until(self, until_s: float) -> None:
        """Let time go by; agents sample every 0.1 s of it."""
        while self._now_s < until_s:
            self._now_s = min(until_s, self._now_s + self.STEP_S)
            self._file.write_text(repr(self._now_s))
            for agent in self.agents:
                agent.sample()


def virtual_bench(folder: Path) -> Bench:
    """Return a bench whose time goes by at once."""
    virtual = VirtualTime(folder / "clock")
    station = Station(virtual, virtual.wait_until, folder)
    nvml = Nvml()

    def agent(settings: AgentSettings) -> Agent:
        # Its own waiting must not sample it again: it may hold its lock.
        made = NodeAgent(
            nvml.assigned, settings, clock=virtual, sleep=station.sleep, threaded=False
        )
        virtual.agents[:] = [made]
        return made

    board = nvml.assigned(["0"]).boards[0].board
    real = bench_of(board, PLAN, "auto")
    return replace(
        real,
        start_load=lambda: StationLoad(station),
        agent=agent,
        clock=virtual,
        sleep=station.sleep,
        calls=board_calls(board.uuid),
        random=random.Random(1),
    )


def real_bench(folder: Path) -> Bench:
    """Return a bench in real time, whose loads only write what they would draw."""

    def wait_until(until_s: float) -> None:
        time.sleep(max(0.0, until_s - time.monotonic()))

    station = Station(time.monotonic, wait_until, folder)
    real = bench_of(Nvml().assigned(["0"]).boards[0].board, PLAN, "auto")
    return replace(
        real, start_load=lambda: StationLoad(station), sleep=station.sleep, idle_w=IDLE_W
    )


def main(which: str, folder: Path) -> None:
    """Run one half of the protocol and print what it found."""
    os.environ["FAKE_NVML_TRACE"] = str(folder / "trace")
    os.environ["FAKE_NVML_PROCESSES"] = str(folder / "processes")
    (folder / "processes").touch()
    if which == "virtual":
        os.environ["FAKE_NVML_CLOCK"] = str(folder / "clock")
        bench = virtual_bench(folder)
    else:
        bench = real_bench(folder)
    chosen = [each for each in EXPERIMENTS if (each.id in REAL_TIME) == (which == "real")]
    found = experiments(bench, chosen, lambda line: None)
    print(json.dumps([asdict(finding) for finding in found]))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
