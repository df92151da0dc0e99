"""One worker: trains one attempt at a time, step by step, and measures it.

Owns: the life of an attempt on a worker. The same class runs inside the driver (``--local``) and as
a Ray actor. The objective is the user's code: whatever it raises becomes an ``Ended``.
"""

from __future__ import annotations

import contextlib
import math
import socket
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, SupportsFloat, SupportsIndex

from sweeper.model import (
    Cause,
    CauseKind,
    Ended,
    Ending,
    Energy,
    Order,
    PoolEvent,
    StepReport,
)
from sweeper.seams import Meter
from sweeper.trial import Report, Trial
from sweeper.workers.bridge import Deliver, Reports, reports
from sweeper.workers.capture import ProcessCapture, PythonCapture
from sweeper.workers.imported import code_files, imported_files
from sweeper.workers.objective import ObjectiveSource, load
from sweeper.workers.seeding import Seeder

__all__ = ["Worker", "WorkerSetup"]

CAUSE_LENGTH = 300
TRACEBACK_LENGTH = 100_000
LAST_STEP = 2**53  # beyond it JSON's numbers are no longer exact
DECLARED = "energy_j"  # a metric of this name declares the trial's joules


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """What every worker of a sweep is built from; picklable.

    Attributes:
        objective: What to train.
        make_meter: Builds the worker's meter, in the worker.
        own_process: The worker is alone in its process: capture what the process prints.
    """

    objective: ObjectiveSource
    make_meter: Callable[[], Meter]
    own_process: bool


class Worker:
    """Trains attempts one after another; stays warm between them.

    Raises:
        PoolError: From the constructor, if the objective cannot be loaded.
    """

    def __init__(self, setup: WorkerSetup, gpus: Sequence[str] = (), share: float = 1.0) -> None:
        self._root = setup.objective.root
        self._before = code_files()
        with contextlib.redirect_stdout(sys.stderr):  # the driver's output is the result alone
            self._objective = load(setup.objective)
        self._seeder = Seeder()
        self._capture = ProcessCapture() if setup.own_process else PythonCapture()
        self._node = socket.gethostname()
        self._meter = setup.make_meter()
        self._meter.begin(gpus, share)
        self._order: Order | None = None
        self._reports: Reports | None = None
        self._started_s = 0.0
        self._declared_j: float | None = None

    def start(self, order: Order) -> PoolEvent:
        """Begin an attempt and train to its first report."""
        self._order = order
        self._declared_j = None
        folder = Path(order.folder)
        with contextlib.suppress(OSError):  # a full disk costs the logs, not the training
            folder.mkdir(parents=True, exist_ok=True)
            self._capture.open(folder)

        def make_trial(deliver: Deliver) -> Trial:
            return Trial(
                order.params,
                number=order.id.number,
                seed=order.seed,
                max_steps=order.max_steps,
                dir=folder,
                deliver=deliver,
            )

        self._seeder.seed(order.seed)
        self._meter.open()
        self._started_s = time.monotonic()
        self._reports = reports(self._objective, make_trial)
        return self._advance()

    def go_on(self) -> PoolEvent:
        """Train to the next report, or to the end."""
        return self._advance()

    def stop(self) -> Ended:
        """End the attempt at its report."""
        assert self._reports is not None  # the pool stops only what it started
        failure: BaseException | None = None
        with self._capture.active():
            try:
                self._reports.close()
            except Exception as error:  # the user's own cleaning up went wrong
                failure = error
        return self._ended(Ending.STOPPED, failure)

    def overhead(self) -> Energy:
        """Return what was used outside attempts so far."""
        return self._meter.overhead()

    def _advance(self) -> PoolEvent:
        assert self._reports is not None  # the pool advances only what it started
        try:
            with self._capture.active():
                report = next(self._reports)
            return self._step_report(report)
        except StopIteration:
            return self._ended(Ending.RETURNED, None)
        except KeyboardInterrupt:
            raise  # the third Ctrl-C while training inside the driver
        except BaseException as error:
            return self._ended(Ending.RAISED, error)

    def _step_report(self, report: Report) -> StepReport:
        assert self._order is not None  # only called while an attempt is open
        step, given = report
        whole = isinstance(step, SupportsIndex) and not isinstance(step, bool)
        if not whole or not 0 <= step.__index__() <= LAST_STEP:
            raise TypeError(f"a step must be a whole number >= 0, got {step!r}")
        metrics: dict[str, float] = {}
        unreadable: dict[str, str] = {}
        for name, value in given.items():
            number = _as_number(value)
            if number is None:
                unreadable[str(name)] = f"{type(value).__name__} {str(value)[:40]!r}"
            else:
                metrics[str(name)] = number
        self._declared_j = _joules(metrics.get(DECLARED), self._declared_j)
        energy_j = self._declared_j if self._declared_j is not None else self._meter.read()
        return StepReport(
            id=self._order.id,
            step=step.__index__(),
            metrics=metrics,
            energy_j=energy_j,
            elapsed_s=time.monotonic() - self._started_s,
            unreadable=unreadable,
        )

    def _ended(self, ending: Ending, error: BaseException | None) -> Ended:
        assert self._order is not None  # only called while an attempt is open
        order, self._order, self._reports = self._order, None, None
        elapsed_s = time.monotonic() - self._started_s
        energy = self._meter.close()
        self._capture.close()
        if self._declared_j is not None:
            energy = replace(
                energy,
                total_j=self._declared_j,
                source="declared",
                lo_j=None,
                hi_j=None,
                attribution="none",
            )
        return Ended(
            id=order.id,
            ending=ending,
            cause=None if error is None else _cause(error),
            traceback=None if error is None else _traceback(error),
            energy=energy,
            elapsed_s=elapsed_s,
            node=self._node,
            gpus=tuple(gpu.uuid for gpu in energy.gpus),
            imported=imported_files(self._root, before=self._before),
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


def _as_number(value: Any) -> float | None:
    """Read a number, NumPy's and torch's scalars included; None for booleans and the rest."""
    if isinstance(value, bool | str | bytes) or not isinstance(value, SupportsFloat):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):  # an array or tensor with several elements
        return None


def _cause(error: BaseException) -> Cause:
    kind = CauseKind.OOM if type(error).__name__ == "OutOfMemoryError" else CauseKind.ERROR
    try:
        text = f"{type(error).__name__}: {error}"
    except Exception:  # an exception's own __str__ may raise
        text = f"{type(error).__name__}: its text cannot be made"
    return Cause(kind, _printable(" ".join(text.split()))[:CAUSE_LENGTH])


def _printable(text: str) -> str:
    """Escape what UTF-8 cannot hold, such as the bytes of an undecodable file name."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _traceback(error: BaseException) -> str:
    """Format the user's part of the traceback."""
    frames = error.__traceback__
    own = str(Path(__file__).parent)
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(own):
        frames = frames.tb_next
    text = "".join(traceback.format_exception(type(error), error, frames))
    return _printable(text)[-TRACEBACK_LENGTH:]
