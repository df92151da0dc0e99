"""The pool of warm Ray actors; with the other ``ray_*.py`` the only owner of ray.

Each worker is one actor that trains in one call at a time: a request trains to the next report, the
reply is the report. ``ray_environment.prepare`` must have run before this file is imported.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import ray
import ray.exceptions

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
from sweeper.workers.overheads import Overheads
from sweeper.workers.ray_agent import NodeAgents
from sweeper.workers.ray_cluster import Cluster
from sweeper.workers.ray_losses import lost_cause
from sweeper.workers.ray_places import disband, group_for, options_for
from sweeper.workers.ray_team import Group
from sweeper.workers.ray_worker import Place, WorkerActor
from sweeper.workers.slots import Resources, fit_nodes
from sweeper.workers.worker import Post, WorkerSetup

__all__ = ["RayPool"]

_READY_S = 120.0  # a worker that is not ready by then will not be
_PLACED_S = 30.0  # the books of shared GPUs are best when all workers are placed first
_CLOSE_S = 5.0
_KILL_S = 20.0  # a worker that has not ended its training by then hangs itself
_COUNT_S = 5.0  # so often nodes that joined are looked for
_FAILED_STARTS = 3  # so many in a row are no accident


class _What(Enum):
    """What a call is about."""

    PLACE = "where the worker sits"
    PREPARE = "whether it is ready"
    TRAIN = "the next report or the end"


@dataclass(frozen=True, slots=True)
class _Call:
    """A request under way."""

    actor: Any
    what: _What
    since_s: float
    attempt: AttemptId | None = None


@dataclass(frozen=True, slots=True)
class _Member:
    """A worker of the pool.

    Attributes:
        name: No other worker has it.
        group: The machines that are its own; None: it shares one.
        place: Where it sits; None: nobody has asked yet.
    """

    name: str
    group: Group | None = None
    place: Place | None = None

    @property
    def node(self) -> str | None:
        """Return Ray's id of the node whose GPUs it was given; None: it has none."""
        return self.place.node if self.place is not None and self.place.gpus else None


@dataclass(frozen=True, slots=True)
class _Killing:
    """An attempt that is being ended wherever it is."""

    cause: Cause
    since_s: float


class RayPool:
    """Starts or joins Ray, and keeps one warm actor per slot, as nodes come and go.

    Args:
        setup: What each worker is built from.
        resources: What the sweep file asks for.
        address: Of a running cluster; None: start a local one.
        notify: Told in one line what was started, and what was lost.

    Raises:
        PoolError: If Ray cannot be started or joined, no worker fits, or the objective cannot be
            loaded in a worker.
    """

    def __init__(
        self,
        setup: WorkerSetup,
        resources: Resources,
        *,
        address: str | None,
        notify: Callable[[str], None],
    ) -> None:
        self._setup = setup
        self._resources = resources
        self._notify = notify
        self._idle: list[Any] = []
        self._calls: dict[Any, _Call] = {}
        self._actor_of: dict[AttemptId, Any] = {}
        self._killing: dict[AttemptId, _Killing] = {}
        self._members: dict[Any, _Member] = {}
        self._told: deque[Ended] = deque()  # ends that are known before they are asked for
        self._agents = NodeAgents(setup.make_agent)
        self._names = itertools.count()
        self._overheads = Overheads()
        self._overhead = UNAVAILABLE
        self._failed_starts = self._restarts = 0
        self._counted_s = time.monotonic()
        self._closed = False
        self._cluster = Cluster(address, resources, setup.objective.root)
        try:
            self._slots = fit_nodes(resources, self._cluster.nodes())
            self._agents.booked = min(1.0, self._slots.gpus)
            notify(f"started {self._slots}")
            self._spawn_all()
        except BaseException:
            self.close(kill=True)
            raise

    # --- the seam ---

    def room(self) -> int:
        """Return how many actors wait for an attempt."""
        return len(self._idle)

    def start(self, order: Order) -> None:
        """Hand an attempt to a warm actor."""
        if not self._idle:
            raise PoolError("no worker is free")
        actor = self._idle.pop()
        self._actor_of[order.id] = actor
        self._train(actor, actor.start.remote(order), order.id)

    def go_on(self, attempt: AttemptId) -> None:
        """Let an attempt train to its next report."""
        actor = self._actor_of.get(attempt)
        if actor is not None:
            self._train(actor, actor.go_on.remote(), attempt)

    def stop(self, attempt: AttemptId, cause: Cause, *, now: bool = False) -> None:
        """End an attempt at its report; with ``now`` wherever it is."""
        actor = self._actor_of.get(attempt)
        if actor is None:
            return
        at_report = all(call.attempt != attempt for call in self._calls.values())
        if now and attempt not in self._killing:
            self._killing[attempt] = _Killing(cause, time.monotonic())
            actor.kill.remote(attempt)  # another call of the same actor, beside the one under way
        if at_report:
            self._train(actor, actor.stop.remote(), attempt)

    def next_event(self, timeout_s: float) -> PoolEvent | None:
        """Wait for the first reply of any actor."""
        if self._told:
            return self._told.popleft()
        ready: list[Any] = []
        if self._calls:
            ready, _ = ray.wait(list(self._calls), num_returns=1, timeout=timeout_s)
        else:
            time.sleep(timeout_s)
        trouble = self._cluster.trouble()
        if trouble is not None:
            self._restart(trouble)
        elif ready:
            return self._take(ready[0])
        else:
            self._end_hanging()
            self._count_nodes()
            self._check_ready()
        return self._told.popleft() if self._told else None

    def close(self, *, kill: bool = False) -> Energy:
        """End the actors, and Ray if it is ours; return what they used outside attempts."""
        if not self._closed:
            if ray.is_initialized():
                self._overhead = self._ask_overhead(kill=kill)
                for actor in self._members:
                    ray.kill(actor)
                self._agents.end()
            self._cluster.disconnect()
            self._closed = True  # only now: a Ctrl-C in between leaves the rest to the next call
        return self._overhead

    # --- workers ---

    def _spawn_all(self) -> None:
        """Start the workers; the first one that is ready is enough to begin with."""
        for _ in range(self._slots.workers):
            self._spawn()
        if self._slots.gpus:
            ray.wait(list(self._calls), num_returns=len(self._calls), timeout=_PLACED_S)
            self._note_places()
        while not self._idle:
            self.next_event(1.0)

    def _spawn(self) -> None:
        group = group_for(self._slots, self._resources)
        options = options_for(self._slots, self._resources, group)
        actor: Any = ray.remote(WorkerActor).options(**options).remote()
        self._members[actor] = _Member(f"worker-{next(self._names)}", group)
        self._call(actor, actor.place.remote(), _What.PLACE)

    def _note_places(self) -> None:
        """Learn where all those sit that are placed, before the first of them is prepared."""
        for reference, call in list(self._calls.items()):
            with suppress(ray.exceptions.RayError):
                place = ray.get(reference, timeout=0)
                self._members[call.actor] = replace(self._members[call.actor], place=place)

    def _prepare(self, actor: Any, place: Place) -> None:
        member = self._members[actor] = replace(self._members[actor], place=place)
        self._overheads.hired(member.name, member.node)
        post = Post(member.name, place.gpus, self._share(place))
        agent = None if member.node is None else self._agents.on(member.node)
        shipped = not self._cluster.own
        call = actor.prepare.remote(self._setup, post, agent, member.group, shipped=shipped)
        self._call(actor, call, _What.PREPARE)

    def _share(self, place: Place) -> float:
        """Divide each GPU among the workers that sit on it."""
        places = [member.place for member in self._members.values() if member.place is not None]
        crowd = Counter((each.node, gpu) for each in places for gpu in each.gpus)
        return 1.0 / max((crowd[place.node, gpu] for gpu in place.gpus), default=1)

    def _train(self, actor: Any, reference: Any, attempt: AttemptId) -> None:
        self._call(actor, reference, _What.TRAIN, attempt)

    def _call(
        self, actor: Any, reference: Any, what: _What, attempt: AttemptId | None = None
    ) -> None:
        self._calls[reference] = _Call(actor, what, time.monotonic(), attempt)

    # --- replies ---

    def _take(self, reference: Any) -> PoolEvent | None:
        call = self._calls.pop(reference)
        try:
            reply = ray.get(reference)
        except ray.exceptions.RayError as error:
            return self._lost(call, error)
        if call.attempt is not None:
            return self._trained(call.actor, call.attempt, reply)
        if call.what is _What.PLACE:
            self._prepare(call.actor, reply)
        elif reply is not None:
            raise PoolError(reply)
        else:
            self._failed_starts = self._restarts = 0
            self._idle.append(call.actor)
        return None

    def _trained(self, actor: Any, attempt: AttemptId, reply: PoolEvent) -> PoolEvent:
        if isinstance(reply, StepReport):
            return reply
        self._overheads.said(reply.worker, reply.overhead_j)
        del self._actor_of[attempt]
        self._idle.append(actor)
        killing = self._killing.pop(attempt, None)
        if killing is not None and reply.ending is Ending.STOPPED:
            return replace(reply, cause=reply.cause or killing.cause)
        return reply

    def _lost(self, call: _Call, error: ray.exceptions.RayError) -> Ended | None:
        """Replace an actor that is gone, and end its attempt."""
        gone = self._members[call.actor]
        node = None if gone.place is None else gone.place.node
        left = node is not None and self._cluster.has_lost(node)
        cause = lost_cause(error, left, "" if gone.place is None else gone.place.host)
        energy = self._dismiss(call.actor)
        if call.attempt is None and not left:
            self._failed_starts += 1
            if self._failed_starts > _FAILED_STARTS:
                raise PoolError(f"the workers could not start: {cause.text}")
        if not left or self._resources.workers is not None:
            self._spawn()
        return None if call.attempt is None else self._end(call.attempt, gone, energy, cause)

    def _end(self, attempt: AttemptId, gone: _Member, energy: Energy, cause: Cause) -> Ended:
        """Say how an attempt ended whose worker cannot say it any more."""
        del self._actor_of[attempt]
        killing = self._killing.pop(attempt, None)
        return Ended(
            id=attempt,
            ending=Ending.LOST if killing is None else Ending.STOPPED,
            cause=cause if killing is None else killing.cause,
            traceback=None,
            energy=energy,
            elapsed_s=0.0,
            node="" if gone.place is None else gone.place.host,
            gpus=tuple(gpu.uuid for gpu in energy.gpus),
            worker=gone.name,
            answered=False,
        )

    def _dismiss(self, actor: Any) -> Energy:
        """Let go of an actor; return what it left open."""
        with suppress(ray.exceptions.RayError):
            ray.kill(actor)  # it may live on in an unknown state
        gone = self._members.pop(actor)
        if gone.group is not None:
            disband(gone.group)
        return UNAVAILABLE if gone.node is None else self._agents.retire(gone.node, gone.name)

    # --- what goes wrong without a word ---

    def _end_hanging(self) -> None:
        """End workers that do not end their training; the call under way tells of it."""
        for attempt, killing in self._killing.items():
            if time.monotonic() - killing.since_s > _KILL_S:
                ray.kill(self._actor_of[attempt])

    def _count_nodes(self) -> None:
        """Hire for nodes that have joined."""
        if self._resources.workers is not None or self._cluster.own:
            return
        if time.monotonic() - self._counted_s < _COUNT_S:
            return
        self._counted_s = time.monotonic()
        try:
            fits = fit_nodes(replace(self._resources, cpus=self._slots.cpus), self._cluster.nodes())
        except (PoolError, OSError):  # all nodes have left, or Ray has; they may come back
            return
        new = fits.workers - len(self._members)
        if new > 0 and fits.gpus == self._slots.gpus:
            self._notify(f"{new} more workers fit: nodes have joined the cluster")
            for _ in range(new):
                self._spawn()

    def _check_ready(self) -> None:
        """Find out that nobody works and nobody gets ready."""
        waiting = [call.since_s for call in self._calls.values() if call.attempt is None]
        if self._idle or len(waiting) < len(self._calls):
            return
        if time.monotonic() - max(waiting, default=self._counted_s) > _READY_S:
            raise PoolError(
                f"no worker was ready after {_READY_S:.0f} s; the cluster may be full: "
                "see `ray status`, ask for fewer resources, or try --local"
            )

    def _restart(self, why: str) -> None:
        """Start our own Ray again; what was in flight is lost with it."""
        self._restarts += 1
        if self._restarts > _FAILED_STARTS:
            raise PoolError(f"{why} again and again; what is settled is kept")
        self._notify(f"{why}; it is started again, and running trials start again")
        cause = Cause(CauseKind.NODE, why)
        for attempt, actor in list(self._actor_of.items()):
            self._told.append(self._end(attempt, self._members[actor], UNAVAILABLE, cause))
        self._idle.clear()
        self._calls.clear()
        self._members.clear()
        self._agents.forget()
        self._cluster.reconnect()
        for _ in range(self._slots.workers):
            self._spawn()

    def _ask_overhead(self, *, kill: bool) -> Energy:
        """Ask who is free and, of the rest, who keeps the books of their GPUs."""
        accounts: dict[str, Energy] = {}
        until_s = time.monotonic() + _CLOSE_S
        free = [] if kill else self._idle
        answers = {self._members[actor].name: actor.overhead.remote() for actor in free}
        for name, answer in answers.items():
            with suppress(ray.exceptions.RayError):
                accounts[name] = ray.get(answer, timeout=max(0.0, until_s - time.monotonic()))
        return self._overheads.whole(accounts, self._agents.boards(hurry=kill))
