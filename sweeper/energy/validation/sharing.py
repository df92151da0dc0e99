"""V6: several processes on one board: do the books close, and is each given what it caused?"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from sweeper.energy.agent import AgentSettings
from sweeper.energy.validation.bench import Bench, warm
from sweeper.energy.validation.finding import Finding
from sweeper.energy.validation.work import LARGE, MEDIUM, SMALL, Load, Work
from sweeper.model import Energy

__all__ = ["sharing_closes"]

CLOSURE_LIMIT = 0.001
DIFFERENT_LIMIT, SIMILAR_LIMIT = 0.15, 0.05

# What says that processes could not be told apart (docs/energy.md, "What can be odd").
BLIND = frozenset({"pid_namespace", "processes_unseen", "mig_slice"})

_PAUSE_S = 0.5
_TIMED = 50

# Edge of the matrices, and length of the work alone as a share of the plan's: four unlike trials.
_KINDS = ((MEDIUM, 1.0), (LARGE, 0.7), (SMALL, 0.5), (MEDIUM, 0.3))


@dataclass(frozen=True, slots=True)
class _Together:
    """Some processes that worked at the same time: their dynamic joules, and the board's books."""

    dynamic_j: tuple[float, ...]
    closure: float
    odd: frozenset[str]  # flags, and how the board was split

    def shares(self) -> list[float]:
        """Return each one's part of all dynamic joules."""
        total_j = sum(self.dynamic_j)
        return [each / total_j if total_j > 0 else 0.0 for each in self.dynamic_j]


def sharing_closes(bench: Bench) -> Finding:
    """V6: the same work alone and together; what it cost alone is what it should be given."""
    what = "shared board: closure and shares"
    with ExitStack() as stack:
        loads = [bench.start_load() for _ in _KINDS]
        for load in loads:
            stack.callback(load.close)
        works = [_work(bench, load, *kind) for load, kind in zip(loads, _KINDS, strict=True)]
        alone = [_together(bench, loads[i : i + 1], works[i : i + 1]) for i in range(len(works))]
        two = _together(bench, loads[:2], works[:2])
        four = _together(bench, loads, works)
        similar = _together(bench, loads[:2], [works[0], works[0]])
    parts = [*alone, two, four, similar]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or two is None or four is None or similar is None:
        return Finding("V6", what, {}, False, "the joules of a process are unknown")
    by_alone = [part.dynamic_j[0] for part in known[: len(works)]]
    figures = {
        "closure %": 100 * max(part.closure for part in known),
        "2 unlike: share off %": 100 * _off(two.shares(), by_alone[:2]),
        "4 unlike: share off %": 100 * _off(four.shares(), by_alone),
        "2 alike: share off %": 100 * _off(similar.shares(), [1.0, 1.0]),
    }
    blind = bench.board.process_utilisation(0) is None or bool(four.odd & BLIND)
    return _judged(what, figures, blind=blind)


def _judged(what: str, figures: dict[str, float], *, blind: bool) -> Finding:
    unlike = max(figures["2 unlike: share off %"], figures["4 unlike: share off %"])
    odd = []
    if figures["closure %"] > 100 * CLOSURE_LIMIT:
        odd.append("the books do not close")
    if not blind and unlike > 100 * DIFFERENT_LIMIT:
        odd.append("unlike processes get more than 15 % of the board too much or too little")
    if not blind and figures["2 alike: share off %"] > 100 * SIMILAR_LIMIT:
        odd.append("alike processes get unlike shares")
    note = "; ".join(odd)
    if blind:
        note = "; ".join(filter(None, [note, "processes cannot be told apart: split by fraction"]))
    return Finding("V6", what, figures, not odd, note)


def _work(bench: Bench, load: Load, size: int, part: float) -> Work:
    """Return the kernels that take their part of the plan's time when nobody else works."""
    warm(load, size)
    load.start(Work(kernels=_TIMED, size=size))
    each_s = load.wait() / _TIMED
    return Work(kernels=max(1, round(part * bench.plan.share_s / each_s)), size=size)


def _together(bench: Bench, loads: Sequence[Load], works: Sequence[Work]) -> _Together | None:
    """Let loads work at the same time, each on a part of the board; None: joules are unknown."""
    agent = bench.agent(AgentSettings(gpu_idle_w=bench.idle_w))
    try:
        meters = [agent.meter(f"worker-{number}", load.pid) for number, load in enumerate(loads)]
        for meter in meters:
            meter.begin([bench.board.uuid], 1 / len(loads))
        bench.sleep(_PAUSE_S)
        for meter, load, work in zip(meters, loads, works, strict=True):
            meter.open()
            load.start(work)
        for load in loads:
            load.wait()
        accounts = [meter.close() for meter in meters]
        (board,) = agent.boards()
    finally:
        agent.end()
    booked = [account.total_j for account in accounts]
    terms = [*booked, board.energy_j, board.external_j, board.device_j]
    known = [term for term in terms if term is not None]
    if len(known) < len(terms) or board.device_j is None:
        return None
    closure = abs(sum(known[:-1]) - board.device_j) / board.device_j if board.device_j else 0.0
    return _Together(
        tuple(_dynamic_j(account) for account in accounts),
        closure,
        frozenset(odd for account in accounts for odd in (*account.flags, account.attribution)),
    )


def _dynamic_j(account: Energy) -> float:
    return max(0.0, (account.total_j or 0.0) - (account.idle_j or 0.0))


def _off(shares: Sequence[float], by_alone: Sequence[float]) -> float:
    """Return by how much the worst share differs from what the works cost alone."""
    total_j = sum(by_alone)
    expected = [each / total_j if total_j > 0 else 0.0 for each in by_alone]
    return max(abs(share - due) for share, due in zip(shares, expected, strict=True))
