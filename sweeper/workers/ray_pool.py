"""The pool of warm Ray actors: the only file that imports ray.

Each worker is one actor that answers one call at a time: a request trains to the next report, the
reply is the report. ``ray_environment.prepare`` must have run before this file is imported.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray
import ray.exceptions

import sweeper
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
from sweeper.workers.slots import Resources, fit, usable_cpus
from sweeper.workers.worker import Worker, WorkerSetup

__all__ = ["RayPool"]

_READY_S = 120.0  # a worker that is not ready by then will not be
_CLOSE_S = 5.0
_FAILED_STARTS = 3  # so many in a row are no accident
_OBJECT_STORE_BYTES = 100 * 2**20  # reports are small; Ray's default takes a third of the memory
_SHARED_ENV = ("OMP_NUM_THREADS", "CUDA_DEVICE_ORDER")  # a local Ray inherits them
_NOT_SHIPPED = [
    ".git",
    ".venv",
    "venv",
    "__pycache__",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an actor sits."""

    node: str
    gpus: tuple[str, ...]


class _Actor:
    """What runs in the worker's process."""

    def __init__(self) -> None:
        self._worker: Worker | None = None

    def place(self) -> _Place:
        context = ray.get_runtime_context()
        return _Place(context.get_node_id(), tuple(context.get_accelerator_ids()["GPU"]))

    def prepare(self, setup: WorkerSetup, share: float, *, shipped: bool) -> str | None:
        """Load the objective; return what is wrong with it, or None."""
        try:
            if shipped:
                setup = replace(setup, objective=setup.objective.moved(Path.cwd()))
            else:
                os.chdir(setup.objective.root)
            self._worker = Worker(setup, self.place().gpus, share)
        except PoolError as error:
            return str(error)
        return None

    def start(self, order: Order) -> PoolEvent | None:
        return self._ready().start(order)

    def go_on(self) -> PoolEvent | None:
        return self._ready().go_on()

    def stop(self) -> Ended:
        return self._ready().stop()

    def overhead(self) -> Energy:
        return self._ready().overhead()

    def _ready(self) -> Worker:
        assert self._worker is not None  # the pool calls prepare first
        return self._worker


@dataclass(frozen=True, slots=True)
class _Call:
    """A request under way; ``attempt`` is None while the actor gets ready."""

    actor: Any
    attempt: AttemptId | None
    since_s: float


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
        self._share: dict[Any, float] = {}
        self._overhead = UNAVAILABLE
        self._failed_starts = 0
        self._lost_books = False  # of workers that were replaced
        self._closed = False
        try:
            self._connect(address)
            there: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call] # Ray's
            self._slots = fit(resources, cpus=there.get("CPU", 0.0), gpus=there.get("GPU", 0.0))
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
            if not kill:
                self._overhead = self._ask_overhead()
            if ray.is_initialized():
                for actor in self._share:
                    ray.kill(actor)
                ray.shutdown()
            self._closed = True  # only now: a Ctrl-C in between leaves the rest to the next call
        return self._overhead

    # --- Ray ---

    def _connect(self, address: str | None) -> None:
        quiet: dict[str, Any] = {
            "log_to_driver": False,
            "logging_level": logging.ERROR,
            "configure_logging": False,
        }
        try:
            if address is not None:
                _knock(address)
                ray.init(address=address, runtime_env=self._shipment(), **quiet)
                return
            workers = self._resources.workers or 0
            asked = math.ceil(workers * (self._resources.cpus or 1))
            ray.init(
                address="local",  # whatever RAY_ADDRESS says
                num_cpus=max(usable_cpus(), asked),
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE_BYTES,
                **quiet,
            )
        except (ray.exceptions.RayError, OSError, RuntimeError, ValueError) as error:
            where = f"join the Ray cluster at {address!r}" if address else "start Ray"
            raise PoolError(
                f"could not {where}: {_line(error)}; try --local to train without Ray"
            ) from error

    def _shipment(self) -> dict[str, Any]:
        root = self._setup.objective.root
        return {
            "working_dir": root,
            "py_modules": [str(Path(sweeper.__file__).parent)],
            "excludes": _NOT_SHIPPED,
            "env_vars": {name: os.environ[name] for name in _SHARED_ENV if name in os.environ},
        }

    def _spawn_all(self) -> None:
        actors = [self._new_actor() for _ in range(self._slots.workers)]
        shares = [1.0] * len(actors)
        if 0 < self._slots.gpus < 1:
            shares = _shares(self._places(actors))
        for actor, share in zip(actors, shares, strict=True):
            self._prepare(actor, share)

    def _new_actor(self) -> Any:
        return (
            ray.remote(_Actor)
            .options(
                num_cpus=self._slots.cpus,
                num_gpus=self._slots.gpus,
                memory=self._resources.memory_bytes,
                max_restarts=0,
            )
            .remote()
        )

    def _places(self, actors: Sequence[Any]) -> list[_Place]:
        try:
            places: list[_Place] = ray.get(
                [actor.place.remote() for actor in actors], timeout=_READY_S
            )
        except ray.exceptions.RayError as error:
            raise PoolError(f"the workers did not start: {_line(error)}") from error
        return places

    def _prepare(self, actor: Any, share: float) -> None:
        self._share[actor] = share
        call = actor.prepare.remote(self._setup, share, shipped=self._shipped)
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
            return self._lost(call, _line(error.cause if error.cause else error))
        except ray.exceptions.RayError as error:
            return self._lost(call, _line(error))
        if call.attempt is None:
            if reply is not None:
                raise PoolError(reply)
            self._failed_starts = 0
            self._idle.append(call.actor)
            return None
        if isinstance(reply, Ended):
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
        self._replace(call.actor)
        killed = self._killed.pop(call.attempt, None)
        return Ended(
            id=call.attempt,
            ending=Ending.LOST if killed is None else Ending.STOPPED,
            cause=killed or Cause(CauseKind.WORKER, why),
            traceback=None,
            energy=UNAVAILABLE,
            elapsed_s=0.0,
            node="",
        )

    def _replace(self, actor: Any) -> None:
        self._lost_books = True
        share = self._share.pop(actor)
        ray.kill(actor)  # it may live on in an unknown state
        self._prepare(self._new_actor(), share)

    def _ask_overhead(self) -> Energy:
        try:
            accounts: list[Energy] = ray.get(
                [actor.overhead.remote() for actor in self._idle], timeout=_CLOSE_S
            )
        except ray.exceptions.RayError:
            return UNAVAILABLE
        known_j = [account.total_j for account in accounts if account.total_j is not None]
        if self._lost_books or len(known_j) < len(self._share):
            return UNAVAILABLE  # a part is unknown, and so is the sum
        return replace(accounts[0], total_j=sum(known_j), lo_j=None, hi_j=None, gpus=())


def _knock(address: str) -> None:
    """Find out in seconds that nobody listens; Ray itself waits for minutes.

    Raises:
        OSError: If there is an address to knock at and nobody answers.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=_CLOSE_S).close()


def _shares(places: Sequence[_Place]) -> list[float]:
    """Divide each GPU among the workers that sit on it."""
    crowd = Counter((place.node, gpu) for place in places for gpu in place.gpus)
    return [
        1.0 / max((crowd[place.node, gpu] for gpu in place.gpus), default=1) for place in places
    ]


def _line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300]
