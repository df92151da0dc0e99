"""The pool of warm Ray actors; with the other ``ray_*.py`` the only owner of ray.

Each worker is one actor that answers one call at a time: a request trains to the next report, the
reply is the report. ``ray_environment.prepare`` must have run before this file is imported.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
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
from sweeper.workers.ray_cluster import connect, one_line
from sweeper.workers.ray_worker import Place, WorkerActor
from sweeper.workers.slots import Resources, fit
from sweeper.workers.worker import Post, WorkerSetup

__all__ = ["RayPool"]

_READY_S = 120.0  # a worker that is not ready by then will not be
_CLOSE_S = 5.0
_FAILED_STARTS = 3  # so many in a row are no accident


@dataclass(frozen=True, slots=True)
class _Call:
    """A request under way; ``attempt`` is None while the actor gets ready."""

    actor: Any
    attempt: AttemptId | None
    since_s: float


@dataclass(frozen=True, slots=True)
class _Member:
    """A worker of the pool; its place is known only where it has GPUs.

    Attributes:
        name: No other worker has it.
        share: The part of its GPUs that is its own.
        place: Where it sits.
    """

    name: str
    share: float
    place: Place | None = None

    @property
    def node(self) -> str | None:
        """Return Ray's id of the node whose GPUs it was given; None: it has none."""
        return self.place.node if self.place is not None and self.place.gpus else None


class RayPool:
    """Starts or joins Ray, and keeps one warm actor per slot.

    Args:
        setup: What each worker is built from.
        resources: What the sweep file asks for.
        address: Of a running cluster; None: start a local one.
        notify: Told in one line what was started.

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
        self._shipped = address is not None
        self._idle: list[Any] = []
        self._calls: dict[Any, _Call] = {}
        self._actor_of: dict[AttemptId, Any] = {}
        self._killed: dict[AttemptId, Cause] = {}
        self._members: dict[Any, _Member] = {}
        self._agents = NodeAgents(setup.make_agent)
        self._names = itertools.count()
        self._overheads = Overheads()
        self._overhead = UNAVAILABLE
        self._failed_starts = 0
        self._closed = False
        try:
            connect(address, resources, setup.objective.root)
            there: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call] # Ray's
            self._slots = fit(resources, cpus=there.get("CPU", 0.0), gpus=there.get("GPU", 0.0))
            self._agents.booked = min(1.0, self._slots.gpus)
            notify(f"started {self._slots}")
            self._spawn_all()
            self._await_first()
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
        self._call(actor, actor.start.remote(order), order.id)

    def go_on(self, attempt: AttemptId) -> None:
        """Let an attempt train to its next report."""
        actor = self._actor_of.get(attempt)
        if actor is not None:
            self._call(actor, actor.go_on.remote(), attempt)

    def stop(self, attempt: AttemptId, cause: Cause, *, now: bool = False) -> None:
        """End an attempt at its report; with ``now`` by ending its worker."""
        actor = self._actor_of.get(attempt)
        if actor is None:
            return
        at_report = all(call.attempt != attempt for call in self._calls.values())
        if now:
            self._killed[attempt] = cause
            ray.kill(actor)
        if at_report:  # otherwise the call under way tells that the worker is gone
            self._call(actor, actor.stop.remote(), attempt)

    def next_event(self, timeout_s: float) -> PoolEvent | None:
        """Wait for the first reply of any actor."""
        if not self._calls:
            time.sleep(timeout_s)
            return None
        ready, _ = ray.wait(list(self._calls), num_returns=1, timeout=timeout_s)
        if ready:
            return self._take(ready[0])
        self._check_ready()
        return None

    def close(self, *, kill: bool = False) -> Energy:
        """End the actors, and Ray if it is ours; return what they used outside attempts."""
        if not self._closed:
            if ray.is_initialized():
                self._overhead = self._ask_overhead(kill=kill)
                for actor in self._members:
                    ray.kill(actor)
                self._agents.end()
                ray.shutdown()
            self._closed = True  # only now: a Ctrl-C in between leaves the rest to the next call
        return self._overhead

    # --- Ray ---

    def _spawn_all(self) -> None:
        actors = [self._new_actor() for _ in range(self._slots.workers)]
        if not self._slots.gpus:
            for actor in actors:
                self._prepare(actor, self._member(1.0))
            return
        places = self._places(actors)
        for actor, place, share in zip(actors, places, _shares(places), strict=True):
            self._prepare(actor, self._member(share, place))

    def _member(self, share: float, place: Place | None = None) -> _Member:
        return _Member(f"worker-{next(self._names)}", share, place)

    def _new_actor(self) -> Any:
        return (
            ray.remote(WorkerActor)
            .options(
                num_cpus=self._slots.cpus,
                num_gpus=self._slots.gpus,
                memory=self._resources.memory_bytes,
                max_restarts=0,
            )
            .remote()
        )

    def _places(self, actors: Sequence[Any]) -> list[Place]:
        try:
            places: list[Place] = ray.get(
                [actor.place.remote() for actor in actors], timeout=_READY_S
            )
        except ray.exceptions.RayError as error:
            raise PoolError(f"the workers did not start: {one_line(error)}") from error
        return places

    def _prepare(self, actor: Any, member: _Member) -> None:
        self._members[actor] = member
        self._overheads.hired(member.name, member.node)
        gpus = () if member.place is None else member.place.gpus
        post = Post(member.name, gpus, member.share)
        agent = None if member.node is None else self._agents.on(member.node)
        call = actor.prepare.remote(self._setup, post, agent, shipped=self._shipped)
        self._call(actor, call, None)

    def _call(self, actor: Any, reference: Any, attempt: AttemptId | None) -> None:
        self._calls[reference] = _Call(actor, attempt, time.monotonic())

    def _await_first(self) -> None:
        while not self._idle:
            self.next_event(1.0)

    def _check_ready(self) -> None:
        """Find out that nobody works and nobody gets ready."""
        waiting = [call.since_s for call in self._calls.values() if call.attempt is None]
        if self._idle or not waiting or len(waiting) < len(self._calls):
            return
        if time.monotonic() - max(waiting) > _READY_S:
            raise PoolError(
                f"no worker was ready after {_READY_S:.0f} s; the cluster may be full: "
                "see `ray status`, ask for fewer resources, or try --local"
            )

    def _take(self, reference: Any) -> PoolEvent | None:
        call = self._calls.pop(reference)
        try:
            reply = ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            return self._lost(call, one_line(error.cause if error.cause else error))
        except ray.exceptions.RayError as error:
            return self._lost(call, one_line(error))
        if call.attempt is None:
            if isinstance(reply, Place):  # of an actor that replaces another one
                member = self._members[call.actor]
                self._prepare(call.actor, replace(member, place=reply))
                return None
            if reply is not None:
                raise PoolError(reply)
            self._failed_starts = 0
            self._idle.append(call.actor)
            return None
        if isinstance(reply, Ended):
            self._overheads.said(reply.worker, reply.overhead_j)
            del self._actor_of[call.attempt]
            if self._killed.pop(call.attempt, None) is None:
                self._idle.append(call.actor)
            else:  # it ended by itself just before its worker was killed
                self._replace(call.actor)
        event: StepReport | Ended = reply
        return event

    def _lost(self, call: _Call, why: str) -> Ended | None:
        """Replace an actor that is gone, and end its attempt."""
        if call.attempt is None:
            self._failed_starts += 1
            if self._failed_starts > _FAILED_STARTS:
                raise PoolError(f"the workers could not start: {why}")
            self._replace(call.actor)
            return None
        del self._actor_of[call.attempt]
        gone = self._members[call.actor]
        energy = self._replace(call.actor)
        killed = self._killed.pop(call.attempt, None)
        return Ended(
            id=call.attempt,
            ending=Ending.LOST if killed is None else Ending.STOPPED,
            cause=killed or Cause(CauseKind.WORKER, why),
            traceback=None,
            energy=energy,
            elapsed_s=0.0,
            node="",
            gpus=tuple(gpu.uuid for gpu in energy.gpus),
            worker=gone.name,
        )

    def _replace(self, actor: Any) -> Energy:
        """Put a new actor in the place of one that is gone; return what that one left open."""
        ray.kill(actor)  # it may live on in an unknown state
        gone = self._members.pop(actor)
        left = UNAVAILABLE if gone.node is None else self._agents.retire(gone.node, gone.name)
        new = self._new_actor()
        member = self._member(gone.share)
        if not self._slots.gpus:
            self._prepare(new, member)
        else:
            self._members[new] = member
            self._call(new, new.place.remote(), None)
        return left

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


def _shares(places: Sequence[Place]) -> list[float]:
    """Divide each GPU among the workers that sit on it."""
    crowd = Counter((place.node, gpu) for place in places for gpu in place.gpus)
    return [
        1.0 / max((crowd[place.node, gpu] for gpu in place.gpus), default=1) for place in places
    ]
