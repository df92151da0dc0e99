"""The store's two seams when the store is away: training goes on, results wait in a file.

Owns: what is done about a store that cannot be used in the middle of a sweep (docs/store.md). At
its beginning that is an error, as nothing was spent yet. Knows no database: it stands on the seams.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from sweeper.errors import CacheError, Deposed, SweepBusy
from sweeper.model import (
    Attempt,
    AttemptId,
    Begun,
    Busy,
    Claim,
    Energy,
    Hit,
    Key,
    Mine,
    Progress,
    Settled,
    SweepHistory,
    SweepIdentity,
    SweepState,
)
from sweeper.seams import Cache, Ledger
from sweeper.store.spool import Spool

__all__ = ["Outage", "ShelteredCache", "ShelteredLedger"]

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_FIRST_RETRY_S = 0.1


@dataclass
class Outage:
    """Whether the store can be used, as both seams of one driver know it. Safe for threads.

    Args:
        reachable: Asks the store, and waits no longer than the seconds that it is given.
        tell: Tells a person, once per outage and once when it is over.
        patience_s: How long an outage may last before the sweep goes on without the store.
        probe_s: How often the store is asked while it is away.
        clock: Seconds, never falling.
        sleep: Waits.
    """

    reachable: Callable[[float], bool]
    tell: Callable[[str], None]
    patience_s: float = 30.0
    probe_s: float = 5.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _since_s: float | None = None  # when the store was first found away
    _probed_s: float = 0.0
    _told: bool = False
    _why: CacheError | None = None
    _delivered: int = 0

    @property
    def is_on(self) -> bool:
        """Tell whether the store is away, as far as it is known."""
        return self._since_s is not None

    def began(self, why: CacheError, *, since_s: float) -> None:
        """Note that the store could not be used.

        Args:
            why: What it said.
            since_s: When the call began that failed.
        """
        with self._lock:
            if self._since_s is None:
                _log.warning("the store is away: %s", why)
                self._since_s = since_s
            self._probed_s = self.clock()
            self._why = why
            self._announce()

    def may_try(self) -> bool:
        """Tell whether a call is worth a try: the store answers, and was not asked a moment ago.

        The outage is over when a call has succeeded: a full disk answers, too.
        """
        with self._lock:
            if self._since_s is None:
                return True
            if self.clock() - self._probed_s < min(self.probe_s, self.patience_s):
                return False
            self._probed_s = self.clock()
            if self.reachable(1.0):
                return True
            self._announce()
            return False

    def succeeded(self, delivered: int = 0) -> None:
        """Note that the store did what it was asked; that ends an outage."""
        with self._lock:
            self._delivered += delivered
            if self._since_s is None:
                return
            if self._told:
                self.tell(f"the store is back; {self._delivered} result(s) that had waited are in")
            self._since_s, self._told, self._delivered = None, False, 0

    def left_s(self) -> float:
        """Return how much longer to wait for the store before going on without it, seconds."""
        with self._lock:
            if self._since_s is None:
                return self.patience_s
            self._announce()
            return self._since_s + self.patience_s - self.clock()

    def _announce(self) -> None:
        """Tell a person, once, when the outage has lasted too long to wait for its end."""
        if self._told or self._since_s is None or self.clock() < self._since_s + self.patience_s:
            return
        self._told = True
        self.tell(
            f"{self._why}; the sweep goes on without it: trials train unshared, and results wait "
            "on this machine until it is back"
        )


class ShelteredLedger:
    """The ``Ledger`` seam around another one.

    Args:
        inner: The store's.
        outage: Shared with the cache of the same driver.
        spool_of: Returns the file in which a sweep's results wait.
    """

    def __init__(self, inner: Ledger, outage: Outage, spool_of: Callable[[UUID], Spool]) -> None:
        self._inner = inner
        self._outage = outage
        self._spool_of = spool_of
        self._spool: Spool | None = None
        self._lock = threading.RLock()
        self._deposed: Deposed | None = None

    def begin(
        self, identity: SweepIdentity, *, fresh: bool = False, uid: UUID | None = None
    ) -> Begun:
        """Open a sweep, with what an earlier driver could not deliver."""
        begun = self._inner.begin(identity, fresh=fresh, uid=uid)
        self._spool = self._spool_of(begun.uid)
        if not self._spool.waiting():
            return begun
        self._deliver()
        return self._inner.begin(identity, uid=begun.uid)

    def start(self, attempt: Attempt) -> None:
        """Write an attempt's row; without the store its settlement will."""
        self._try(lambda: self._inner.start(attempt), None)

    def flush(
        self, progress: Mapping[AttemptId, Progress], *, elapsed_s: float, overhead: Energy
    ) -> bool:
        """Write heartbeat and joules so far; without the store nobody can ask for a stop."""
        return self._try(
            lambda: self._inner.flush(progress, elapsed_s=elapsed_s, overhead=overhead), False
        )

    def settle(self, settled: Settled) -> None:
        """Write an end to the store, or beside it."""
        with self._lock:
            kept = self._try(lambda: self._settled(settled), False)
            if not kept:
                self._keep(settled)
        if self._deposed is not None:
            raise self._deposed

    def finish(
        self, state: SweepState, stopped_by: str, *, elapsed_s: float, overhead: Energy
    ) -> None:
        """Close the sweep; without the store it stays open, and its next driver closes it."""

        def close() -> bool:
            self._inner.finish(state, stopped_by, elapsed_s=elapsed_s, overhead=overhead)
            return True

        deadline_s = self._outage.clock() + max(0.0, self._outage.left_s())
        while not self._try(close, False):
            if self._outage.clock() >= deadline_s:
                return
            self._outage.sleep(_FIRST_RETRY_S)

    def load(self, sweep: UUID) -> SweepHistory:
        """Read a sweep.

        Raises:
            CacheError: If the store is away; it says where results wait.
        """
        try:
            return self._inner.load(sweep)
        except CacheError as error:
            waiting = 0 if self._spool is None else len(self._spool.waiting())
            if self._spool is None or not waiting:
                raise
            raise CacheError(
                f"{error}\n{waiting} result(s) wait in {self._spool.path}; nothing is lost: the "
                "same command delivers them and goes on when the store is back"
            ) from error

    def recovered(self) -> bool:
        """Deliver what waits if the store is back; False: it is away."""
        with self._lock:
            if not self._outage.is_on:
                return True
            return self._outage.may_try() and self._deliver()

    def _try(self, call: Callable[[], _T], without: _T) -> _T:
        """Call the store unless it is away; ``without`` is what is returned when it cannot be."""
        if not self.recovered():
            return without
        began_s = self._outage.clock()
        try:
            done = call()
        except (Deposed, SweepBusy):
            raise
        except CacheError as error:
            self._outage.began(error, since_s=began_s)
            return without
        self._outage.succeeded()
        return done

    def _settled(self, settled: Settled) -> bool:
        """Settle; a sweep that is another's by now takes the facts all the same."""
        try:
            self._inner.settle(settled)
        except Deposed as error:
            self._deposed = error
        return True

    def _keep(self, settled: Settled) -> None:
        assert self._spool is not None  # settled is only what was begun
        try:
            self._spool.append(settled)
        except OSError as error:
            _log.error("%s cannot be written: %s", self._spool.path, error)
            self._outage.tell(
                f"{self._spool.path} cannot be written either ({error.strerror}): results are in "
                "memory only; free some space before this process ends"
            )

    def _deliver(self) -> bool:
        """Give the store what waits, in order; False: it took nothing, or went away again."""
        assert self._spool is not None  # begun before anything can wait
        waiting = self._spool.waiting()
        refused: list[Settled] = []
        for at, settled in enumerate(waiting):
            began_s = self._outage.clock()
            try:
                self._settled(settled)
            except CacheError as error:
                self._outage.began(error, since_s=began_s)
                if not self._outage.reachable(1.0):
                    refused.extend(waiting[at:])
                    break
                refused.append(settled)
        delivered = len(waiting) - len(refused)
        if delivered:
            self._spool.keep(tuple(refused))
            self._outage.succeeded(delivered)
        return not refused


class ShelteredCache:
    """The ``Cache`` seam around another one.

    Args:
        inner: The store's.
        outage: Shared with the ledger of the same driver.
        recovered: Delivers what waits if the store is back; False: it is away.
    """

    def __init__(self, inner: Cache, outage: Outage, recovered: Callable[[], bool]) -> None:
        self._inner = inner
        self._outage = outage
        self._recovered = recovered

    def lookup(self, keys: Sequence[Key]) -> Mapping[str, Hit]:
        """Return answers; without the store nothing is known."""
        return self._patiently(lambda: self._inner.lookup(keys), {})

    def acquire(self, key: Key, attempt: Attempt, *, beyond: int = -1) -> Hit | Busy | Mine:
        """Answer or grant; without the store everything may be trained, unclaimed."""
        unclaimed: Hit | Busy | Mine = Mine(None)
        return self._patiently(lambda: self._inner.acquire(key, attempt, beyond=beyond), unclaimed)

    def renew(self, progress: Mapping[Claim, Progress]) -> frozenset[Claim]:
        """Extend claims; one that cannot be renewed stops no training."""
        if not self._recovered():
            return frozenset()
        began_s = self._outage.clock()
        try:
            lost = self._inner.renew(progress)
        except Deposed:
            raise
        except CacheError as error:
            self._outage.began(error, since_s=began_s)
            return frozenset()
        self._outage.succeeded()
        return lost

    def release(self, claim: Claim) -> None:
        """Give a claim back; without the store it expires."""
        if not self._recovered():
            return
        began_s = self._outage.clock()
        try:
            self._inner.release(claim)
        except CacheError as error:
            self._outage.began(error, since_s=began_s)

    def _patiently(self, call: Callable[[], _T], without: _T) -> _T:
        """Wait for the store as long as this outage may last, then go on without it."""
        wait_s = _FIRST_RETRY_S
        while True:
            if self._recovered():
                began_s = self._outage.clock()
                try:
                    done = call()
                except (Deposed, SweepBusy):
                    raise
                except CacheError as error:
                    self._outage.began(error, since_s=began_s)
                else:
                    self._outage.succeeded()
                    return done
            left_s = self._outage.left_s()
            if left_s <= 0:
                return without
            self._outage.sleep(min(wait_s, left_s))
            wait_s = min(2 * wait_s, 5.0)
