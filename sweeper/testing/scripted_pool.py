"""A pool whose workers follow a script instead of training; nothing waits, nothing is random."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from sweeper.errors import PoolError
from sweeper.model import (
    UNAVAILABLE,
    AttemptId,
    Cause,
    CauseKind,
    Ended,
    Ending,
    Energy,
    Order,
    PoolEvent,
    StepReport,
)

__all__ = ["ScriptedPool", "WorkerDies"]

Script = Callable[[Order], Iterable[tuple[int, Mapping[str, float]]]]


class WorkerDies(Exception):
    """Raise it in a script, and the worker is lost at that point.

    Args:
        why: One line.
        kind: The class of the failure.
    """

    def __init__(self, why: str, kind: CauseKind = CauseKind.WORKER) -> None:
        super().__init__(why)
        self.kind = kind


class ScriptedPool:
    """Plays a script per attempt, the attempts taking turns in the order of their starts.

    Args:
        script: Gives the reports of an attempt; what it raises fails the attempt.
        workers: How many attempts run at once.
        energy_per_report_j: What each report costs, as if a counter had measured it.
        overhead_j: What the workers used outside attempts; said with each end, too.
        unknown: Numbers of trials whose joules nobody knows.
        respawn_turns: So many turns pass before a lost worker is replaced.

    Attributes:
        started: Every order that was ever started.
        stopped: Why attempts were told to end.
    """

    def __init__(
        self,
        script: Script,
        *,
        workers: int = 1,
        energy_per_report_j: float = 1.0,
        overhead_j: float = 0.0,
        respawn_turns: int = 0,
        unknown: Collection[int] = (),
    ) -> None:
        self.started: list[Order] = []
        self.stopped: dict[AttemptId, Cause] = {}
        self._script = script
        self._workers = workers
        self._cost_j = energy_per_report_j
        self._overhead_j = overhead_j
        self._respawn_turns = respawn_turns
        self._unknown = frozenset(unknown)
        self._respawning: list[int] = []  # turns left, by lost worker
        self._running: dict[AttemptId, Iterator[tuple[int, Mapping[str, float]]]] = {}
        self._reports: dict[AttemptId, int] = {}
        self._turns: deque[AttemptId] = deque()

    def room(self) -> int:
        """Return how many scripted workers are free."""
        return self._workers - len(self._running) - len(self._respawning)

    def start(self, order: Order) -> None:
        """Open the script of an attempt."""
        if self.room() < 1:
            raise PoolError("no worker is free")
        self.started.append(order)
        self._running[order.id] = self._play(order)
        self._reports[order.id] = 0
        self._turns.append(order.id)

    def _play(self, order: Order) -> Iterator[tuple[int, Mapping[str, float]]]:
        yield from self._script(order)

    def go_on(self, attempt: AttemptId) -> None:
        """Let the attempt take its next turn."""
        if attempt in self._running:
            self._turns.append(attempt)

    def stop(self, attempt: AttemptId, cause: Cause, *, now: bool = False) -> None:
        """End the attempt at its next turn."""
        if attempt in self._running:
            self.stopped[attempt] = cause
            if attempt not in self._turns:
                self._turns.append(attempt)

    def next_event(self, timeout_s: float) -> PoolEvent | None:
        """Play one turn; never waits."""
        self._respawning = [turns - 1 for turns in self._respawning if turns > 1]
        if not self._turns:
            return None
        attempt = self._turns.popleft()
        if attempt in self.stopped:
            return self._ended(attempt, Ending.STOPPED, None)
        try:
            step, metrics = next(self._running[attempt])
        except StopIteration:
            return self._ended(attempt, Ending.RETURNED, None)
        except WorkerDies as death:
            return self._ended(attempt, Ending.LOST, Cause(death.kind, str(death)))
        except Exception as error:  # the script stands for user code
            cause = Cause(CauseKind.ERROR, f"{type(error).__name__}: {error}")
            return self._ended(attempt, Ending.RAISED, cause)
        self._reports[attempt] += 1
        spent_j = None if attempt.number in self._unknown else self._reports[attempt] * self._cost_j
        return StepReport(attempt, step, metrics, spent_j, float(self._reports[attempt]))

    def close(self, *, kill: bool = False) -> Energy:
        """Forget what runs; return the scripted overhead."""
        self._running.clear()
        self._turns.clear()
        return self._energy(self._overhead_j)

    def _ended(self, attempt: AttemptId, ending: Ending, cause: Cause | None) -> Ended:
        del self._running[attempt]
        if ending is Ending.LOST and self._respawn_turns:
            self._respawning.append(self._respawn_turns)
        reports = self._reports[attempt]
        return Ended(
            id=attempt,
            ending=ending,
            cause=cause,
            traceback=None,
            energy=UNAVAILABLE
            if attempt.number in self._unknown
            else self._energy(reports * self._cost_j),
            elapsed_s=float(reports),
            node="scripted",
            imported=None if ending is Ending.LOST else (),
            answered=ending is not Ending.LOST,
            worker="scripted",
            overhead_j=self._overhead_j,
        )

    def _energy(self, total_j: float) -> Energy:
        return Energy(total_j, source="measured:counter", scope="gpu", lo_j=total_j, hi_j=total_j)
