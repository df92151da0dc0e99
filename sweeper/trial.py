"""What user code touches inside a trial. Light: nothing but the standard library.

    def train(params, trial):
        for epoch in range(1, trial.max_steps + 1):
            ...
            trial.report(epoch, val_accuracy=accuracy)

A script says the same with ``sweeper.params`` and ``sweeper.report``, and runs alone as well.

Must not import anything of ``sweeper``: user code imports this, and so does every worker. A program
whose Python has no ``sweeper`` gets this very file from the worker that starts it.
"""

from __future__ import annotations

import contextlib
import functools
import json
import operator
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, final

__all__ = [
    "Line",
    "Mark",
    "Report",
    "Trial",
    "TrialStopped",
    "line",
    "measure",
    "params",
    "region_name",
    "report",
    "set_running",
]

# A step and what was measured there, as the objective gave it.
Report = tuple[int, Mapping[str, Any]]

# Hears that a region is entered (True) or left.
Mark = Callable[[str, bool], None]

_REGION = re.compile(r"[A-Za-z]\w{0,39}", re.ASCII)


class TrialStopped(BaseException):
    """Raised by ``report`` when the trial is to end: pruned, out of budget, or the sweep stops.

    It is no ``Exception``, so that ``except Exception`` in training code lets it through. Clean up
    in ``finally``; do not catch it.
    """


@final
class Trial:
    """The running trial.

    Attributes:
        params: The values to train with.
        number: The trial's number in its sweep, from 0.
        seed: The trial's seed; ``random``, NumPy and torch are seeded with it.
        max_steps: The planned last step; None: the sweep file gives none.
        dir: The trial's folder, for checkpoints and whatever else should be found again.
    """

    def __init__(
        self,
        params: Mapping[str, Any],
        *,
        number: int,
        seed: int,
        max_steps: int | None,
        dir: Path,
        deliver: Callable[[Report], None],
        mark: Mark | None = None,
    ) -> None:
        self.params = params
        self.number = number
        self.seed = seed
        self.max_steps = max_steps
        self.dir = dir
        self._deliver = deliver
        self._mark = mark

    def report(self, step: int, **metrics: Any) -> None:
        """Report metrics at a step and wait for the sweep's answer.

        Args:
            step: Whole number >= 0, larger than the one before.
            **metrics: Numbers by name. ``energy_j`` declares the joules used since the start of the
                trial, instead of what the meter says.

        Raises:
            TrialStopped: If the trial is to end here.
        """
        self._deliver((step, metrics))

    def measure(self, region: str) -> AbstractContextManager[None]:
        """Measure a part of the trial apart: ``with trial.measure("inference"):``.

        Gives the metrics ``inference_energy_j``, ``inference_energy_kwh`` and
        ``inference_duration_s``, of all passages together. Regions of different names may lie
        inside one another.

        Args:
            region: A letter, then letters, digits and underscores; at most 40 characters.

        Raises:
            ValueError: If the name is something else, or the trial is in this region already.
        """
        return _region(region_name(region), self._mark)


def region_name(region: Any) -> str:
    """Return the name of a region.

    Raises:
        ValueError: If it is none.
    """
    if not isinstance(region, str) or not _REGION.fullmatch(region):
        raise ValueError(
            "measure: a region's name is a letter, then letters, digits and underscores, at most "
            f"40 characters, such as 'inference'; got {region!r:.60}"
        )
    return region


@contextlib.contextmanager
def _region(name: str, mark: Mark | None) -> Iterator[None]:
    if mark is None:
        yield
        return
    _synchronise()
    mark(name, True)
    try:
        yield
    finally:
        _synchronise()
        mark(name, False)


def _synchronise() -> None:
    """Wait for what torch has launched on a GPU: it belongs to the code that launched it."""
    torch = sys.modules.get("torch")
    with contextlib.suppress(Exception):  # an error of the GPU is the training's to meet
        if torch is not None and torch.cuda.is_initialized():
            torch.cuda.synchronize()


_running: Trial | None = None  # a worker trains one trial at a time, in whatever threads


def set_running(trial: Trial | None) -> None:
    """Say which trial this process trains from now on; the worker's business."""
    global _running
    _running = trial


def report(step: int, **metrics: Any) -> None:
    """Report metrics at a step and wait for the sweep's answer; outside a sweep do nothing.

    Args:
        step: Whole number >= 0, larger than the one before.
        **metrics: Numbers by name, as for ``Trial.report``.

    Raises:
        TrialStopped: If the trial is to end here. Nobody has to catch it: a script ends quietly.
        ConnectionError: If the sweep that started this program cannot be reached.
    """
    if _running is not None:
        _running.report(step, **metrics)
        return
    sweep = line()
    if sweep is not None:
        sweep.say({"step": _step(step), "metrics": {k: _plain(v) for k, v in metrics.items()}})


def measure(region: str) -> AbstractContextManager[None]:
    """Measure a part of the trial apart, as ``Trial.measure``; outside a sweep do nothing.

    Raises:
        ValueError: If the name is wrong, or the trial is in this region already.
        ConnectionError: If the sweep that started this program cannot be reached.
    """
    if _running is not None:
        return _running.measure(region)
    sweep = line()
    return _region(region_name(region), None if sweep is None else sweep.mark)


def params(**defaults: Any) -> dict[str, Any]:
    """Return the values to train with: the trial's over the defaults; outside a sweep the latter.

    Args:
        **defaults: Values of what the sweep leaves open; mappings are merged leaf by leaf.
    """
    given: Mapping[str, Any] = {}
    file = os.environ.get("SWEEPER_PARAMS")
    if _running is not None:
        given = _running.params
    elif file:
        given = json.loads(Path(file).read_text(encoding="utf-8"))
    return _merged(defaults, given)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        under = merged.get(name)
        both = isinstance(under, Mapping) and isinstance(value, Mapping)
        merged[name] = _merged(under, value) if both else value  # type: ignore[arg-type] # both are
    return merged


def _step(value: Any) -> Any:
    """Return a whole number as an int; anything else as it is told to the worker."""
    try:
        return value if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return _plain(value)


def _plain(value: Any) -> Any:
    """Return what JSON can hold: numbers of any library as such, the rest as a short text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    try:
        return str(value)[:40] if isinstance(value, str | bytes) else float(value)
    except (TypeError, ValueError, RuntimeError):  # an array or tensor with several elements
        return str(value)[:40]


class Line:
    """A program's line to the worker that has started it: one message, one answer.

    Safe for threads; a forked process must take a line of its own.

    Args:
        path: The Unix socket that the worker listens at.

    Raises:
        ConnectionError: If nobody answers there.
    """

    def __init__(self, path: str) -> None:
        import socket  # only a program of a sweep needs it

        self._lock = threading.Lock()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            raise ConnectionError(
                f"the sweep does not answer at SWEEPER_CHANNEL={path} ({error.strerror}); make "
                "that folder reachable from here, or unset SWEEPER_CHANNEL to run alone"
            ) from error
        self._answers = self._socket.makefile("rb")

    def say(self, message: Mapping[str, Any]) -> None:
        """Send a message and wait for the answer.

        Raises:
            TrialStopped: If the trial is to end here, or the worker is gone.
            ValueError: If the worker cannot read the message.
        """
        with self._lock:
            try:
                self._socket.sendall(json.dumps(message).encode() + b"\n")
                answer = self._answers.readline().strip().decode()
            except OSError:
                answer = ""
        if answer.startswith("error"):
            raise ValueError(answer)
        if answer != "go on":
            _end_quietly()
            raise TrialStopped

    def mark(self, region: str, entering: bool) -> None:
        """Say that a region is entered or left; raises as ``say``."""
        self.say({"region": region, "enters": entering})

    def close(self) -> None:
        """Hang up."""
        self._answers.close()
        self._socket.close()


def line() -> Line | None:
    """Return this process's line to the worker; None: no sweep has started this program."""
    path = os.environ.get("SWEEPER_CHANNEL")
    return _line(path, os.getpid()) if path else None


@functools.lru_cache(maxsize=1)
def _line(path: str, pid: int) -> Line:
    """Open a line once for each process; a fork must not speak on its parent's."""
    return Line(path)


@functools.cache
def _end_quietly() -> None:
    """Let a script that is stopped end without a traceback: nothing went wrong."""
    ordinary = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, frames: TracebackType | None) -> None:
        if not issubclass(kind, TrialStopped):
            ordinary(kind, error, frames)

    sys.excepthook = hook
