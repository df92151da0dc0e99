"""The line between a program and its worker: a Unix socket, one JSON object a line each way.

Owns: what processes of a program may say, and who of them counts. A message is a report,
``{"step": 3, "metrics": {"loss": 0.1}}``, or a call of ``wandb.log``,
``{"row": null, "commit": true, "metrics": {...}}``, or where a region begins or ends,
``{"region": "inference", "enters": true}``; the answer is ``go on``, ``stop``, or
``error`` and why. Must not import other rooms.
"""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sweeper.model import is_built_in
from sweeper.trial import Mark, Report

__all__ = ["Asked", "Channel"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A process of the program has reported and waits: may it go on?"""

    report: Report
    answer: Callable[[bool], None]


class Channel:
    """Listens to the processes of one program.

    The first process that reports speaks for the trial as long as it is connected; others, such as
    the further ranks of a distributed training, get an answer and are not counted.

    Args:
        path: Where to listen; the folder must be the user's own.
        names: The sweep's metrics: which calls of ``wandb.log`` are reports.
        tell: Takes each report that counts.
        mark: Hears of the regions of the process that speaks for the trial.
    """

    def __init__(
        self, path: str, names: Collection[str], tell: Callable[[Asked], None], mark: Mark
    ) -> None:
        self.claimed = False
        self._mark = mark
        self._names = frozenset(names)
        self._tell = tell
        self._lock = threading.Lock()
        self._stopped = False
        self._explicit = False
        self._logged = 0
        self._voice: object | None = None
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(path)
        self._socket.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """Answer every further report with "stop"."""
        with self._lock:
            self._stopped = True

    def close(self) -> None:
        """Listen no more."""
        self.stop()
        with contextlib.suppress(OSError):  # nobody is in accept any more
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        rows = _Rows(self._names)
        with connection, contextlib.suppress(OSError), connection.makefile("rb") as lines:
            for line in lines:
                connection.sendall(self._answer(line, rows).encode() + b"\n")
        with self._lock:
            if self._voice is rows:
                self._voice = None

    def _answer(self, line: bytes, rows: _Rows) -> str:
        try:
            message = json.loads(line)
            if "region" in message:
                return self._note(message["region"], message["enters"] is True, rows)
            metrics = dict(message["metrics"])
            if "step" in message:
                reports: list[tuple[Any, Mapping[str, Any]]] = [(message["step"], metrics)]
            else:
                reports = list(rows.take(message["row"], metrics, commit=message["commit"] is True))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            return (
                "error: a report must be {step, metrics} and a region's edge {region, enters}, in "
                f"JSON, one a line: {error!r:.100}"
            )
        self.claimed = True
        return "go on" if all(self._go_on(*report, rows) for report in reports) else "stop"

    def _note(self, region: Any, entering: bool, speaker: object) -> str:
        """Note that a region is entered or left by the process that speaks for the trial."""
        with self._lock:
            if self._stopped:
                return "stop"
            if self._voice is None:
                self._voice = speaker
            counts = self._voice is speaker
        if counts:
            try:
                self._mark(region, entering)
            except ValueError as error:
                return f"error: {error}"
        return "go on"

    def _go_on(self, step: Any, metrics: Mapping[str, Any], speaker: object) -> bool:
        """Pass a report on if it counts, and wait for the answer.

        A row of ``wandb.log`` has no step: it is the count of such rows. Once a program reports by
        itself, its rows do not count.
        """
        with self._lock:
            if self._stopped:
                return False
            if self._voice is None:
                self._voice = speaker
            self._explicit = self._explicit or step is not None
            if self._voice is not speaker or (self._explicit and step is None):
                return True
            if step is None:
                self._logged += 1
                step = self._logged
        answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._tell(Asked((step, metrics), answers.put))
        return answers.get()


@dataclass(slots=True)
class _Rows:
    """Puts the pieces of a row of W&B's history together: one row is one report.

    A row ends with a call that commits it, or with the first of another row. It is reported as soon
    as it holds every metric of the sweep: with an explicit ``step=`` its end is only known one step
    later. A metric that is logged again in the same row is a report of its own.

    Source: https://docs.wandb.ai/guides/track/log, on ``step`` and ``commit``.
    """

    names: frozenset[str]
    _row: int | None = None
    _pending: dict[str, Any] = field(default_factory=dict)

    def take(
        self, row: int | None, metrics: Mapping[str, Any], *, commit: bool
    ) -> Iterator[tuple[None, Mapping[str, Any]]]:
        """Take one call and yield the rows that it ends."""
        if row is not None and row != self._row:
            yield from self._flush()
        self._row = row
        self._pending.update(metrics)
        wanted = {name for name in self.names if not is_built_in(name)}
        if commit or (wanted and wanted <= self._pending.keys()):
            yield from self._flush()

    def _flush(self) -> Iterator[tuple[None, Mapping[str, Any]]]:
        whole, self._pending = self._pending, {}
        if self.names.intersection(whole):
            yield None, whole
