"""What a command's exit code says of a sweep. Standard library only until it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sweeper.model import SweepState

__all__ = ["DONE", "FAILED", "INTERRUPTED", "STOPPED", "exit_code"]

DONE, FAILED, STOPPED, INTERRUPTED = 0, 1, 3, 130


def exit_code(state: SweepState, stopped_by: str | None) -> int:
    """Return the exit code for a sweep that stands so."""
    from sweeper.model import SweepState

    if state is SweepState.FAILED:
        return FAILED
    if state is SweepState.STOPPED:
        return INTERRUPTED if stopped_by == "interrupt" else STOPPED
    return DONE
