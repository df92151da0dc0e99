"""Keeps what goes wrong while drawing away from the sweep. Standard library only."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import ParamSpec, TypeVar

__all__ = ["Guard"]

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


class Guard:
    """Calls code whose failure must not cost a training; logs the first exception.

    Args:
        what: What fails, for the log.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._logged = False

    def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | None:
        """Return what the function returns; None if it raised."""
        try:
            return function(*args, **kwargs)
        except Exception:  # an observer must not raise, whatever it draws (seams.py)
            if not self._logged:
                self._logged = True
                logger.warning("%s failed; the sweep goes on without it", self._what, exc_info=True)
            return None
