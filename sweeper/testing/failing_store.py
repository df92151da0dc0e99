"""Seams of the store that break once, for tests of what a sweep does then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar
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


_T = TypeVar("_T")


class _Fuse:
    """Counts calls and fails some of them, before they do anything or after they have done it."""

    def __init__(self, fail_at: int, *, count: int, after: bool) -> None:
        self.calls = 0
        self._failing = range(fail_at, fail_at + count)
        self._after = after

    @property
    def is_blown(self) -> bool:
        """Tell whether the next call would fail."""
        return self.calls + 1 in self._failing

    def burn(self, call: Callable[[], _T]) -> _T:
        """Count a call; fail if it is one of those."""
        self.calls += 1
        failing = self.calls in self._failing
        if not failing or self._after:
            done = call()
        if failing:
            raise CacheError(f"store: call {self.calls} fails as the test wanted")
        return done


class FailingCache:
    """A cache of which some calls raise CacheError.

    Args:
        inner: Does what the others ask.
        fail_at: The first call that fails, counted from 1 over all methods.
        count: How many fail in a row.
        after: They fail when everything is done: the answer alone is lost.
    """

    def __init__(self, inner: Cache, fail_at: int, *, count: int = 1, after: bool = False) -> None:
        self._inner = inner
        self._fuse = _Fuse(fail_at, count=count, after=after)

    @property
    def calls(self) -> int:
        """Return how many calls there were."""
        return self._fuse.calls

    def lookup(self, keys: Sequence[Key]) -> Mapping[str, Hit]:
        """Pass on, or fail."""
        return self._fuse.burn(lambda: self._inner.lookup(keys))

    def acquire(self, key: Key, attempt: Attempt, *, beyond: int = -1) -> Hit | Busy | Mine:
        """Pass on, or fail."""
        return self._fuse.burn(lambda: self._inner.acquire(key, attempt, beyond=beyond))

    def renew(self, progress: Mapping[Claim, Progress]) -> frozenset[Claim]:
        """Pass on, or fail."""
        return self._fuse.burn(lambda: self._inner.renew(progress))

    def release(self, claim: Claim) -> None:
        """Pass on, or fail."""
        self._fuse.burn(lambda: self._inner.release(claim))


class FailingLedger:
    """A ledger of which some calls raise CacheError; the arguments are those of FailingCache."""

    def __init__(self, inner: Ledger, fail_at: int, *, count: int = 1, after: bool = False) -> None:
        self._inner = inner
        self._fuse = _Fuse(fail_at, count=count, after=after)

    @property
    def is_blown(self) -> bool:
        """Tell whether the next call would fail."""
        return self._fuse.is_blown

    @property
    def calls(self) -> int:
        """Return how many calls there were."""
        return self._fuse.calls

    def begin(
        self, identity: SweepIdentity, *, fresh: bool = False, uid: UUID | None = None
    ) -> Begun:
        """Pass on, or fail."""
        return self._fuse.burn(lambda: self._inner.begin(identity, fresh=fresh, uid=uid))

    def start(self, attempt: Attempt) -> None:
        """Pass on, or fail."""
        self._fuse.burn(lambda: self._inner.start(attempt))

    def flush(
        self, progress: Mapping[AttemptId, Progress], *, elapsed_s: float, overhead: Energy
    ) -> bool:
        """Pass on, or fail."""
        return self._fuse.burn(
            lambda: self._inner.flush(progress, elapsed_s=elapsed_s, overhead=overhead)
        )

    def settle(self, settled: Settled) -> None:
        """Pass on, or fail."""
        self._fuse.burn(lambda: self._inner.settle(settled))

    def finish(
        self, state: SweepState, stopped_by: str, *, elapsed_s: float, overhead: Energy
    ) -> None:
        """Pass on, or fail."""
        self._fuse.burn(
            lambda: self._inner.finish(state, stopped_by, elapsed_s=elapsed_s, overhead=overhead)
        )

    def load(self, sweep: UUID) -> SweepHistory:
        """Pass on, or fail."""
        return self._fuse.burn(lambda: self._inner.load(sweep))
