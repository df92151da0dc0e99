"""The seams. Each has a real implementation, and a fake in ``sweeper.testing``.

Everything that crosses one is a frozen value of ``model.py``. Expected endings are values; an
exception means that the sweep cannot go on. ``docs/architecture.md`` draws who implements what.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from sweeper.model import (
    Attempt,
    AttemptId,
    Begun,
    Busy,
    Cause,
    Claim,
    Energy,
    Event,
    GpuEnergy,
    Hit,
    Key,
    Mine,
    Order,
    Params,
    PoolEvent,
    Progress,
    Proposal,
    Settled,
    SweepHistory,
    SweepIdentity,
    SweepState,
    TrialState,
    Verdict,
)

__all__ = ["Agent", "Cache", "Ledger", "Meter", "Observer", "Pool", "Study"]


class Study(Protocol):
    """Proposes points, judges reports, hears outcomes. One thread, no I/O.

    Order of calls per trial: ``ask`` or ``repeat``, then ``judge`` per report with ascending steps,
    then ``tell`` exactly once. Trials may interleave. With one trial at a time the whole sequence
    is a function of (space, method, seed): no generator state outlives a call.
    """

    def ask(self) -> Proposal | None:
        """Propose the next point; None: the space is exhausted."""

    def repeat(self, params: Params) -> Proposal:
        """Repeat a recorded ask with exactly these params, with the next number.

        Raises:
            SpaceError: If the params do not fit the space.
        """

    def judge(self, number: int, step: int, value: float) -> Verdict:
        """Take a report of the judged metric and say whether the trial should stop, and why.

        A step that is not past the trial's last one is ignored and answered with "go on".
        """

    def tell(
        self,
        number: int,
        state: TrialState,
        values: Sequence[float],
        violations: Sequence[float] = (),
    ) -> None:
        """Tell how a trial ended.

        Args:
            number: Whose.
            state: How.
            values: One per objective, finite; empty unless complete.
            violations: How far each constraint on outcomes is violated, at most 0 where it holds;
                empty unless complete.
        """


class Pool(Protocol):
    """Trains attempts on workers. At most one attempt per worker; driven by one thread.

    Each attempt gives zero or more ``StepReport`` and then exactly one ``Ended``. After a
    ``StepReport`` the worker waits until ``go_on`` or ``stop``. An objective that raises, and a
    worker that dies, are an ``Ended``, never an exception.
    """

    def room(self) -> int:
        """Return how many attempts could start at once. Does not start the workers."""

    def start(self, order: Order) -> None:
        """Hand an attempt to a free worker; starts the workers the first time.

        Raises:
            PoolError: If the workers cannot be started, or the objective cannot be loaded there.
        """

    def go_on(self, attempt: AttemptId) -> None:
        """Let an attempt that reported a step train on."""

    def stop(self, attempt: AttemptId, cause: Cause, *, now: bool = False) -> None:
        """End an attempt at its report; with ``now`` wherever it is, if the pool can.

        Its ``Ended`` still comes. An attempt that is not in flight is left alone.
        """

    def next_event(self, timeout_s: float) -> PoolEvent | None:
        """Wait for the next event; None: nothing happened in time."""

    def close(self, *, kill: bool = False) -> Energy:
        """End the workers and return what they used outside trials. May be called twice."""


class Cache(Protocol):
    """Answers what is already known and grants the right to train the rest.

    Holder, sweep and clock are given to the constructor. Safe for two threads and many processes.
    A miss, a busy key and a lost claim are values.

    Raises:
        CacheError: From any method, when the store cannot be used.
    """

    def lookup(self, keys: Sequence[Key]) -> Mapping[str, Hit]:
        """Return verified answers by run_key; what is absent is a miss. Takes no lock."""

    def acquire(self, key: Key, attempt: Attempt, *, beyond: int = -1) -> Hit | Busy | Mine:
        """Answer, say who trains it, or grant the training.

        Args:
            key: The question.
            attempt: Its row is written in the same commit as a granted claim.
            beyond: Only a complete record, or one that is longer than this step, is an answer.

        Repeatable after an unknown outcome. Call it only with a free worker.
        """

    def renew(self, progress: Mapping[Claim, Progress]) -> frozenset[Claim]:
        """Extend these claims; return those that somebody else took over."""

    def release(self, claim: Claim) -> None:
        """Give a claim back without a record; one that is no longer mine is left alone."""


class Ledger(Protocol):
    """What each sweep asked, ran and spent, so that a killed sweep goes on exactly.

    Safe for two threads and many processes; every method is one commit.

    Raises:
        CacheError: When the store cannot be used.
        Deposed: From ``start``, ``flush`` and ``settle``, when another driver took over.
    """

    def begin(
        self, identity: SweepIdentity, *, fresh: bool = False, uid: UUID | None = None
    ) -> Begun:
        """Open a sweep: the newest of this user, name and digest goes on; else a new one.

        Args:
            identity: Name, resolved file, digest.
            fresh: Start another one even so.
            uid: Go on with this one, although its digest is another.

        Raises:
            SweepBusy: If a live driver owns it.
            CacheError: Also when there is no sweep ``uid``, or it is another user's.
        """

    def start(self, attempt: Attempt) -> None:
        """Make an attempt durable before anything of it can be observed."""

    def flush(
        self, progress: Mapping[AttemptId, Progress], *, elapsed_s: float, overhead: Energy
    ) -> bool:
        """Heartbeat and joules so far; True: somebody asked this sweep to stop.

        Args:
            progress: Of each attempt in flight.
            elapsed_s: Time with a driver, over all continuations.
            overhead: What the workers used outside attempts, over all continuations.
        """

    def settle(self, settled: Settled) -> None:
        """Write record, claim, row and use: all or nothing, repeatable."""

    def finish(
        self, state: SweepState, stopped_by: str, *, elapsed_s: float, overhead: Energy
    ) -> None:
        """Close the sweep."""

    def load(self, sweep: UUID) -> SweepHistory:
        """Read everything about a sweep."""


class Meter(Protocol):
    """Measures what one worker's trials use. Lives in the worker; one trial at a time.

    Never raises into a trial: what cannot be measured is ``unavailable``. The sum of all closed
    accounts and ``overhead`` is what the worker's share of the devices used since ``begin``.
    """

    def begin(self, gpus: Sequence[str], share: float) -> None:
        """Start the worker's books.

        Args:
            gpus: What this worker was given: UUIDs or NVML indices as text; empty: none.
            share: The part of those devices that is this worker's, 0 < share <= 1.
        """

    def open(self) -> None:
        """Open the account of the next trial."""

    def read(self) -> float | None:
        """Return joules of the open account so far; None: unknown."""

    def close(self) -> Energy:
        """Close the open account."""

    def overhead(self) -> Energy:
        """Return what was used since ``begin`` outside closed accounts."""


class Agent(Protocol):
    """Keeps the energy ledger of one node's GPUs, outside the trials. Safe for threads.

    Whatever the weights, the books close: over all workers, what their meters booked to trials and
    to overhead, and what ``boards`` says is other people's, is what the boards' counters went up by
    since the agent began.
    """

    def meter(self, worker: str, pid: int) -> Meter:
        """Return the meter of one worker's GPUs.

        Its overhead is the worker's part of what no trial used: the parts of all workers that have
        begun and were not retired sum to the whole.

        Args:
            worker: Any name that no other worker of this agent has.
            pid: The root of its process tree, on this node.
        """

    def retire(self, worker: str) -> Energy:
        """Close what a worker that is gone left open; unavailable if that was nothing."""

    def boards(self) -> tuple[GpuEnergy, ...]:
        """Return a line per board that was ever given to a worker, since the agent began.

        ``energy_j`` is overhead, ``device_j`` everything, ``external_j`` other people's.
        """

    def end(self) -> None:
        """Stop reading. May be called twice."""


class Observer(Protocol):
    """Sees each event of a sweep. Must not raise and must not block."""

    def observe(self, event: Event) -> None:
        """Take one event."""

    def close(self) -> None:
        """The sweep is over: leave the terminal in order. May be called twice."""
