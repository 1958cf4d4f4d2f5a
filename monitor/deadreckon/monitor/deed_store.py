"""The table of deeds: rows that are only ever added, one Delta commit for each command, and how far they are events."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from deadreckon.core.durable import fsync_all
from deadreckon.core.errors import CommitConflictError, LakeError
from deadreckon.core.lake import DataFile, Lake, TableSpec, commit, snapshot_of
from deadreckon.monitor.deeds import Book, Deed
from deadreckon.monitor.matcher import Matcher

_COLUMNS: Final = {
    "id": "VARCHAR",
    "deed": "VARCHAR",
    "at": "BIGINT",
    "by": "VARCHAR",
    "comment": "VARCHAR",
    "about": "VARCHAR",
    "matchers": "VARCHAR",
    "starts_at": "BIGINT",
    "ends_at": "BIGINT",
    "number": "BIGINT",
}
ALERT_DEEDS: Final = TableSpec(
    "alert_deeds",
    pa.schema([(name, pa.string() if kind == "VARCHAR" else pa.int64()) for name, kind in _COLUMNS.items()]),
    (),
)
NUMBER: Final = "deeds"
"""The transaction identifier that counts the commits: of two at once one gets through, the other looks again."""
TOLD: Final = "told:events"
ATTEMPTS: Final = 20


def read(lake: Lake) -> Book:
    """Every deed; none where nobody ever did anything."""
    if not lake.has_table(ALERT_DEEDS):
        return Book()
    table = lake.table(ALERT_DEEDS)
    deeds = [deed for file in snapshot_of(table).files for deed in _deeds(file)]
    return Book(deeds, table.transaction_version(NUMBER) or 0)


def record(lake: Lake, decide: Callable[[Book], Sequence[Deed]]) -> tuple[Deed, ...]:
    """Add what `decide` makes of the book, once; it is asked again where somebody else was faster.

    Raises:
        CommitConflictError: others were faster, again and again.
        LakeError: the lake cannot be written.
    """
    lake.ensure_table(ALERT_DEEDS)
    for attempt in range(ATTEMPTS):
        table = lake.table(ALERT_DEEDS)
        number = (table.transaction_version(NUMBER) or 0) + 1
        book = Book((d for file in snapshot_of(table).files for d in _deeds(file)), number - 1)
        rows = [_row(deed, number) for deed in decide(book)]
        if not rows:
            return ()
        path = lake.table_path(ALERT_DEEDS) / f"{number:012}-{uuid4()}.parquet"
        _write(lake, path, rows)
        action = AddAction(
            path=path.name,
            size=path.stat().st_size,
            partition_values={},
            modification_time=int(time.time() * 1000),
            data_change=True,
            stats=orjson.dumps({"numRecords": len(rows)}).decode(),
        )
        try:
            commit(table, [action], txns={NUMBER: number}, metadata={"deeds": len(rows)})
        except CommitConflictError:
            path.unlink(missing_ok=True)
            if attempt == ATTEMPTS - 1:
                raise
        else:
            return tuple(_deed(row) for row in rows)
    raise AssertionError


def untold(lake: Lake) -> Book:
    """The deeds that are not events yet."""
    if not lake.has_table(ALERT_DEEDS):
        return Book()
    table = lake.table(ALERT_DEEDS)
    told, number = table.transaction_version(TOLD) or 0, table.transaction_version(NUMBER) or 0
    if told >= number:
        return Book((), number)
    deeds = (deed for file in snapshot_of(table).files for deed in _deeds(file))
    return Book((d for d in deeds if d.number > told), number)


def settle(lake: Lake, book: Book) -> None:
    """Note that the deeds of a book are events. Only after these are durable."""
    while book.deeds:
        table = lake.table(ALERT_DEEDS)
        if (table.transaction_version(TOLD) or 0) >= book.number:
            return
        try:
            commit(table, [], txns={TOLD: book.number})
        except CommitConflictError:
            continue
        return


def _row(deed: Deed, number: int) -> dict[str, Any]:
    return {
        "id": deed.id or uuid4().hex[:12],
        "deed": deed.deed,
        "at": deed.at,
        "by": deed.by,
        "comment": deed.comment,
        "about": deed.about,
        "matchers": orjson.dumps([[m.name, m.sign, m.value] for m in deed.matchers]).decode(),
        "starts_at": deed.starts_at,
        "ends_at": deed.ends_at,
        "number": number,
    }


def _write(lake: Lake, path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    # Not by pyarrow: to make arrays of Python's values it imports pandas.
    with duckdb.connect() as con:
        lists = {name: [row[name] for row in rows] for name in _COLUMNS}
        columns = ", ".join(f'unnest(CAST(${name} AS {kind}[])) AS "{name}"' for name, kind in _COLUMNS.items())
        con.execute(f"CREATE TABLE rows AS SELECT {columns}", lists)
        try:
            con.execute("COPY rows TO $path (FORMAT parquet, COMPRESSION zstd)", {"path": str(path)})
            fsync_all([path], up_to=lake.table_path(ALERT_DEEDS))
        except (duckdb.IOException, OSError) as error:
            reason = str(error).partition("\n")[0]
            raise LakeError(
                f"cannot write to {lake.table_path(ALERT_DEEDS)}: {reason}",
                hint="nothing was noted: make room or fix the folder's permissions, then run the same command again",
            ) from error


def _deeds(file: DataFile) -> list[Deed]:
    with pq.ParquetFile(file.path) as parquet:
        return [_deed(row) for row in parquet.read().to_pylist()]


def _deed(row: Mapping[str, Any]) -> Deed:
    given = {name: row[name] for name in _COLUMNS}
    given["matchers"] = tuple(Matcher(*parts) for parts in orjson.loads(row["matchers"]))
    return Deed(**given)
