"""A batch of bytes to rows for the lake: redact, split, decode, rewrite what is foreign, explain what is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import duckdb
import numpy as np
import orjson
import pyarrow as pa

from deadreckon.ingest import arrays, lines
from deadreckon.ingest.decode import Decoded, UserIds, decode
from deadreckon.ingest.dialects import rewrite
from deadreckon.ingest.explain import explain
from deadreckon.ingest.rejects import Reject, reject

if TYPE_CHECKING:
    from deadreckon.ingest.redact import Redactor

REWRITTEN: Final = 1 << 48
"""Row numbers of rewritten lines start here, so that they differ from those of lines as they were read."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How lines are read: what the settings say, bound once for a run."""

    aliases: Mapping[str, str]
    user_ids: UserIds
    redactor: Redactor | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """Rows ready to be written: `relation` in the connection's database, with these event columns."""

    relation: str
    columns: tuple[str, ...]
    rejects: list[Reject]
    counts: Mapping[str, int]
    """Lines by source, blank ones included."""


def prepare(
    con: duckdb.DuckDBPyConnection, pieces: Sequence[lines.Piece], name: str, rules: Rules, now: datetime
) -> Prepared:
    """Decode the lines of these chunks into relation `name`."""
    replaced = [_redacted(piece, rules.redactor) for piece in pieces] if rules.redactor else None
    found = lines.split(pieces, replaced)
    if rules.redactor:
        found = lines.Lines(found.table, [_redact_reject(r, rules.redactor) for r in found.rejects], found.counts)
    return decode_lines(con, found, name, rules, now)


def decode_lines(
    con: duckdb.DuckDBPyConnection, found: lines.Lines, name: str, rules: Rules, now: datetime
) -> Prepared:
    """Decode lines into relation `name`; what no rule can read is explained as a reject."""
    rejects = list(found.rejects)
    first = decode(con, found.table, f"{name}_fast", rules.aliases, rules.user_ids, now)
    foreign, refused = _rewrite(found.table, first.care, rules.aliases)
    rejects += refused
    parts = [first]
    unread = list(_origins(found.table, first.bad))
    if foreign:
        table = lines.rewritten(foreign)
        second = decode(con, table, f"{name}_care", rules.aliases, rules.user_ids, now, care=False)
        parts.append(second)
        # A line that gave many events is kept whole in the quarantine when one of them was refused.
        unread += _origins(table, np.concatenate([second.bad, second.care]))
    rejects += _explained(found.table, dict.fromkeys(unread), rules.aliases)
    _combine(con, parts, name)
    columns = tuple(dict.fromkeys(c for part in parts for c in part.columns))
    return Prepared(name, columns, rejects, found.counts)


def _combine(con: duckdb.DuckDBPyConnection, parts: Sequence[Decoded], name: str) -> None:
    selects = [
        f"SELECT * EXCLUDE (flag) REPLACE (n + {REWRITTEN * i} AS n) FROM {part.relation} WHERE flag = 0"
        for i, part in enumerate(parts)
    ]
    con.execute(f"CREATE OR REPLACE VIEW {name} AS {' UNION ALL BY NAME '.join(selects)}")


def _origins(table: pa.Table, rows: np.ndarray) -> list[tuple[str, int]]:
    chosen = table.select(["source_id", "off"]).take(arrays.integers(rows))
    return list(zip(chosen["source_id"].to_pylist(), chosen["off"].to_pylist(), strict=True))


def _rewrite(
    table: pa.Table, rows: np.ndarray, aliases: Mapping[str, str]
) -> tuple[list[tuple[str, int, int, str]], list[Reject]]:
    """Lines that a dialect rewrites, as (source_id, off, sub, line), and those that cannot be read at all."""
    foreign: list[tuple[str, int, int, str]] = []
    refused: list[Reject] = []
    chosen = table.select(["line", "source_id", "off"]).take(arrays.integers(rows))
    for line, source, offset in zip(*(chosen[c].to_pylist() for c in ("line", "source_id", "off")), strict=True):
        try:
            value = json.loads(line, object_pairs_hook=_unique)
            events = rewrite(value, aliases)
            foreign += [(source, offset, sub, _written(event)) for sub, event in enumerate(events)]
        except (ValueError, RecursionError):
            raw = line.encode("utf-8", "surrogatepass")
            refused.append(
                explain(raw, source, offset, aliases)
                or reject(source, offset, raw, "unsupported", "the line cannot be read: it is nested too deeply")
            )
    return foreign, refused


def _written(event: dict[str, Any]) -> str:
    try:
        return orjson.dumps(event).decode()
    except TypeError:  # deeper than orjson goes, or a number past 64 bits
        return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("duplicate key")
    return value


def _explained(table: pa.Table, unread: Mapping[tuple[str, int], None], aliases: Mapping[str, str]) -> list[Reject]:
    if not unread:
        return []
    rejects = []
    offsets = table["off"].to_numpy()
    rows = np.flatnonzero(np.isin(offsets, [offset for _, offset in unread]))
    chosen = table.select(["line", "source_id", "off"]).take(arrays.integers(rows))
    for line, source, offset in zip(*(chosen[c].to_pylist() for c in ("line", "source_id", "off")), strict=True):
        if (source, offset) in unread:
            said = explain(line.encode("utf-8", "surrogatepass"), source, offset, aliases)
            if said is not None:  # a blank line is no fault
                rejects.append(said)
    return rejects


def _redacted(piece: lines.Piece, redactor: Redactor) -> dict[int, bytes]:
    if not len(piece.chunk.data):
        return {}
    starts, _ = lines.line_bounds(piece.chunk.data)
    return redactor.lines_to_change(piece.chunk.data, starts)


def _redact_reject(found: Reject, redactor: Redactor) -> Reject:
    """A line that is not UTF-8 was not looked into: its text is redacted as well as it can be read."""
    import base64

    text = base64.b64decode(found.raw).decode("utf-8", "replace") if found.raw_encoding == "base64" else found.raw
    cleaned = redactor.raw_text(text)
    if cleaned == text:
        return found
    return reject(found.source_id, found.offset, cleaned.encode(), found.code, found.error, found.field)
