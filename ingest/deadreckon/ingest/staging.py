"""A batch's rows in the lake's folder before it is known which of them are new: decoded straight into Parquet.

Most batches hold no event twice, and their files are committed as they are. A file of which rows must not be kept is
written once more, without them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa

from deadreckon.ingest import arrays
from deadreckon.ingest.convert import literal
from deadreckon.ingest.session import Reader
from deadreckon.ingest.write import Files, Written, write_day, write_days, write_lines

MANY_DAYS: Final = 40
"""With more days than this in a batch one partitioning pass is cheaper than a pass a day."""
STRIDE: Final = 128
"""Each of so many lines is asked for its day. Logs are in the order of time, more or less: between two of one day the
others are taken to be of that day too, and the file that they make is checked."""
EPOCH: Final = date(1970, 1, 1)
FIRST_DAY: Final = (date.min - EPOCH).days
LAST_DAY: Final = (date.max - EPOCH).days

Dropped = Sequence[tuple[int, int]]
"""Rows that are not kept: the file's place in a sequence of them, and the row's in the file."""


def stage(reader: Reader, lines: pa.Table, rows: str, days: str, files: Files) -> list[Written]:
    """Write what the query `rows` gives of these lines, which it reads from lines_in, to files by day.

    `days`: a query that gives each line's n and date, for less than `rows` costs.

    Raises:
        LakeError: the disk is full or the folder cannot be written.
    """
    groups = _by_day(reader, lines, days) if len(lines) else []
    if len(groups) > MANY_DAYS:
        with reader.reading(lines) as given:
            return write_days(reader.con, f"WITH lines_in AS (FROM {given}) {rows}", files)
    written = []
    for day, some in groups:
        found = write_lines(reader, f"SELECT * EXCLUDE (date) FROM ({rows})", some, day, files)
        if found:
            written += _spread(reader.con, found, files) if found.spread else [found]
    return written


def relation(written: Sequence[Written]) -> str:
    """The rows of these files, at least one, as a relation for SQL; file_index and file_row_number say which they are.

    A column that none of the files has is not there.
    """
    names = ", ".join(literal(str(file.path)) for file in written)
    return f"read_parquet([{names}], union_by_name = true, hive_partitioning = false)"


def without(
    con: duckdb.DuckDBPyConnection, written: Sequence[Written], dropped: Dropped, files: Files
) -> list[Written]:
    """These files without these rows. New files are noted in `files`; the old ones stay where they are."""
    kept = list(written)
    places = np.array(dropped, dtype=np.int64).reshape(-1, 2)
    for index in sorted({int(index) for index in places[:, 0]}):
        rows = {"n": places[places[:, 0] == index, 1].tolist()}
        con.execute("CREATE OR REPLACE TEMP TABLE dropped AS SELECT unnest($n::BIGINT[]) AS n", rows)
        rest = f"SELECT * FROM {relation([written[index]])} WHERE file_row_number NOT IN (SELECT n FROM dropped)"
        new = write_day(con, rest, written[index].day, files)
        kept[index : index + 1] = [new or _nothing(written[index])]
    return [file for file in kept if file.rows]


def _nothing(file: Written) -> Written:
    return Written(file.path, 0, file.day, spread=False)


def _by_day(reader: Reader, lines: pa.Table, days: str) -> list[tuple[date, pa.Table]]:
    """The lines by what is probably their day."""
    found = _probable_days(reader, lines, days)
    distinct, counts = np.unique(found, return_counts=True)
    groups = []
    for day, count in zip(distinct, counts, strict=True):
        at = np.flatnonzero(found == day)
        some = lines.slice(int(at[0]), int(at[-1] - at[0]) + 1)
        if len(some) > count:
            some = some.filter(arrays.booleans(found[at[0] : at[-1] + 1] == day))
        groups.append((EPOCH + timedelta(days=int(day)), some))
    return groups


def _probable_days(reader: Reader, lines: pa.Table, days: str) -> np.ndarray:
    """The probable day of each line, in days since 1970."""
    asked = np.unique(np.append(np.arange(0, len(lines), STRIDE), len(lines) - 1))
    known = _days(reader, lines, asked, days)
    lengths = np.diff(asked, append=len(lines))
    found = np.repeat(known, lengths)
    unlike = np.append(known[1:] != known[:-1], False)
    between = np.flatnonzero(np.repeat(unlike, lengths))
    found[between] = _days(reader, lines, between, days)
    return found


def _days(reader: Reader, lines: pa.Table, rows: np.ndarray, days: str) -> np.ndarray:
    """The day of each of these lines, in days since 1970."""
    if not len(rows):
        return rows
    chosen = arrays.chosen(lines, rows)
    query = f"SELECT n, datediff('day', DATE '{EPOCH}', date) AS day FROM ({days})"
    got = reader.run(query, chosen).fetchnumpy()
    found = np.zeros(len(rows), dtype=np.int64)
    found[np.searchsorted(chosen.column("n").to_numpy(), got["n"])] = np.ma.filled(got["day"], 0)
    return np.clip(found, FIRST_DAY, LAST_DAY)


def _spread(con: duckdb.DuckDBPyConnection, file: Written, files: Files) -> list[Written]:
    """A file that holds events of other days too, written anew by day."""
    rows = f"SELECT *, make_timestamp(epoch_us(ts))::DATE AS date FROM {relation([file])}"
    days: list[date] = [day for (day,) in con.execute(f"SELECT DISTINCT date FROM ({rows}) ORDER BY 1").fetchall()]
    if len(days) > MANY_DAYS:
        written = write_days(con, rows, files)
    else:
        parts = [
            write_day(con, f"SELECT * EXCLUDE (date) FROM ({rows}) WHERE date = DATE '{day}'", day, files)
            for day in days
        ]
        written = [part for part in parts if part]
    files.remove(file.path)
    return written
