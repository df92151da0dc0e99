"""V8: a worker and an agent are killed in the middle of a trial: are their joules still told?"""

from __future__ import annotations

import importlib
from contextlib import ExitStack

from sweeper.energy.validation.bench import AgentProcess, Bench, warm
from sweeper.energy.validation.finding import Finding
from sweeper.energy.validation.work import MEDIUM, Load, Work
from sweeper.model import known_sum
from sweeper.seams import Meter

__all__ = ["deaths_are_survived"]

CLOSURE_LIMIT = 0.001
MAX_W = 700.0  # of a board that does not tell its limit

# The counter may move by one step between two readings of the same moment, at both edges.
_STEPS = 2
# Idle before a reading, so that such a step is a small one.
_PAUSE_S = 0.5
_NO_PSUTIL = "psutil is not installed, so a worker's own readings were not tried"


def deaths_are_survived(bench: Bench) -> Finding:
    """V8: kill -9 one of two workers, and then, with another agent, the agent itself."""
    what = "killed worker, killed agent"
    with ExitStack() as stack:
        loads = [bench.start_load() for _ in range(2)]
        for load in loads:
            stack.callback(load.close)
            warm(load, MEDIUM)
        survivor, victim = loads
        figures, odd = _killed_worker(bench, survivor, victim)
        more, also_odd, note = _killed_agent(bench, survivor)
    odd += also_odd
    note = "; ".join(filter(None, [*odd, note]))
    return Finding("V8", what, {**figures, **more}, not odd, note)


def _killed_worker(
    bench: Bench, survivor: Load, victim: Load
) -> tuple[dict[str, float], list[str]]:
    agent = bench.remote_agent(1.0, bench.idle_w)
    try:
        meters = [
            agent.meter(name, load.pid)
            for name, load in (("survivor", survivor), ("victim", victim))
        ]
        for meter in meters:
            meter.begin([bench.board.uuid], 0.5)
        begun_j = _ahead_j(bench, agent)
        _work_and_die(bench, meters, survivor, victim)
        kept_j = agent.retire("victim").total_j
        survivor.wait()
        own_j = meters[0].close().total_j
        ended_j = _ahead_j(bench, agent)
        (board,) = agent.boards()
    finally:
        agent.end()
    booked_j = known_sum([kept_j, own_j, board.energy_j, board.external_j])
    if booked_j is None or not board.device_j or begun_j is None or ended_j is None:
        return {}, ["a killed worker leaves unknown joules"]
    closure = abs(booked_j - board.device_j) / board.device_j
    missed_j = abs(ended_j - begun_j)
    figures = {
        "killed worker kept J": kept_j or 0.0,
        "closure %": 100 * closure,
        "off counter J": missed_j,
    }
    odd = ["the killed worker's joules are lost"] * (not kept_j)
    odd += ["the books do not close"] * (closure > CLOSURE_LIMIT)
    odd += ["the books are not the counter's"] * (missed_j > _idle_tolerance_j(bench))
    return figures, odd


def _ahead_j(bench: Bench, agent: AgentProcess) -> float | None:
    """Return by how much the idle board's counter is ahead of the agent's books; None: unknown."""
    bench.sleep(_PAUSE_S)
    booked_j = agent.boards()[0].device_j
    counted_j = bench.board.counter_j()
    return None if booked_j is None or counted_j is None else counted_j - booked_j


def _work_and_die(bench: Bench, meters: list[Meter], survivor: Load, victim: Load) -> None:
    """Let both work; after a third of the time the victim is killed."""
    for meter in meters:
        meter.open()
    survivor.start(Work(seconds=bench.plan.kill_s))
    victim.start(Work(seconds=bench.plan.kill_s))
    bench.sleep(bench.plan.kill_s / 3)
    victim.kill()


def _killed_agent(bench: Bench, load: Load) -> tuple[dict[str, float], list[str], str]:
    """Kill the agent under a worker that has the board for itself; it must go on by itself."""
    try:
        importlib.import_module("psutil")
    except ImportError:
        return {}, [], _NO_PSUTIL
    agent = bench.remote_agent(1.0, bench.idle_w)
    try:
        meter = _worker_meter(agent, load)
        meter.begin([bench.board.uuid], 1.0)
        bench.sleep(_PAUSE_S)
        before_j = bench.board.counter_j()
        meter.open()
        load.start(Work(seconds=bench.plan.kill_s))
        bench.sleep(bench.plan.kill_s / 3)
        agent.kill()
        load.wait()
        account = meter.close()
        after_j = bench.board.counter_j()
    finally:
        agent.end()
    told_j = account.gpus[0].energy_j if account.gpus else None
    if told_j is None or before_j is None or after_j is None:
        return {}, ["without its agent a worker does not know its joules"], ""
    missed_j = abs(after_j - before_j - told_j)
    odd = ["without its agent a worker's joules are wrong"] * (missed_j > _tolerance_j(bench))
    odd += ["the dead agent is not told of"] * ("agent_lost" not in account.flags)
    return {"killed agent: off counter J": missed_j}, odd, ""


def _worker_meter(agent: AgentProcess, load: Load) -> Meter:
    # Not at the top: the worker's meter has a CPU book, and that needs psutil.
    from sweeper.energy.meter import MeterSettings, build_meter

    return build_meter(MeterSettings(), agent.meter("worker", load.pid))


def _idle_tolerance_j(bench: Bench) -> float:
    """Return the joules that two readings of an idle board may be apart at both edges."""
    return _STEPS * bench.update_s * (bench.idle_w or _limit_w(bench))


def _tolerance_j(bench: Bench) -> float:
    """Return the same where the board is busy at one of them."""
    return _idle_tolerance_j(bench) + bench.update_s * _limit_w(bench)


def _limit_w(bench: Bench) -> float:
    return bench.board.limit_w() or MAX_W
