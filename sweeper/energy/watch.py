"""What is seen of one board beside its joules: processes, utilisation, memory, temperature.

Not safe for threads, but for ``look``. Must not import psutil, ray or torch.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from sweeper.energy.board import Board
from sweeper.energy.idle import Quiet
from sweeper.energy.owners import Owners
from sweeper.energy.processes import ProcessBook, Reading

__all__ = ["Look", "Seen", "Watch", "ask"]

_LOG = logging.getLogger(__name__)

Answer = TypeVar("Answer")

# The driver is not asked about processes more often.
LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Look:
    """What the driver said at one moment; None: this board or driver does not tell."""

    processes: Reading
    utilisation: float | None
    temperature_c: float | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a board while a worker had it.

    Attributes:
        utilisation: Of the whole board, mean; None: never looked.
        memory_peak_bytes: Most that the worker's processes held.
        temp_start_c: Degrees Celsius at the beginning.
        temp_end_c: At the end.
    """

    utilisation: float | None
    memory_peak_bytes: int | None
    temp_start_c: float | None
    temp_end_c: float | None


@dataclass(slots=True)
class _Since:
    """How things stood when a worker got the board."""

    busy_s: float
    watched_s: float
    temp_c: float | None
    memory_peak_bytes: int | None = None


class Watch:
    """Keeps what looks at one board saw.

    Args:
        board: Looked at.
        owners: Whose processes are.
        clock: Seconds, monotonic.
        now_s: The clock now.
    """

    def __init__(
        self, board: Board, owners: Owners, clock: Callable[[], float], now_s: float
    ) -> None:
        self._board = board
        self.processes = ProcessBook(board, owners, clock, now_s)
        self._looked_s = now_s
        self._busy_s = self._watched_s = 0.0
        self._utilisation: float | None = None
        self._since: dict[str, _Since] = {}
        self._begun = _Since(0.0, 0.0, ask(board.temperature_c))
        self.note(self.look(), now_s)

    def due(self, now_s: float) -> bool:
        """Tell whether a look is worth its while, and short enough to stand between two trials."""
        return self.processes.cheap and now_s - self._looked_s >= LOOK_S

    def look(self) -> Look:
        """Ask the driver; changes nothing, so it needs no lock."""
        return Look(
            ask(self.processes.read) or Reading(None, None),
            ask(self._board.utilisation),
            ask(self._board.temperature_c),
        )

    def note(self, look: Look, now_s: float) -> None:
        """Take in what a look saw."""
        self.processes.note(look.processes, now_s)
        self._utilisation = look.utilisation
        elapsed_s = max(0.0, now_s - self._looked_s)
        if look.utilisation is not None:
            self._busy_s += look.utilisation * elapsed_s
            self._watched_s += elapsed_s
        self._looked_s = now_s
        self._note_memory(self.processes.memory)

    def open(self, worker: str) -> None:
        """A worker has the board from now on."""
        temp_c = ask(self._board.temperature_c)
        self._since[worker] = _Since(self._busy_s, self._watched_s, temp_c)
        self._note_memory(self.processes.memory)

    def close(self, worker: str) -> Seen:
        """A worker had the board until now."""
        return self._seen(self._since.pop(worker))

    def all(self) -> Seen:
        """Return what was seen since the beginning."""
        return self._seen(self._begun)

    def quiet(self) -> Quiet | None:
        """Tell how the board was idle at the last look, if nobody leases it; None: it was not."""
        kernels = self.processes.kernels
        at_rest = self._utilisation == 0 if kernels is None else not kernels
        if not at_rest or (self._utilisation or 0) > 0:
            return None
        return Quiet.NO_CONTEXT if self.processes.contexts is False else Quiet.CONTEXT

    def _note_memory(self, held: Mapping[str, int]) -> None:
        for worker, since in self._since.items():
            if worker in held:
                since.memory_peak_bytes = max(held[worker], since.memory_peak_bytes or 0)

    def _seen(self, since: _Since) -> Seen:
        watched_s = self._watched_s - since.watched_s
        return Seen(
            (self._busy_s - since.busy_s) / watched_s if watched_s > 0 else None,
            since.memory_peak_bytes,
            since.temp_c,
            ask(self._board.temperature_c),
        )


def ask(read: Callable[[], Answer]) -> Answer | None:
    """Read what is good to know, but no reason to stop: None if the board is gone, or worse."""
    try:
        return read()
    except Exception as error:  # a lost board, or a driver that breaks its word
        _LOG.debug("a reading failed: %s: %s", type(error).__name__, error)
        return None
