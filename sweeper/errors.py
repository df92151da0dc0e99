"""The exceptions that mean "this sweep cannot go on".

    SweeperError                    the root: every error that reaches a user derives from it
    ├── ConfigError                 the sweep file or the command line is wrong; carries all
    ├── SpaceError                  the search space and the method do not fit each other
    ├── MeterError                  the meter was asked for something that it cannot measure
    ├── CacheError                  the store cannot be opened, read or written
    │   ├── SweepBusy               another live driver owns this sweep
    │   └── Deposed                 another driver took this sweep over
    └── PoolError                   the workers cannot be started, or none is left

Expected endings are values, not exceptions: a miss, a pruned trial, a failed trial (model.py).
A message says where, what, what was given, what is allowed and what to do about it.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "CacheError",
    "ConfigError",
    "Deposed",
    "MeterError",
    "PoolError",
    "SpaceError",
    "SweepBusy",
    "SweeperError",
]


class SweeperError(Exception):
    """The root of every error that the command line turns into one readable message."""


class ConfigError(SweeperError):
    """The sweep file or an override is wrong.

    Args:
        problems: One finished line each: ``file:line: key.path: what, given, allowed, cure``.
    """

    def __init__(self, problems: Sequence[str] | str) -> None:
        self.problems: tuple[str, ...] = (
            (problems,) if isinstance(problems, str) else tuple(problems)
        )
        super().__init__("\n".join(self.problems))


class SpaceError(SweeperError):
    """The search space and the method do not fit each other."""


class MeterError(SweeperError):
    """The meter was asked for something that it cannot measure."""


class CacheError(SweeperError):
    """The store cannot be opened, read or written."""


class SweepBusy(CacheError):
    """Another live driver owns this sweep."""


class Deposed(CacheError):
    """Another driver took this sweep over; this one may deliver facts but no decisions."""


class PoolError(SweeperError):
    """The workers cannot be started, or none is left."""
