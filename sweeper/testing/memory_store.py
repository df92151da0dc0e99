"""The store's two seams in memory, for tests of what stands on them.

One ``MemoryStore`` is what one database is: caches and ledgers of several drivers share it. Its
clock is a function, so that leases expire without waiting. ``CacheCases`` and ``LedgerCases`` hold
it to the same behaviour as the SQL store.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from sweeper.model import Attempt, Busy, Claim, Hit, Key, Mine, Progress
from sweeper.store.mode import PLAIN, CacheMode, CachePolicy
from sweeper.testing.memory_ledger import MemoryLedger
from sweeper.testing.memory_state import Lease, MemoryState

__all__ = ["MemoryCache", "MemoryLedger", "MemoryStore"]


class MemoryStore:
    """One store, with the seams of any number of drivers on it.

    Args:
        clock: The store's clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._state = MemoryState(clock)

    @property
    def hits(self) -> tuple[Hit, ...]:
        """Return every record with its producer, in order of arrival."""
        return tuple(self._state.hits)

    def cache(
        self,
        sweep: UUID,
        *,
        holder: UUID,
        who: str = "tester",
        host: str = "localhost",
        ttl_s: float = 120.0,
        mode: CacheMode = CacheMode.RW,
        policy: CachePolicy = PLAIN,
    ) -> MemoryCache:
        """Open the cache of a driver whose ledger has begun ``sweep``; for OFF use NoCache."""
        return MemoryCache(
            self._state,
            sweep,
            holder=holder,
            who=who,
            host=host,
            ttl_s=ttl_s,
            mode=mode,
            policy=policy,
        )

    def ledger(
        self,
        *,
        holder: UUID,
        who: str = "tester",
        host: str = "localhost",
        ttl_s: float = 120.0,
        mode: CacheMode = CacheMode.RW,
    ) -> MemoryLedger:
        """Open the ledger of a driver."""
        return MemoryLedger(self._state, holder=holder, who=who, host=host, ttl_s=ttl_s, mode=mode)

    def request_stop(self, sweep: UUID) -> None:
        """Ask a sweep to start no more trials."""
        self._state.sweeps[sweep].stopping = True


class MemoryCache:
    """The ``Cache`` seam; made by ``MemoryStore.cache``."""

    def __init__(
        self,
        store: MemoryState,
        sweep: UUID,
        *,
        holder: UUID,
        who: str,
        host: str,
        ttl_s: float,
        mode: CacheMode,
        policy: CachePolicy,
    ) -> None:
        self._store = store
        self._policy = policy
        self._sweep = sweep
        self._holder = holder
        self._who = who
        self._host = host
        self._ttl_s = ttl_s
        self._mode = mode

    def lookup(self, keys: Sequence[Key]) -> Mapping[str, Hit]:
        """Return answers by run_key."""
        with self._store.lock:
            found = {key.run_key: self._answer(key, -1) for key in keys}
        return {run_key: hit for run_key, hit in found.items() if hit is not None}

    def acquire(self, key: Key, attempt: Attempt, *, beyond: int = -1) -> Hit | Busy | Mine:
        """Answer, say who trains it, or grant the training."""
        store = self._store
        with store.lock:
            hit = self._answer(key, beyond) or store.refused(key.run_key, self._policy)
            if hit is not None:
                return hit
            held, now = store.leases.get(key.run_key), store.clock()
            busy = held is not None and held.holder != self._holder and held.expires_at > now
            if self._mode is not CacheMode.RW or (busy and not self._policy.park):
                store.write_attempt(self._sweep, self._holder, attempt, parked=False)
                return Mine(None)
            if held is not None and busy:
                left_s = held.expires_at - now
                return Busy(held.who, held.host, held.steps, held.steps_total, left_s)
            store.write_attempt(self._sweep, self._holder, attempt, parked=False)
            lease = Lease(0, self._holder, self._sweep, self._who, self._host, now + self._ttl_s)
            return Mine(store.grant(key.run_key, lease))

    def _answer(self, key: Key, beyond: int) -> Hit | None:
        return self._store.answer(key.run_key, beyond, self._policy, self._sweep)

    def renew(self, progress: Mapping[Claim, Progress]) -> frozenset[Claim]:
        """Extend these claims; return those that somebody else took over."""
        lost = set()
        with self._store.lock:
            for claim, done in progress.items():
                lease = self._store.leases.get(claim.run_key)
                if lease is None or (lease.fence, lease.holder) != (claim.fence, self._holder):
                    lost.add(claim)
                    continue
                lease.expires_at = self._store.clock() + self._ttl_s
                lease.steps, lease.steps_total = done.steps, done.steps_total
        return frozenset(lost)

    def release(self, claim: Claim) -> None:
        """Give a claim back without a record."""
        with self._store.lock:
            self._store.drop(claim, self._holder)
