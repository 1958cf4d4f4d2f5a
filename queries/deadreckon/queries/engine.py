"""The sandbox's engine: a connection that is locked after its views are made, and one answer at a time from it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from deadreckon.core.errors import QueryError
from deadreckon.core.lake import Snapshot
from deadreckon.core.settings import QuerySettings, Settings
from deadreckon.queries.complaint import complaint
from deadreckon.queries.connection import bind, newest
from deadreckon.queries.gate import admit


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query gave.

    Attributes:
        columns: names, in order.
        types: DuckDB's type of each column.
        rows: at most as many as the limits allow.
        truncated: whether there were more rows than are here.
        as_of: when the newest line that the answer can know of was ingested; None for an empty lake.
        elapsed_ms: how long it took, in milliseconds.
    """

    columns: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]
    truncated: bool
    as_of: datetime | None
    elapsed_ms: float


def locked(snapshot: Snapshot, settings: Settings) -> duckdb.DuckDBPyConnection:
    """A connection with every view that can read the snapshot's files and nothing else, and cannot be unlocked."""
    con = duckdb.connect()
    limits = settings.query
    try:
        con.execute("SET python_enable_replacements = false")
        con.execute("SET temp_directory = ''")
        con.execute("SET memory_limit = $limit", {"limit": limits.memory_limit})
        if limits.threads:
            con.execute("SET threads = $threads", {"threads": limits.threads})
        bind(con, snapshot, settings)
        con.execute("SET allowed_paths = $paths", {"paths": [str(f.path) for f in snapshot.files]})
        con.execute("SET autoinstall_known_extensions = false; SET autoload_known_extensions = false")
        con.execute("SET enable_external_access = false")
        con.execute("SET GLOBAL max_execution_time = $ms", {"ms": int(limits.timeout_s * 1000)})
        con.execute("SET lock_configuration = true")
    except BaseException:
        con.close()
        raise
    return con


def answer(
    con: duckdb.DuckDBPyConnection,
    sql: str,
    params: Mapping[str, Any] | None,
    limits: QuerySettings,
    *,
    max_rows: int | None = None,
) -> Answer:
    """Run one admitted query within the limits.

    Raises:
        QueryError: it was refused, is wrong, or went over a limit.
    """
    started = time.perf_counter()
    # DuckDB's own max_execution_time is looked at between chunks of work, as an interrupt is; two watches cost nothing.
    watch = threading.Timer(limits.timeout_s, con.interrupt)
    watch.daemon = True
    watch.start()
    try:
        statement = admit(con, sql)
        cursor = con.execute(statement, dict(params or {}))
        columns = [d[0] for d in cursor.description or []]
        types = [str(d[1]) for d in cursor.description or []]
        rows, truncated = _fetch(cursor, min(max_rows or limits.max_rows, limits.max_rows), limits.max_bytes)
    except (duckdb.Error, RuntimeError, MemoryError) as error:
        raise complaint(error, limits) from error
    finally:
        watch.cancel()
    return Answer(columns, types, rows, truncated, newest(con), (time.perf_counter() - started) * 1000)


def _fetch(cursor: duckdb.DuckDBPyConnection, max_rows: int, max_bytes: int) -> tuple[list[tuple[Any, ...]], bool]:
    rows: list[tuple[Any, ...]] = []
    size = 0
    while len(rows) <= max_rows:
        chunk = cursor.fetchmany(min(1000, max_rows + 1 - len(rows)))
        if not chunk:
            return rows, False
        for row in chunk:
            size += weight(row)
            if size > max_bytes:
                if not rows:
                    raise QueryError(
                        f"the first row alone is larger than the answer may be ({max_bytes} bytes)",
                        hint="select fewer columns, or cut texts with left(text, n)",
                    )
                return rows, True
            rows.append(row)
    return rows[:max_rows], True


def weight(value: Any) -> int:
    """Roughly the bytes that a value takes in an answer."""
    if isinstance(value, str | bytes):
        return len(value) + 2
    if isinstance(value, dict):
        return sum(weight(k) + weight(v) for k, v in value.items()) + 2
    if isinstance(value, list | tuple):
        return sum(map(weight, value)) + 2
    return 8
