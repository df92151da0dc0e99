"""An observer that keeps what it sees, for tests of whatever emits events."""

from __future__ import annotations

from typing import TypeVar

from sweeper.model import Event

__all__ = ["ListObserver"]

E = TypeVar("E")


class ListObserver:
    """Keeps every event in order.

    Attributes:
        events: What was observed.
        closed: How often ``close`` was called.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.closed = 0

    def observe(self, event: Event) -> None:
        """Keep one event."""
        self.events.append(event)

    def close(self) -> None:
        """Count the call."""
        self.closed += 1

    def of(self, kind: type[E]) -> list[E]:
        """Return the events of one kind, in order."""
        return [event for event in self.events if isinstance(event, kind)]
