"""Seams of the store that break once, for tests of what a sweep does then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sweeper.errors import CacheError
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

__all__ = ["FailingCache", "FailingLedger"]


class _Fuse:
    """Counts calls and fails one of them, before it does anything."""

    def __init__(self, fail_at: int) -> None:
        self.calls = 0
        self._fail_at = fail_at

    def burn(self) -> None:
        """Count a call; fail if it is the one."""
        self.calls += 1
        if self.calls == self._fail_at:
            raise CacheError(f"store: call {self.calls} fails as the test wanted")


class FailingCache:
    """A cache whose ``fail_at``-th call, counted from 1 over all methods, raises CacheError."""

    def __init__(self, inner: Cache, fail_at: int) -> None:
        self._inner = inner
        self._fuse = _Fuse(fail_at)

    @property
    def calls(self) -> int:
        """Return how many calls there were."""
        return self._fuse.calls

    def lookup(self, keys: Sequence[Key]) -> Mapping[str, Hit]:
        """Pass on, or fail."""
        self._fuse.burn()
        return self._inner.lookup(keys)

    def acquire(self, key: Key, attempt: Attempt, *, beyond: int = -1) -> Hit | Busy | Mine:
        """Pass on, or fail."""
        self._fuse.burn()
        return self._inner.acquire(key, attempt, beyond=beyond)

    def renew(self, progress: Mapping[Claim, Progress]) -> frozenset[Claim]:
        """Pass on, or fail."""
        self._fuse.burn()
        return self._inner.renew(progress)

    def release(self, claim: Claim) -> None:
        """Pass on, or fail."""
        self._fuse.burn()
        self._inner.release(claim)


class FailingLedger:
    """A ledger whose ``fail_at``-th call, counted from 1 over all methods, raises CacheError."""

    def __init__(self, inner: Ledger, fail_at: int) -> None:
        self._inner = inner
        self._fuse = _Fuse(fail_at)

    @property
    def calls(self) -> int:
        """Return how many calls there were."""
        return self._fuse.calls

    def begin(self, identity: SweepIdentity, *, fresh: bool = False) -> Begun:
        """Pass on, or fail."""
        self._fuse.burn()
        return self._inner.begin(identity, fresh=fresh)

    def start(self, attempt: Attempt) -> None:
        """Pass on, or fail."""
        self._fuse.burn()
        self._inner.start(attempt)

    def flush(
        self, progress: Mapping[AttemptId, Progress], *, elapsed_s: float, overhead: Energy
    ) -> bool:
        """Pass on, or fail."""
        self._fuse.burn()
        return self._inner.flush(progress, elapsed_s=elapsed_s, overhead=overhead)

    def settle(self, settled: Settled) -> None:
        """Pass on, or fail."""
        self._fuse.burn()
        self._inner.settle(settled)

    def finish(
        self, state: SweepState, stopped_by: str, *, elapsed_s: float, overhead: Energy
    ) -> None:
        """Pass on, or fail."""
        self._fuse.burn()
        self._inner.finish(state, stopped_by, elapsed_s=elapsed_s, overhead=overhead)

    def load(self, sweep: UUID) -> SweepHistory:
        """Pass on, or fail."""
        self._fuse.burn()
        return self._inner.load(sweep)
