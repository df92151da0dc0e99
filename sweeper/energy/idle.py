"""The idle power of a board, found in gaps between trials; never under load.

Pure arithmetic of what its caller saw; reads nothing.
"""

from __future__ import annotations

from enum import Enum

__all__ = ["IdleBook", "Quiet"]

# A gap must be so long to be believed: boards ramp down for seconds, and the 1 s average of power,
# which some sources integrate, has to forget the load (docs/energy.md, "One ledger per GPU").
GAP_S = 5.0


class Quiet(Enum):
    """How a board was idle."""

    NO_CONTEXT = "no context"  # no process had a context on it
    CONTEXT = "context"  # some had, but no kernel ran: clocks stay up, so it draws more


class IdleBook:
    """The least mean power of a gap, by how the board was idle.

    Args:
        configured_w: Watts that the user gave; then nothing is measured.
    """

    def __init__(self, configured_w: float | None = None) -> None:
        self._configured_w = configured_w
        self._least_w: dict[Quiet, float] = {}  # of the gaps that are over
        self._quiet: Quiet | None = None
        self._begun: tuple[float, float] = (0.0, 0.0)
        self._gap_w: float | None = None  # of the gap that is not over

    @property
    def watts(self) -> float | None:
        """Return the idle power, best with a context, as between trials; None: unknown."""
        if self._configured_w is not None:
            return self._configured_w
        for quiet in (Quiet.CONTEXT, Quiet.NO_CONTEXT):
            watts = self._least(quiet)
            if watts is not None:
                return watts
        return None

    def note(self, now_s: float, energy_j: float, quiet: Quiet | None) -> None:
        """Say what a board was doing up to now.

        Args:
            now_s: The clock.
            energy_j: What the board has used since any one time.
            quiet: None: it was not idle, or nobody knows.
        """
        if quiet is not self._quiet:
            self._end()
            self._quiet, self._begun = quiet, (now_s, energy_j)
            return
        elapsed_s = now_s - self._begun[0]
        if quiet is not None and elapsed_s >= GAP_S:
            self._gap_w = (energy_j - self._begun[1]) / elapsed_s

    def _end(self) -> None:
        """Close the gap."""
        if self._quiet is not None:
            least_w = self._least(self._quiet)
            if least_w is not None:
                self._least_w[self._quiet] = least_w
        self._gap_w = None

    def _least(self, quiet: Quiet) -> float | None:
        known = [self._least_w.get(quiet), self._gap_w if quiet is self._quiet else None]
        return min((watts for watts in known if watts is not None), default=None)
