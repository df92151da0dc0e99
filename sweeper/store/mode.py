"""How far a sweep takes part in the shared store. Light: imports nothing."""

from __future__ import annotations

from enum import Enum

__all__ = ["CacheMode"]


class CacheMode(Enum):
    """What a sweep does with the store's records; its own ledger is kept in each mode."""

    RW = "rw"  # is answered, claims what it trains, stores what it learns
    RO = "ro"  # is answered only
    OFF = "off"
