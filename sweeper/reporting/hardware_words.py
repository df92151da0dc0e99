"""Hardware in a few words. Imports the model only."""

from __future__ import annotations

from collections.abc import Mapping

from sweeper.model import Value

__all__ = ["hardware"]


def hardware(facts: Mapping[str, Value]) -> str:
    """Say what a record was trained on.

    Args:
        facts: As in ``Record.hw``; older records say less.
    """
    kind = facts.get("class")
    if isinstance(kind, Mapping):
        gpu = kind.get("gpu")
        if not gpu:
            return str(kind.get("cpu") or "a CPU")
        count = kind.get("count")
        many = f"{count:g} x " if isinstance(count, int | float) and count != 1 else ""
        cap = kind.get("power_cap_w")
        return f"{many}{gpu}" + (f" capped at {cap} W" if cap else "")
    gpus = facts.get("gpus")
    if not isinstance(gpus, list):
        return "unknown hardware"
    if gpus:
        return ", ".join(map(str, gpus))
    held = facts.get("gpu_uuids")
    return "a GPU of unknown kind" if held else "a CPU"
