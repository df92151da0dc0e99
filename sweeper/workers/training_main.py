"""What runs in a training process: the user's function, one attempt after another.

``training_process.py`` is its other end. It hears pickled messages of the worker and tells JSON, a
line each: what the user's code makes is never unpickled.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import gc
import json
import os
import pickle
import socket
import sys
import threading
from collections.abc import Mapping
from typing import Any, BinaryIO

from sweeper.errors import PoolError
from sweeper.model import Order
from sweeper.workers.failures import cause_of, text_of
from sweeper.workers.function import Function

__all__ = ["main"]


class _Wire:
    """The line to the worker; a process that the user's code forks has none."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.set_inheritable(False)
        self.heard: BinaryIO = self._socket.makefile("rb")
        self._pid = os.getpid()
        os.register_at_fork(after_in_child=self._hang_up)

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send a message; without a worker there is nothing left to do."""
        try:
            self._socket.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            os._exit(1)  # the worker is gone, or this is a fork that ran into our loop

    def _hang_up(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self._socket.detach())


class _Marks:
    """Says where regions begin and end, and waits until that was noted; from any thread."""

    def __init__(self, descriptor: int) -> None:
        self._wire = _Wire(descriptor)
        self._lock = threading.Lock()

    def __call__(self, region: str, entering: bool) -> None:  # the shape of trial.Mark
        with self._lock:
            self._wire.tell({"region": region, "enters": entering})
            wrong = json.loads(self._wire.heard.readline() or b"null")
        if wrong is not None:
            raise ValueError(wrong)


def main(link: int, marks: int) -> None:
    """Load the function and train with it until the worker hangs up.

    Args:
        link: Descriptor of the socket for orders and reports.
        marks: Descriptor of the socket for regions.
    """
    streams = _Streams()
    faulthandler.enable(all_threads=False)  # the one that died; ours only wait
    wire, mark = _Wire(link), _Marks(marks)
    source, path = pickle.load(wire.heard)
    sys.path.extend(folder for folder in path if folder not in sys.path)
    try:
        function = Function(source, capture=False)
    except PoolError as error:
        wire.tell({"refused": str(error)})
        return
    streams.flush()
    wire.tell({"ready": True})
    while True:
        try:
            order: Order = pickle.load(wire.heard)
        except EOFError:
            return
        streams.restore()
        end = _train(function, order, wire, mark)
        _free_gpus()
        streams.flush()
        wire.tell({"ended": end})


def _train(function: Function, order: Order, wire: _Wire, mark: _Marks) -> Mapping[str, Any]:
    """Train one attempt, and say how that ended and which files it took."""
    how, error = "returned", None
    try:
        reports = function.train(order, mark)
        for report in reports:
            wire.tell({"report": [report.step, dict(report.metrics), dict(report.unreadable)]})
            if not pickle.load(wire.heard):
                how = "stopped"
                reports.close()
                break
    except EOFError:
        os._exit(1)  # the worker is gone
    except BaseException as raised:  # whatever a user's code does
        how, error = ("stopped" if how == "stopped" else "raised"), raised
    function.ended()
    cause = None if error is None else cause_of(error)
    return {
        "how": how,
        "cause": None if cause is None else [cause.kind.value, cause.text],
        "text": None if error is None else text_of(error),
        "imported": function.imported(),
        "opened": function.opened(),
    }


def _free_gpus() -> None:
    """Give back what torch keeps for a next use: the next trial may be somebody else's."""
    torch = sys.modules.get("torch")
    with contextlib.suppress(Exception):  # an error of the GPU shows itself again
        if torch is not None and torch.cuda.is_initialized():
            gc.collect()
            torch.cuda.empty_cache()


class _Streams:
    """Standard output and error: a trial that closes them closes its own."""

    def __init__(self) -> None:
        self._kept = [os.dup(number) for number in (1, 2)]
        self._c: Any = ctypes.CDLL(None)
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr] # they are Python's own here

    def restore(self) -> None:
        """Open again what a trial has closed."""
        for number, (name, kept) in enumerate(
            zip(("stdout", "stderr"), self._kept, strict=True), 1
        ):
            os.dup2(kept, number)
            if getattr(getattr(sys, name), "closed", False):
                stream = open(  # noqa: SIM115 # it is open as long as the process lives
                    number,
                    "w",
                    buffering=1,
                    encoding="utf-8",
                    errors="backslashreplace",
                    closefd=False,
                )
                setattr(sys, name, stream)
                setattr(sys, f"__{name}__", stream)

    def flush(self) -> None:
        """Let what was printed be there before the end is told, what C code printed too."""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # closed, or the user's own
                stream.flush()
        self._c.fflush(None)
