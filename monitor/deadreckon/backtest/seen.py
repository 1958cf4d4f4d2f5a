"""The lake as it was known at a moment: events that were ingested later are not there yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import duckdb

from deadreckon.core import profiles
from deadreckon.core.errors import QueryError, UsageError
from deadreckon.core.lake import Lake
from deadreckon.core.settings import Settings
from deadreckon.queries import connect
from deadreckon.queries.sandbox import Answer

_BASES: Final = ("lake_events", "lake_ledger")
"""What every view of events reads, by ingested_at."""
_LATE: Final = """
SELECT count(*), count(*) FILTER (WHERE ingested_at <= make_timestamptz($to_us)) FROM events
WHERE ts >= make_timestamptz($from_us) AND ts < make_timestamptz($to_us) AND kind IS DISTINCT FROM 'alert'
"""


class Seen:
    """An asker on a connection of its own, whose views end at the moment that was set last."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        self.moment = 0
        """Up to when the views go (epoch seconds)."""
        self.at(0)

    def at(self, moment: int) -> None:
        """Let the views hold what was ingested up to this moment (epoch seconds)."""
        self.moment = int(moment)
        self._con.execute(f"SET VARIABLE seen_until = make_timestamptz({self.moment * 1_000_000})")

    def query(self, sql: str, params: Mapping[str, Any] | None = None, *, max_rows: int | None = None) -> Answer:
        """The answer to one SELECT.

        Raises:
            QueryError: it cannot be answered.
        """
        try:
            cursor = self._con.execute(sql, dict(params or {}))
            rows = cursor.fetchmany(max_rows + 1) if max_rows is not None else cursor.fetchall()
        except duckdb.Error as error:
            raise QueryError(str(error).partition("\n")[0], hint="reckon sql tries a query") from None
        names = [column[0] for column in cursor.description]
        return Answer(names, [], rows[:max_rows], max_rows is not None and len(rows) > max_rows, None, 0.0)


@contextmanager
def seen(lake: Lake, settings: Settings, start: int, end: int) -> Iterator[Seen]:
    """An asker of this lake, and of nothing else.

    Raises:
        UsageError: of the events between start and end (epoch seconds) none was ingested by the end.
    """
    with connect(lake, settings=settings) as con:
        total, known = con.execute(_LATE, {"from_us": start * 1_000_000, "to_us": end * 1_000_000}).fetchall()[0]
        if total and not known:
            raise UsageError(
                f"the {total:,} events of this time were all ingested after its end: no run could have seen one",
                hint="leave out --as-ingested: windows then hold events by their own time",
            )
        for name in _BASES:
            con.execute(f"ALTER VIEW {name} RENAME TO {name}_ever")
            con.execute(f"CREATE VIEW {name} AS FROM {name}_ever WHERE ingested_at <= getvariable('seen_until')")
        _lock(con, lake, settings)
        yield Seen(con)


def _lock(con: duckdb.DuckDBPyConnection, lake: Lake, settings: Settings) -> None:
    """Let rules in SQL read the lake's files alone, under the limits that they have in a run."""
    limits = settings.query
    files = [*lake.snapshot().files, *profiles.snapshot(lake).files]
    con.execute("SET python_enable_replacements = false; SET temp_directory = ''")
    con.execute("SET memory_limit = $limit", {"limit": limits.memory_limit})
    con.execute("SET allowed_paths = $files", {"files": [str(file.path) for file in files]})
    con.execute("SET autoinstall_known_extensions = false; SET autoload_known_extensions = false")
    con.execute("SET enable_external_access = false")
    con.execute("SET GLOBAL max_execution_time = $ms", {"ms": int(limits.timeout_s * 1000)})
    con.execute("SET lock_configuration = true")
