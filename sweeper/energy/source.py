"""What a source of a board's joules is, and the words for what it says.

Owns: the protocol that the node agent reads boards by. Values only; ``sources.py`` chooses one.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

__all__ = ["FlagBook", "Source", "Taken"]


class Taken(NamedTuple):
    """What a source says at one time.

    Attributes:
        energy_j: Joules since the source began; never falls.
        seen_s: Seconds since then that the sensor knows of; never more than have gone by.
        flags: What was odd since the last take.
    """

    energy_j: float
    seen_s: float
    flags: tuple[str, ...] = ()


class Source(Protocol):
    """Turns the readings of one board into joules that only rise. Not safe for threads.

    Nothing is raised: a board that cannot be read gives None.

    Attributes:
        update_s: Period in which the sensor moves; None until somebody has measured it.
    """

    update_s: float | None

    @property
    def label(self) -> str:
        """Return where the joules come from, one of ``model.SOURCES``.

        A source that has to be given up becomes a weaker one, and a flag says why.
        """

    @property
    def scope(self) -> str:
        """Return ``gpu``, or ``module`` where GPU and CPU are only measured together."""

    @property
    def period_s(self) -> float:
        """Return how often ``sample`` wants to be called."""

    @property
    def flags(self) -> tuple[str, ...]:
        """Return what has been odd since the source began, each once."""

    def take(self, now_s: float) -> Taken | None:
        """Read the sensor and return the joules up to now; None: the board cannot be read.

        What is used while nothing can be read is in the next answer, as far as the sensor knows it.

        Args:
            now_s: The clock, never less than at the last call.
        """

    def sample(self, now_s: float) -> None:
        """Look at the sensor between takes, about every ``period_s``, at jittered times."""


class FlagBook:
    """What was odd: all of it, and what nobody has been told yet."""

    def __init__(self) -> None:
        self._all: dict[str, None] = {}
        self._untold: dict[str, None] = {}

    @property
    def all(self) -> tuple[str, ...]:
        """Return every flag that was ever raised, once."""
        return tuple(self._all)

    def add(self, *flags: str) -> None:
        """Raise flags."""
        for book in (self._all, self._untold):
            book.update(dict.fromkeys(flags))

    def tell(self) -> tuple[str, ...]:
        """Return the flags that were raised since the last call."""
        told = tuple(self._untold)
        self._untold.clear()
        return told
