"""One training on several machines: the first one's worker leads, the others follow.

Runs in the process of the leading worker. Imported by ``ray_worker.py`` only, and with it the owner
of ray.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray
import ray.exceptions
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from sweeper.errors import PoolError
from sweeper.model import (
    AttemptId,
    Cause,
    CauseKind,
    Ended,
    Ending,
    Energy,
    Order,
    Peers,
    PoolEvent,
    joined,
)
from sweeper.workers.worker import Post, Worker, WorkerSetup

__all__ = ["Group", "Team"]

_READY_S = 120.0
_LAST_S = 30.0  # who follows ends by itself when the leader does, or not at all
_LOOK_S = 0.5
_NODE = "node-"


@dataclass(frozen=True, slots=True)
class Group:
    """Where a team sits.

    Attributes:
        place: Ray's placement group, a bundle per machine.
        size: How many machines.
        cpus: Of each.
        gpus: Of each.
    """

    place: Any
    size: int
    cpus: float
    gpus: float


class _FollowerActor:
    """What runs on the other machines: trains each order to its end, whatever it reports."""

    def prepare(self, setup: WorkerSetup, post: Post, *, shipped: bool) -> str | None:
        """Load the objective; return what is wrong with it, or None."""
        try:
            if shipped:
                setup = replace(setup, objective=setup.objective.moved(Path.cwd()))
            else:
                os.chdir(setup.objective.root)
            gpus = tuple(ray.get_runtime_context().get_accelerator_ids()["GPU"])
            self._worker = Worker(setup, replace(post, gpus=gpus, away=shipped))
        except PoolError as error:
            return str(error)
        return None

    def train(self, order: Order) -> Ended:
        """Train to the end."""
        event = self._worker.start(order)
        while not isinstance(event, Ended):
            event = self._worker.go_on()
        return event

    def kill(self, attempt: AttemptId) -> None:
        """End an attempt wherever it is."""
        self._worker.kill(attempt)

    def overhead(self) -> Energy:
        """Return what was used outside attempts so far."""
        return self._worker.overhead()


class Team:
    """A worker whose trainings take several machines; answers as a ``Worker``.

    Args:
        setup: What each worker is built from.
        post: Of the leader.
        group: Where the team sits.
        shipped: The project was sent to the machines.

    Raises:
        PoolError: If the objective cannot be loaded on one of them.
    """

    def __init__(self, setup: WorkerSetup, post: Post, group: Group, *, shipped: bool) -> None:
        os.environ["NNODES"] = str(group.size)  # in the key, so it is the same wherever it is read
        self._size = group.size
        self._followers = [_follower(group, index) for index in range(1, group.size)]
        posts = [Post(f"{post.name}.{rank}") for rank in range(1, group.size)]
        prepared = [
            follower.prepare.remote(setup, each, shipped=shipped)
            for follower, each in zip(self._followers, posts, strict=True)
        ]
        self._leader = Worker(setup, post)
        try:
            wrong = [text for text in ray.get(prepared, timeout=_READY_S) if text is not None]
        except ray.exceptions.RayError as error:
            raise PoolError(f"a machine of the team did not get ready: {error}") from error
        if wrong:
            raise PoolError(wrong[0])
        self._order: Order | None = None
        self._ends: list[Any] = []
        self._failed: Cause | None = None
        self._over = threading.Event()

    def start(self, order: Order) -> PoolEvent | None:
        """Begin an attempt on all machines and train to the first report."""
        address, port = _free_port()
        self._failed = None
        self._over = threading.Event()
        team = [Peers(rank, self._size, address, port) for rank in range(self._size)]
        self._order = replace(order, peers=team[0])
        orders = [
            replace(order, peers=it, folder=f"{order.folder}-{_NODE}{it.rank}") for it in team
        ]
        self._ends = [
            follower.train.remote(its)
            for follower, its in zip(self._followers, orders[1:], strict=True)
        ]
        threading.Thread(target=self._watch, args=(order.id, self._over), daemon=True).start()
        return self._told(self._leader.start(self._order))

    def go_on(self) -> PoolEvent | None:
        """Train to the next report, or to the end."""
        return self._told(self._leader.go_on())

    def stop(self) -> Ended:
        """End the attempt at its report, on all machines."""
        assert self._order is not None  # the pool stops only what it started
        self._kill_followers(self._order.id)
        return self._whole(self._leader.stop())

    def kill(self, attempt: AttemptId) -> None:
        """End an attempt wherever it is, on all machines."""
        self._kill_followers(attempt)
        self._leader.kill(attempt)

    def overhead(self) -> Energy:
        """Return what was used outside attempts so far."""
        accounts = [self._leader.overhead()]
        for follower in self._followers:
            with suppress(ray.exceptions.RayError):
                accounts.append(ray.get(follower.overhead.remote(), timeout=_LOOK_S * 10))
        return joined(accounts)

    def _told(self, event: PoolEvent | None) -> PoolEvent | None:
        return self._whole(event) if isinstance(event, Ended) else event

    def _watch(self, attempt: AttemptId, over: threading.Event) -> None:
        """End the training when one machine fails: the others would wait for it for ever."""
        waiting = dict(zip(self._ends, range(1, self._size), strict=True))
        while waiting and not over.is_set():
            ready, _ = ray.wait(list(waiting), num_returns=1, timeout=_LOOK_S)
            for reference in ready:
                rank = waiting.pop(reference)
                cause = _cause_of(reference, rank)
                if cause is not None and not over.is_set():
                    self._failed = self._failed or cause
                    self.kill(attempt)

    def _whole(self, ended: Ended) -> Ended:
        """Put what all machines used together, once the leader's part has ended."""
        if ended.ending is Ending.RETURNED:
            ray.wait(self._ends, num_returns=len(self._ends), timeout=_LAST_S)
        self._over.set()
        self._kill_followers(ended.id)
        accounts, logs = [ended.energy], list(ended.logs)
        for rank, reference in enumerate(self._ends, 1):
            with suppress(ray.exceptions.RayError):
                part: Ended = ray.get(reference, timeout=_LAST_S)
                accounts.append(part.energy)
                logs += [(f"{_NODE}{rank}-{name}", text) for name, text in part.logs]
            self._failed = self._failed or _cause_of(reference, rank)
        ended = replace(ended, energy=joined(accounts), logs=tuple(logs))
        if self._failed is None or ended.ending is Ending.RAISED or ended.cause is not None:
            return ended
        return replace(ended, ending=Ending.RAISED, cause=self._failed)

    def _kill_followers(self, attempt: AttemptId) -> None:
        for follower in self._followers:
            follower.kill.remote(attempt)


def _follower(group: Group, index: int) -> Any:
    place = PlacementGroupSchedulingStrategy(group.place, placement_group_bundle_index=index)
    return (
        ray.remote(_FollowerActor)
        .options(
            num_cpus=group.cpus,
            num_gpus=group.gpus,
            max_restarts=0,
            max_concurrency=2,
            scheduling_strategy=place,
        )
        .remote()
    )


def _cause_of(reference: Any, rank: int) -> Cause | None:
    """Say why a machine's part failed; None: it did not, or has not ended."""
    try:
        ended: Ended = ray.get(reference, timeout=0)
    except ray.exceptions.GetTimeoutError:
        return None
    except ray.exceptions.RayError as error:
        return Cause(CauseKind.NODE, f"node {rank} of the team is gone: {type(error).__name__}")
    if ended.ending is not Ending.RAISED or ended.cause is None:
        return None
    return Cause(ended.cause.kind, f"node {rank}: {ended.cause.text}"[:300])


def _free_port() -> tuple[str, int]:
    """Return this machine's address in the cluster and a port that nobody listens at."""
    address = str(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call] # Ray's
    for _ in range(100):
        port = 20_000 + secrets.randbelow(12_000)  # below those that systems give out by themselves
        with suppress(OSError), socket.socket() as there:
            there.bind(("", port))
            return address, port
    raise PoolError("no port is free for the machines of a trial to meet")
