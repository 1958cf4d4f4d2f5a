"""The quarantine: refused lines, kept until they are replayed after a fix, or dropped on purpose.

A replay commits the events and the row that closes the quarantined line in one step, against the ingest serial: two
replays at once cannot both win, and a killed one changes nothing.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, Final, TypeVar

import duckdb

from deadreckon.core.errors import CommitConflictError
from deadreckon.core.lake import Lake, Snapshot, commit, snapshot_of
from deadreckon.core.settings import Settings
from deadreckon.ingest import ledger, lines, session
from deadreckon.ingest.engine import SERIAL
from deadreckon.ingest.prepare import decode_lines
from deadreckon.ingest.refused import Line, Place, Refused
from deadreckon.ingest.rejects import resolution
from deadreckon.ingest.rules import rules_for
from deadreckon.ingest.staging import relation, without
from deadreckon.ingest.write import Files, Written, discard_uncommitted, write_ledger

T = TypeVar("T")

ATTEMPTS: Final = 1000
REPLAY_LINES: Final = 50_000
"""Lines replayed in one commit, at most."""
REPLAY_BYTES: Final = 32 << 20
"""Bytes of lines replayed in one commit, at most, or one line."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay did."""

    replayed: int
    committed: int
    duplicates: int
    still_refused: int
    not_replayable: int


def replay(
    lake: Lake,
    settings: Settings,
    *,
    ids: Sequence[str] = (),
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Replayed:
    """Read open lines again under the present settings; those that are right now become events, once.

    They are read and committed in portions, so that memory does not grow with their number.

    Raises:
        DataError: an id that was named is not open.
    """
    with session.connect(settings) as con:
        refused = Refused(con, lake.snapshot(), ids=ids)
        refused.all_there()
        total = Replayed(0, 0, 0, 0, refused.count()[1])
    after: Place | None = None
    while True:
        part, after = _again(partial(_replay_some, lake, settings, ids, after, clock), lake)
        total = Replayed(*(a + b for a, b in zip(astuple(total), astuple(part), strict=True)))
        if after is None:
            return total


def drop(lake: Lake, ids: Sequence[str], *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> int:
    """Close these open lines, or all, without reading them; how many. The rows stay in the ledger.

    Raises:
        DataError: an id is not open.
    """
    return _again(partial(_drop, lake, ids, clock), lake)


def _again(attempt: Callable[[], T], lake: Lake) -> T:
    for _ in range(ATTEMPTS):
        try:
            return attempt()
        except CommitConflictError:
            continue  # others committed meanwhile: look again at what is open
    raise CommitConflictError(f"{lake.root} is committed to without a pause", hint="try again later")


def _drop(lake: Lake, ids: Sequence[str], clock: Callable[[], datetime]) -> int:
    with session.connect(Settings()) as con:
        table = lake.table()
        refused = Refused(con, snapshot_of(table), ids=ids)
        refused.all_there()
        count = refused.count()[0]
        if count:
            files = Files(lake.table_path())
            write_ledger((resolution("dropped", *place) for place in refused.places()), clock(), files)
            _commit(lake, table, files)
        return count


def _replay_some(
    lake: Lake, settings: Settings, ids: Sequence[str], after: Place | None, clock: Callable[[], datetime]
) -> tuple[Replayed, Place | None]:
    """Replay the first portion after a place; what it did, and the place of its last line, None if there was none."""
    with session.connect(settings) as con:
        rules, now = rules_for(settings), clock()
        table = lake.table()
        snapshot = snapshot_of(table)
        found = Refused(con, snapshot, ids=ids).portion(after, count=REPLAY_LINES, size=REPLAY_BYTES)
        if not found:
            return Replayed(0, 0, 0, 0, 0), None
        readable, unreadable = _text(found)
        if rules.redactor:  # it may ask for more than it did when the line was refused
            clean = rules.redactor.json_line
            readable = [(source, off, sub, clean(text.encode()).decode()) for source, off, sub, text in readable]
        given = lines.Lines(lines.rewritten(readable), [], {})
        files = Files(lake.table_path())
        try:
            prepared = decode_lines(session.Reader(con), given, rules, now, files)
            refused = {(r.source_id, r.offset) for r in prepared.rejects}
            right = [
                n for n in found if (n.source_id, n.source_offset) not in refused and n.quarantine_id not in unreadable
            ]
            committed, again = _keep_new(con, snapshot, prepared.written, right, files)
            if right:
                rows = (
                    resolution("replayed", n.quarantine_id, n.source_id, n.source_offset, n.source_path) for n in right
                )
                write_ledger(rows, now, files)
        except BaseException:
            files.discard()
            raise
        if right:
            _commit(lake, table, files)
        return Replayed(len(right), committed, again, len(found) - len(right), 0), found[-1].place


def _keep_new(
    con: duckdb.DuckDBPyConnection, snapshot: Snapshot, written: Sequence[Written], right: Sequence[Line], files: Files
) -> tuple[int, int]:
    """Leave in `files` what is new of the lines that are right now; how many rows that is, and how many were known."""
    # Of any age: what else such a line held was committed when it was refused.
    again = ledger.repeated(con, snapshot, written, date.max.toordinal())
    dropped = {(row.file, row.row) for row in again}
    if written:
        places = {"k": [n.quarantine_id for n in right]}
        con.execute("CREATE OR REPLACE TEMP TABLE kept AS SELECT unnest($k::VARCHAR[]) AS k", places)
        other = f"FROM {relation(written)} WHERE source_id || ':' || source_offset NOT IN (SELECT k FROM kept)"
        dropped.update(con.execute(f"SELECT file_index, file_row_number {other}").fetchall())
    kept = without(con, written, sorted(dropped), files)
    for path in {file.path for file in written} - {file.path for file in kept}:
        files.remove(path)
    return sum(file.rows for file in kept), len(again)


def _commit(lake: Lake, table: Any, files: Files) -> None:
    try:
        files.make_durable()
        serial = (table.transaction_version(SERIAL) or 0) + 1
        commit(table, files.actions, txns={SERIAL: serial}, metadata={"writer": "reckon quarantine"})
    except BaseException:
        discard_uncommitted(lake, files)
        raise


def _text(found: Sequence[Line]) -> tuple[list[tuple[str, int, int, str]], set[str]]:
    """The lines as text, and the ids of those that still are none."""
    readable, unreadable = [], set()
    for line in found:
        text = line.raw
        if line.raw_encoding == "base64":
            try:
                text = base64.b64decode(line.raw).decode("utf-8")
            except UnicodeDecodeError:
                unreadable.add(line.quarantine_id)
                continue
        readable.append((line.source_id, line.source_offset, 0, text))
    return readable, unreadable
