"""Named regions of a trial, ``with trial.measure("inference"):``: what their passages used.

Owns: when a region is entered and left, and the one lock around the meter while a trial trains:
a region may be marked by another thread than the one that waits for reports. Must not import other
rooms.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from sweeper.model import RegionEnergy, known_sum
from sweeper.trial import region_name

__all__ = ["Regions"]


@dataclass(slots=True)
class _Region:
    """The sums of one region; ``entered``, seconds and joules, while the trial is inside."""

    energy_j: float | None = 0.0
    elapsed_s: float = 0.0
    passages: int = 0
    entered: tuple[float, float | None] | None = None

    def leave(self, now_s: float, now_j: float | None) -> None:
        """Add a passage."""
        if self.entered is None:
            return
        entered_s, before_j = self.entered
        # Unknown then and known now: the training had just begun, and the sensor had not moved yet.
        used_j = None if now_j is None else max(0.0, now_j - (before_j or 0.0))
        self.energy_j = known_sum([self.energy_j, used_j])
        self.elapsed_s += now_s - entered_s
        self.passages += 1
        self.entered = None

    def summed(self, name: str) -> RegionEnergy:
        """Return all passages together; a sensor that did not move has not seen them."""
        energy_j = self.energy_j if self.energy_j is not None and self.energy_j > 0 else None
        return RegionEnergy(name, energy_j, self.elapsed_s, self.passages)


class Regions:
    """The regions of one training.

    Args:
        read: Returns the joules of the training so far; None: unknown.
        clock: Seconds, monotonic.
    """

    def __init__(
        self, read: Callable[[], float | None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._clock = clock
        self._lock = threading.Lock()
        self._regions: dict[str, _Region] = {}
        self._over = False

    def read(self) -> float | None:
        """Return the joules of the training so far; None: unknown."""
        with self._lock:
            return self._read()

    def mark(self, name: str, entering: bool) -> None:  # the shape of trial.Mark
        """Note that the trial enters or leaves a region.

        Raises:
            ValueError: If the name is no region's, or it enters one in which it is, or leaves one
                in which it is not.
        """
        region_name(name)
        with self._lock:
            if self._over:
                return
            region = self._regions.get(name, _Region())
            if entering != (region.entered is None):
                what = "it is measured already" if entering else "it was not entered"
                raise ValueError(f"measure({name!r}): {what}")
            self._regions[name] = region
            if entering:
                region.entered = (self._clock(), self._read())
            else:
                region.leave(self._clock(), self._read())

    def end(self) -> tuple[RegionEnergy, ...]:
        """Leave what is still entered and return all regions; what is marked later is ignored."""
        with self._lock:
            self._over = True
            now_s = self._clock()
            for region in self._regions.values():
                if region.entered is not None:
                    region.leave(now_s, self._read())
            return tuple(region.summed(name) for name, region in self._regions.items())
