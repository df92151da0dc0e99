from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from sweeper.energy.board import Assigned
from sweeper.energy.books import At
from sweeper.energy.cpu_load import LoadBook, ProcessTree, machine_busy_s
from sweeper.energy.meter import MeterSettings, build_meter
from sweeper.testing.scripted_meter import HandClock

from .fakes import FakeCpu, meter_on

BURN = """
import sys, time
while time.process_time() < float(sys.argv[1]):
    pass
print("done", flush=True)
sys.stdin.read()
"""

START_AND_WAIT_FOR_BURN = """
import subprocess, sys
subprocess.run([sys.executable, "-c", sys.argv[2], sys.argv[1]], stdin=subprocess.DEVNULL)
sys.stdin.read()
"""


def burn(cpu_s: float, *, in_grandchild: bool = False) -> subprocess.Popen[bytes]:
    """Start a process that has burnt this much CPU time when it is returned, and waits."""
    arguments = [START_AND_WAIT_FOR_BURN, str(cpu_s), BURN] if in_grandchild else [BURN, str(cpu_s)]
    process = subprocess.Popen(
        [sys.executable, "-c", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    """Let a process end and wait for it."""
    process.communicate(timeout=30)


@pytest.mark.parametrize("in_grandchild", [False, True], ids=["child", "grandchild that ended"])
def test_descendants_count_while_they_live_and_after(in_grandchild: bool) -> None:
    """A trial's subprocess is part of the trial, and its end neither adds nor loses CPU time."""
    tree = ProcessTree()
    before_s = tree(At.EDGE)
    child = burn(0.3, in_grandchild=in_grandchild)
    alive_s = tree(At.EDGE) - before_s
    end(child)
    ended_s = tree(At.EDGE) - before_s
    assert alive_s >= 0.25
    assert alive_s - 0.05 <= ended_s <= alive_s + 0.25


def test_a_child_that_ended_since_the_last_look_is_counted_once() -> None:
    """Between two looks at the process list a child's time moves to its parent, uncounted twice."""
    clock = HandClock()  # stands still: inside an account nobody looks for children again
    tree = ProcessTree(clock)
    child = burn(0.3)
    with_child_s = tree(At.EDGE)
    end(child)
    assert with_child_s - 0.05 <= tree(At.INSIDE) <= with_child_s + 0.25


def test_an_estimate_is_cpu_seconds_times_watts(tmp_path: Path) -> None:
    """Two busy cores for 10 s at 12 W are 240 J, labelled as an estimate and not bounded."""
    cpu = FakeCpu(HandClock(), tmp_path, cores=2.0)
    meter = meter_on(Assigned(), cpu)
    meter.begin([], 1.0)
    meter.open()
    cpu.clock.advance(10.0)
    energy = meter.close()
    assert energy.total_j == pytest.approx(240.0)
    assert (energy.source, energy.scope, energy.attribution) == (
        "estimated:cpu_load",
        "cpu",
        "cpu_time",
    )
    assert (energy.lo_j, energy.hi_j) == (None, None)


def test_cpu_time_that_falls_is_never_negative_energy() -> None:
    """An orphaned child takes its time along; what comes after is counted from there."""
    seconds = iter([100.0, 40.0, 41.0])
    book = LoadBook(lambda at: next(seconds), 10.0, 0.0)
    book.tick(1.0, At.EDGE)
    assert book.used.share_j == 0.0
    book.tick(2.0, At.EDGE)
    assert book.used.share_j == 10.0


def test_the_machine_is_busier_than_this_process() -> None:
    """Busy time of the machine counts the same seconds as that of a process."""
    tree, before_s = ProcessTree(), machine_busy_s()
    tree_before_s = tree(At.EDGE)
    end(burn(0.3))
    tree_s = tree(At.EDGE) - tree_before_s
    assert machine_busy_s() - before_s >= tree_s - 0.1


def test_reading_costs_less_than_two_milliseconds(tmp_path: Path) -> None:
    """A trial that reports often is not slowed down: the median of 200 reads, with a child."""
    meter = build_meter(MeterSettings(), powercap=tmp_path)
    meter.begin([], 1.0)
    meter.open()
    child = burn(0.0)
    costs_s = []
    for _ in range(200):
        started_s = time.perf_counter()
        meter.read()
        costs_s.append(time.perf_counter() - started_s)
    end(child)
    assert sorted(costs_s)[100] < 0.002
