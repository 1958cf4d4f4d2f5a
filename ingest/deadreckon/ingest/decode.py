"""Decode in bulk: one SQL statement turns lines into files of the lake; of the lines that it cannot, say which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deadreckon.ingest import arrays, shapes
from deadreckon.ingest.convert import quoted
from deadreckon.ingest.session import Reader
from deadreckon.ingest.staging import relation, stage
from deadreckon.ingest.statement import BAD, CARE, FINE, UserIds, gives_ids, statement
from deadreckon.ingest.write import Files, Written


@dataclass(frozen=True, slots=True)
class Decoded:
    """What became of lines: files of rows, and the lines (column n) that gave none."""

    written: list[Written]
    given: bool
    """Whether there may be rows whose event_id the line itself gave."""
    care: np.ndarray
    """Row numbers of lines that a dialect must rewrite."""
    bad: np.ndarray
    """Row numbers of lines that were refused."""


def decode(
    reader: Reader,
    lines: pa.Table,
    aliases: Mapping[str, str],
    user_ids: UserIds,
    now: datetime,
    files: Files,
    *,
    care: bool = True,
) -> Decoded:
    """Decode lines (see `lines.LINE_SCHEMA`) into new files of events.

    `now`: the time of lines that carry none, and of ingest.

    `care=False`: the lines were rewritten by a dialect, nothing asks for care any more. The rows of each file are in
    the order of the lines.

    Raises:
        LakeError: the disk is full or the folder cannot be written.
    """
    found = shapes.find(reader, lines)
    plan = shapes.plan(found, aliases, care=care)
    aside = shapes.mask(found, found.care | found.bad) | (found.index < 0)
    shaped = lines.append_column("now", arrays.same(now, len(lines)))
    for number, bits in enumerate(plan.presence(found)):
        shaped = shaped.append_column(f"has{number}", arrays.integers(bits))
    if aside.any():
        shaped = shaped.filter(arrays.booleans(~aside))
    sql, columns = statement(plan, user_ids, care=care)
    kept = ", ".join(map(quoted, (*columns, "source_id", "source_offset", "ingested_at", "date")))
    rows = f"SELECT {kept} FROM ({sql}) WHERE flag = {FINE}{'' if care else ' ORDER BY n'}"
    days = f"SELECT n, date FROM ({statement(plan.times, user_ids, care=care)[0]})"
    written = stage(reader, shaped, rows, days, files)
    numbers, flags = _flagged(reader, shaped, written, sql, once=care)
    unread = found.index < 0
    halves = _halves(lines, unread) if care else np.zeros(len(unread), dtype=bool)
    shaped_care = np.flatnonzero((shapes.mask(found, found.care) & ~unread) | halves)
    shaped_bad = np.flatnonzero(shapes.mask(found, found.bad) | (unread & ~halves))
    return Decoded(
        written,
        gives_ids(set(plan.columns)),
        np.sort(np.concatenate([shaped_care, numbers[flags == CARE]])),
        np.sort(np.concatenate([shaped_bad, numbers[flags == BAD]])),
    )


def _flagged(
    reader: Reader, lines: pa.Table, written: Sequence[Written], sql: str, *, once: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The lines (column n) of which no row was written, and why: their flags. `once`: no two have the same place."""
    missing = len(lines) - sum(file.rows for file in written)
    if not missing:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int8)
    if once and written:
        with reader.reading(lines) as given:
            query = f"""SELECT n FROM {given} AS given ANTI JOIN {relation(written)} AS rows
                ON rows.source_offset = given.off AND rows.source_id = given.source_id"""
            left = np.sort(reader.con.execute(query).fetchnumpy()["n"])
        lines = arrays.chosen(lines, np.searchsorted(lines.column("n").to_numpy(), left))
    found = reader.run(f"SELECT n, flag FROM ({sql}) WHERE flag <> {FINE}", lines).fetchnumpy()
    if len(found["n"]) != missing:
        raise AssertionError(f"{missing} lines gave no row, and {len(found['n'])} of them a reason")
    return np.asarray(found["n"]), np.asarray(found["flag"])


def _halves(lines: pa.Table, unread: np.ndarray) -> np.ndarray:
    """Lines that may be unread only because half a character stands in them, as an escape: Python reads those."""
    rows = np.flatnonzero(unread)
    found = np.zeros(len(unread), dtype=bool)
    if len(rows):
        found[rows] = pc.match_substring(
            arrays.chosen(lines.select(["line"]), rows).column("line"), "\\ud", ignore_case=True
        ).to_numpy()
    return found
