"""A sweep as CSV and as JSON.

Owns: how a cell is written. Standard library only.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from sweeper.model import SweepHistory, Value
from sweeper.reporting.documents import sweep_json
from sweeper.reporting.export_table import ColumnKind, ExportTable
from sweeper.reporting.summary import Summary

__all__ = ["csv_text", "encodable", "json_text", "moment_of", "moment_text"]

# A spreadsheet takes text for a formula that begins so, in some languages with the wide
# forms; the apostrophe is here so that what is protected can be told from what was written.
# Source: OWASP, "CSV Injection".
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'", *"\uff1d\uff0b\uff0d\uff20")


def csv_text(table: ExportTable) -> str:
    """Write a table as CSV (RFC 4180, lines end with a newline), its header first.

    An unknown cell is empty. Text that a spreadsheet would run gets an apostrophe in front; a
    number never does.
    """
    rows = [[_protected(column.name) for column in table.columns]]
    for place in range(len(table.curves)):
        rows.append([_cell(column.cells[place], column.kind) for column in table.columns])
    return encodable("".join(",".join(map(_quoted, row)) + "\n" for row in rows))


def json_text(history: SweepHistory, summary: Summary) -> str:
    """Write ``sweeper show --json`` with each trial's curve and decisions, on one line."""
    document = sweep_json(history, summary, curves=True)
    return encodable(json.dumps(document, ensure_ascii=False, allow_nan=False)) + "\n"


def moment_of(at: float) -> datetime:
    """Turn seconds since 1970 into a moment in UTC."""
    return datetime.fromtimestamp(at, UTC)


def moment_text(at: float) -> str:
    """Write seconds since 1970 as ISO 8601 in UTC, to the microsecond."""
    return moment_of(at).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _cell(value: Value, kind: ColumnKind) -> str:
    if value is None:
        return ""
    match kind:
        case ColumnKind.TRUTH:
            return "true" if value else "false"
        case ColumnKind.REAL:
            return repr(float(value))
        case ColumnKind.MOMENT:
            return moment_text(value)
        case ColumnKind.TEXT:
            return _protected(str(value))
        case _:  # a whole number, or JSON, which no formula begins like
            return str(value)


def _quoted(cell: str) -> str:
    """Quote a cell that needs it; Python's own writer leaves a lone carriage return bare."""
    if not any(character in cell for character in ',"\r\n'):
        return cell
    doubled = cell.replace('"', '""')
    return f'"{doubled}"'


def _protected(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def encodable(text: str) -> str:
    """Write half of a surrogate pair, which UTF-8 cannot say, as JSON would."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
