"""The database in memory that batches are decoded by, set up for that one use."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final
from uuid import uuid4

import duckdb

from deadreckon.core.errors import ConfigError
from deadreckon.core.settings import Settings
from deadreckon.ingest.convert import literal

MEMORY: Final = "640MB"
MOST_THREADS: Final = 8
"""Each thread holds rows of its own: with more of them a batch outgrows the memory, and gains little."""


def connect(settings: Settings) -> duckdb.DuckDBPyConnection:
    """A database of its own, empty, for decoding lines.

    Raises:
        ConfigError: the settings name no time zone.
    """
    con = duckdb.connect()
    con.execute(f"SET memory_limit = '{MEMORY}'")
    con.execute(f"SET threads = {min(MOST_THREADS, os.cpu_count() or 1)}")
    con.execute(f"SET temp_directory = {literal(str(Path(tempfile.gettempdir()) / f'reckon-{uuid4().hex}'))}")
    # It takes what two branches of a CASE share out of both, and so computes for every row what few rows need.
    con.execute("SET disabled_optimizers = 'common_subexpressions'")
    _begin(con, settings)
    return con


def another(con: duckdb.DuckDBPyConnection, settings: Settings) -> duckdb.DuckDBPyConnection:
    """A second session in the same database, for another thread."""
    cursor = con.cursor()
    _begin(cursor, settings)
    return cursor


def _begin(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    con.execute("SET preserve_insertion_order = false")
    zone = settings.ingest.naive_timezone
    try:
        con.execute(f"SET TimeZone = {literal(zone)}")
    except duckdb.Error as error:
        raise ConfigError(
            f"setting 'ingest.naive_timezone' is {zone!r}, which is no time zone",
            hint="name one of the IANA database, as Europe/Berlin or UTC",
        ) from error
