"""Which events: of a snapshot of the lake, from a time, to a time, and where a condition holds."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import duckdb

from deadreckon.core import schema
from deadreckon.core.errors import DamagedLakeError, DeadreckonError, QueryError, UsageError
from deadreckon.core.lake import Lake

MEMORY: Final = "1GB"
AT_ONCE: Final = 2000
"""Events that are in memory at once, beside what DuckDB needs to sort a day."""
ORDER: Final = "ts, event_id"


@dataclass(frozen=True, slots=True)
class Selection:
    """Events of a lake. `start` is the first instant that is in, `end` the first that is not.

    `where`: a condition in SQL on the columns of `events`; empty for all.
    """

    lake: Lake
    start: datetime | None = None
    end: datetime | None = None
    where: str = ""

    @contextmanager
    def days(self) -> Iterator[tuple[duckdb.DuckDBPyConnection, list[tuple[date, str]]]]:
        """A connection, and for each day in order a SELECT of its events, sorted.

        Raises:
            QueryError: `where` is no condition, or none on one of the events.
            DamagedLakeError: a file cannot be read.
            UsageError: there is no room to sort.
        """
        self._check()
        files: dict[date, list[str]] = {}
        for file in self.lake.snapshot().part(schema.PART_EVENTS):
            if file.date and self._touches(file.date):
                files.setdefault(file.date, []).append(str(file.path))
        with duckdb.connect() as con:
            folder = Path(tempfile.gettempdir()) / f"reckon-export-{uuid4().hex}"
            con.execute(f"SET memory_limit = '{MEMORY}'; SET temp_directory = {_text(str(folder))}")
            con.execute(f"SET threads = {min(4, os.cpu_count() or 1)}; SET TimeZone = 'UTC'")
            try:
                yield con, [(day, self._query(files[day])) for day in sorted(files)]
            except duckdb.Error as error:
                raise self._trouble(error, folder) from error

    def rows(self) -> Iterator[list[dict[str, Any]]]:
        """The events, some at a time, empty columns left out; times are in UTC."""
        names = [column.name for column in schema.EVENT_COLUMNS]
        with self.days() as (con, days):
            for _, query in days:
                con.execute(query)
                while found := con.fetchmany(AT_ONCE):
                    yield [{k: v for k, v in zip(names, row, strict=False) if v is not None} for row in found]

    def _trouble(self, error: duckdb.Error, folder: Path) -> DeadreckonError:
        said = str(error).partition("\n")[0]
        if isinstance(error, duckdb.OutOfMemoryException) or str(folder) in said:
            return UsageError(
                f"there is no room to sort a day's events: {said}", hint="set TMPDIR to a folder with room"
            )
        if self.where and isinstance(error, duckdb.DataError):
            return QueryError(f"--where cannot be asked of every event: {said}", hint="TRY_CAST gives NULL instead")
        return DamagedLakeError(
            f"a file of the lake cannot be read: {said}", hint="reckon doctor finds out why; nothing was exported"
        )

    def _touches(self, day: date) -> bool:
        return (self.start is None or day >= self.start.date()) and (self.end is None or day <= self.end.date())

    def _query(self, files: list[str]) -> str:
        listed = ", ".join(map(_text, files))
        read = f"SELECT * FROM read_parquet([{listed}], union_by_name = true)"  # noqa: S608 - quoted
        conditions = [
            f"ts {sign} {_text(at.isoformat())}::TIMESTAMPTZ"
            for sign, at in ((">=", self.start), ("<", self.end))
            if at is not None
        ]
        if self.where:
            conditions.append(f"({self.where}\n)")
        kept = ", ".join(column.name for column in schema.events_part())
        asked = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        # Files of older versions may lack columns, which the empty table before them has.
        every = f"({_nothing()}) UNION ALL BY NAME ({read})"
        return f"SELECT {kept} FROM ({every}) AS events{asked} ORDER BY {ORDER}"  # noqa: S608 - checked before

    def _check(self) -> None:
        """The condition is one, and nothing but one: it is tried where no file can be read."""
        if not self.where:
            return
        try:
            query = f"SELECT 1 FROM ({_nothing()}) AS events WHERE ({self.where}\n)"  # noqa: S608 - it is being checked
            with duckdb.connect(config={"enable_external_access": False}) as con:
                if len(con.extract_statements(query)) != 1:
                    raise QueryError("--where is more than one statement", hint="give one condition")
                con.execute(query)
        except duckdb.Error as error:
            raise QueryError(
                f"--where is no condition on events: {str(error).partition(chr(10))[0]}",
                hint="reckon views events lists the columns; for example --where \"kind = 'span'\"",
            ) from error


def _nothing() -> str:
    columns = schema.events_part()
    return "SELECT " + ", ".join(f"NULL::{column.duckdb_type} AS {column.name}" for column in columns) + " LIMIT 0"


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
