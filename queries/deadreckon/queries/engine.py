"""The sandbox's engine: a connection that is locked after its base relations are made, and one answer at a time."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import duckdb

from deadreckon.core.errors import QueryError
from deadreckon.queries.binding import Binding, make_views, newest, prepare
from deadreckon.queries.gate import admit

_SYSTEM: Final = frozenset({"duckdb_columns", "duckdb_tables", "duckdb_views", "sqlite_master", "tables", "columns"})


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may take; see QuerySettings."""

    max_rows: int
    max_bytes: int
    timeout_s: float
    memory_limit: str
    threads: int


@dataclass(frozen=True, slots=True)
class Result:
    """What a query gave: at most the rows that the limits allow, and whether there were more."""

    columns: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]
    truncated: bool
    as_of: datetime | None


class Engine:
    """A connection that can read the files of one snapshot and nothing else, and cannot be unlocked."""

    def __init__(self, binding: Binding, limits: Limits) -> None:
        self._binding = binding
        self._limits = limits
        self._made: set[str] = set()
        self._con = con = duckdb.connect()
        try:
            con.execute("SET python_enable_replacements = false")  # FROM x must not find a Python variable x
            con.execute("SET temp_directory = ''")
            con.execute("SET memory_limit = $limit", {"limit": limits.memory_limit})
            if limits.threads:
                con.execute("SET threads = $threads", {"threads": limits.threads})
            prepare(con, binding)
            self._as_of = newest(con)
            con.execute("SET allowed_paths = $files", {"files": binding.files})
            con.execute("SET autoinstall_known_extensions = false; SET autoload_known_extensions = false")
            con.execute("SET enable_external_access = false")
            con.execute("SET GLOBAL max_execution_time = $ms", {"ms": int(limits.timeout_s * 1000)})
            con.execute("SET lock_configuration = true")
        except BaseException:
            con.close()
            raise

    def answer(self, sql: str, params: Mapping[str, Any], max_rows: int | None = None) -> Result:
        """Run one query, if the gate admits it, within the limits.

        Raises:
            QueryError: it was refused, or a single row is over the limit.
            duckdb.Error: it is wrong, or was stopped.
        """
        limits = self._limits
        # DuckDB looks at max_execution_time between chunks of work, as it does for an interrupt: two watches are cheap.
        watch = threading.Timer(limits.timeout_s, self._con.interrupt)
        watch.daemon = True
        watch.start()
        try:
            admitted = admit(self._con, sql)
            everything = admitted.asks_catalog or not _SYSTEM.isdisjoint(admitted.relations)
            make_views(self._con, self._binding, self._binding.views if everything else admitted.relations, self._made)
            cursor = self._con.execute(admitted.sql, dict(params))
            columns = [d[0] for d in cursor.description or []]
            types = [str(d[1]) for d in cursor.description or []]
            rows, truncated = _fetch(cursor, min(max_rows or limits.max_rows, limits.max_rows), limits.max_bytes)
        finally:
            watch.cancel()
        return Result(columns, types, rows, truncated, self._as_of)

    def close(self) -> None:
        """Let go of the files and the memory."""
        self._con.close()


def _fetch(cursor: duckdb.DuckDBPyConnection, max_rows: int, max_bytes: int) -> tuple[list[tuple[Any, ...]], bool]:
    rows: list[tuple[Any, ...]] = []
    size = 0
    while len(rows) <= max_rows:
        chunk = cursor.fetchmany(min(1000, max_rows + 1 - len(rows)))
        if not chunk:
            return rows, False
        for row in chunk:
            size += _weight(row)
            if size > max_bytes and not rows:
                raise QueryError(
                    f"the first row alone has more than the {max_bytes} bytes that an answer may have",
                    hint="select fewer columns, or cut texts with left(text, n)",
                )
            if size > max_bytes:
                return rows, True
            rows.append(row)
    return rows[:max_rows], True


def _weight(value: Any) -> int:
    if isinstance(value, str | bytes):
        return len(value) + 2
    if isinstance(value, dict):
        return sum(_weight(k) + _weight(v) for k, v in value.items()) + 2
    if isinstance(value, list | tuple):
        return sum(map(_weight, value)) + 2
    return 8
