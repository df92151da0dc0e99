"""How far off a trial's joules are, by length of the trial and by how they are read.

Run it:  python benchmarks/energy_accuracy.py [--runs 200] [--write]
A simulated board (sensors move every 100 ms at a random phase, instant power sees 25 ms of that)
idles at 75 W and draws 600 and 180 W in turns of random length during the trial. The product's own
agent is held against the true joules, next to what plain readings of the same sensors give; each
meets the same boards and loads. ``--write`` puts the table into docs/energy.md. Time is virtual.
"""

from __future__ import annotations

import argparse
import itertools
import random
from collections.abc import Callable, Sequence

from pages import put

from sweeper.energy.agent import AgentSettings, NodeAgent
from sweeper.energy.board import Assigned, AssignedBoard
from sweeper.testing.fake_board import FakeBoard
from sweeper.testing.scripted_meter import HandClock

LENGTHS_S = (0.3, 1.0, 5.0, 60.0)
IDLE_W, HIGH_W, LOW_W = 75.0, 600.0, 180.0
REST_S = 8.0  # before the trial: the agent learns what the board draws idle
# A thread is never in time; it also keeps samples from locking to the sensor's steps.
LATE_S = 0.02

Reader = Callable[["Run"], float | None]


class Run:
    """One board with one trial, to be read in one way.

    Args:
        length_s: Of the trial.
        seed: Decides phase and load: the same for every way of reading.
        missing: Sensors that the board does not have.
    """

    def __init__(self, length_s: float, seed: int, missing: set[str]) -> None:
        draw = random.Random(seed)
        self.late = random.Random(-1 - seed)
        self.clock = HandClock()
        self.board = FakeBoard(self.clock, watts=IDLE_W, phase_s=draw.uniform(0, 0.1))
        self.board.missing = missing
        self.begins_s = REST_S + draw.uniform(0, 1)
        self.ends_s = self.begins_s + length_s
        at_s, high = self.begins_s, draw.random() < 0.5
        while at_s < self.ends_s:
            self.board.draw(HIGH_W if high else LOW_W, at_s)
            at_s, high = at_s + draw.uniform(0.05, 0.5), not high
        self.board.draw(IDLE_W, self.ends_s)

    @property
    def true_j(self) -> float:
        """Return what the trial used."""
        return self.board.used_j(self.begins_s, self.ends_s)

    def go_to(self, at_s: float) -> None:
        """Let time go by."""
        self.clock.advance(at_s - self.clock())


def two_readings(run: Run) -> float | None:
    """Read the counter at the trial's start and end."""
    run.go_to(run.begins_s)
    before_j = run.board.counter_j()
    run.go_to(run.ends_s)
    return (run.board.counter_j() or 0.0) - (before_j or 0.0)


def sampled_counter(run: Run) -> float | None:
    """Read the counter once a second and interpolate at the edges."""
    samples: list[tuple[float, float]] = []
    for second in range(int(run.ends_s) + 3):
        run.go_to(float(second))
        samples.append((float(second), run.board.counter_j() or 0.0))
    return _interpolated(samples, run.ends_s) - _interpolated(samples, run.begins_s)


def trapezoid(reading: str, period_s: float) -> Reader:
    """Return a reader that integrates the power samples inside the trial as a trapezoid."""

    def read(run: Run) -> float | None:
        samples: list[tuple[float, float]] = []
        at_s = run.begins_s + run.late.uniform(0, period_s)
        while at_s <= run.ends_s:
            run.go_to(at_s)
            samples.append((at_s, getattr(run.board, reading)()))
            at_s += period_s + run.late.uniform(0, LATE_S)
        pairs = itertools.pairwise(samples)
        return sum((t - s) * (v + w) / 2 for (s, v), (t, w) in pairs)

    return read


def agent(run: Run) -> float | None:
    """Let the product's agent measure it."""
    made = NodeAgent(
        lambda gpus: Assigned((AssignedBoard(run.board),)),
        AgentSettings(),
        boards=(run.board,),
        clock=run.clock,
        sleep=lambda elapsed_s: _watch(run, made, run.clock() + elapsed_s),
        threaded=False,
    )
    meter = made.meter("worker", 1)
    meter.begin(["0"], 1.0)
    _watch(run, made, run.begins_s)
    meter.open()
    _watch(run, made, run.ends_s)
    return meter.close().total_j


def _watch(run: Run, made: NodeAgent, until_s: float) -> None:
    """Let time go by, with the agent sampling as its thread would."""
    while True:
        pause_s = max(0.01, made.sample()) + run.late.uniform(0, LATE_S)
        if run.clock() + pause_s >= until_s:
            break
        run.clock.advance(pause_s)
    run.go_to(until_s)


def _interpolated(samples: Sequence[tuple[float, float]], at_s: float) -> float:
    for (s, v), (t, w) in itertools.pairwise(samples):
        if s <= at_s <= t:
            return v + (w - v) * (at_s - s) / (t - s)
    raise ValueError("outside the samples")


NO_COUNTER = {"counter_j"}
INSTANT_ONLY = {"counter_j", "average_w"}
WAYS: tuple[tuple[str, Reader, set[str]], ...] = (
    ("counter, two plain readings", two_readings, set()),
    ("counter, once a second, interpolated", sampled_counter, set()),
    ("**counter, the agent**", agent, set()),
    ("1 s average, trapezoid of samples, 1 Hz", trapezoid("average_w", 1.0), NO_COUNTER),
    ("1 s average, trapezoid of samples, 10 Hz", trapezoid("average_w", 0.1), NO_COUNTER),
    ("**1 s average, the agent**", agent, NO_COUNTER),
    ("instant power, trapezoid of samples, 1 Hz", trapezoid("instant_w", 1.0), INSTANT_ONLY),
    ("instant power, trapezoid of samples, 10 Hz", trapezoid("instant_w", 0.1), INSTANT_ONLY),
    ("**instant power, the agent**", agent, INSTANT_ONLY),
)


def error(reader: Reader, missing: set[str], length_s: float, runs: int) -> str:
    """Return the 95th percentile of the error, in joules and percent."""
    errors: list[tuple[float, float]] = []
    unknown = 0
    for seed in range(runs):
        run = Run(length_s, seed, set(missing))
        said_j = reader(run)
        if said_j is None:
            unknown += 1
        else:
            off_j = abs(said_j - run.true_j)
            errors.append((off_j, off_j / run.true_j))
    if not errors:
        return "null"
    last = min(len(errors) - 1, round(0.95 * len(errors)))
    joules, share = sorted(e[0] for e in errors)[last], sorted(e[1] for e in errors)[last]
    percent = 100 * share
    written = f"{percent:.0f}" if percent >= 10 else f"{percent:.2g}"
    null = f" ({unknown} of {runs} null)" if unknown else ""
    used = f"{joules:,.0f}" if joules >= 100 else f"{joules:.2g}"
    return f"{used} J = {written} %{null}"


def table(runs: int) -> str:
    """Return the table in Markdown."""
    head = "| error, 95th percentile | " + " | ".join(f"{s:g} s" for s in LENGTHS_S) + " |"
    rows = [head, "|---" * (len(LENGTHS_S) + 1) + "|"]
    for name, reader, missing in WAYS:
        cells = [error(reader, missing, length_s, runs) for length_s in LENGTHS_S]
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def main() -> None:
    """Print the table, and write it where it belongs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    text = table(given.runs)
    print(text)
    if given.write:
        put(text, "energy.md", "accuracy")


if __name__ == "__main__":
    main()
