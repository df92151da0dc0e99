"""What torch is doing on CUDA devices in this process, if it is loaded here at all.

Never imports torch: it looks whether the objective did. Never raises.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from typing import Any

__all__ = ["synchronise", "used_uuids"]

_LOG = logging.getLogger(__name__)


def synchronise() -> bool | None:
    """Wait until the devices that torch uses in this process have done all that was launched.

    Returns:
        False: it could not be done; None: torch does not use a device here. What other libraries
        and child processes launched is not waited for.
    """
    torch = _torch()
    if torch is None:
        return None
    try:
        for index in _used(torch):
            torch.cuda.synchronize(index)
    except Exception as error:  # a device error belongs to the objective, which will meet it too
        _LOG.debug("CUDA could not be synchronised: %s", error)
        return False
    return True


def used_uuids() -> frozenset[str]:
    """Return the UUIDs of the boards that torch uses in this process, as NVML writes them."""
    torch = _torch()
    if torch is None:
        return frozenset()
    try:
        given = [torch.cuda.get_device_properties(index).uuid for index in _used(torch)]
    except Exception as error:  # torch before 2.4 has no UUIDs
        _LOG.debug("the UUIDs of CUDA devices are unknown: %s", error)
        return frozenset()
    return frozenset(f"GPU-{str(uuid).removeprefix('GPU-')}" for uuid in given)


def _torch() -> Any | None:
    """Return torch if it is loaded and has initialised CUDA."""
    torch = sys.modules.get("torch")
    try:
        return torch if torch is not None and torch.cuda.is_initialized() else None
    except AttributeError:  # half imported, or another module of that name
        return None


def _used(torch: Any) -> Iterator[int]:
    """Yield the device that is selected, and those that hold memory: the others have no context."""
    current = torch.cuda.current_device()
    for index in range(torch.cuda.device_count()):
        if index == current or torch.cuda.memory_allocated(index) > 0:
            yield index
