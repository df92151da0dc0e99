"""What workers and boards used outside trials, put together without counting anything twice.

Owns: what is known of workers that cannot be asked any more. Arithmetic; must not import ray or
other rooms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sweeper.model import (
    CUT_SHORT,
    NOTHING,
    UNAVAILABLE,
    Energy,
    GpuEnergy,
    joined,
    known_sum,
    weakest,
)

__all__ = ["Overheads", "with_boards"]


@dataclass(slots=True)
class _Said:
    """What is known of one worker: its node, None without GPUs, and its last word."""

    node: str | None
    outside_j: float | None = None


@dataclass(slots=True)
class Overheads:
    """The overhead of all workers that a pool ever had."""

    _workers: dict[str, _Said] = field(default_factory=dict)

    def hired(self, worker: str, node: str | None = None) -> None:
        """Note a new worker.

        Args:
            worker: Its name.
            node: Whose agent keeps the books of its GPUs; None: it has none.
        """
        self._workers[worker] = _Said(node)

    def said(self, worker: str, outside_j: float | None) -> None:
        """Note what a worker said that it used outside trials so far; None: unknown."""
        if outside_j is not None and worker in self._workers:
            self._workers[worker].outside_j = outside_j

    def whole(
        self, accounts: Mapping[str, Energy], boards: Mapping[str, Sequence[GpuEnergy]]
    ) -> Energy:
        """Return what all workers used outside trials.

        Of a worker that does not answer, the boards know what its GPUs used; the rest is what it
        said last, which is the least, and flagged so.

        Args:
            accounts: Of those that answer, by name, with their parts of the boards in ``gpus``.
            boards: By node whose agent answers, a line per board with its overhead.

        Returns:
            The whole, with the boards' lines; unavailable if nobody knows anything.
        """
        lines = [line for on_node in boards.values() for line in on_node]
        whole = with_boards(joined(list(accounts.values())), lines)
        silent = [said for name, said in self._workers.items() if name not in accounts]
        unbooked = [said for said in silent if said.node not in boards]
        last_words_j = [said.outside_j for said in unbooked if said.outside_j is not None]
        if whole == NOTHING:
            if not last_words_j:
                return UNAVAILABLE
            whole = replace(NOTHING, source="unknown")
        if whole.total_j is None or not silent or (whole.scope == "gpu" and not unbooked):
            return whole
        total_j = math.fsum([whole.total_j, *last_words_j])
        return replace(whole, total_j=total_j, lo_j=total_j, flags=(*whole.flags, CUT_SHORT))


def with_boards(workers: Energy, boards: Sequence[GpuEnergy]) -> Energy:
    """Complete what workers said by what their nodes' agents know of whole boards.

    Each worker says its part of a board's overhead, and the parts of all make the whole; what
    nobody says, because the last worker of a board is gone, is added.

    Args:
        workers: The joined overheads of the workers that answer, with their parts in ``gpus``.
        boards: A line per board, with its overhead in ``energy_j``; none: no agent answers.

    Returns:
        The whole, with the boards' lines.
    """
    if not boards:
        return workers
    if workers == NOTHING:
        source = weakest(board.source for board in boards) or "unavailable"
        workers = replace(NOTHING, source=source, scope="gpu", attribution="exclusive")
    said_j = {line.uuid: line.energy_j for line in workers.gpus}
    return replace(
        workers,
        total_j=known_sum([workers.total_j, *(_unsaid_j(board, said_j) for board in boards)]),
        gpus=tuple(boards),
        idle_j=known_sum(board.idle_j for board in boards),
    )


def _unsaid_j(board: GpuEnergy, said_j: Mapping[str, float | None]) -> float | None:
    """Return the part of a board's overhead that no worker said."""
    part_j = said_j.get(board.uuid, 0.0)
    if board.energy_j is None or part_j is None:  # what a worker does not know is in its total
        return None if board.uuid not in said_j else 0.0
    return max(0.0, board.energy_j - part_j)
