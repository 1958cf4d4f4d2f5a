"""A real lake in a test's folder, and what is in it: read from the files that its log names, not through views."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from deadreckon.core.lake import Lake
from deadreckon.core.settings import Settings
from deadreckon.ingest import Summary, ingest

NOW = datetime(2030, 1, 1, tzinfo=UTC)
KEEP = {"user_id": "keep"}


def settings(**sections: Mapping[str, Any]) -> Settings:
    """Settings with these sections, the rest by default; user ids are kept unless said otherwise."""
    return Settings.model_validate({"redaction": KEEP, **sections})


class Place:
    """A folder with a lake in it."""

    def __init__(self, root: Path, lake: Path | None = None) -> None:
        self.root = root
        self.lake = lake or root / "lake"

    def write(self, name: str, lines: bytes | str | Iterable[Any]) -> Path:
        """A file of bytes, text, or lines (bytes, text or objects)."""
        path = self.root / name
        path.write_bytes(joined(lines))
        return path

    def append(self, name: str, lines: bytes | str | Iterable[Any]) -> Path:
        """More of a file."""
        path = self.root / name
        with path.open("ab") as file:
            file.write(joined(lines))
        return path

    def ingest(self, *paths: Path, using: Settings | None = None, now: datetime = NOW) -> Summary:
        """Read these inputs into the lake."""
        return ingest(list(paths), self.lake, settings=using or settings(), now=lambda: now)

    def events(self, order: str = "source_id, source_offset, event_id") -> list[dict[str, Any]]:
        """Every live event, its empty columns left out and its attributes as an object."""
        rows = self._rows("events", f"ORDER BY {order}")
        for row in rows:
            if "attributes" in row:
                row["attributes"] = json.loads(row["attributes"])
        return rows

    def ledger(self, record: str) -> list[dict[str, Any]]:
        """The bookkeeping rows of one sort, in the order of their inputs."""
        return self._rows("ledger", f"WHERE record = '{record}' ORDER BY source_id, source_offset, end_offset")

    def quarantined(self) -> list[dict[str, Any]]:
        """The refused lines."""
        return self.ledger("quarantine")

    def values(self, key: str) -> list[Any]:
        """An attribute, or else a column, of every event, sorted."""
        return sorted(row.get("attributes", {}).get(key, row.get(key)) for row in self.events())

    def names(self) -> set[str]:
        """Every file in the lake's folder."""
        return {path.relative_to(self.lake).as_posix() for path in self.lake.rglob("*") if path.is_file()}

    def _rows(self, part: str, tail: str) -> list[dict[str, Any]]:
        files = [str(file.path) for file in Lake.open(self.lake).snapshot().part(part)]
        if not files:
            return []
        with duckdb.connect() as con:
            con.execute("SET TimeZone = 'UTC'")
            con.execute(f"SELECT * FROM read_parquet($files, union_by_name = true) {tail}", {"files": files})
            names = [column[0] for column in con.description or ()]
            rows = con.fetchall()
        return [{k: v for k, v in zip(names, row, strict=True) if v is not None} for row in rows]


def joined(lines: bytes | str | Iterable[Any]) -> bytes:
    """Bytes as they are; lines of text or objects, each ended by a newline."""
    if isinstance(lines, bytes):
        return lines
    if isinstance(lines, str):
        return lines.encode()
    return b"".join(_line(line) + b"\n" for line in lines)


def _line(line: Any) -> bytes:
    if isinstance(line, bytes):
        return line
    return (line if isinstance(line, str) else json.dumps(line)).encode()


def by_case(rows: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Events by their attribute `case`; each case must be there once."""
    found = {row["attributes"]["case"]: row for row in rows}
    assert len(found) == len(rows)
    return found
