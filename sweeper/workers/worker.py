"""One worker: trains one attempt at a time, step by step, and measures it.

Owns: the life of an attempt on a worker. The same class runs inside the driver (``--local``) and as
a Ray actor. The objective is the user's code: whatever it raises becomes an ``Ended``.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sweeper.errors import PoolError
from sweeper.model import (
    AttemptId,
    Cause,
    Ended,
    Ending,
    Energy,
    NodeFacts,
    Order,
    PoolEvent,
    StepReport,
)
from sweeper.places import make_private, trial_folder_here
from sweeper.seams import Agent, Meter
from sweeper.workers.failures import TrainingFailed, cause_of, text_of
from sweeper.workers.limits import Limits
from sweeper.workers.logs import STDERR, STDOUT, ends_of
from sweeper.workers.objective import ObjectiveSource
from sweeper.workers.program import ProgramSource
from sweeper.workers.program_environment import PARAMS
from sweeper.workers.regions import Regions
from sweeper.workers.reports import ReadReports, StepRead
from sweeper.workers.trainee import trainee

__all__ = ["Post", "Worker", "WorkerSetup"]

_FILES = (STDOUT, STDERR, PARAMS)
DECLARED = "energy_j"  # a metric of this name declares the trial's joules


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """What every worker of a sweep is built from; picklable.

    Attributes:
        objective: What to train.
        make_meter: Builds the worker's meter, in the worker, around what the node's agent offers it
            for its GPUs; None: there is no agent.
        own_process: A function is trained in a process of its own; False: in the worker's.
        make_agent: Builds the agent of a node whose workers are given GPUs; None: there is none.
        describe: Says what a node is, from the GPUs that a worker was given there; None: nobody
            asks.
        code: Path below the project's root and SHA-256 of each file that was hashed and must be
            what is run here; empty: not checked.
        needs_energy: The key of the sweep file for which joules must be known; None: there is none.
        limits: What one training may use; None: no limit.
    """

    objective: ObjectiveSource | ProgramSource
    make_meter: Callable[[Meter | None], Meter]
    own_process: bool
    make_agent: Callable[[], Agent] | None = None
    needs_energy: str | None = None
    describe: Callable[[Sequence[str]], NodeFacts] | None = None
    code: tuple[tuple[str, str], ...] = ()
    limits: Limits | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """Where a worker stands.

    Attributes:
        name: Of the worker, no other one of the sweep has it.
        gpus: What it was given: UUIDs or NVML indices as text.
        share: The part of those that is its own, 0 < share <= 1.
        meter: What the node's agent offers for them.
        away: It may be on another machine than the driver.
    """

    name: str = "worker"
    gpus: Sequence[str] = ()
    share: float = 1.0
    meter: Meter | None = None
    away: bool = False


class Worker:
    """Trains attempts one after another; stays warm between them.

    Raises:
        PoolError: From the constructor, if the objective cannot be loaded, or joules must be known
            here and cannot be.
    """

    def __init__(self, setup: WorkerSetup, post: Post | None = None) -> None:
        post = post or Post()
        _check_code(setup)
        self._root, self._mirror = setup.objective.root, setup.objective.mirror
        limits, own = setup.limits, setup.own_process
        self._trainee = trainee(setup.objective, own_process=own, limits=limits)
        self._node = socket.gethostname()
        self._name = post.name
        self._away = post.away
        self._meter = setup.make_meter(post.meter)
        self._meter.begin(post.gpus, post.share)
        self._regions = Regions(self._meter.read)
        if setup.needs_energy is not None:
            self._demand_energy(setup.needs_energy, post.gpus)
        self._facts = None if setup.describe is None else setup.describe(post.gpus)
        self._lock = threading.Lock()
        self._order: Order | None = None
        self._killed: AttemptId | None = None
        self._reports: ReadReports | None = None
        self._sends_logs = False
        self._started_s = 0.0
        self._declared_j: float | None = None

    def start(self, order: Order) -> PoolEvent | None:
        """Begin an attempt and train to its first report; None: see ``go_on``."""
        if self._away and not Path(order.folder).is_dir():  # the driver has made it, elsewhere
            order = replace(order, folder=trial_folder_here(order.folder))
            self._sends_logs = True
        self._order = order
        self._declared_j = None
        with contextlib.suppress(OSError):  # a full disk costs the logs, not the training
            make_private(Path(order.folder))
        lost = self._lost()
        self._meter.open()
        self._started_s = time.monotonic()
        self._regions = Regions(self._meter.read)
        if lost is not None:
            return self._ended(Ending.RAISED, lost)
        self._reports = self._trainee.train(order, self._regions.mark)
        return self._advance()

    def _lost(self) -> TrainingFailed | None:
        """Get ready to train, at nobody's expense; return why that is impossible."""
        try:
            self._trainee.prepare()
        except TrainingFailed as failed:
            return failed
        return None

    def go_on(self) -> PoolEvent | None:
        """Train to the next report, or to the end.

        None: a program inside the driver was silent for a while; it trains on, so call again.
        """
        return self._advance()

    def stop(self) -> Ended:
        """End the attempt at its report; a program also anywhere else."""
        assert self._reports is not None  # the pool stops only what it started
        return self._ended(Ending.STOPPED, self._close_reports())

    def kill(self, attempt: AttemptId) -> None:
        """End an attempt wherever it is; for another thread than the one that trains it.

        Its end comes from whatever is under way. Nothing happens if it is not under way any more,
        and to a function in this process.
        """
        with self._lock:
            if self._order is not None and self._order.id == attempt:
                self._killed = attempt
                self._trainee.kill()

    def overhead(self) -> Energy:
        """Return what was used outside attempts so far."""
        return self._meter.overhead()

    def close(self) -> None:
        """End a program that still runs. May be called twice."""
        self._trainee.close()

    def _demand_energy(self, key: str, gpus: Sequence[str]) -> None:
        account = self._meter.overhead()
        if account.source != "unavailable":
            return
        silent = [gpu for gpu in account.gpus if gpu.source == "unavailable"]
        names = ", ".join(f"{gpu.uuid} ({gpu.name})" for gpu in silent) or ", ".join(gpus)
        raise PoolError(
            f"{key} needs joules, and on {self._node} neither the energy counter nor the power nor "
            f"the utilisation of GPU {names} can be read; give the watts of one GPU at work as "
            "energy.gpu_w: 300, say (`sweeper energy probe` there shows why)"
        )

    def _close_reports(self) -> Exception | None:
        """Stop the objective; return what went wrong in the user's own cleaning up."""
        assert self._reports is not None  # only called while an attempt is open
        with self._trainee.active():
            try:
                self._reports.close()
            except Exception as error:
                return error
        return None

    def _named(self, text: str) -> str:
        """Name the project's files as the user knows them, not by where they are run."""
        return text if self._mirror is None else text.replace(self._mirror, self._root)

    def _at_home(self, cause: Cause) -> Cause:
        return Cause(cause.kind, self._named(cause.text))

    def _advance(self) -> PoolEvent | None:
        assert self._reports is not None  # the pool advances only what it started
        try:
            with self._trainee.active():
                report = next(self._reports)
            return None if report is None else self._step_report(report)
        except StopIteration:
            return self._ended(Ending.RETURNED, None)
        except KeyboardInterrupt:
            raise  # the third Ctrl-C while training inside the driver
        except BaseException as error:
            if self._killed == self._order_now.id:
                return self._ended(Ending.STOPPED, None)
            self._close_reports()  # a wrong report leaves the objective waiting
            return self._ended(Ending.RAISED, error)

    @property
    def _order_now(self) -> Order:
        assert self._order is not None  # only asked while an attempt is open
        return self._order

    def _step_report(self, report: StepRead) -> StepReport:
        self._declared_j = _joules(report.metrics.get(DECLARED), self._declared_j)
        energy_j = self._declared_j if self._declared_j is not None else self._regions.read()
        return StepReport(
            id=self._order_now.id,
            step=report.step,
            metrics=report.metrics,
            energy_j=energy_j,
            elapsed_s=time.monotonic() - self._started_s,
            unreadable=report.unreadable,
        )

    def _ended(self, ending: Ending, error: BaseException | None) -> Ended:
        with self._lock:  # from here on nobody kills what comes after it
            order, self._order, self._reports = self._order_now, None, None
        elapsed_s = time.monotonic() - self._started_s
        regions = self._regions.end()
        energy = replace(self._meter.close(), regions=regions)
        self._trainee.ended()
        if self._declared_j is not None:
            energy = replace(
                energy,
                total_j=self._declared_j,
                source="declared",
                lo_j=None,
                hi_j=None,
                attribution="none",
                idle_j=None,
                u_rel=None,
                regions=tuple(replace(region, energy_j=None) for region in regions),
            )
        return Ended(
            id=order.id,
            ending=ending,
            cause=None if error is None else self._at_home(cause_of(error)),
            traceback=None if error is None else self._named(text_of(error)),
            energy=energy,
            elapsed_s=elapsed_s,
            node=self._node,
            gpus=tuple(gpu.uuid for gpu in energy.gpus),
            imported=self._trainee.imported(),
            opened=self._trainee.opened(),
            facts=None if self._facts is None else replace(self._facts, meter=energy.source),
            worker=self._name,
            overhead_j=self._meter.overhead().total_j,
            logs=ends_of(Path(order.folder), _FILES) if self._sends_logs else (),
        )


def _check_code(setup: WorkerSetup) -> None:
    """See that what is run here is what was hashed.

    Raises:
        PoolError: If a file is missing or another one.
    """
    place = Path(setup.objective.mirror or setup.objective.root)
    for relpath, digest in setup.code:
        try:
            same = hashlib.sha256((place / relpath).read_bytes()).hexdigest() == digest
        except OSError:
            same = False
        if not same:
            raise PoolError(
                f"{relpath} on {socket.gethostname()} is not what was hashed when the sweep began; "
                "run it again, and the sweep goes on with the code as it is"
            )


def _joules(declared: float | None, before: float | None) -> float | None:
    """Check what the objective declares; it is what the trial has used since its start."""
    if declared is None:
        return before
    if not math.isfinite(declared) or declared < (before or 0.0):
        raise ValueError(
            f"{DECLARED} must be the joules since the trial's start, a number that does not fall; "
            f"got {declared} after {before or 0.0}"
        )
    return declared
