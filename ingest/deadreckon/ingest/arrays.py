"""NumPy arrays and lists of text as Arrow arrays, from their buffers.

`pa.array` would do, but it imports pandas where that is installed, which takes longer than reading a day's log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TYPES: Final = {"int32": pa.int32(), "int64": pa.int64()}


def integers(values: np.ndarray) -> pa.Array:
    """An Arrow array over these int32 or int64 values, without a copy."""
    return pa.Array.from_buffers(_TYPES[values.dtype.name], len(values), [None, pa.py_buffer(values)])


def booleans(values: np.ndarray) -> pa.Array:
    """An Arrow array of these truth values."""
    bits = np.packbits(values, bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, pa.py_buffer(bits)])


def same(moment: datetime, count: int) -> pa.Array:
    """An Arrow array of one moment, so many times."""
    values = np.full(count, (moment - EPOCH) // timedelta(microseconds=1))
    return pa.Array.from_buffers(pa.timestamp("us", "UTC"), count, [None, pa.py_buffer(values)])


def texts(values: Sequence[str | None]) -> pa.Array:
    """An Arrow array (large_string) of these texts, None as null."""
    encoded = [b"" if value is None else value.encode("utf-8", "replace") for value in values]
    bounds = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum([len(text) for text in encoded], out=bounds[1:])
    buffers = [_valid(values), pa.py_buffer(bounds), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.large_string(), len(encoded), buffers)


def chosen(lines: pa.Table, rows: np.ndarray) -> pa.Table:
    """These rows, given in ascending order, of a table; to take them would copy the whole of its texts together."""
    mask = np.zeros(len(lines), dtype=bool)
    mask[rows] = True
    return lines.filter(booleans(mask))


def table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows as a table of this schema (text, integers and instants); what a row does not have is null."""
    columns = []
    for field in schema:
        values = [row.get(field.name) for row in rows]
        if pa.types.is_string(field.type):
            columns.append(texts(values).cast(field.type))
            continue
        if pa.types.is_timestamp(field.type):
            values = [None if v is None else (v - EPOCH) // timedelta(microseconds=1) for v in values]
        numbers = np.array([0 if v is None else v for v in values], dtype=np.int64)
        columns.append(pa.Array.from_buffers(field.type, len(values), [_valid(values), pa.py_buffer(numbers)]))
    return pa.Table.from_arrays(columns, schema=schema)


def _valid(values: Sequence[object]) -> pa.Buffer | None:
    if all(value is not None for value in values):
        return None
    return pa.py_buffer(np.packbits([value is not None for value in values], bitorder="little"))
