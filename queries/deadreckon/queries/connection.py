"""`connect()`: a DuckDB connection with every view, on the newest snapshot of a lake."""

from __future__ import annotations

from datetime import datetime
from importlib import resources
from pathlib import Path

import duckdb

from deadreckon.core.lake import Lake, Snapshot
from deadreckon.core.settings import Settings, load
from deadreckon.queries.binding import MACROS_FILE, base_relations
from deadreckon.queries.catalog import views
from deadreckon.queries.prices import price_list


def connect(lake: str | Path | Lake | None = None, *, settings: Settings | None = None) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection in memory with every view, bound to the lake's newest snapshot; times are in UTC.

    `lake`: a folder, else the one of the settings. `settings`: else those in force here (see `settings.load`).
    The connection is yours: make tables, read files, close it. Results come as Polars (`.pl()`), pandas (`.df()`) or
    Arrow (`.to_arrow_table()`). What is ingested later is seen by a new connection.

    Raises:
        LakeNotFoundError: there is no lake.
        DamagedLakeError: its log cannot be read.
        ConfigError: the settings or their prices do not make sense.
    """
    settings = settings or load()
    opened = lake if isinstance(lake, Lake) else Lake.open(lake or settings.lake)
    con = duckdb.connect()
    try:
        bind(con, opened.snapshot(), settings)
    except BaseException:
        con.close()
        raise
    return con


def bind(con: duckdb.DuckDBPyConnection, snapshot: Snapshot, settings: Settings) -> None:
    """Make every macro, base relation and view in the connection, for the files of this snapshot."""
    # Files never change once they are written, so their footers are read once.
    con.execute("SET TimeZone = 'UTC'; SET parquet_metadata_cache = true")
    con.execute(macros())
    for name, sql in base_relations(con, snapshot, price_list(settings.prices)).items():
        con.execute(f"CREATE VIEW {name} AS {sql}")
    for view in views().values():
        con.execute(f"CREATE VIEW {view.name} AS {view.sql}")


def macros() -> str:
    """The statements that define the portable macros in DuckDB."""
    return (resources.files("deadreckon.queries") / "macros" / MACROS_FILE).read_text("utf-8")


def newest(con: duckdb.DuckDBPyConnection) -> datetime | None:
    """When the newest line of the bound snapshot was ingested; None for an empty lake."""
    row = con.execute("SELECT max(ingested_at) FROM lake_ledger").fetchone()
    if row and row[0] is None:
        row = con.execute("SELECT max(ingested_at) FROM lake_events").fetchone()
    return row[0] if row else None
