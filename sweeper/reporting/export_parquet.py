"""A sweep's trials as a Parquet file, each with its curve as a nested list.

Owns: which Arrow type each column has. Imports pyarrow inside the function: it is an optional
library.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.errors import SweeperError
from sweeper.model import Value
from sweeper.reporting.export_table import Column, ColumnKind, ExportTable
from sweeper.reporting.export_text import encodable, moment_of

if TYPE_CHECKING:
    import pyarrow

__all__ = ["write_parquet"]


def write_parquet(table: ExportTable, file: Path, *, about: dict[str, Value]) -> None:
    """Write a table.

    Args:
        table: The trials.
        file: Where to; overwritten.
        about: What the file's own metadata say under ``sweeper``, as JSON.

    Raises:
        SweeperError: If pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise SweeperError(
            "--format parquet needs pyarrow, which is not installed: pip install 'sweeper[parquet]'"
        ) from error
    fields = [pyarrow.field(column.name, _type(pyarrow, column.kind)) for column in table.columns]
    fields.append(pyarrow.field("curve", _curve_type(pyarrow, table.metrics)))
    said = {"sweeper": json.dumps(about, ensure_ascii=True, allow_nan=False)}
    schema = pyarrow.schema(fields, metadata=said)
    cells = [[_cell(cell, column) for cell in column.cells] for column in table.columns]
    arrays = [
        pyarrow.array(values, type=field.type)
        for values, field in zip([*cells, [list(it) for it in table.curves]], fields, strict=True)
    ]
    parquet.write_table(pyarrow.Table.from_arrays(arrays, schema=schema), file)


def _type(arrow: Any, kind: ColumnKind) -> pyarrow.DataType:
    match kind:
        case ColumnKind.WHOLE:
            return arrow.int64()
        case ColumnKind.REAL:
            return arrow.float64()
        case ColumnKind.TRUTH:
            return arrow.bool_()
        case ColumnKind.MOMENT:
            return arrow.timestamp("us", tz="UTC")
        case _:
            return arrow.string()


def _curve_type(arrow: Any, metrics: tuple[str, ...]) -> pyarrow.DataType:
    values = arrow.struct([arrow.field(name, arrow.float64()) for name in metrics])
    point = [
        arrow.field("step", arrow.int64()),
        arrow.field("metrics", values),
        arrow.field("energy_j", arrow.float64()),
        arrow.field("elapsed_s", arrow.float64()),
    ]
    return arrow.list_(arrow.struct(point))


def _cell(value: Value, column: Column) -> Value:
    if value is None:
        return None
    match column.kind:
        case ColumnKind.MOMENT:
            return moment_of(value)
        case ColumnKind.TEXT | ColumnKind.JSON:
            return encodable(str(value))
        case _:
            return value
