"""One physical GPU as the agent sees it: ticks of its source, booked in its ledger.

Not safe for threads: the agent holds a lock. Must not import psutil, ray or torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sweeper.energy.board import Board
from sweeper.energy.booking import HOLD_S, Booking
from sweeper.energy.gpu_statement import SETTLED_S, UPDATE_S, GpuAccount
from sweeper.energy.idle import IdleBook
from sweeper.energy.ledger import BoardLedger, IdlePolicy, Share
from sweeper.energy.overhead import OverheadParts
from sweeper.energy.owners import Owners
from sweeper.energy.sources import Source, SourceSettings, open_source
from sweeper.energy.watch import Look, Seen, Watch, ask
from sweeper.model import GpuEnergy

__all__ = ["COUNTER", "Device", "DeviceSettings"]

COUNTER = "measured:counter"

# A reading that is so young is as good as a new one.
FRESH_S = 0.020

# So long after a whole step, the sensor has surely moved (docs/energy.md, "Edges of a trial").
GUARD_S = 0.020

_ROUNDING_S = 1e-9


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """What the sweep file says about boards; see ``AgentSettings``."""

    idle_policy: IdlePolicy = IdlePolicy.ACTIVE
    gpu_idle_w: float | None = None
    gpu_w: float | None = None


@dataclass(frozen=True, slots=True)
class _Settling:
    """A lease that has ended, while the sensor catches up."""

    worker: str
    ended_s: float


class Device:
    """The books of one board, from its first reading on.

    Args:
        board: Read at once.
        settings: From the sweep file.
        owners: Whose processes are.
        clock: Seconds, monotonic.
    """

    def __init__(
        self, board: Board, settings: DeviceSettings, owners: Owners, clock: Callable[[], float]
    ) -> None:
        now_s = clock()
        self.board = board
        self.given = False  # to any worker, ever
        told = SourceSettings(settings.gpu_w, settings.gpu_idle_w)
        self.source: Source = open_source(board, told, now_s)
        self.ledger = BoardLedger(settings.idle_policy)
        self.parts = OverheadParts(self.ledger)
        self.idle = IdleBook(settings.gpu_idle_w)
        self.watch = Watch(board, owners, clock, now_s)
        self._limit_w = ask(board.limit_w)
        self._memory_bytes = ask(board.memory_bytes)
        self._opened: dict[str, tuple[float, float]] = {}  # worker -> time, external joules
        self._settling: _Settling | None = None
        self._ended: dict[str, GpuAccount] = {}
        self._booking = Booking(
            self.source, self.ledger, self.idle, self.watch.processes, now_s=now_s
        )

    @property
    def step_s(self) -> float:
        """Return the period in which the sensor moves."""
        return UPDATE_S if self.source.update_s is None else self.source.update_s

    @property
    def settle_s(self) -> float:
        """Return how long the sensor may need to catch up."""
        return self.step_s + GUARD_S

    def see(self, look: Look, now_s: float) -> None:
        """Take in what a look saw, and tick."""
        self.watch.note(look, now_s)
        self.tick(now_s)
        measured = self.source.label.startswith("measured:")
        quiet = self.watch.quiet() if measured and not self._opened else None
        self.idle.note(self._booking.taken_s, self._booking.told_j, quiet)

    def join(self, worker: str, fraction: float, now_s: float) -> None:
        """A worker has begun: from now on it has a part of the overhead."""
        self.given = True
        self.tick(now_s)
        self.parts.join(worker, fraction)

    def open(self, worker: str, fraction: float, now_s: float, *, mig: bool = False) -> None:
        """Let a worker have the board from now on."""
        self.tick(now_s, edge=True)
        self.idle.note(self._booking.taken_s, self._booking.told_j, None)
        self.ledger.lease(worker, fraction, mig=mig)
        self._ended.pop(worker, None)
        self._opened[worker] = (now_s, self.ledger.external_j)
        self.watch.open(worker)

    def read(self, worker: str, now_s: float) -> float | None:
        """Return what an open lease has so far; None: unknown."""
        if worker not in self._opened:
            return None
        self.tick(now_s)
        share = self.ledger.share(worker)
        account = GpuAccount(self.board.uuid, "", share, self.source.label, update_s=self.step_s)
        return share.energy_j if account.known else None

    def unclosed_j(self, worker: str) -> float:
        """Return what an open lease has been booked, whether that is known or not."""
        return self.ledger.share(worker).energy_j if worker in self._opened else 0.0

    def may_settle(self, worker: str, now_s: float) -> bool:
        """Tell whether waiting for the sensor before a lease ends helps, and harms nobody."""
        if list(self._opened) != [worker] or self.source.label != COUNTER:
            return False
        return self.step_s <= now_s - self._opened[worker][0] < SETTLED_S

    def settle(self, worker: str, now_s: float) -> None:
        """End a lease now; its joules are booked at ``close``, when the sensor has caught up."""
        self._look(now_s)
        self._settling = _Settling(worker, now_s)

    def close(self, worker: str, now_s: float) -> GpuAccount | None:
        """End a lease; None: the worker has none."""
        if self._settling is not None and self._settling.worker == worker:
            self._end_settling(self._settling, now_s)
        if worker in self._opened:
            self.tick(now_s, edge=True)
            self._release(worker, settled=False)
        return self._ended.pop(worker, None)

    def forget(self, worker: str, now_s: float) -> None:
        """Make overhead of what a worker never closed."""
        self.tick(now_s, edge=True)
        if self._opened.pop(worker, None) is not None:
            self.watch.close(worker)
            self.ledger.lease(worker, 1.0)
            self.ledger.release(worker)

    def tick(self, now_s: float, *, edge: bool = False) -> None:
        """Read the source and book what was used since the last tick.

        Args:
            now_s: The clock.
            edge: A lease begins or ends here. Elsewhere a counter that stood still, and a reading
                that failed, are made up for by the next one.
        """
        if self._settling is not None:
            if not edge:
                return
            self._end_settling(self._settling, now_s)
        if not edge and 0 < now_s - self._booking.ticked_s < FRESH_S:
            return
        taken = self._booking.take(now_s)
        if edge or self._opened:
            # What is booked now is split by who kept the board busy since, not by who did before.
            self._look(now_s)
        if taken is None:
            if edge:
                self._booking.miss(now_s)
            return
        used_j = self._booking.unbooked_j
        if edge or used_j > 0:
            self._booking.book(now_s, used_j, taken.seen_s)

    def line(self, now_s: float) -> GpuEnergy:
        """Return overhead, everything, and other people's joules, since the books began."""
        self.tick(now_s)
        seen = self.watch.all()
        known = self.known(now_s)
        idle_w = self.idle.watts
        return GpuEnergy(
            uuid=self.board.uuid,
            name=self.board.name,
            energy_j=self.ledger.overhead_j if known else None,
            device_j=self.ledger.device_j if known else None,
            power_limit_w=self._limit_w,
            source=self.source.label,
            idle_j=self.ledger.overhead_idle_j if known and idle_w is not None else None,
            external_j=self.ledger.external_j if known else None,
            idle_w=idle_w,
            update_s=self.source.update_s,
            utilisation=seen.utilisation,
            memory_bytes=self._memory_bytes,
            temp_start_c=seen.temp_start_c,
            temp_end_c=seen.temp_end_c,
        )

    def known(self, now_s: float) -> bool:
        """Tell whether it is known what the board used up to now."""
        fresh = now_s - self._booking.taken_s <= HOLD_S and self.source.label != "unavailable"
        return fresh and self.ledger.device_j > 0

    def _look(self, now_s: float) -> None:
        """Look at an edge, if it was not done just now."""
        if self.watch.due(now_s):
            self.watch.note(self.watch.look(), now_s)

    def _end_settling(self, settling: _Settling, now_s: float) -> None:
        """Book what came in since a lease ended: idle power to overhead, the rest to the lease."""
        self._settling = None
        rest_s = now_s - settling.ended_s
        taken = self._booking.take(now_s)
        if taken is None:
            self._booking.miss(now_s)
            self._release(settling.worker, settled=False)
            return
        used_j = self._booking.unbooked_j
        rest_j = min(used_j, (self.idle.watts or 0.0) * rest_s)
        self._booking.book(settling.ended_s, used_j - rest_j, taken.seen_s - rest_s)
        self._release(settling.worker, settled=rest_s >= self.step_s - _ROUNDING_S)
        self._booking.book(now_s, rest_j, taken.seen_s)

    def _release(self, worker: str, *, settled: bool) -> None:
        """End a lease and keep its account; joules that are not known to be its are overhead."""
        _, external_j = self._opened.pop(worker)
        share = self.ledger.share(worker)
        account = self._account(share, self.watch.close(worker), external_j, settled=settled)
        if not account.known:
            self.ledger.lease(worker, 1.0)
        self.ledger.release(worker)
        self._ended[worker] = account

    def _account(self, share: Share, seen: Seen, external_j: float, *, settled: bool) -> GpuAccount:
        measured = self.source.label.startswith("measured:")
        flags = {
            "idle_unknown": measured and self.idle.watts is None,
            "energy_unreadable": self.source.label == "unavailable",
            "scope_module": self.source.scope == "module",
        }
        return GpuAccount(
            uuid=self.board.uuid,
            name=self.board.name,
            share=share,
            source=self.source.label,
            limit_w=self._limit_w,
            update_s=self.source.update_s,
            settled=settled,
            flags=tuple(flag for flag, holds in flags.items() if holds),
            idle_w=self.idle.watts,
            external_j=self.ledger.external_j - external_j,
            utilisation=_utilisation(share, seen),
            memory_peak_bytes=seen.memory_peak_bytes,
            memory_bytes=self._memory_bytes,
            temp_start_c=seen.temp_start_c,
            temp_end_c=seen.temp_end_c,
        )


def _utilisation(share: Share, seen: Seen) -> float | None:
    """Return a lease's own mean utilisation; of a board of its own the board's, if not its own."""
    own = share.busy_s / share.elapsed_s if share.busy_s is not None and share.elapsed_s else None
    if share.method == "exclusive" and not own:
        return seen.utilisation
    return None if own is None else min(1.0, own)
