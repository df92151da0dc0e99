"""The closed ledger of one physical GPU: each interval's joules are split among who had the board.

Owns: the rule of attribution (docs/energy.md, "Shared GPUs"). Pure arithmetic: it sees intervals,
no clock, no board and no process. Whatever the weights are, what is booked to trials, to overhead
and to other people's processes sums to what the board used, so no joule is counted twice or lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from sweeper.model import ATTRIBUTIONS, weakest

__all__ = ["BoardLedger", "IdlePolicy", "Interval", "Share"]


class IdlePolicy(Enum):
    """Who pays for what a board draws even when it does nothing."""

    ACTIVE = "active"  # the trials that have it at the time, by their fractions
    LEASE = "lease"  # each trial its fraction only; the rest is overhead


@dataclass(frozen=True, slots=True)
class Interval:
    """What is known about the time since a board's last tick.

    Attributes:
        elapsed_s: Its length.
        used_j: What the board used, >= 0; None: unknown.
        idle_w: What it draws idle; None: unknown, taken as 0.
        busy: Per worker the integral of its SM utilisation in seconds; absent: 0; None: unreadable.
        external_busy: The same of other people's processes.
        exclusive: Nobody else was on the board if ``external_busy`` is 0: they would have been
            seen, or the booking rules them out.
        seen_s: Seconds of which the sensor knows; None: all of them, or none without joules.
        flags: What was odd.
    """

    elapsed_s: float
    used_j: float | None
    idle_w: float | None = None
    busy: Mapping[str, float] | None = None
    external_busy: float = 0.0
    exclusive: bool = True
    seen_s: float | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Share:
    """What one worker's lease of a board was booked.

    Attributes:
        energy_j: All of it.
        idle_j: The part that the board would have drawn idle.
        exclusive_j: Dynamic joules of intervals in which nobody else was on the board.
        device_j: What the whole board used meanwhile: the most that the lease can have caused.
        elapsed_s: Length of the lease.
        seen_s: Seconds of it that the sensor knows.
        busy_s: Integral of the worker's SM utilisation; None: it was not always readable.
        gaps: Intervals of which nothing is known.
        methods: How its intervals were split.
        flags: What was odd.
    """

    energy_j: float = 0.0
    idle_j: float = 0.0
    exclusive_j: float = 0.0
    device_j: float = 0.0
    elapsed_s: float = 0.0
    seen_s: float = 0.0
    busy_s: float | None = 0.0
    gaps: int = 0
    methods: frozenset[str] = frozenset()
    flags: tuple[str, ...] = ()

    @property
    def lo_j(self) -> float:
        """Return the least that the lease can have caused."""
        return self.idle_j + self.exclusive_j

    @property
    def method(self) -> str:
        """Return the weakest way in which an interval was split."""
        return weakest(self.methods, ATTRIBUTIONS) or "none"


@dataclass(slots=True)
class _Lease:
    """An open share: the sums so far."""

    fraction: float
    mig: bool
    energy_j: float = 0.0
    idle_j: float = 0.0
    exclusive_j: float = 0.0
    device_j: float = 0.0
    elapsed_s: float = 0.0
    seen_s: float = 0.0
    busy_s: float | None = 0.0
    gaps: int = 0
    methods: set[str] = field(default_factory=set)
    flags: dict[str, None] = field(default_factory=dict)

    def share(self) -> Share:
        return Share(
            energy_j=self.energy_j,
            idle_j=self.idle_j,
            exclusive_j=self.exclusive_j,
            device_j=self.device_j,
            elapsed_s=self.elapsed_s,
            seen_s=self.seen_s,
            busy_s=self.busy_s,
            gaps=self.gaps,
            methods=frozenset(self.methods),
            flags=tuple(self.flags),
        )


class BoardLedger:
    """Books what a board used to the workers that lease it, to overhead, and to strangers.

    Args:
        policy: Who pays for the idle draw.

    Attributes:
        overhead_j: Booked to nobody's trial.
        overhead_idle_j: The idle part of that.
        external_j: Booked to other people's processes.
        booked_j: Booked to leases, closed and open.
        device_j: All that the board used, as far as it is known.
        gap_s: Seconds of which nothing is known.
    """

    def __init__(self, policy: IdlePolicy = IdlePolicy.ACTIVE) -> None:
        self._policy = policy
        self._leases: dict[str, _Lease] = {}
        self.overhead_j = 0.0
        self.overhead_idle_j = 0.0
        self.external_j = 0.0
        self.booked_j = 0.0
        self.device_j = 0.0
        self.gap_s = 0.0

    @property
    def leases(self) -> Mapping[str, float]:
        """Return the fraction of each worker that leases the board now."""
        return {worker: lease.fraction for worker, lease in self._leases.items()}

    def lease(self, worker: str, fraction: float, *, mig: bool = False) -> None:
        """Let a worker have the board from now on; what an open lease of its own had is overhead.

        Args:
            worker: Whose.
            fraction: Of the board, 0 < fraction <= 1: its weight where use cannot be seen.
            mig: The fraction is a MIG slice.
        """
        forgotten = self._leases.pop(worker, None)
        if forgotten is not None:
            self.booked_j -= forgotten.energy_j
            self.overhead_j += forgotten.energy_j
            self.overhead_idle_j += forgotten.idle_j
        self._leases[worker] = _Lease(fraction, mig)

    def release(self, worker: str) -> Share:
        """End a worker's lease and return its share.

        Raises:
            KeyError: If it has none.
        """
        return self._leases.pop(worker).share()

    def share(self, worker: str) -> Share:
        """Return the share of an open lease so far.

        Raises:
            KeyError: If the worker has none.
        """
        return self._leases[worker].share()

    def tick(self, interval: Interval) -> None:
        """Book the time since the last tick to those that lease the board during it."""
        for lease in self._leases.values():
            lease.elapsed_s += interval.elapsed_s
            lease.flags.update(dict.fromkeys(interval.flags))
        if interval.used_j is None:
            self.gap_s += interval.elapsed_s
            for lease in self._leases.values():
                lease.gaps += 1
                lease.busy_s = None
            return
        self.device_j += interval.used_j
        idle_j = min(interval.used_j, (interval.idle_w or 0.0) * interval.elapsed_s)
        self._book_idle(idle_j)
        self._book_dynamic(interval, interval.used_j - idle_j)
        self._note(interval, interval.used_j)

    def _book_idle(self, idle_j: float) -> None:
        taken = sum(lease.fraction for lease in self._leases.values())
        whole = taken if self._policy is IdlePolicy.ACTIVE else max(1.0, taken)
        given_j = 0.0
        for lease in self._leases.values():
            part_j = idle_j * lease.fraction / whole
            lease.energy_j += part_j
            lease.idle_j += part_j
            given_j += part_j
        # Who pays by fraction leaves a rest; who pays for all leaves nothing but rounding.
        rest_j = 0.0 if self._leases and whole == taken else idle_j - given_j
        self.booked_j += idle_j - rest_j
        self.overhead_j += rest_j
        self.overhead_idle_j += rest_j

    def _book_dynamic(self, interval: Interval, dynamic_j: float) -> None:
        """Split by SM utilisation where it is known and anybody was busy, else by fraction."""
        busy = interval.busy or {}
        own = {worker: busy.get(worker, 0.0) for worker in self._leases}
        between_trials = sum(seconds for worker, seconds in busy.items() if worker not in own)
        strangers = interval.external_busy
        total = sum(own.values()) + between_trials + strangers
        if interval.busy is None or total <= 0 or not self._leases:
            if not self._leases:
                self._book_unleased(dynamic_j, between_trials, strangers)
                return
            own = {worker: lease.fraction for worker, lease in self._leases.items()}
            between_trials = strangers = 0.0
            total = sum(own.values())
        external_j = dynamic_j * strangers / total
        overhead_j = dynamic_j * between_trials / total
        self.external_j += external_j
        self.overhead_j += overhead_j
        self.booked_j += dynamic_j - external_j - overhead_j
        for worker, weight in own.items():
            part_j = dynamic_j * weight / total
            self._leases[worker].energy_j += part_j
            if self._alone(interval):
                self._leases[worker].exclusive_j += part_j

    def _book_unleased(self, dynamic_j: float, between_trials: float, strangers: float) -> None:
        external_j = dynamic_j * strangers / (strangers + between_trials) if strangers > 0 else 0.0
        self.external_j += external_j
        self.overhead_j += dynamic_j - external_j

    def _alone(self, interval: Interval) -> bool:
        """Tell whether the one lease on the board caused all that happened there."""
        if len(self._leases) != 1 or not interval.exclusive or interval.external_busy > 0:
            return False
        others = (
            seconds for who, seconds in (interval.busy or {}).items() if who not in self._leases
        )
        return not any(lease.mig for lease in self._leases.values()) and sum(others) <= 0

    def _note(self, interval: Interval, used_j: float) -> None:
        """Keep what each open share needs for its bounds and its label."""
        seen_s = interval.elapsed_s if interval.seen_s is None else interval.seen_s
        alone = self._alone(interval)
        by_use = interval.busy is not None and (
            sum(interval.busy.values()) + interval.external_busy > 0
        )
        for worker, lease in self._leases.items():
            lease.device_j += used_j
            lease.seen_s += seen_s
            if interval.busy is None:
                lease.busy_s = None
            elif lease.busy_s is not None:
                lease.busy_s += interval.busy.get(worker, 0.0)
            if interval.elapsed_s <= 0 and used_j <= 0:
                continue
            lease.methods.add(_method(lease, alone=alone, by_use=by_use))


def _method(lease: _Lease, *, alone: bool, by_use: bool) -> str:
    if alone:
        return "exclusive"
    if lease.mig:
        return "mig_slice"
    return "sm_util" if by_use else "lease"
