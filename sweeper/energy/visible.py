"""Which boards a list of GPUs names, as CUDA reads ``CUDA_VISIBLE_DEVICES``.

Owns: that rule (docs/energy.md, "Which GPU"). Reads nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

__all__ = ["MIG", "Named", "named_boards"]

# How the UUID of a MIG slice begins.
MIG = "MIG-"


class Named(NamedTuple):
    """A board, or a slice of one, that a list names."""

    uuid: str  # of the physical board
    mig: str | None = None  # of the slice; None: the whole board


def named_boards(
    gpus: Sequence[str],
    boards: Sequence[str | None],
    parent: Callable[[str], str | None],
) -> tuple[Named, ...]:
    """Read a list: up to the first entry that names nothing, and not at all with duplicates.

    Args:
        gpus: Indices as text, UUIDs in full or abbreviated, or MIG UUIDs.
        boards: UUIDs of this node's boards by index; None: one that cannot be read.
        parent: Returns the UUID of the board that a MIG UUID is a slice of; None: there is none.
    """
    found: list[Named] = []
    for given in gpus:
        entry = given.strip()
        uuid = parent(entry) if entry.startswith(MIG) else _board(entry, boards)
        if uuid is None:
            break
        found.append(Named(uuid, entry if entry.startswith(MIG) else None))
    return () if _has_duplicates(found) else tuple(found)


def _board(entry: str, boards: Sequence[str | None]) -> str | None:
    if entry.isdecimal():
        return boards[int(entry)] if int(entry) < len(boards) else None
    if not entry.startswith("GPU-"):
        return None
    matching = [uuid for uuid in boards if uuid is not None and uuid.startswith(entry)]
    return matching[0] if len(matching) == 1 else None


def _has_duplicates(found: Sequence[Named]) -> bool:
    """Tell whether a board or a slice is there twice, or a slice beside its own board."""
    whole = [named.uuid for named in found if named.mig is None]
    slices = [named for named in found if named.mig is not None]
    return (
        len(set(whole)) < len(whole)
        or len(set(slices)) < len(slices)
        or any(named.uuid in whole for named in slices)
    )
