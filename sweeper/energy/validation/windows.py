"""V4 and V5: how well are short trials measured, and does twice the work cost twice the joules?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import correlation, fmean, linear_regression, pstdev

from sweeper.energy.agent import AgentSettings
from sweeper.energy.calls import quantile
from sweeper.energy.validation.bench import Bench, warm
from sweeper.energy.validation.finding import Finding
from sweeper.energy.validation.work import MEDIUM, Load, Work
from sweeper.seams import Meter

__all__ = ["edges_hold", "work_is_linear"]

PLAIN_LIMIT = 0.4  # standard deviation in steps' worth of joules: two edges with random phases
DRIFT = 0.005  # of a long window's energy: boards grow warmer
SETTLED_LIMIT = 0.05
R_SQUARED, INTERCEPT_J = 0.999, 70.0

# Between windows: the counter catches up with the last one, and the phase is another.
_PAUSE_S = 0.3
# The counter may be behind by one step, and the guard, before a settled reading.
_GUARD_S = 0.02
# From this length on a step's worth of joules is small, and the power is that of the load.
_LONG_S = 5.0
# Kernels that are timed to find out how many fill a unit.
_TIMED = 200


@dataclass(frozen=True, slots=True)
class _Window:
    """One trial: its length, two plain readings' difference, and the product's figure.

    ``true_j`` is what the counter went up by when it had surely caught up, without the idle draw
    of that time.
    """

    asked_s: float
    elapsed_s: float
    plain_j: float
    settled_j: float | None
    true_j: float


def edges_hold(bench: Bench, load: Load) -> Finding:
    """V4: many short windows of one load, read plainly and as the product settles them."""
    what = "short windows: plain and settled edges"
    warm(load, MEDIUM)
    agent = bench.agent(AgentSettings(gpu_idle_w=bench.idle_w))
    try:
        meter = agent.meter("windows", load.pid)
        meter.begin([bench.board.uuid], 1.0)
        windows = [
            _window(bench, load, meter, length_s)
            for length_s, repeats in bench.plan.windows
            for _ in range(repeats)
        ]
    finally:
        agent.end()
    known = [window for window in windows if window is not None]
    if len(known) < len(windows):
        return Finding("V4", what, {}, False, "the energy counter cannot be read here")
    return _judged(bench, known, what)


def _window(bench: Bench, load: Load, meter: Meter, length_s: float) -> _Window | None:
    bench.sleep(_PAUSE_S + bench.random.uniform(0, bench.update_s))
    before_j = bench.board.counter_j()
    meter.open()
    load.start(Work(seconds=length_s))
    elapsed_s = load.wait()
    ended_s, after_j = bench.clock(), bench.board.counter_j()
    settled_j = meter.close().total_j
    bench.sleep(bench.update_s + _GUARD_S)
    late_s, late_j = bench.clock() - ended_s, bench.board.counter_j()
    if before_j is None or after_j is None or late_j is None:
        return None
    true_j = late_j - before_j - (bench.idle_w or 0.0) * late_s
    return _Window(length_s, elapsed_s, after_j - before_j, settled_j, true_j)


def _judged(bench: Bench, windows: Sequence[_Window], what: str) -> Finding:
    long = [window for window in windows if window.asked_s >= _LONG_S]
    power_w = fmean(window.true_j / window.elapsed_s for window in long)
    step_j = bench.update_s * power_w
    figures = {"load W": power_w, "a step's worth J": step_j}
    odd: list[str] = []
    for length_s in dict.fromkeys(window.asked_s for window in windows):
        same = [window for window in windows if window.asked_s == length_s]
        spread_j = pstdev([each.plain_j - power_w * each.elapsed_s for each in same])
        figures[f"{length_s:g} s: plain std J"] = spread_j
        drift_j = DRIFT * power_w * length_s if length_s >= _LONG_S else 0.0
        if spread_j > PLAIN_LIMIT * step_j + drift_j:
            odd.append(f"plain readings of {length_s:g} s scatter by more than their edges explain")
        errors = [
            abs(each.settled_j / (power_w * each.elapsed_s) - 1)
            for each in same
            if each.settled_j is not None
        ]
        figures[f"{length_s:g} s: unknown"] = len(same) - len(errors)
        if not errors:
            continue
        figures[f"{length_s:g} s: settled off p95 %"] = quantile(errors, 0.95) * 100
        if length_s >= 1 and quantile(errors, 0.95) > SETTLED_LIMIT:
            odd.append(f"settled trials of {length_s:g} s are off by more than 5 %")
        if length_s >= 1 and len(errors) < len(same):
            odd.append(f"trials of {length_s:g} s are unknown")
    return Finding("V4", what, figures, not odd, "; ".join(odd))


def work_is_linear(bench: Bench, load: Load) -> Finding:
    """V5: n times the same work against its joules, above what the board draws idle anyway."""
    what = "linearity: n times the work"
    warm(load, MEDIUM)
    load.start(Work(kernels=_TIMED))
    unit = max(1, round(bench.plan.unit_s / (load.wait() / _TIMED)))
    joules: list[float] = []
    for count in bench.plan.units:
        used_j = _work_j(bench, load, count * unit)
        if used_j is None:
            return Finding("V5", what, {}, False, "the energy counter cannot be read here")
        joules.append(used_j)
    counts = [float(count) for count in bench.plan.units]
    slope_j, intercept_j = linear_regression(counts, joules)
    r_squared = correlation(counts, joules) ** 2
    figures = {"R²": r_squared, "unit J": slope_j, "intercept J": intercept_j}
    passed = r_squared > R_SQUARED and abs(intercept_j) < INTERCEPT_J
    note = "" if passed else "the same work costs different joules: clocks, heat or a busy board"
    return Finding("V5", what, figures, passed and math.isfinite(slope_j), note)


def _work_j(bench: Bench, load: Load, kernels: int) -> float | None:
    """Return the joules of so many kernels; both edges wait until the counter has caught up."""
    settle_s = bench.update_s + _GUARD_S
    bench.sleep(_PAUSE_S)
    before_j = bench.board.counter_j()
    load.start(Work(kernels=kernels))
    load.wait()
    bench.sleep(settle_s)
    after_j = bench.board.counter_j()
    if before_j is None or after_j is None:
        return None
    return after_j - before_j - (bench.idle_w or 0.0) * settle_s
