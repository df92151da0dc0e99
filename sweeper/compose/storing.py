"""From a sweep file to the store, the ledger and the cache."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING
from uuid import UUID

from sweeper.config.models import SweepConfig
from sweeper.errors import ConfigError
from sweeper.places import user
from sweeper.seams import Cache, Ledger
from sweeper.store.mode import CacheMode

if TYPE_CHECKING:
    from sweeper.store.engine import Store

__all__ = ["build_cache", "build_ledger", "cache_mode", "lease_ttl_s", "open_store"]

_TTL = "SWEEPER_LEASE_TTL_S"


def open_store(url: str | None) -> Store:
    """Open the store that the command line, the file or the environment names."""
    from sweeper.store import engine

    return engine.open_store(url, env=os.environ)


def cache_mode(config: SweepConfig) -> CacheMode:
    """Return how far the sweep takes part in the store."""
    return CacheMode(config.cache.mode.value)


def lease_ttl_s() -> float:
    """Return how long a lease lives without being renewed.

    Raises:
        ConfigError: If the environment says something else than seconds.
    """
    given = os.environ.get(_TTL, "120")
    try:
        ttl_s = float(given)
    except ValueError:
        ttl_s = 0.0
    if not 0 < ttl_s < 86400:
        raise ConfigError(f"{_TTL}: must be seconds between 0 and 86400, got {given!r}")
    return ttl_s


def build_ledger(store: Store, config: SweepConfig, holder: UUID) -> Ledger:
    """Build the sweep's ledger."""
    from sweeper.store.process import proc_id
    from sweeper.store.sql_ledger import SqlLedger

    return SqlLedger(
        store,
        holder=holder,
        who=user(),
        host=socket.gethostname(),
        pid=os.getpid(),
        proc_id=proc_id(),
        ttl_s=lease_ttl_s(),
        mode=cache_mode(config),
    )


def build_cache(
    store: Store, ledger: Ledger, config: SweepConfig, holder: UUID, sweep: UUID
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
        who=user(),
        host=socket.gethostname(),
        ttl_s=lease_ttl_s(),
        mode=mode,
    )
