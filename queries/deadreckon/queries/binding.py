"""A binding: everything that turns an empty DuckDB connection into one with every view of a snapshot.

It is made where the lake can be read and used where only DuckDB is at hand, so it holds nothing but texts, and this
module imports nothing of the lake.

The views read base relations. `lake_events` and `lake_ledger` hold the two parts of the table with every column of the
schema, whichever columns the files of older versions have; `lake_prices` is the price table of the models that it
names, and `lake_profile_buckets`, `lake_profile_summaries` and `lake_profile_subjects` are the parts of the table of
profiles.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import duckdb

_LONG_NAMES: Final = {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the table: its files, and the columns that it has in the newest schema (name -> DuckDB type)."""

    files: tuple[str, ...]
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ViewText:
    """A view's query, the relations that it reads, and its columns (name -> DuckDB type), where they are known."""

    sql: str
    reads: tuple[str, ...]
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Binding:
    """Macros, base relations and views, each view after those that it reads."""

    macros: str
    events: Part
    ledger: Part
    prices: str
    profiles: Mapping[str, str]
    """The queries of the profiles' relations, by name."""
    profile_files: tuple[str, ...]
    distances: str
    """Table macros over the profiles."""
    views: Mapping[str, ViewText]

    @property
    def files(self) -> list[str]:
        """Every file that the views may read."""
        return [*self.events.files, *self.ledger.files, *self.profile_files]


def prepare(con: duckdb.DuckDBPyConnection, binding: Binding) -> None:
    """Set the time zone, and make the macros and the base relations."""
    # Files never change once they are written, so their footers are read once.
    con.execute("SET TimeZone = 'UTC'; SET parquet_metadata_cache = true")
    con.execute(binding.macros)
    con.execute(f"CREATE VIEW lake_events AS {part_query(con, binding.events)}")
    con.execute(f"CREATE VIEW lake_ledger AS {part_query(con, binding.ledger)}")
    con.execute(f"CREATE VIEW lake_prices AS {binding.prices}")
    for name, query in binding.profiles.items():
        con.execute(f"CREATE VIEW {name} AS {query}")
    con.execute(binding.distances)


def make_views(con: duckdb.DuckDBPyConnection, binding: Binding, wanted: Collection[str], made: set[str]) -> None:
    """Make the views that are wanted and those that they read, except what is made already; adds to `made`.

    To make a view, DuckDB works through everything under it, and a view that many others read is worked through many
    times. So relations of the same columns stand in for all of them first; then each view is made before those that it
    reads. Where the columns of one are not known, each is made after them.

    Raises:
        duckdb.Error: a file cannot be read; none was made.
    """
    needed = {name for name in wanted if name in binding.views}
    waiting = list(needed)
    while waiting:
        below = {name for name in binding.views[waiting.pop()].reads if name in binding.views} - needed
        needed |= below
        waiting.extend(below)
    views = {name: view for name, view in binding.views.items() if name in needed and name not in made}
    known = all(view.columns for view in views.values())
    stand_ins = [f"CREATE VIEW {name} AS {_empty(view.columns)}" for name, view in views.items()] if known else []
    con.execute("BEGIN")
    try:
        con.execute(";".join(stand_ins))
        for name in reversed(views) if known else views:
            con.execute(f"CREATE OR REPLACE VIEW {name} AS {views[name].sql}")
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise
    made.update(views)


def _empty(columns: Mapping[str, str]) -> str:
    selected = [f'CAST(NULL AS {type_}) AS "{name}"' for name, type_ in columns.items()]
    return f"SELECT {', '.join(selected)} WHERE false"  # names of the schema and of views


def newest(con: duckdb.DuckDBPyConnection) -> datetime | None:
    """When the newest line of the bound snapshot was ingested; None for an empty lake."""
    row = con.execute("SELECT max(ingested_at) FROM lake_ledger").fetchone()
    if row is None or row[0] is None:
        row = con.execute("SELECT max(ingested_at) FROM lake_events").fetchone()
    return row[0] if row else None


def literal(text: str) -> str:
    """A text as SQL writes it, where SQL takes no parameter: for paths and names, never for what users send."""
    return "'" + text.replace("'", "''") + "'"


def part_query(con: duckdb.DuckDBPyConnection, part: Part, rows: tuple[int, int] | None = None) -> str:
    """The query that reads a part's files as one relation with all its columns and the date.

    Files lack columns that were empty when they were written, or that the schema did not have yet. `rows`: only those
    of a range of each file, whose end is not included.
    """
    columns = part.columns.items()
    if not part.files:
        return _empty({**part.columns, "date": "DATE"})
    listed = f"[{', '.join(literal(f) for f in part.files)}]"
    found = con.execute(
        """
        WITH fields AS (
            SELECT file_name, name, duckdb_type FROM parquet_schema($files) WHERE num_children IS NULL
        )
        SELECT
            name,
            list(DISTINCT duckdb_type),
            count(*) < (SELECT count(DISTINCT file_name) FROM fields) AS is_missing_somewhere
        FROM fields GROUP BY name
        """,
        {"files": list(part.files)},
    ).fetchall()
    present = {name: set(types) for name, types, _ in found}
    # Only asked for when files differ: with it, every use of every view opens every file once more.
    union = "union_by_name=true, " if any(missing for _, _, missing in found) else ""
    source = f"read_parquet({listed}, {union}hive_partitioning=true, hive_types={{'part': VARCHAR, 'date': DATE}}"
    # Row groups out of the range are not read.
    within = f", file_row_number=true) WHERE file_row_number BETWEEN {rows[0]} AND {rows[1] - 1}" if rows else ")"
    selected = [_column(name, type_, present.get(name)) for name, type_ in columns]
    return f"SELECT {', '.join(selected)}, date FROM {source}{within}"  # noqa: S608  # names of the schema, paths of the log


def _column(name: str, type_: str, types: set[str] | None) -> str:
    if types is None:
        return f"CAST(NULL AS {type_}) AS {name}"
    same = types <= {type_, _LONG_NAMES.get(type_)}
    return name if same else f"CAST({name} AS {type_}) AS {name}"
