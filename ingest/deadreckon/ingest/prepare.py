"""A batch of bytes to files for the lake: redact, split, decode, rewrite what is foreign, explain what is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa

from deadreckon.ingest import arrays, lines
from deadreckon.ingest.decode import decode
from deadreckon.ingest.dialects import rewrite
from deadreckon.ingest.explain import explain
from deadreckon.ingest.redact.escapes import without_torn_end
from deadreckon.ingest.redact.users import Users, user_keys, users_of
from deadreckon.ingest.rejects import Reject, reject
from deadreckon.ingest.session import Reader
from deadreckon.ingest.statement import UserIds
from deadreckon.ingest.write import Files, Written

if TYPE_CHECKING:
    from deadreckon.ingest.redact import Redactor


@dataclass(frozen=True, slots=True)
class Rules:
    """How lines are read: what the settings say, bound once for a run."""

    aliases: Mapping[str, str]
    user_ids: UserIds
    redactor: Redactor | None

    @property
    def users(self) -> Users | None:
        """What hashes user ids outside the decoder; None when they are kept."""
        return users_of(user_keys(self.aliases), self.user_ids.salt)

    def clean_head(self, head: bytes) -> bytes:
        """The kept beginning of an oversize line, in UTF-8, as it may reach the disk."""
        text = head.decode("utf-8", "replace")
        if self.redactor:
            text = without_torn_end(text)
        clean = _redact_users(text.encode(), self.users)
        return self.redactor.raw_text(clean.decode()).encode() if self.redactor else clean


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch that is in files of the lake's folder, and not committed."""

    plain: list[Written]
    """Rows of lines that gave one each."""
    rewritten: list[Written]
    """Rows of lines that a dialect wrote anew, each of which may have given many."""
    given: bool
    """Whether there may be rows whose event_id the line itself gave."""
    rejects: list[Reject]
    counts: Mapping[str, int]
    """Lines by source, blank ones included."""

    @property
    def written(self) -> list[Written]:
        """All files."""
        return [*self.plain, *self.rewritten]


def prepare(reader: Reader, pieces: Sequence[lines.Piece], rules: Rules, now: datetime, files: Files) -> Prepared:
    """Decode the lines of these chunks into new files, noted in `files`.

    Raises:
        LakeError: the disk is full or the folder cannot be written.
    """
    replaced = [_redacted(piece, rules.redactor) for piece in pieces] if rules.redactor else None
    found = lines.split(pieces, replaced)
    if found.rejects:
        found = lines.Lines(found.table, [_redact_reject(r, rules) for r in found.rejects], found.counts)
    return decode_lines(reader, found, rules, now, files)


def decode_lines(reader: Reader, found: lines.Lines, rules: Rules, now: datetime, files: Files) -> Prepared:
    """Decode lines into new files; what no rule can read is explained as a reject."""
    rejects = list(found.rejects)
    first = decode(reader, found.table, rules.aliases, rules.user_ids, now, files)
    foreign, refused = _rewrite(found.table, first.care, rules.aliases, rules.users)
    rejects += refused
    unread = list(_origins(found.table, first.bad))
    rewritten, given = list[Written](), first.given
    if foreign:
        table = lines.rewritten(foreign)
        second = decode(reader, table, rules.aliases, rules.user_ids, now, files, care=False)
        rewritten, given = second.written, given or second.given
        # A line that gave many events is kept whole in the quarantine when one of them was refused.
        unread += _origins(table, np.concatenate([second.bad, second.care]))
    rejects += _explained(found.table, dict.fromkeys(unread), rules.aliases, rules.users)
    return Prepared(first.written, rewritten, given, rejects, found.counts)


def _origins(table: pa.Table, rows: np.ndarray) -> list[tuple[str, int]]:
    chosen = arrays.chosen(table.select(["source_id", "off"]), rows)
    return list(zip(chosen["source_id"].to_pylist(), chosen["off"].to_pylist(), strict=True))


def _rewrite(
    table: pa.Table, rows: np.ndarray, aliases: Mapping[str, str], users: Users | None
) -> tuple[list[tuple[str, int, int, str]], list[Reject]]:
    """Lines that a dialect rewrites, as (source_id, off, sub, line), and those that cannot be read at all."""
    foreign: list[tuple[str, int, int, str]] = []
    refused: list[Reject] = []
    chosen = arrays.chosen(table.select(["line", "source_id", "off"]), rows)
    for line, source, offset in zip(*(chosen[c].to_pylist() for c in ("line", "source_id", "off")), strict=True):
        try:
            value = json.loads(line, object_pairs_hook=_unique)
            events = rewrite(value, aliases)
            if users and users.may_be_in(line):
                _redact_attributes(events, users)
            foreign += [(source, offset, sub, _written(event)) for sub, event in enumerate(events)]
        except Exception as error:  # noqa: BLE001 - whatever a line is, the others are read
            raw = _redact_users(line.encode("utf-8", "surrogatepass"), users)
            refused.append(
                explain(raw, source, offset, aliases)
                or reject(source, offset, raw, "unsupported", f"the line cannot be read: {_why(error)}")
            )
    return foreign, refused


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return f"{type(error).__name__} in what reads it; please report it, then reckon quarantine replay"


def _written(event: dict[str, Any]) -> str:
    if not event:
        return '{"ts":null}'  # a line of nothing but nulls is an event all the same
    try:
        return orjson.dumps(event).decode()
    except TypeError:  # deeper than orjson goes, or a number past 64 bits
        return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("duplicate key")
    return value


def _explained(
    table: pa.Table, unread: Mapping[tuple[str, int], None], aliases: Mapping[str, str], users: Users | None
) -> list[Reject]:
    if not unread:
        return []
    rejects = []
    offsets = table["off"].to_numpy()
    rows = np.flatnonzero(np.isin(offsets, [offset for _, offset in unread]))
    chosen = arrays.chosen(table.select(["line", "source_id", "off"]), rows)
    for line, source, offset in zip(*(chosen[c].to_pylist() for c in ("line", "source_id", "off")), strict=True):
        if (source, offset) in unread:
            # What is said about a line may quote it, too.
            raw = _redact_users(line.encode("utf-8", "surrogatepass"), users)
            said = explain(raw, source, offset, aliases)
            if said is not None:  # a blank line is no fault
                rejects.append(said)
    return rejects


def _redacted(piece: lines.Piece, redactor: Redactor) -> dict[int, bytes]:
    if not len(piece.chunk.data):
        return {}
    starts, _ = lines.line_bounds(piece.chunk.data)
    return redactor.lines_to_change(piece.chunk.data, starts)


def _redact_reject(found: Reject, rules: Rules) -> Reject:
    """A line that is not UTF-8 was not looked into: its text is redacted as well as it can be read."""
    line = _redact_users(found.line, rules.users)
    if rules.redactor:
        text = line.decode("utf-8", "replace")
        cleaned = rules.redactor.raw_text(text)
        line = line if cleaned == text else cleaned.encode()
    if line == found.line:
        return found
    return reject(found.source_id, found.offset, line, found.code, found.error, found.field)


def _redact_users(line: bytes, users: Users | None) -> bytes:
    return users.line(line) if users else line


def _redact_attributes(events: Sequence[dict[str, Any]], users: Users) -> None:
    """Of several user ids in a line one is the event's; the others must not be told by the attributes."""
    for event in events:
        attributes = event.get("attributes")
        if type(attributes) is dict:
            users.hash_in(attributes)
