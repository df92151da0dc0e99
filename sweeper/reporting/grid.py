"""Rows and columns on a terminal, for all pages.

Owns: how a table looks. Imports rich at the top: only the reading commands import this module.
Every text becomes a ``Text``, so that nobody's parameter or error message is taken for markup.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from rich.table import Table
from rich.text import Text

from sweeper.reporting.clean import one_line

__all__ = ["table_of", "text_of"]


def text_of(lines: Sequence[str]) -> Text:
    """Make one text of some lines."""
    return Text("\n".join(lines))


def table_of(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, right: Collection[int]
) -> Table:
    """Make a table without frames; its last column takes what is too long for the screen.

    Args:
        header: One cell per column.
        rows: The same.
        right: Positions of the columns that stand at the right.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, name in enumerate(header):
        table.add_column(
            Text(one_line(name)),
            justify="right" if column in right else "left",
            no_wrap=column < len(header) - 1,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    return table
