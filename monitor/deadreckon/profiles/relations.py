"""The profiles as relations of DuckDB, for those who compute from them."""

from __future__ import annotations

from importlib import resources
from typing import Final

import duckdb

from deadreckon.core import profiles
from deadreckon.core.lake import Lake, Snapshot
from deadreckon.queries.catalog import views

VIEWS: Final = ("profile_buckets", "profile_summaries", "profile_subjects")


def connect(lake: Lake, *, snapshot: Snapshot | None = None) -> duckdb.DuckDBPyConnection:
    """A connection in memory with `profile_buckets`, `profile_summaries` and `profile_subjects`, and nothing else.

    They are those of `deadreckon.queries`, bound to the newest snapshot of the profiles, or to the one that is given;
    empty where the lake has no profiles. Times are in UTC. To open it costs some milliseconds: the events are not read.

    Raises:
        DamagedLakeError: the table's log cannot be read.
    """
    con = duckdb.connect()
    try:
        con.execute("SET TimeZone = 'UTC'; SET parquet_metadata_cache = true")
        con.execute((resources.files("deadreckon.queries") / "macros" / "duckdb.sql").read_text("utf-8"))
        for name, query in profiles.relations(snapshot or profiles.snapshot(lake)).items():
            con.execute(f"CREATE VIEW {name} AS {query}")
        for name in VIEWS:
            con.execute(f"CREATE VIEW {name} AS {views()[name].sql}")
    except BaseException:
        con.close()
        raise
    return con
