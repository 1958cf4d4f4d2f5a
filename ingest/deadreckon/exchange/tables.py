"""Rows of files that others export: CSV, JSON, JSON lines and Parquet, one at a time however large the file is."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from deadreckon.core import inflate
from deadreckon.core.errors import SourceError
from deadreckon.exchange.pieces import text

ENDINGS: Final = (".csv", ".json", ".jsonl", ".ndjson", ".parquet")
_AT_ONCE: Final = 1000
_LONGEST: Final = 16 << 20, 256 << 20
"""Bytes that one object of a JSON file may have, for small files and at most: DuckDB takes twice that at once."""
_LAST_MS: Final = 1e15
_PATTERN: Final = re.compile(r"[*?\[]")
"""Signs by which DuckDB would take a name for a pattern; in brackets they are themselves."""
_UNPACKED: Final = (".gz", ".zst", ".zstd")


def files(named: Sequence[str], what: str) -> list[Path]:
    """The files that these names stand for: a folder is those in it that can be read, at any depth.

    Raises:
        SourceError: one is not there, or there is nothing in it.
    """
    found: list[Path] = []
    for name in named:
        path = Path(name).expanduser()
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file() and _kind(p))
            if not inside:
                raise SourceError(f"{path} holds no file of {what}", hint=f"they end in {', '.join(ENDINGS)}")
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise SourceError(f"{path} does not exist", hint=f"name the files that {what} exported")
    return list(dict.fromkeys(found))


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file, their keys as the file has them.

    Raises:
        SourceError: it cannot be read to its end.
    """
    kind = _kind(path)
    readers = {".csv": _csv, ".parquet": _parquet, ".json": _json, ".jsonl": _json, ".ndjson": _json}
    if kind not in readers:
        raise SourceError(f"{path} is none of {', '.join(ENDINGS)}", hint="rename it to what it is")
    try:
        size = path.stat().st_size
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}", hint="check its name") from error
    if not size:
        raise SourceError(f"{path} is empty", hint="export it again")
    yield from readers[kind](path)


def moment(value: Any) -> int | None:
    """A time as nanoseconds since 1970: ISO 8601, UTC where it says nothing else, or a date, or milliseconds."""
    if isinstance(value, datetime):
        since = (value if value.tzinfo else value.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
        return since // timedelta(microseconds=1) * 1000
    if isinstance(value, str) and value.strip():
        try:
            return moment(datetime.fromisoformat(value.strip()))
        except ValueError:
            return moment(float(value)) if value.replace(".", "", 1).isdigit() else None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < _LAST_MS:
        return int(value * 1_000_000)
    return None


def opened(value: Any) -> Any:
    """What a text holds that is JSON's object or list; anything else as it is."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _kind(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    while suffixes and suffixes[-1] in _UNPACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes and suffixes[-1] in ENDINGS else ""


def _csv(path: Path) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(sys.maxsize)
    with text(path) as lines:
        reader = csv.DictReader(lines, strict=True)
        try:
            for row in reader:
                if None in row or None in row.values():
                    raise _damaged(path, f"line {reader.line_num} has not as many fields as the first")
                yield {key: value for key, value in row.items() if value != ""}
        except (csv.Error, UnicodeDecodeError, OSError, inflate.DamagedError) as error:
            raise _damaged(path, f"line {reader.line_num}: {error}") from error


def _json(path: Path) -> Iterator[dict[str, Any]]:
    """Objects of a list, of lines, or one by itself."""
    import duckdb

    query = "SELECT json FROM read_json_objects($path, format = 'auto', maximum_object_size = $longest)"
    longest = max(_LONGEST[0], min(_LONGEST[1], path.stat().st_size))
    with duckdb.connect() as con:
        con.execute("SET threads = 1; SET memory_limit = '1GB'")
        try:
            con.execute(query, {"path": _PATTERN.sub(r"[\g<0>]", str(path)), "longest": longest})
            while found := con.fetchmany(_AT_ONCE):
                for (text,) in found:
                    value = json.loads(text)
                    if not isinstance(value, dict):
                        raise _damaged(path, f"{text[:40]} is no object")
                    yield value
        except (duckdb.Error, ValueError) as error:
            raise _damaged(path, str(error).partition("\n")[0]) from error


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_AT_ONCE):
                table = pa.Table.from_batches([batch])
                for number, field in enumerate(table.schema):
                    if pa.types.is_timestamp(field.type):  # nanoseconds would ask for pandas
                        exact = table.column(number).cast(pa.timestamp("us", field.type.tz), safe=False)
                        table = table.set_column(number, field.name, exact)
                for row in table.to_pylist():
                    yield {key: _said(value) for key, value in row.items() if value is not None}
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(path, str(error).partition("\n")[0]) from error


def _said(value: Any) -> Any:
    """A value as JSON can hold it; a map comes as pairs."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, list):
        if value and all(isinstance(one, tuple) and len(one) == 2 and isinstance(one[0], str) for one in value):
            return {key: _said(one) for key, one in value}
        return [_said(one) for one in value]
    if isinstance(value, dict):
        return {key: _said(one) for key, one in value.items() if one is not None}
    return value


def _damaged(path: Path, why: str) -> SourceError:
    return SourceError(f"{path} cannot be read: {why}; nothing was imported", hint="export the file again")
