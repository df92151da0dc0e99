"""The protocol: its experiments in order, what it needs, and how long it may take."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

from sweeper.energy.agent import build_agent
from sweeper.energy.board import Board
from sweeper.energy.nvml import Nvml
from sweeper.energy.nvml_calls import board_calls
from sweeper.energy.probe import GpuProbe, probe_gpus
from sweeper.energy.validation.bench import Bench
from sweeper.energy.validation.cost import metering_is_cheap
from sweeper.energy.validation.deaths import deaths_are_survived
from sweeper.energy.validation.finding import Finding, skipped
from sweeper.energy.validation.load_process import LoadProcess
from sweeper.energy.validation.plan import FULL, Plan
from sweeper.energy.validation.remote_agent import RemoteAgent
from sweeper.energy.validation.sensors import (
    calls_and_periods,
    idle_agrees,
    steady_agrees,
    waves_agree,
)
from sweeper.energy.validation.sharing import sharing_closes
from sweeper.energy.validation.windows import edges_hold, work_is_linear
from sweeper.energy.validation.work import Load, LoadFailed
from sweeper.model import Value

__all__ = ["EXPERIMENTS", "Experiment", "Validation", "bench_of", "experiments", "validate"]


@dataclass(frozen=True, slots=True)
class Experiment:
    """One row of the protocol.

    Attributes:
        id: ``V0`` to ``V8``.
        what: In a few words.
        run: Without a load, or starting loads of its own.
        run_with: With the one load that such experiments share; exactly one of the two is given.
        needs_load: Cannot be done where nothing can keep the GPU busy.
    """

    id: str
    what: str
    run: Callable[[Bench], Finding] | None = None
    run_with: Callable[[Bench, Load], Finding] | None = None
    needs_load: bool = True

    def seconds(self, plan: Plan) -> float:
        """Return about how long it takes."""
        return _SECONDS[self.id](plan)


_SECONDS: dict[str, Callable[[Plan], float]] = {
    "V0": lambda plan: plan.watch_s + 3,
    "V1": lambda plan: plan.idle_s + 3,
    "V2": lambda plan: len(plan.wave_periods_s) * (plan.wave_s + 3),
    "V3": lambda plan: plan.steady_repeats * (plan.steady_s + 3),
    "V4": lambda plan: sum(repeats * (length_s + 0.5) for length_s, repeats in plan.windows),
    "V5": lambda plan: sum(plan.units) * plan.unit_s + 4,
    "V6": lambda plan: 9 * plan.share_s + 15,
    "V7": lambda plan: 3 * plan.cost_repeats * (plan.cost_s + 1.5),
    "V8": lambda plan: 3 * plan.kill_s + 12,
}

EXPERIMENTS = (
    Experiment("V0", "calls and update periods", calls_and_periods, needs_load=False),
    Experiment("V1", "idle: counter against power", idle_agrees, needs_load=False),
    Experiment("V2", "square waves: counter sees all time", run_with=waves_agree),
    Experiment("V3", "steady load: counter against power", run_with=steady_agrees),
    Experiment("V4", "short windows: plain and settled edges", run_with=edges_hold),
    Experiment("V5", "linearity: n times the work", run_with=work_is_linear),
    Experiment("V6", "shared board: closure and shares", sharing_closes),
    Experiment("V7", "cost of metering", run_with=metering_is_cheap),
    Experiment("V8", "killed worker, killed agent", deaths_are_survived),
)


@dataclass(frozen=True, slots=True)
class Validation:
    """What the protocol found.

    Attributes:
        facts: Of the node: driver, container, calls.
        gpu: UUID of the board; None: there was none, and nothing could be validated.
        name: Of the board.
        findings: One per experiment, in order.
        elapsed_s: How long it took.
    """

    facts: GpuProbe
    gpu: str | None = None
    name: str = ""
    findings: tuple[Finding, ...] = ()
    elapsed_s: float = 0.0

    @property
    def passed(self) -> bool:
        """Tell whether something was looked at and nothing failed."""
        outcomes = [finding.passed for finding in self.findings]
        return False not in outcomes and True in outcomes

    def to_json(self) -> dict[str, Value]:
        """Return everything as a JSON object."""
        return {**asdict(self), "passed": self.passed}


def validate(
    *,
    gpu: str = "0",
    plan: Plan = FULL,
    kind: str = "auto",
    only: Sequence[str] = (),
    tell: Callable[[str], None],
) -> Validation:
    """Run the protocol on one GPU of this machine; reads only, changes no setting.

    Args:
        gpu: NVML index or UUID.
        plan: How long everything takes.
        kind: What keeps the GPU busy: ``torch``, ``cupy``, or ``auto``.
        only: Ids of experiments; empty: all.
        tell: Takes a line about what is being done.

    Returns:
        The findings; none where there is no such GPU.
    """
    facts = probe_gpus()
    boards = Nvml().assigned([gpu]).boards if facts.boards else ()
    if not boards:
        return Validation(facts)
    board = boards[0].board
    bench = bench_of(board, plan, kind)
    chosen = [each for each in EXPERIMENTS if not only or each.id in only]
    started_s = bench.clock()
    findings = tuple(experiments(bench, chosen, tell))
    return Validation(facts, board.uuid, board.name, findings, bench.clock() - started_s)


def bench_of(board: Board, plan: Plan, kind: str) -> Bench:
    """Return the bench of a real board: loads and agents in processes, and real time.

    Args:
        board: Which.
        plan: How long everything takes.
        kind: What keeps the GPU busy.
    """

    def remote_agent(period_s: float, gpu_idle_w: float | None) -> RemoteAgent:
        return RemoteAgent(period_s=period_s, gpu_idle_w=gpu_idle_w)

    return Bench(
        board=board,
        start_load=partial(LoadProcess, board.uuid, kind),
        agent=build_agent,
        remote_agent=remote_agent,
        plan=plan,
        clock=time.monotonic,
        sleep=time.sleep,
        calls=board_calls(board.uuid),
        random=random.Random(),
    )


def experiments(
    bench: Bench, chosen: Sequence[Experiment], tell: Callable[[str], None]
) -> Iterator[Finding]:
    """Do experiments in order; what one finds about the board the next ones use.

    Args:
        bench: The board and what belongs to it.
        chosen: Which.
        tell: Takes a line about each.
    """
    started_s = bench.clock()
    shared = _SharedLoad(bench)
    try:
        for experiment in chosen:
            left_s = bench.plan.limit_s - (bench.clock() - started_s)
            tell(f"{experiment.id} {experiment.what}, about {experiment.seconds(bench.plan):.0f} s")
            if experiment.seconds(bench.plan) > left_s:
                yield skipped(experiment.id, experiment.what, "no time was left for it")
                continue
            finding = _done(experiment, bench, shared)
            yield finding
            bench = _informed(bench, finding)
    finally:
        shared.close()


def _done(experiment: Experiment, bench: Bench, shared: _SharedLoad) -> Finding:
    """Do one experiment; nothing that goes wrong in it ends the protocol."""
    try:
        if experiment.run_with is not None:
            return experiment.run_with(bench, shared.load())
        assert experiment.run is not None
        return experiment.run(bench)
    except LoadFailed as failed:
        shared.close()
        return skipped(experiment.id, experiment.what, f"nothing keeps the GPU busy: {failed}")
    except Exception as error:  # reported, with what was found before it
        what = f"it broke off: {type(error).__name__}: {error}"
        return Finding(experiment.id, experiment.what, passed=False, note=what)


def _informed(bench: Bench, finding: Finding) -> Bench:
    """Use the steps that V0 measured and the idle power that V1 did."""
    period_ms = finding.figures.get("counter period ms")
    if finding.id == "V0" and period_ms is not None:
        return replace(bench, update_s=period_ms / 1e3)
    if finding.id == "V1" and finding.passed is not False:
        return replace(bench, idle_w=finding.figures.get("idle W"))
    return bench


class _SharedLoad:
    """The load of those experiments that need one: started with the first, and anew if it died."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._load: Load | None = None
        self._failed: LoadFailed | None = None

    def load(self) -> Load:
        """Return it; one that could not be started is not tried again."""
        if self._failed is not None:
            raise self._failed
        if self._load is None:
            try:
                self._load = self._bench.start_load()
            except LoadFailed as failed:
                self._failed = failed
                raise
        return self._load

    def close(self) -> None:
        """End it; a later experiment gets another one."""
        if self._load is not None:
            self._load.close()
        self._load = None
