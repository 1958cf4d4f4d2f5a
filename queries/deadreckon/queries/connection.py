"""`connect()`: a DuckDB connection with every view, on the newest snapshot of a lake."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import duckdb

from deadreckon.core import profiles, schema
from deadreckon.core.lake import Lake, Snapshot
from deadreckon.core.settings import Settings, load
from deadreckon.queries.binding import Binding, Part, ViewText, make_views, prepare
from deadreckon.queries.catalog import types, views
from deadreckon.queries.prices_table import price_query


def connect(lake: str | Path | Lake | None = None, *, settings: Settings | None = None) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection in memory with every view, bound to the lake's newest snapshot; times are in UTC.

    `lake`: a folder, else the one of the settings. `settings`: else those in force here (see `settings.load`).
    The connection is yours: make tables, read files, close it. `con.sql("...")` comes as Polars (`.pl()`), pandas
    (`.df()`) or Arrow (`.to_arrow_table()`). What is ingested later is seen by a new connection.

    Raises:
        LakeNotFoundError: there is no lake.
        DamagedLakeError: its log cannot be read.
        ConfigError: the settings or their prices do not make sense.
    """
    settings = settings or load()
    opened = lake if isinstance(lake, Lake) else Lake.open(lake or settings.lake)
    binding = binding_of(opened.snapshot(), settings, profiles.snapshot(opened))
    con = duckdb.connect()
    try:
        prepare(con, binding)
        make_views(con, binding, binding.views, set())
    except BaseException:
        con.close()
        raise
    return con


def binding_of(snapshot: Snapshot, settings: Settings, profiled: Snapshot = profiles.NONE) -> Binding:
    """What binds every view to the files of a snapshot, and of one of the profiles.

    Raises:
        ConfigError: the prices do not make sense.
    """
    return Binding(
        macros=_macros("duckdb.sql"),
        events=_part(snapshot, schema.PART_EVENTS, schema.events_part()),
        ledger=_part(snapshot, schema.PART_LEDGER, schema.ledger_part()),
        prices=price_query(snapshot, settings),
        profiles=profiles.relations(profiled),
        profile_files=tuple(str(f.path) for f in profiled.files),
        distances=_macros("distances.sql"),
        views={v.name: ViewText(v.sql, tuple(sorted(v.reads)), types().get(v.name, {})) for v in views().values()},
    )


def _macros(name: str) -> str:
    return (resources.files("deadreckon.queries") / "macros" / name).read_text("utf-8")


def _part(snapshot: Snapshot, part: str, columns: tuple[schema.Column, ...]) -> Part:
    files = tuple(sorted(str(f.path) for f in snapshot.part(part)))
    return Part(files, {c.name: c.duckdb_type for c in columns})
