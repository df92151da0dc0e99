"""From a sweep file to the store, the ledger and the cache."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from sweeper.compose.energy import own_class
from sweeper.config.caching import OnBusy
from sweeper.config.models import SweepConfig
from sweeper.errors import ConfigError
from sweeper.model import RecordStatus
from sweeper.places import state_folder, user
from sweeper.seams import Cache, Ledger
from sweeper.store.mode import CacheMode, CachePolicy

if TYPE_CHECKING:
    from sweeper.store.engine import Store
    from sweeper.store.shelter import Outage, ShelteredLedger

__all__ = [
    "build_cache",
    "build_ledger",
    "build_outage",
    "cache_mode",
    "cache_policy",
    "lease_ttl_s",
    "open_store",
    "sheltered",
    "user_of",
]

_TTL = "SWEEPER_LEASE_TTL_S"
_PATIENCE = "SWEEPER_STORE_PATIENCE_S"


def open_store(url: str | None, *, existing: bool = False) -> Store:
    """Open the store that the command line, the file or the environment names.

    Args:
        url: From the command line or the file.
        existing: What is named must be there already: for those who only look.
    """
    from sweeper.store import engine

    # Who waits less for an absent store waits less for a locked one, but never not at all.
    timeout_s = min(30.0, max(0.1, patience_s()))
    return engine.open_store(url, env=os.environ, busy_timeout_s=timeout_s, existing=existing)


def cache_mode(config: SweepConfig) -> CacheMode:
    """Return how far the sweep takes part in the store."""
    return CacheMode(config.cache.mode.value)


def lease_ttl_s() -> float:
    """Return how long a lease lives without being renewed.

    Raises:
        ConfigError: If the environment says something else than seconds.
    """
    return _seconds_of(_TTL, "120", least=1e-3)


def user_of(store: Store) -> str:
    """Return who we are to a store: a server says it, a file takes this machine's word."""
    return store.who or user()


def cache_policy(config: SweepConfig, *, recache: bool = False) -> CachePolicy:
    """Return on which terms the store answers a sweep."""
    refuse = frozenset(RecordStatus(kind.value) for kind in config.cache.refuse)
    memory_mib = (own_class(config) or {}).get("memory_mib") if refuse else None
    return CachePolicy(
        park=config.cache.on_busy is OnBusy.PARK,
        recache=recache,
        refuse=refuse,
        memory_mib=memory_mib if isinstance(memory_mib, int) else None,
        whole_from=config.max_steps if config.cache.prefix_safe else None,
    )


def build_outage(store: Store, tell: Callable[[str], None]) -> Outage:
    """Build what cache and ledger of a driver know of the store's absence.

    Args:
        store: Open.
        tell: Tells a person.
    """
    from sweeper.store.shelter import Outage

    return Outage(store.reachable, tell, patience_s=patience_s())


def patience_s() -> float:
    """Return how long a sweep waits for a store that is away.

    Raises:
        ConfigError: If the environment says something else than seconds.
    """
    return _seconds_of(_PATIENCE, "30", least=0.0)


def _seconds_of(name: str, default: str, *, least: float) -> float:
    given = os.environ.get(name, default)
    try:
        seconds = float(given)
    except ValueError:
        seconds = -1.0
    if not least <= seconds < 86400:
        raise ConfigError(f"{name}: must be seconds, {least:g} to 86400, got {given!r}")
    return seconds


def sheltered(ledger: Ledger, outage: Outage) -> ShelteredLedger:
    """Let a sweep outlive an absence of its ledger."""
    from sweeper.store.shelter import ShelteredLedger
    from sweeper.store.spool import spool_of

    return ShelteredLedger(ledger, outage, partial(spool_of, state_folder(os.environ)))


def build_ledger(store: Store, config: SweepConfig, holder: UUID) -> Ledger:
    """Build the sweep's ledger."""
    from sweeper.store.process import proc_id
    from sweeper.store.sql_ledger import SqlLedger

    return SqlLedger(
        store,
        holder=holder,
        who=user_of(store),
        host=socket.gethostname(),
        pid=os.getpid(),
        proc_id=proc_id(),
        ttl_s=lease_ttl_s(),
        mode=cache_mode(config),
    )


def build_cache(
    store: Store,
    ledger: Ledger,
    config: SweepConfig,
    holder: UUID,
    sweep: UUID,
    *,
    recache: bool = False,
) -> Cache:
    """Build what answers trials; with ``cache.mode: off`` nothing does."""
    from sweeper.store.no_cache import NoCache
    from sweeper.store.sql_cache import SqlCache

    mode = cache_mode(config)
    if mode is CacheMode.OFF:
        return NoCache(ledger)
    return SqlCache(
        store,
        holder=holder,
        sweep=sweep,
        who=user_of(store),
        host=socket.gethostname(),
        ttl_s=lease_ttl_s(),
        mode=mode,
        policy=cache_policy(config, recache=recache),
    )
