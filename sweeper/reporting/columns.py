"""Columns of a table on a terminal of any width.

Owns: which go first where there is no room. Imports rich at the top: only the reading commands
import this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.table import Table

from sweeper.reporting.clean import one_line
from sweeper.reporting.grid import table_of

__all__ = ["GAP", "Column", "laid_out", "narrowed", "width_of"]

GAP = 2  # columns of the terminal between two of a table


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table, its cells from top to bottom.

    Attributes:
        right: It stands at the right, as numbers do.
        spare: Where room is scarce the column with the highest goes first; 0: it stays.
    """

    name: str
    cells: tuple[str, ...]
    right: bool = True
    spare: int = 0

    @property
    def width(self) -> int:
        """Return how many columns of the terminal it takes."""
        return max(cell_len(one_line(cell)) for cell in (self.name, *self.cells))


def width_of(columns: Sequence[Column]) -> int:
    """Return how many columns of the terminal they take beside each other."""
    return sum(column.width + GAP for column in columns)


def narrowed(columns: Sequence[Column], width: int) -> list[Column]:
    """Leave out spare columns until the others fit."""
    kept = list(columns)
    for column in sorted(columns, key=lambda it: it.spare, reverse=True):
        if column.spare and width_of(kept) > width:
            kept.remove(column)
    return kept


def laid_out(columns: Sequence[Column]) -> Table:
    """Make the table; there is at least one column."""
    right = [place for place, column in enumerate(columns) if column.right]
    rows = zip(*(column.cells for column in columns), strict=True)
    return table_of([column.name for column in columns], rows, right=right)
