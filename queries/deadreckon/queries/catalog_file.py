"""A `.duckdb` file of the views, which any DuckDB client opens without deadreckon."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from deadreckon.core import profiles
from deadreckon.core.errors import UsageError
from deadreckon.core.lake import Lake
from deadreckon.core.settings import Settings
from deadreckon.queries.binding import make_views, newest, prepare
from deadreckon.queries.connection import binding_of
from deadreckon.queries.described import comments

_NOTE = (
    "a snapshot: the views read the files that the lake had at this version, and see nothing that came later. "
    "`reckon catalog` writes it anew; maintenance removes files that it needs after the time of maintain.vacuum_hours. "
    "Times are instants: SET TimeZone = ''UTC'' shows them as the lake means them"
)


@dataclass(frozen=True, slots=True)
class CatalogFile:
    """What was written: where, of which version of the lake, with what in it."""

    path: Path
    lake: Path
    version: int
    views: int
    files: int
    as_of: datetime | None


def write_catalog(lake: Lake, path: Path, settings: Settings, *, made_at: datetime, force: bool = False) -> CatalogFile:
    """Write the views of the lake's newest snapshot into a DuckDB file, whole or not at all.

    A catalog that is there already is replaced; any other file only with `force`.

    Raises:
        UsageError: the file is there and is no catalog, or cannot be written.
    """
    path = path.absolute()
    if path.exists() and not force and not _is_catalog(path):
        raise UsageError(
            f"{path} is there and is no catalog of views", hint="name another file, or replace it with --force"
        )
    snapshot = lake.snapshot()
    binding = binding_of(snapshot, settings, profiles.snapshot(lake))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        con = duckdb.connect(str(temporary))
        try:
            prepare(con, binding)
            make_views(con, binding, binding.views, set())
            as_of = newest(con)
            con.execute(";\n".join(comments()))
            con.execute(
                """
                CREATE TABLE catalog_info AS
                SELECT CAST($lake AS VARCHAR) AS lake, CAST($version AS BIGINT) AS version,
                       CAST($as_of AS TIMESTAMPTZ) AS as_of, CAST($made_at AS TIMESTAMPTZ) AS made_at
                """,
                {"lake": str(lake.root), "version": snapshot.version, "as_of": as_of, "made_at": made_at},
            )
            con.execute(f"COMMENT ON TABLE catalog_info IS '{_NOTE}'")
            con.execute("CHECKPOINT")
        finally:
            con.close()
        temporary.replace(path)
    except (duckdb.IOException, OSError) as error:
        raise UsageError(
            f"cannot write {path}: {str(error).partition(chr(10))[0]}",
            hint="name a file in a folder that can be written",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return CatalogFile(path, lake.root, snapshot.version, len(binding.views), len(binding.files), as_of)


def _is_catalog(path: Path) -> bool:
    try:
        with duckdb.connect(str(path), read_only=True) as con:
            found = con.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'catalog_info'").fetchone()
    except (duckdb.Error, OSError):
        return False
    return bool(found and found[0])
