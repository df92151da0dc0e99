"""V0 to V3: do the board's own sensors agree with each other?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from statistics import median

from sweeper.energy.calls import answer
from sweeper.energy.validation.bench import Bench, Comparison, compare, warm
from sweeper.energy.validation.finding import Finding, skipped
from sweeper.energy.validation.work import MEDIUM, Load, Work

__all__ = ["calls_and_periods", "idle_agrees", "steady_agrees", "waves_agree"]

# What was seen on most boards of Yang et al. 2024 (SC24, arXiv 2312.02741).
PERIOD_S, PERIOD_TOLERANCE_S = 0.1, 0.02
LATENCY_LIMIT_S = 0.005
IDLE_LIMIT, WAVE_LIMIT, STEADY_LIMIT = 0.03, 0.015, 0.01

_WATCH_POLL_S = 0.002
# The 1 s average, and the boost clocks, need so long to be those of the load.
_SETTLE_S = 1.5
# And it goes on for so long, until the shifted average has seen the window's end.
_AFTER_S = 1.2

_NO_COUNTER = "the energy counter cannot be read here"
_NO_AVERAGE = "the 1 s average cannot be read here: nothing to hold the counter against"


def calls_and_periods(bench: Bench) -> Finding:
    """V0: ask every call many times, and watch the sensors for their steps, under load if any."""
    what = "calls and update periods"
    answers = [answer(call, bench.plan.calls, bench.clock) for call in bench.calls]
    worst_s = max((call.p99_s for call in answers if call.reason is None), default=0.0)
    figures = {"slowest call p99 ms": worst_s * 1e3}
    refused = sum(call.reason is not None for call in answers)
    if answers:
        figures["calls refused"] = refused
    odd = []
    for name, period_s in update_periods(bench).items():
        if period_s is None:
            continue
        figures[f"{name} period ms"] = period_s * 1e3
        if name != "average" and abs(period_s - PERIOD_S) > PERIOD_TOLERANCE_S:
            odd.append(f"the {name} moves every {period_s * 1e3:.0f} ms, not every 100 ± 20 ms")
    if worst_s >= LATENCY_LIMIT_S:
        odd.append("a call takes 5 ms or longer")
    if bench.board.counter_j() is None:
        return Finding("V0", what, figures, False, _NO_COUNTER)
    note = "; ".join(odd) + ": edges of trials are wider than documented" if odd else ""
    return Finding("V0", what, figures, not odd, note)


def update_periods(bench: Bench) -> dict[str, float | None]:
    """Return the median time between changes of each sensor; None: fewer than three changes."""
    readings: dict[str, Callable[[], float | None]] = {
        "counter": bench.board.counter_j,
        "instant": bench.board.instant_w,
        "average": bench.board.average_w,
    }
    last = {name: read() for name, read in readings.items()}
    changes: dict[str, list[float]] = {name: [] for name in readings}
    until_s = bench.clock() + bench.plan.watch_s
    while bench.clock() < until_s:
        bench.sleep(_WATCH_POLL_S)
        for name, read in readings.items():
            value = read()
            if value is not None and value != last[name]:
                changes[name].append(bench.clock())
                last[name] = value
    return {
        name: median(later - earlier for earlier, later in pairwise(times))
        if len(times) > 2
        else None
        for name, times in changes.items()
    }


def idle_agrees(bench: Bench) -> Finding:
    """V1: over idle time, hold the counter against both powers."""
    what = "idle: counter against power"
    bench.sleep(_SETTLE_S)
    seen = compare(bench, bench.plan.idle_s)
    if seen is None:
        return Finding("V1", what, {}, False, _NO_COUNTER)
    figures = {"idle W": seen.counter_j / seen.elapsed_s, **_differences(seen)}
    offs = [abs(off) for off in (seen.off(), seen.off_instant()) if off is not None]
    if not offs:
        return Finding("V1", what, figures, None, "no power reading to hold the counter against")
    passed = max(offs) <= IDLE_LIMIT
    note = "" if passed else "the sensors disagree when idle: idle parts of trials are uncertain"
    return Finding("V1", what, figures, passed, note)


def waves_agree(bench: Bench, load: Load) -> Finding:
    """V2: does the counter see all of the time, or a part of each period, as instant power may?

    A load that is on and off in time with the sensor is seen wholly on or wholly off by a sensor
    that looks at a part of each period only.
    """
    what = "square waves: counter sees all time"
    figures: dict[str, float] = {}
    offs: dict[float, float] = {}
    warm(load, MEDIUM)
    for period_s in bench.plan.wave_periods_s:
        seconds = _SETTLE_S + bench.plan.wave_s + _AFTER_S
        load.start(Work(seconds=seconds, duty=0.5, period_s=period_s))
        bench.sleep(_SETTLE_S)
        seen = compare(bench, bench.plan.wave_s)
        load.wait()
        if seen is None:
            return Finding("V2", what, figures, False, _NO_COUNTER)
        off, off_instant = seen.off(), seen.off_instant()
        if off is None:
            return skipped("V2", what, _NO_AVERAGE)
        label = f"{period_s * 1e3:.0f} ms"
        figures[f"{label}: off average %"] = off * 100
        if off_instant is not None:
            figures[f"{label}: off instant %"] = off_instant * 100
        offs[period_s] = abs(off)
    return Finding("V2", what, figures, max(offs.values()) <= WAVE_LIMIT, _wave_note(offs))


def _wave_note(offs: Mapping[float, float]) -> str:
    """Say what it means by how much the counter is off at each period."""
    if max(offs.values()) <= WAVE_LIMIT:
        return ""
    if offs[max(offs)] <= WAVE_LIMIT:
        return (
            "the counter is right for slow waves and wrong for fast ones: it sees a part of the "
            "time only; take 10 % for its gain and prefer the 1 s average"
        )
    return "the counter differs from the 1 s average at every period: one of them has a gain"


def steady_agrees(bench: Bench, load: Load) -> Finding:
    """V3: under a steady load, hold the counter against both powers."""
    what = "steady load: counter against power"
    figures: dict[str, float] = {}
    offs: list[float] = []
    warm(load, MEDIUM)
    for number in range(1, bench.plan.steady_repeats + 1):
        load.start(Work(seconds=_SETTLE_S + bench.plan.steady_s + _AFTER_S))
        bench.sleep(_SETTLE_S)
        seen = compare(bench, bench.plan.steady_s)
        load.wait()
        if seen is None:
            return Finding("V3", what, figures, False, _NO_COUNTER)
        figures[f"run {number} W"] = seen.counter_j / seen.elapsed_s
        for name, value in _differences(seen).items():
            figures[f"run {number} {name}"] = value
        offs += [abs(off) for off in (seen.off(), seen.off_instant()) if off is not None]
    if not offs:
        return Finding("V3", what, figures, None, "no power reading to hold the counter against")
    passed = max(offs) <= STEADY_LIMIT
    return Finding("V3", what, figures, passed, "" if passed else "counter and power disagree")


def _differences(seen: Comparison) -> dict[str, float]:
    """Return the counter's differences from both powers, in percent."""
    offs = {"off average %": seen.off(), "off instant %": seen.off_instant()}
    return {name: off * 100 for name, off in offs.items() if off is not None}
