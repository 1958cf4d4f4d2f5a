"""Which refused lines are open, asked of the ledger: never more of them in memory than was asked for."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import duckdb

from deadreckon.core import schema
from deadreckon.core.errors import DataError
from deadreckon.core.lake import Snapshot
from deadreckon.ingest import ledger

NOT_LINES: Final = ("oversize", "damaged_source", "lost")
"""Codes of what holds no whole line: an oversize one's head was kept, damage to an input and a loss are no line."""
START: Final = 400
"""Characters of the raw line that a listing reads: of base64 a multiple of four."""

# A place that was refused twice counts once, the first time. Of all lines only this much is ever held, not the lines.
_STILL: Final = f"""
    CREATE OR REPLACE TEMP TABLE still AS
    WITH ledger AS (
        SELECT * FROM read_parquet($files, union_by_name = true)
        WHERE len($ids::VARCHAR[]) = 0 OR quarantine_id IN (SELECT unnest($ids::VARCHAR[]))
    )
    SELECT quarantine_id, min(ingested_at) AS ingested_at, min(source_id) AS source_id,
        min(source_offset) AS source_offset, min(source_path) AS source_path, min(error_code) AS error_code,
        min(error_field) AS error_field, min(error_code) IN {NOT_LINES} AS no_line, coalesce(min(raw_bytes), 0) AS size
    FROM ledger WHERE record = 'quarantine'
    GROUP BY quarantine_id
    HAVING quarantine_id NOT IN (SELECT quarantine_id FROM ledger WHERE record = 'resolution')
"""
_ORDER: Final = "ingested_at, source_id, source_offset, quarantine_id"
_AFTER: Final = f"($at::TIMESTAMPTZ IS NULL OR ({_ORDER}) > ($at::TIMESTAMPTZ, $source, $offset::BIGINT, $id))"
_PAGE: Final = 50_000
"""Ids and places that are objects of Python at a time."""

Place = tuple[datetime, str, int, str]
"""Where a line stands among the open ones, oldest first."""


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
        """Whether the whole line was kept."""
        return self.error_code not in NOT_LINES

    @property
    def place(self) -> Place:
        """Where it stands among the open ones."""
        return self.ingested_at, self.source_id, self.source_offset, self.quarantine_id

    @property
    def text(self) -> str:
        """The line as text; of one that is not UTF-8 what can be read, with U+FFFD for the rest."""
        return as_text(self.raw, self.raw_encoding)


@dataclass(frozen=True, slots=True)
class Reason:
    """Open lines that were refused for one reason."""

    code: str
    field: str | None
    lines: int
    example: str


class Refused:
    """The refused lines of a snapshot that were neither replayed nor dropped, oldest first; only `ids`, if given."""

    def __init__(self, con: duckdb.DuckDBPyConnection, snapshot: Snapshot, *, ids: Sequence[str] = ()) -> None:
        """Find them; they are kept in the connection's temporary table `still`.

        Raises:
            DamagedLakeError: a file of the ledger is missing or cannot be read.
        """
        self._con = con
        self._files = [str(f.path) for f in snapshot.part(schema.PART_LEDGER)]
        self._ids = set(ids)
        if self._files:
            ledger.asked(con, _STILL, {"files": self._files, "ids": sorted(self._ids)})

    def all_there(self) -> None:
        """Check the ids.

        Raises:
            DataError: one of them is not open.
        """
        missing = self._ids - {row[0] for row in self._asked("SELECT quarantine_id FROM still")} if self._ids else ()
        if missing:
            raise DataError(
                f"no open quarantined line has the id {min(missing)}",
                hint="reckon quarantine list shows the open ones",
            )

    def count(self) -> tuple[int, int]:
        """How many are open, and how many of them hold no whole line."""
        rows = self._asked("SELECT count(*), count(*) FILTER (WHERE no_line) FROM still")
        return rows[0] if rows else (0, 0)

    def listed(self, limit: int) -> list[Line]:
        """The first ones, of each line only its start."""
        return self._lines(f"SELECT * FROM still ORDER BY {_ORDER} LIMIT {limit}", raw=f"raw[1:{START}]")

    def lines(self) -> list[Line]:
        """All of them, whole: ask for few ids."""
        return self._lines("SELECT * FROM still")

    def portion(self, after: Place | None, *, count: int, size: int) -> list[Line]:
        """The first ones after a place that hold whole lines: `count` and `size` bytes at most, but at least one."""
        return self._lines(
            f"""SELECT * FROM (
                SELECT *, sum(size) OVER (ORDER BY {_ORDER} ROWS UNBOUNDED PRECEDING) AS bytes
                FROM (SELECT * FROM still WHERE NOT no_line AND {_AFTER} ORDER BY {_ORDER} LIMIT {count})
            ) WHERE bytes <= greatest({size}, size)""",
            after=after,
        )

    def reasons(self, limit: int) -> tuple[list[Reason], int]:
        """The reasons with the most lines, each with the error of its oldest line, and how many reasons there are."""
        rows = self._asked(
            f"""WITH reasons AS (
                SELECT error_code, error_field, count(*) AS found, min(({_ORDER})) AS place,
                    arg_min(quarantine_id, ({_ORDER})) AS quarantine_id
                FROM still GROUP BY error_code, error_field
            ), most AS (
                SELECT *, count(*) OVER () AS all_reasons FROM reasons ORDER BY found DESC, place LIMIT {limit}
            )
            SELECT most.error_code, most.error_field, found, arg_min(error, ingested_at), any_value(all_reasons)
            FROM most JOIN read_parquet($files, union_by_name = true) USING (quarantine_id)
            WHERE record = 'quarantine'
            GROUP BY ALL ORDER BY found DESC, min(place)""",
            {"files": self._files},
        )
        return [Reason(*row[:4]) for row in rows], rows[0][4] if rows else 0

    def places(self) -> Iterator[tuple[str, str, int, str | None]]:
        """(quarantine_id, source_id, source_offset, source_path) of each."""
        after: Place | None = None
        query = f"SELECT {_ORDER}, source_path FROM still WHERE {_AFTER} ORDER BY {_ORDER} LIMIT {_PAGE}"
        while rows := self._asked(query, _bound(after)):
            yield from ((id_, source, offset, path) for _, source, offset, id_, path in rows)
            after = rows[-1][:4]

    def _lines(self, chosen: str, *, raw: str = "raw", after: Place | None = None) -> list[Line]:
        names = [f"{raw} AS raw" if name == "raw" else f"l.{name}" for name in Line.__slots__]
        bound = _bound(after) if _AFTER in chosen else {}
        rows = self._asked(
            f"""WITH chosen AS ({chosen})
            SELECT {", ".join(names)}
            FROM read_parquet($files, union_by_name = true) l JOIN chosen c USING (quarantine_id, ingested_at)
            WHERE record = 'quarantine'
            QUALIFY row_number() OVER (PARTITION BY quarantine_id) = 1
            ORDER BY {", ".join(f"l.{name}" for name in _ORDER.split(", "))}""",
            {"files": self._files, **bound},
        )
        return [Line(*row) for row in rows]

    def _asked(self, query: str, values: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        return ledger.asked(self._con, query, values) if self._files else []


def as_text(raw: str, encoding: str) -> str:
    """A kept line as text; of one that is not UTF-8 what can be read, with U+FFFD for the rest."""
    return base64.b64decode(raw).decode("utf-8", "replace") if encoding == "base64" else raw


def _bound(after: Place | None) -> dict[str, Any]:
    return dict(zip(("at", "source", "offset", "id"), after or (None, "", 0, ""), strict=True))
