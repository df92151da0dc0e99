"""The ladder of Ctrl-C: once drains, twice stops the trials, three times kills."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping
from enum import IntEnum
from types import FrameType, TracebackType
from typing import Any

__all__ = ["GRACE_S", "StopLadder", "Urgency", "grace_s"]

# Kubernetes and SLURM kill 30 s after SIGTERM unless they are told otherwise; the ledger has to be
# closed by then (https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle, KillWait in
# https://slurm.schedmd.com/slurm.conf.html).
GRACE_S = 20.0


def grace_s(env: Mapping[str, str]) -> float:
    """Return the seconds from SIGTERM to the end: ``SWEEPER_GRACE_S``, 20 if it is no number."""
    try:
        return max(0.0, float(env["SWEEPER_GRACE_S"]))
    except (KeyError, ValueError):
        return GRACE_S


class Urgency(IntEnum):
    """How soon a sweep is to end."""

    NONE = 0
    DRAIN = 1  # start no more trials
    STOP = 2  # end running trials at their next report
    KILL = 3  # at once


class StopLadder:
    """Turns SIGINT and SIGTERM into an urgency; the third rung raises KeyboardInterrupt.

    Each Ctrl-C is one rung. After SIGTERM, which nobody sends a second time before SIGKILL, the
    rungs follow by themselves: running trials may finish in the first half of the grace time, end
    at their next report in the second half, and are killed then.

    Args:
        notify: Told in one line what a signal did.
        grace_s: From SIGTERM to the last rung.

    Attributes:
        urgency: Where it stands.
        preempted: SIGTERM came.
    """

    def __init__(self, notify: Callable[[str], None], *, grace_s: float = GRACE_S) -> None:
        self.urgency = Urgency.NONE
        self.preempted = False
        self._notify = notify
        self._grace_s = grace_s
        self._timers: list[threading.Timer] = []
        self._due: Urgency | None = None  # the rung that a timer asks for
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopLadder:
        self.install()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        for timer in self._timers:
            timer.cancel()
        for number, handler in self._before.items():
            # Whoever was interrupted is on the way out: another Ctrl-C must not spoil the result.
            signal.signal(number, signal.SIG_IGN if self.urgency else handler)
        self._before.clear()

    def install(self) -> None:
        """Take the signals; again whenever a library may have taken them away (Ray does)."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGINT, signal.SIGTERM):
            previous = signal.signal(number, self._take)
            self._before.setdefault(number, previous)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self.urgency is Urgency.KILL:
            return  # it is being done
        if number == signal.SIGTERM and not self.preempted:
            self.preempted = True
            self._climb_by_itself()
        before, due = self.urgency, self._due
        self._due = None
        self.urgency = Urgency(before + 1) if due is None else max(before, due)
        if self.urgency is before:
            return
        if self.urgency is Urgency.KILL:
            raise KeyboardInterrupt
        # Not from here: the signal may have come in the middle of a write to the same stream.
        threading.Thread(target=self._notify, args=(self._said(),), daemon=True).start()

    def _climb_by_itself(self) -> None:
        """Have the next rungs follow: by signals, which reach a trial in this very thread too."""
        for part, rung in ((0.5, Urgency.STOP), (1.0, Urgency.KILL)):
            timer = threading.Timer(part * self._grace_s, self._ask_for, (rung,))
            timer.daemon = True
            timer.start()
            self._timers.append(timer)

    def _ask_for(self, rung: Urgency) -> None:
        self._due = rung
        os.kill(os.getpid(), signal.SIGTERM)

    def _said(self) -> str:
        after = "Ctrl-C again: "
        if self.preempted:
            rest = 1 if self.urgency is Urgency.DRAIN else 0.5
            after = f"SIGTERM: everything has ended in {rest * self._grace_s:.0f} s; Ctrl-C: "
        if self.urgency is Urgency.DRAIN:
            return f"stopping: running trials finish, no more start ({after}stop them too)"
        return f"stopping: running trials end at their next report ({after}kill them)"
