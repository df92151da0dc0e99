"""The ladder of Ctrl-C: once drains, twice stops the trials, three times kills."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from enum import IntEnum
from types import FrameType, TracebackType
from typing import Any

__all__ = ["StopLadder", "Urgency"]


class Urgency(IntEnum):
    """How soon a sweep is to end."""

    NONE = 0
    DRAIN = 1  # start no more trials
    STOP = 2  # end running trials at their next report
    KILL = 3  # at once


_SAID = {
    Urgency.DRAIN: "stopping: running trials finish, no more start (Ctrl-C again: stop them too)",
    Urgency.STOP: "stopping: running trials end at their next report (Ctrl-C again: kill them)",
}


class StopLadder:
    """Turns SIGINT and SIGTERM into an urgency; the third one raises KeyboardInterrupt.

    SIGTERM starts at STOP, since whoever sends it will not wait for long.

    Args:
        notify: Told in one line what a signal did.
    """

    def __init__(self, notify: Callable[[str], None]) -> None:
        self.urgency = Urgency.NONE
        self._notify = notify
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
        lowest = Urgency.STOP if number == signal.SIGTERM else Urgency.DRAIN
        self.urgency = Urgency(min(max(self.urgency + 1, lowest), Urgency.KILL))
        if self.urgency is Urgency.KILL:
            raise KeyboardInterrupt
        # Not from here: the signal may have come in the middle of a write to the same stream.
        threading.Thread(target=self._notify, args=(_SAID[self.urgency],), daemon=True).start()
