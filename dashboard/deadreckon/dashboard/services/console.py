"""SQL that people write: the views that it can ask, its limits, and its answer as a table and as CSV."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import orjson
import pyarrow as pa

from deadreckon.core.settings import QuerySettings
from deadreckon.queries.catalog import View, views
from deadreckon.queries.sandbox import Answer

_WHOLE: Final = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"})
_SAFE: Final = 1 << 53
"""Whole numbers up to here are shown exactly by a browser."""


def view_named(name: str | None) -> View | None:
    """The view of this name; None where there is none."""
    return views().get((name or "").strip().lower())


def sample_query(view: View) -> str:
    """A query to begin with."""
    names = {c.name for c in view.columns}
    order = next((c for c in ("ts", "started_at", "last_ts", "date") if c in names), None)
    return f"SELECT *\nFROM {view.name}\n" + (f"ORDER BY {order} DESC\n" if order else "") + "LIMIT 100"


def limits_of(settings: QuerySettings) -> str:
    """The limits in a sentence."""
    return (
        f"Read-only. At most {settings.max_rows:,} rows or {settings.max_bytes / (1 << 20):.0f} MB, "
        f"{settings.timeout_s:g} s and {settings.memory_limit} of memory for a query."
    )


def table_of(answer: Answer) -> pa.Table:
    """The answer as an Arrow table: numbers and times as such, the rest as text, each column with its own name."""
    names = distinct(answer.columns)
    columns = [[row[i] for row in answer.rows] for i in range(len(names))]
    arrays = [_array(values, type_) for values, type_ in zip(columns, answer.types, strict=True)]
    return pa.Table.from_arrays(arrays, names=names)


def csv_of(answer: Answer) -> bytes:
    """The answer as CSV with a header, in UTF-8: times as ISO-8601, lists and structs as JSON, NULL as nothing."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(answer.columns)
    writer.writerows([[_plain(value) for value in row] for row in answer.rows])
    return out.getvalue().encode("utf-8", "replace")


def distinct(names: list[str]) -> list[str]:
    """Column names made distinct: SQL allows the same name twice, a table on the screen does not."""
    seen: Counter[str] = Counter()
    result: list[str] = []
    for name in names:
        seen[name] += 1
        other = name if seen[name] == 1 else f"{name} ({seen[name]})"
        while other in result:
            seen[name] += 1
            other = f"{name} ({seen[name]})"
        result.append(other)
    return result


def _array(values: list[Any], type_: str) -> pa.Array:
    if type_ in _WHOLE and all(v is None or abs(v) < _SAFE for v in values):
        return pa.array(values, pa.int64())
    if type_ in ("DOUBLE", "FLOAT") or type_.startswith("DECIMAL"):
        return pa.array([None if v is None else float(v) for v in values], pa.float64())
    if type_ == "BOOLEAN":
        return pa.array(values, pa.bool_())
    if type_.startswith("TIMESTAMP") and all(v is None or isinstance(v, datetime) for v in values):
        return pa.array(values, pa.timestamp("us", tz="UTC" if "TIME ZONE" in type_ else None))
    if type_ == "DATE" and all(v is None or isinstance(v, date) for v in values):
        return pa.array(values, pa.date32())
    return pa.array([None if v is None else str(_plain(v)) for v in values], pa.string())


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, dict | list | tuple):
        return orjson.dumps(value, default=_other, option=orjson.OPT_NON_STR_KEYS).decode()
    if isinstance(value, bytes):
        return value.hex()
    return value


def _other(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value.hex() if isinstance(value, bytes) else str(value)
