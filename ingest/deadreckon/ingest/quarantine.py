"""The quarantine: refused lines, kept until they are replayed after a fix, or dropped on purpose.

A replay commits the events and the row that closes the quarantined line in one step, against the ingest serial: two
replays at once cannot both win, and a killed one changes nothing.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import duckdb

from deadreckon.core import schema
from deadreckon.core.errors import CommitConflictError, DataError
from deadreckon.core.lake import Lake, Snapshot, commit, snapshot_of
from deadreckon.core.settings import Settings
from deadreckon.ingest import ledger, lines, session
from deadreckon.ingest.engine import SERIAL
from deadreckon.ingest.prepare import decode_lines
from deadreckon.ingest.rules import rules_for
from deadreckon.ingest.write import Files, discard_uncommitted, write_events, write_ledger

ATTEMPTS: Final = 1000
REPLAY_LINES: Final = 50_000
"""Lines replayed in one commit, at most."""


@dataclass(frozen=True, slots=True)
class Line:
    """An open quarantine row."""

    quarantine_id: str
    source_id: str
    source_offset: int
    source_path: str | None
    error_code: str
    error_field: str | None
    error: str
    raw: str
    raw_encoding: str
    raw_bytes: int
    ingested_at: datetime

    @property
    def whole(self) -> bool:
        """Whether the whole line was kept: an oversize one was not, and damage to an input or a loss is no line."""
        return self.error_code not in ("oversize", "damaged_source", "lost")


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay did."""

    replayed: int
    committed: int
    duplicates: int
    still_refused: int
    not_replayable: int


def open_lines(con: duckdb.DuckDBPyConnection, snapshot: Snapshot, *, ids: Sequence[str] = ()) -> list[Line]:
    """The refused lines that were neither replayed nor dropped, oldest first; only these `ids`, if given."""
    files = [str(f.path) for f in snapshot.part(schema.PART_LEDGER)]
    if not files:
        return []
    names = ", ".join(Line.__slots__)
    rows = ledger.asked(
        con,
        f"""WITH ledger AS (SELECT * FROM read_parquet($files, union_by_name = true))
        SELECT {names} FROM ledger
        WHERE record = 'quarantine' AND (len($ids::VARCHAR[]) = 0 OR quarantine_id IN (SELECT unnest($ids::VARCHAR[])))
            AND quarantine_id NOT IN (SELECT quarantine_id FROM ledger WHERE record = 'resolution')
        QUALIFY row_number() OVER (PARTITION BY quarantine_id ORDER BY ingested_at) = 1
        ORDER BY ingested_at, source_id, source_offset""",
        {"files": files, "ids": list(ids)},
    )
    return [Line(*row) for row in rows]


def replay(
    lake: Lake,
    settings: Settings,
    *,
    ids: Sequence[str] = (),
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Replayed:
    """Read open lines again under the present settings; those that are right now become events, once.

    Raises:
        DataError: an id that was named is not open.
    """
    total = Replayed(0, 0, 0, 0, 0)
    done: set[str] = set()
    while True:
        for _ in range(ATTEMPTS):
            try:
                part, tried = _replay_some(lake, settings, ids, done, clock())
            except CommitConflictError:
                continue  # others committed meanwhile: look again at what is open
            break
        else:
            raise CommitConflictError(f"{lake.root} is committed to without a pause", hint="try again later")
        total = Replayed(*(a + b for a, b in zip(_tuple(total), _tuple(part), strict=True)))
        if not tried:
            return total
        done |= tried


def drop(lake: Lake, ids: Sequence[str], *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> int:
    """Close open lines without reading them; how many. The rows stay in the ledger.

    Raises:
        DataError: an id is not open.
    """
    with duckdb.connect() as con:
        for _ in range(ATTEMPTS):
            table = lake.table()
            found = open_lines(con, snapshot_of(table), ids=ids)
            _all_there(ids, found)
            if not found:
                return 0
            files = Files(lake.table_path())
            now = clock()
            write_ledger([_resolution(line, "dropped") for line in found], now, files)
            try:
                _commit(lake, table, files)
            except CommitConflictError:
                continue
            return len(found)
    raise CommitConflictError(f"{lake.root} is committed to without a pause", hint="try again later")


def _replay_some(
    lake: Lake, settings: Settings, ids: Sequence[str], done: set[str], now: datetime
) -> tuple[Replayed, set[str]]:
    with session.connect(settings) as con:
        rules = rules_for(settings)
        table = lake.table()
        snapshot = snapshot_of(table)
        found = open_lines(con, snapshot, ids=ids)
        if not done:
            _all_there(ids, found)
        fresh = [line for line in found if line.quarantine_id not in done]
        whole = [line for line in fresh if line.whole][:REPLAY_LINES]
        lost = [line for line in fresh if not line.whole]
        tried = {line.quarantine_id for line in [*whole, *lost]}
        if not whole:
            return Replayed(0, 0, 0, 0, len(lost)), tried
        readable, unreadable = _text(whole)
        if rules.redactor:  # it may ask for more than it did when the line was refused
            clean = rules.redactor.json_line
            readable = [(source, off, sub, clean(text.encode()).decode()) for source, off, sub, text in readable]
        given = lines.Lines(lines.rewritten(readable), [], {})
        prepared = decode_lines(con, given, "replayed", rules, now)
        refused = {(r.source_id, r.offset) for r in prepared.rejects}
        right = [
            n for n in whole if (n.source_id, n.source_offset) not in refused and n.quarantine_id not in unreadable
        ]
        # Of any age: what else such a line held was committed when it was refused.
        again = ledger.repeated(con, snapshot, "replayed", date.max.toordinal(), every=True)
        con.execute(
            "CREATE TEMP TABLE kept AS SELECT unnest($k::VARCHAR[]) AS k", {"k": [n.quarantine_id for n in right]}
        )
        con.execute("CREATE TEMP TABLE dropped AS SELECT unnest($n::BIGINT[]) AS n", {"n": again})
        con.execute(
            f"CREATE TEMP VIEW chosen AS SELECT *, TIMESTAMPTZ '{now.isoformat()}' AS ingested_at FROM replayed "
            "WHERE source_id || ':' || source_offset IN (SELECT k FROM kept) AND n NOT IN (SELECT n FROM dropped)"
        )
        committed = con.execute("SELECT count(*) FROM chosen").fetchall()[0][0]
        if right:
            files = Files(lake.table_path())
            write_events(con, "chosen", (*prepared.columns, "source_id", "source_offset", "ingested_at"), files)
            write_ledger([_resolution(line, "replayed") for line in right], now, files)
            _commit(lake, table, files)
        return Replayed(len(right), committed, len(again), len(whole) - len(right), len(lost)), tried


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


def _resolution(line: Line, how: str) -> dict[str, Any]:
    return {
        "record": "resolution",
        "source_id": line.source_id,
        "source_offset": line.source_offset,
        "source_path": line.source_path,
        "quarantine_id": line.quarantine_id,
        "resolution": how,
    }


def _all_there(ids: Sequence[str], found: Sequence[Line]) -> None:
    missing = set(ids) - {line.quarantine_id for line in found}
    if missing:
        raise DataError(
            f"no open quarantined line has the id {min(missing)}",
            hint="reckon quarantine list shows the open ones",
        )


def _tuple(value: Replayed) -> tuple[int, ...]:
    return (value.replayed, value.committed, value.duplicates, value.still_refused, value.not_replayable)
