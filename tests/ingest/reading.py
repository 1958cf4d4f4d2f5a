"""Lines through the real decoder: split, decode, rewrite what is foreign, decode again, explain what is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from deadreckon.core.schema import alias_table
from deadreckon.core.settings import Settings
from deadreckon.ingest import lines, session
from deadreckon.ingest.prepare import Rules, decode_lines
from deadreckon.ingest.rejects import Reject
from deadreckon.ingest.sources.chunks import Chunk
from deadreckon.ingest.staging import relation
from deadreckon.ingest.statement import UserIds
from deadreckon.ingest.write import Files

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Outcome:
    """What became of some lines: rows in the order of the lines, attributes as objects, empty columns left out."""

    rows: list[dict[str, Any]]
    rejects: list[Reject]


def read(data: bytes | str, aliases: Mapping[str, str] | None = None) -> Outcome:
    """The rows and rejects of these lines, with the user's aliases."""
    raw = data.encode() if isinstance(data, str) else data
    found = lines.split([lines.Piece("src", Chunk(0, raw, len(raw)))])
    with session.connect(Settings()) as con, TemporaryDirectory() as folder:
        rules = Rules(alias_table(dict(aliases or {})), UserIds(None), None)
        prepared = decode_lines(session.Reader(con), found, rules, NOW, Files(Path(folder)))
        rows = []
        if prepared.written:
            order = "source_offset, file_index, file_row_number"  # the events of a line are in their order
            con.execute(f"SELECT * EXCLUDE (ingested_at) FROM {relation(prepared.written)} ORDER BY {order}")
            names = [column[0] for column in con.description or ()]
            rows = [dict(zip(names, row, strict=True)) for row in con.fetchall()]
    return Outcome([_tidy(row) for row in rows], prepared.rejects)


def one(line: object, aliases: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The row of a line (or of an object, written as one) that must give exactly one."""
    text = line if isinstance(line, str) else json.dumps(line)
    outcome = read(text + "\n", aliases)
    assert not outcome.rejects, [r.error for r in outcome.rejects]
    (row,) = outcome.rows
    return row


def _tidy(row: dict[str, Any]) -> dict[str, Any]:
    tidy = {k: v for k, v in row.items() if v is not None}
    if "attributes" in tidy:
        tidy["attributes"] = json.loads(tidy["attributes"])
    return tidy
