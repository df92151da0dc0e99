"""V7: what does metering cost, and does it slow the GPU's work down?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean, median

from sweeper.energy.validation.bench import Bench, warm
from sweeper.energy.validation.finding import Finding
from sweeper.energy.validation.work import MEDIUM, Load, Work

__all__ = ["metering_is_cheap"]

SLOWDOWN_LIMIT, CORE_LIMIT = 0.005, 0.01

# The default period, and a tenth of it; None: no agent.
_PERIODS_S: Mapping[str, float | None] = {"off": None, "1 Hz": 1.0, "10 Hz": 0.1}
# The agent watches the sensor closely in its first second.
_START_S = 1.2
_TIMED = 200


@dataclass(frozen=True, slots=True)
class _Run:
    """The same work once: how long it took, and the agent's CPU time as a share of a core."""

    elapsed_s: float
    core: float | None


def metering_is_cheap(bench: Bench, load: Load) -> Finding:
    """V7: the same work with the agent off, at its usual period and at a tenth of it, in turn."""
    what = "cost of metering"
    warm(load, MEDIUM)
    load.start(Work(kernels=_TIMED))
    kernels = max(1, round(bench.plan.cost_s / (load.wait() / _TIMED)))
    runs: dict[str, list[_Run]] = {name: [] for name in _PERIODS_S}
    for _ in range(bench.plan.cost_repeats):
        for name, period_s in _PERIODS_S.items():
            runs[name].append(_run(bench, load, kernels, period_s))
    off_s = median(run.elapsed_s for run in runs["off"])
    figures: dict[str, float] = {"work s": off_s}
    for name in ("1 Hz", "10 Hz"):
        slowdown = median(run.elapsed_s for run in runs[name]) / off_s - 1
        figures[f"{name}: slowdown %"] = slowdown * 100
        figures[f"{name}: agent % of a core"] = 100 * fmean(run.core or 0.0 for run in runs[name])
    slow = figures["1 Hz: slowdown %"] >= 100 * SLOWDOWN_LIMIT
    dear = figures["1 Hz: agent % of a core"] >= 100 * CORE_LIMIT
    odd = ["the work is slowed down"] * slow + ["the agent needs 1 % of a core or more"] * dear
    return Finding("V7", what, figures, not odd, "; ".join(odd))


def _run(bench: Bench, load: Load, kernels: int, period_s: float | None) -> _Run:
    if period_s is None:
        load.start(Work(kernels=kernels))
        return _Run(load.wait(), None)
    agent = bench.remote_agent(period_s, bench.idle_w)
    try:
        meter = agent.meter("cost", load.pid)
        meter.begin([bench.board.uuid], 1.0)
        bench.sleep(_START_S)
        meter.open()
        before_s, started_s = agent.cpu_s(), bench.clock()
        load.start(Work(kernels=kernels))
        elapsed_s = load.wait()
        core = (agent.cpu_s() - before_s) / (bench.clock() - started_s)
        meter.close()
    finally:
        agent.end()
    return _Run(elapsed_s, core)
