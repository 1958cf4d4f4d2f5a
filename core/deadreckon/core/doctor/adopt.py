"""Finishing a commit that the log lost, from its data files: they were on the disk before it was written."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from deadreckon.core import schema
from deadreckon.core.doctor.history import Range
from deadreckon.core.doctor.inputs import unread, whole_files
from deadreckon.core.doctor.partial import SERIAL
from deadreckon.core.durable import fsync_all
from deadreckon.core.lake import EVENTS_TABLE, Action, Lake, commit
from deadreckon.core.maintenance.log import Log
from deadreckon.core.maintenance.merge import READ, describe, engine, statistics_of, write_rows
from deadreckon.core.maintenance.tables import live_files
from deadreckon.core.maintenance.vacuum import unused

PLACE: Final = re.compile(r"part=(events|ledger)/date=(\d{4}-\d\d-\d\d)/[^/]+\.parquet")
HELD: Final = f"""
    FROM {READ} SELECT source_id, source_offset, end_offset, ingested_at, committed WHERE record = 'source'
"""
COUNTED: Final = f"""
    FROM {READ} SELECT count(*)
    WHERE source_id = $source AND source_offset >= $start AND source_offset < $end AND ingested_at = $at
"""
NEW_ROWS: Final = f"""
    FROM (FROM {READ} WHERE ingested_at = $at AND source_id IN (FROM unnest($sources))) AS found
    ANTI JOIN (FROM read_parquet($live, union_by_name = true, hive_partitioning = false)) AS there
    ON found.event_id = there.event_id
"""


@dataclass(frozen=True, slots=True)
class Held:
    """What a ledger file outside of the table says that its commit held of one input."""

    range: Range
    ingested_at: datetime
    committed: int


@dataclass(frozen=True, slots=True)
class LostCommit:
    """A ledger file outside of the table, with all event files of the same commit."""

    ledger: Path
    held: tuple[Held, ...]
    events: tuple[Path, ...]


def adoptable(lake: Lake, found: Range) -> LostCommit | None:
    """The data files of a lost commit that held this range; None unless all of them are there and nothing else."""
    orphans = [f.path for f in unused(lake, EVENTS_TABLE, now=datetime.now(UTC), hours=0) if f.orphan]
    root = lake.table_path()
    parts: dict[str, list[Path]] = {"events": [], "ledger": []}
    for path in orphans:
        place = PLACE.fullmatch(path.relative_to(root).as_posix())
        if place and _readable(path):
            parts[place[1]].append(path)
    offsets, holes = Log.of(root).offsets(), unread(lake)
    for ledger in parts["ledger"]:
        held = _held(ledger)
        ours = [h for h in held if h.range.source_id == found.source_id]
        # All of its inputs must miss just these bytes: read to beyond them, or exactly up to them.
        fits = all(offsets.get(h.range.source_id, 0) == h.range.start or _within(h.range, holes) for h in held)
        if (
            fits
            and any(_within(h.range, [found]) for h in ours)
            and (events := _complete(held, parts["events"])) is not None
        ):
            return LostCommit(ledger, tuple(held), tuple(events))
    return None


def adopt(lake: Lake, found: Range) -> str:
    """Commit the files of the lost commit that held this range; empty when there are none.

    They are written anew without events that came in by another way since, so that nothing is there twice, and so that
    an ingester that still thinks of the old files as its own can throw them away.
    """
    lost = adoptable(lake, found)
    if lost is None:
        return ""
    table = lake.table()
    live = [str(f.path) for f in whole_files(lake, schema.PART_EVENTS)]
    _, covered = live_files(table)
    workshop = lake.root / "_maintenance"
    actions: list[Action] = []
    brought = 0
    with engine(workshop) as connection:
        at, sources = lost.held[0].ingested_at, [h.range.source_id for h in lost.held]
        for path in lost.events:
            one = {"files": [str(path)]}
            columns = describe(connection, one)
            aside = workshop / f"adopted-{uuid.uuid4()}.parquet"
            query = (
                NEW_ROWS if live else f"FROM {READ} WHERE ingested_at = $at AND source_id IN (FROM unnest($sources))"
            )
            values = {**one, "at": at, "sources": sources} | ({"live": live} if live else {})
            write_rows(connection, query, values, columns, aside)
            count = pq.read_metadata(aside).num_rows
            if count:
                chosen = {c: columns[c] for c in covered if c in columns}
                actions.append(_placed(lake, path, aside, statistics_of(connection, {"files": [str(aside)]}, chosen)))
            brought += count
        aside = workshop / f"adopted-{uuid.uuid4()}.parquet"
        write_rows(connection, f"FROM {READ}", {"files": [str(lost.ledger)]}, (), aside)
        actions.append(_placed(lake, lost.ledger, aside, statistics_of(connection, {"files": [str(aside)]}, {})))
    ends = {h.range.source_id: h.range.end for h in lost.held}
    txns = {s: end for s, end in ends.items() if end > (table.transaction_version(s) or 0)}
    txns[SERIAL] = (table.transaction_version(SERIAL) or 0) + 1
    commit(table, actions, txns=txns, metadata={"deadreckon.doctor": "adopt"})
    return f"{brought} events of the lost commit are in the table again"


def _within(inner: Range, outer: Sequence[Range]) -> bool:
    return any(o.source_id == inner.source_id and o.start <= inner.start and inner.end <= o.end for o in outer)


def _readable(path: Path) -> bool:
    try:
        pq.read_metadata(path)
    except (OSError, pa.ArrowException):
        return False
    return True


def _held(ledger: Path) -> list[Held]:
    rows = duckdb.execute(HELD, {"files": [str(ledger)]}).fetchall()
    return [Held(Range(source, start, end), at, committed or 0) for source, start, end, at, committed in rows]


def _all_there(lake: Lake, held: list[Held]) -> bool:
    """Whether the events are in the table, merged before their entry was lost, and only the ledger is missing."""
    live = [str(f.path) for f in whole_files(lake, schema.PART_EVENTS)]
    return bool(live) and all(_count(live, h) == h.committed for h in held)


def _count(files: list[str], held: Held) -> int:
    place = {"source": held.range.source_id, "start": held.range.start, "end": held.range.end, "at": held.ingested_at}
    row = duckdb.execute(COUNTED, {"files": files, **place}).fetchone()
    return row[0] if row else 0


def _complete(held: list[Held], events: list[Path]) -> list[Path] | None:
    """The event files that hold rows of this commit, if they hold just as many as its ledger says."""
    used: list[Path] = []
    counts = dict.fromkeys(range(len(held)), 0)
    for path in events:
        here = False
        for i, h in enumerate(held):
            count = _count([str(path)], h)
            counts[i] += count
            here |= count > 0
        if here:
            used.append(path)
    return used if all(counts[i] == h.committed for i, h in enumerate(held)) else None


def _placed(lake: Lake, beside: Path, aside: Path, stats: str) -> AddAction:
    final = beside.parent / aside.name
    aside.rename(final)
    fsync_all([final], up_to=lake.table_path())
    raw = final.relative_to(lake.table_path()).as_posix()
    part, date = beside.parent.parent.name.partition("=")[2], beside.parent.name.partition("=")[2]
    modified = int(final.stat().st_mtime * 1000)
    return AddAction(raw, final.stat().st_size, {"part": part, "date": date}, modified, data_change=True, stats=stats)
