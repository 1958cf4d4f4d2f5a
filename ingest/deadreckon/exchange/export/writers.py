"""The three forms of an export."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import duckdb
import orjson

from deadreckon.core.errors import UsageError
from deadreckon.core.schema import EVENT_COLUMNS
from deadreckon.exchange import own
from deadreckon.exchange.export.place import FILE, place
from deadreckon.exchange.export.selection import Selection
from deadreckon.exchange.written import number, written

Report = Callable[[int], None]
_OBJECTS: Final = frozenset(c.name for c in EVENT_COLUMNS if c.type == "json") - {"input", "output"}
_NUMBERS: Final = tuple(c.name for c in EVENT_COLUMNS if c.type == "double")
_TOGETHER: Final = 100
"""Records in a line of OTLP."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    path: Path
    events: int
    bytes: int


def jsonl(chosen: Selection, path: Path, *, force: bool = False, report: Report = lambda _: None) -> Exported:
    """Events as lines that `reckon ingest` reads back; a path that ends in .gz or .zst is compressed."""

    def lines(rows: list[dict[str, Any]]) -> Iterator[bytes]:
        return map(_line, rows)

    return _streamed(chosen, path, lines, force, report)


def otlp(chosen: Selection, path: Path, *, force: bool = False, report: Report = lambda _: None) -> Exported:
    """Events as OTLP/JSON lines: spans as traces, all others as logs."""

    def lines(rows: list[dict[str, Any]]) -> Iterator[bytes]:
        groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
        for row in rows:
            groups.setdefault(own.place(row), []).append(row)
        for group in groups.values():
            for start in range(0, len(group), _TOGETHER):
                yield own.line(group[start : start + _TOGETHER])

    return _streamed(chosen, path, lines, force, report)


def parquet(chosen: Selection, path: Path, *, force: bool = False, report: Report = lambda _: None) -> Exported:
    """Events as one Parquet file where the path ends in .parquet, else as a folder with a file for each day."""
    single = path.suffix.lower() == ".parquet"
    with place(path, force=force, folder=not single) as temporary, chosen.days() as (con, days):
        total = 0
        if single:
            total = _copied(con, " UNION ALL ".join(f"({query})" for _, query in days), temporary) if days else 0
            if not days:
                raise UsageError("there is no event to export", hint="see --from, --to and --where, or reckon status")
        for day, query in () if single else days:
            inside = temporary / f"date={day}"
            inside.mkdir()
            count = _copied(con, query, inside / FILE)
            total += count
            if not count:
                (inside / FILE).unlink()
                inside.rmdir()
            report(total)
        files = [temporary] if single else list(temporary.rglob("*.parquet"))
        size = sum(file.stat().st_size for file in files)
    return Exported(path, total, size)


def _copied(con: duckdb.DuckDBPyConnection, query: str, path: Path) -> int:
    named = str(path).replace("'", "''")
    try:
        (count,) = con.execute(f"COPY ({query}) TO '{named}' (FORMAT parquet, COMPRESSION zstd)").fetchall()[0]
    except duckdb.IOException as error:
        if str(path) in str(error):  # not of a file of the lake, which it reads
            raise OSError("the file cannot be written to its end") from error
        raise
    return int(count)


def _streamed(
    chosen: Selection,
    path: Path,
    lines: Callable[[list[dict[str, Any]]], Iterator[bytes]],
    force: bool,
    report: Report,
) -> Exported:
    count = 0
    with place(path, force=force) as temporary:
        with _opened(temporary, path.suffix.lower()) as file:
            for rows in chosen.rows():
                for line in lines(rows):
                    file.write(line)
                    file.write(b"\n")
                count += len(rows)
                report(count)
        size = temporary.stat().st_size
    return Exported(path, count, size)


@contextmanager
def _opened(path: Path, ending: str) -> Iterator[BinaryIO]:
    with path.open("wb") as raw:
        if ending == ".gz":
            import gzip

            with gzip.GzipFile("", "wb", 6, raw, mtime=0) as file:
                yield file  # type: ignore[misc]  # it writes bytes, which is what is asked for
        elif ending in (".zst", ".zstd"):
            import zstandard

            with zstandard.ZstdCompressor().stream_writer(raw, closefd=False) as writer:
                yield writer
        else:
            yield raw


def _line(row: dict[str, Any]) -> bytes:
    """An event as a line: JSON columns stand in it as they are kept, numbers that JSON has not as text."""
    for name in _NUMBERS:
        if name in row:
            row[name] = number(row[name])
    for name in _OBJECTS & row.keys():
        row[name] = orjson.Fragment(row[name])
    row["ts"] = row["ts"].isoformat()
    return written(row)
