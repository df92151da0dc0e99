"""What metering costs: the agent's CPU time, a trial's edges, and the training beside it.

Run it:  python benchmarks/metering_cost.py [--seconds 30] [--repeats 15] [--write]
On the compiled stand-in for NVIDIA's library, with a draw that changes all the time and two
processes on each board: the stand-in's own time is in the figures, a driver's is not. Needs a C
compiler. ``--write`` puts the table into docs/energy.md.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pages import put

from sweeper.testing.fake_nvml import FakeGpus

# Two workers have half of each board, so no edge waits for the sensor. Says what the start took;
# then answers each number of seconds on standard input with what those took.
AGENT = """
import json, os, sys, time
from sweeper.energy.agent import build_agent

count = int(sys.argv[1])
gpus = [str(index) for index in range(count)]
before_s = time.process_time()
agent = build_agent()
meters = [agent.meter("mine", os.getpid()), agent.meter("parent's", os.getppid())]
for meter in meters:
    meter.begin(gpus, 0.5)
    meter.open()
time.sleep(2.0 + count)  # the sensors' periods are measured once, a second for each board
print(json.dumps({"start_s": time.process_time() - before_s}), flush=True)
for line in sys.stdin:
    before_s, begun_s = time.process_time(), time.monotonic()
    time.sleep(float(line))
    share = (time.process_time() - before_s) / (time.monotonic() - begun_s)
    edges_us = []
    for _ in range(40):
        time.sleep(0.12)  # so long that the agent looks at the board again
        begun_s = time.perf_counter()
        meters[0].close()
        meters[0].open()
        edges_us.append((time.perf_counter() - begun_s) * 1e6)
    print(json.dumps({"share": share, "edges_us": sorted(edges_us)[20]}), flush=True)
agent.end()
"""

# The same loop in one process, in turns without an agent and with its thread beside it (--local).
THREAD = """
import json, os, sys, time
from sweeper.energy.agent import build_agent
from metering_cost import spin_s

ratios = []
for _ in range(int(sys.argv[1])):
    time.sleep(2.0)
    alone_s = spin_s()
    agent = build_agent()
    meter = agent.meter("mine", os.getpid())
    meter.begin(["0"], 1.0)
    time.sleep(2.0)
    meter.open()
    ratios.append(spin_s() / alone_s)
    agent.end()
print(json.dumps(ratios))
"""

LOOP = 8_000_000


def spin_s() -> float:
    """Return how long some work of nothing but CPU takes."""
    begun_s = time.perf_counter()
    total = 0
    for number in range(LOOP):
        total += number * number % 7
    return time.perf_counter() - begun_s


@contextmanager
def agent(gpus: FakeGpus) -> Iterator[tuple[Callable[[], dict[str, float]], subprocess.Popen[str]]]:
    """Start an agent in a process of its own; yield a way to hear its next line, and it."""
    with subprocess.Popen(
        [sys.executable, "-c", AGENT, str(gpus.count)],
        env={**os.environ, **gpus.environment()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def hear() -> dict[str, float]:
            assert process.stdout is not None
            told: dict[str, float] = json.loads(process.stdout.readline())
            return told

        try:
            for gpu in range(gpus.count):
                gpus.process(gpu, process.pid, 0.6)
                gpus.process(gpu, os.getpid(), 0.3)
            yield hear, process
        finally:
            process.kill()


def busy_gpus(folder: Path, count: int) -> FakeGpus:
    """Return GPUs whose draw changes about three times a second, for ten minutes."""
    gpus = FakeGpus(folder / str(count), count=count)
    draw, at_s = random.Random(0), gpus.now_s()
    until_s = at_s + 600.0
    while at_s < until_s:
        for gpu in range(count):
            gpus.draw(gpu, draw.uniform(80.0, 600.0), at_s)
        at_s += draw.uniform(0.05, 0.6)
    return gpus


def cost(folder: Path, count: int, seconds: float) -> dict[str, float]:
    """Return the agent's CPU seconds at its start, its share of a core, and what edges take."""
    with agent(busy_gpus(folder, count)) as (hear, process):
        start = hear()
        assert process.stdin is not None
        process.stdin.write(f"{seconds}\n")
        process.stdin.flush()
        return {**start, **hear()}


def beside_a_process(folder: Path, repeats: int) -> list[float]:
    """Return ratios of a loop beside an agent to the same loop while that agent is stopped."""
    ratios = []
    with agent(busy_gpus(folder, 1)) as (hear, process):
        hear()
        for _ in range(repeats):
            process.send_signal(signal.SIGSTOP)
            alone_s = spin_s()
            process.send_signal(signal.SIGCONT)
            ratios.append(spin_s() / alone_s)
    return ratios


def beside_a_thread(folder: Path, repeats: int) -> list[float]:
    """Return ratios of a loop beside an agent's thread to the same loop without one."""
    ran = subprocess.run(
        [sys.executable, "-c", THREAD, str(repeats)],
        env={
            **os.environ,
            **busy_gpus(folder, 1).environment(),
            "PYTHONPATH": str(Path(__file__).parent),
        },
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    ratios: list[float] = json.loads(ran.stdout)
    return ratios


def spread(ratios: Sequence[float]) -> str:
    """Return the median, and the middle half."""
    low, middle, high = statistics.quantiles(ratios, n=4)
    return f"{middle:.3f} ({low:.3f} to {high:.3f})"


def table(seconds: float, repeats: int) -> str:
    """Return the table in Markdown."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        costs = [cost(folder, count, seconds) for count in (1, 8)]
        process, thread = beside_a_process(folder, repeats), beside_a_thread(folder, repeats)
    rows = [
        ("cost of metering, on the stand-in library", "1 GPU", "8 GPUs"),
        ("---", "---", "---"),
        (
            "agent at its default period",
            *(f"{100 * each['share']:.2f} % of a core" for each in costs),
        ),
        ("its start, once", *(f"{each['start_s']:.2f} s of CPU" for each in costs)),
        ("a trial ends and the next begins", *(f"{each['edges_us']:.0f} µs" for each in costs)),
        ("CPU-bound loop, beside the agent's process / alone", spread(process), ""),
        ("CPU-bound loop, beside its thread (--local) / alone", spread(thread), ""),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> None:
    """Print the table, and write it where it belongs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    text = table(given.seconds, given.repeats)
    print(text)
    if given.write:
        put(text, "energy.md", "cost")


if __name__ == "__main__":
    main()
