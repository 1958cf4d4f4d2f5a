"""A run as a reference: its own events, profiled by themselves, as profiles do not know which run an event is of."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import duckdb
import orjson

from deadreckon.core import profiles, schema
from deadreckon.core.errors import QueryError
from deadreckon.core.lake import Lake
from deadreckon.core.settings import nearest
from deadreckon.drift.watch import Fixed
from deadreckon.drift.watch.reference import key_of
from deadreckon.profiles.count import Tally
from deadreckon.profiles.run import CHUNK_ROWS, MEMORY_LIMIT
from deadreckon.profiles.store import known_subjects
from deadreckon.queries.binding import Part, part_query

_SETTLED_S: Final = 86_400
"""Seconds after the end of a run from which on its events are not counted again."""
_HOUR: Final = 3600
_FILE: Final = "buckets.parquet"


def resolve(lake: Lake, run: str, place: Path, start: int) -> tuple[Fixed, Path]:
    """The hours of a run's events, and the file of its profiles, made in `place` unless it is there.

    `start`: the epoch second from which on windows are judged. A run that ended a day before is not asked for again,
    and one whose events have expired is what it was.

    Raises:
        QueryError: no event is of this run.
    """
    folder = place / key_of("run", run)
    known = _kept(folder)
    if known is None or known.end + _SETTLED_S > start:
        found = _made(lake, run, folder, known)
        if found is None and known is None:
            raise QueryError(f"the reference is the run {run!r}, of which there is no event", hint=_others(lake, run))
        known = found or known
    assert known is not None  # noqa: S101  # it was found, or there before
    os.utime(folder / "info.json")
    return known, folder / _FILE


def _kept(folder: Path) -> Fixed | None:
    try:
        return Fixed(**orjson.loads((folder / "info.json").read_bytes()))
    except FileNotFoundError:
        return None


def _made(lake: Lake, run: str, folder: Path, known: Fixed | None) -> Fixed | None:
    """Profile the run's events; None where there are no more than those that were profiled."""
    temporary = folder.with_name(f".{folder.name}.{uuid4()}")
    temporary.mkdir(parents=True)
    config: dict[str, Any] = {"memory_limit": MEMORY_LIMIT, "temp_directory": str(temporary / "spilled")}
    try:
        with closing(duckdb.connect(config=config)) as con:
            con.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
            events = temporary / f"part={schema.PART_EVENTS}" / "date=1970-01-01" / "events.parquet"  # as in a lake
            events.parent.mkdir(parents=True)
            con.execute(
                f"COPY (FROM ({_events(con, lake)}) SELECT * EXCLUDE (date) WHERE run_id = $run AND ts IS NOT NULL) "
                "TO $path (FORMAT parquet)",
                {"run": run, "path": str(events)},
            )
            counted = con.execute(
                "SELECT count(*), epoch_us(min(ts)) // 1000000, epoch_us(max(ts)) // 1000000 FROM read_parquet($path)",
                {"path": str(events)},
            ).fetchone()
            n, first, last = counted or (0, 0, 0)
            if n <= (known.n if known else 0):
                return None
            found = Fixed(first // _HOUR * _HOUR, (last // _HOUR + 1) * _HOUR, run, n)
            tally = Tally(con, known_subjects(profiles.snapshot(lake).files))
            for row in range(0, n, CHUNK_ROWS):
                tally.add([events], (row, min(row + CHUNK_ROWS, n)))
            tally.rows(0)
            con.execute("COPY bucket_rows TO $path (FORMAT parquet)", {"path": str(temporary / _FILE)})
        shutil.rmtree(events.parents[1])
        info = {"start": found.start, "end": found.end, "run": run, "n": n}
        (temporary / "info.json").write_bytes(orjson.dumps(info))
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
        return found
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _others(lake: Lake, run: str) -> str:
    with closing(duckdb.connect()) as con:
        rows = con.execute(
            f"SELECT run_id FROM ({_events(con, lake)}) WHERE run_id IS NOT NULL "  # noqa: S608  # of files
            "GROUP BY run_id ORDER BY jaro_winkler_similarity(run_id, $run) DESC, run_id LIMIT 5",
            {"run": run},
        ).fetchall()
    return nearest(run, [name for (name,) in rows]) if rows else "no event of the lake has a run_id"


def _events(con: duckdb.DuckDBPyConnection, lake: Lake) -> str:
    files = tuple(str(f.path) for f in lake.snapshot().part(schema.PART_EVENTS))
    return part_query(con, Part(files, {c.name: c.duckdb_type for c in schema.events_part()}))
