"""Finishing a commit that the log lost, from its data files: they were on the disk before it was written."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
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
from deadreckon.core.doctor.inputs import Input, unread, whole_files
from deadreckon.core.doctor.partial import SERIAL
from deadreckon.core.durable import fsync_all
from deadreckon.core.lake import EVENTS_TABLE, Action, Lake, commit
from deadreckon.core.maintenance.log import Log
from deadreckon.core.maintenance.merge import READ, describe, engine, statistics_of, write_rows
from deadreckon.core.maintenance.tables import live_files
from deadreckon.core.maintenance.vacuum import unused

ADOPTED: Final = "adopted-"
PLACE: Final = re.compile(r"part=(events|ledger)/date=(\d{4}-\d\d-\d\d)/[^/]+\.parquet")
HELD: Final = f"""
    FROM {READ} SELECT source_id, source_offset, end_offset, ingested_at, committed, source_path, tail_hash
    WHERE record = 'source'
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
    input: Input


@dataclass(frozen=True, slots=True)
class LostCommit:
    """A ledger file outside of the table, with all event files of the same commit."""

    ledger: Path
    held: tuple[Held, ...]
    events: tuple[Path, ...]

    @property
    def count(self) -> int:
        """Its events."""
        return sum(h.committed for h in self.held)


def lost_commits(lake: Lake) -> Iterator[LostCommit]:
    """Commits that the log does not have, but all of whose data files are there.

    All of their inputs must miss just the bytes that they held: read exactly up to them, or to beyond them.
    """
    root = lake.table_path()
    parts: dict[str, list[Path]] = {schema.PART_EVENTS: [], schema.PART_LEDGER: []}
    for orphan in unused(lake, EVENTS_TABLE, now=datetime.now(UTC), hours=0):
        place = PLACE.fullmatch(orphan.path.relative_to(root).as_posix())
        # What an adoption that was killed wrote is there a second time under the name that it had.
        if orphan.orphan and place and not orphan.path.name.startswith(ADOPTED) and _readable(orphan.path):
            parts[place[1]].append(orphan.path)
    if not parts[schema.PART_LEDGER]:
        return
    offsets, holes = Log.of(root).offsets(), unread(lake)
    for ledger in sorted(parts[schema.PART_LEDGER]):
        held = _held(ledger)
        missed = all(offsets.get(h.range.source_id, 0) == h.range.start or _within(h.range, holes) for h in held)
        if missed and any(h.range.end > h.range.start for h in held):
            events = _complete(held, parts[schema.PART_EVENTS])
            if events is not None:
                yield LostCommit(ledger, tuple(held), tuple(events))


def adoptable(lake: Lake, found: Range) -> LostCommit | None:
    """The lost commit that held some of this range and nothing beyond it; None when its data files are not there."""
    return next((lost for lost in lost_commits(lake) if any(_within(h.range, [found]) for h in lost.held)), None)


def adopt(lake: Lake, lost: LostCommit) -> str:
    """Commit the files of a lost commit; what was done.

    They are written anew without events that came in by another way since, so that nothing is there twice, and so that
    an ingester that still thinks of the old files as its own can throw them away.
    """
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
            aside = workshop / f"{ADOPTED}{uuid.uuid4()}.parquet"
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
        aside = workshop / f"{ADOPTED}{uuid.uuid4()}.parquet"
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
    try:
        rows = duckdb.execute(HELD, {"files": [str(ledger)]}).fetchall()
    except duckdb.Error:
        return []  # another program's file, without the columns of a ledger
    return [
        Held(Range(source, start, end), at, committed or 0, Input(path or "", end, tail or "", source))
        for source, start, end, at, committed, path, tail in rows
    ]


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
