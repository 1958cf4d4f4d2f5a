"""Bytes to lines: newlines found by numpy, the buffer wrapped as an Arrow string column without a copy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from deadreckon.ingest import arrays
from deadreckon.ingest.rejects import Reject, invalid_utf8
from deadreckon.ingest.sources import Chunk

NEWLINE = 10
OPENING = ord("{")
BLOCK = 1 << 18
SCANNED = 8_192
"""Lines in one record batch."""
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk of one source, in a batch."""

    source_id: str
    chunk: Chunk


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a batch, as a table of LINE_SCHEMA."""

    table: pa.Table
    rejects: list[Reject]
    counts: dict[str, int]
    """Lines read by source, blank ones included."""


LINE_SCHEMA = pa.schema(
    [
        ("line", pa.large_string()),
        ("source_id", pa.dictionary(pa.int32(), pa.string())),
        ("off", pa.int64()),
        ("sub", pa.int32()),
        ("nested", pa.bool_()),
        ("n", pa.int64()),
    ]
)
"""Text, source, place there in bytes, number among the events of that place, whether a bracket stands after the line's
first character, and its number in the batch."""


def split(pieces: Sequence[Piece], replaced: Sequence[dict[int, bytes]] | None = None) -> Lines:
    """The lines of these chunks.

    `replaced`: per piece, lines to put in place of those read (redacted ones), by their index.
    """
    tables: list[pa.Table] = []
    rejects: list[Reject] = []
    counts: dict[str, int] = {}
    for number, piece in enumerate(pieces):
        data = piece.chunk.data
        if not len(data):
            continue
        starts, ends = line_bounds(data)
        counts[piece.source_id] = counts.get(piece.source_id, 0) + len(starts)
        offsets = starts + piece.chunk.start
        skip = len(BOM) if piece.chunk.start == 0 and bytes(data[:3]) == BOM else 0
        text = _wrap(data, starts, len(data))
        nested = _nested(data, starts)
        keep = np.ones(len(starts), dtype=bool)
        swaps = dict(replaced[number]) if replaced else {}
        if skip:
            swaps[0] = swaps.get(0, bytes(data[: int(ends[0])])).removeprefix(BOM)
        keep[list(swaps)] = False
        no_text = [index for index, new in swaps.items() if not _is_text(new)]
        rejects += [invalid_utf8(piece.source_id, int(offsets[index]), swaps.pop(index)) for index in no_text]
        for index in _invalid(data, starts, ends):
            if keep[index]:
                keep[index] = False
                rejects.append(
                    invalid_utf8(piece.source_id, int(offsets[index]), bytes(data[starts[index] : ends[index]]))
                )
        if keep.all():
            tables.append(_table(text, piece.source_id, offsets, nested))
        else:
            mask = arrays.booleans(keep)
            tables.append(_table(text.filter(mask), piece.source_id, offsets[keep], nested[keep]))
        if swaps:
            where = sorted(swaps)
            new = arrays.texts([swaps[i].decode() for i in where])
            tables.append(_table(new, piece.source_id, offsets[where], np.ones(len(where), dtype=bool)))
    return Lines(numbered(tables), rejects, counts)


def parts(chunk: Chunk, count: int) -> Iterator[tuple[Chunk, int]]:
    """The chunk in parts of so many lines at most, each with how many it has."""
    buffer = np.frombuffer(chunk.data, dtype=np.uint8)
    have = sum(int(np.count_nonzero(buffer[at : at + BLOCK] == NEWLINE)) for at in range(0, len(buffer), BLOCK))
    if have <= count:
        yield chunk, have
        return
    starts, ends = line_bounds(chunk.data)
    for first in range(0, len(starts), count):
        last = min(first + count, len(starts)) - 1
        start, end = int(starts[first]), min(int(ends[last]) + 1, len(buffer))
        data = memoryview(chunk.data)[start:end]
        yield Chunk(chunk.start + start, data, chunk.start + end), last + 1 - first


def numbered(tables: Sequence[pa.Table]) -> pa.Table:
    """Tables of lines as one, its rows numbered in column n."""
    whole = pa.concat_tables(tables) if tables else LINE_SCHEMA.empty_table().drop_columns(["n"])
    counted = whole.append_column("n", arrays.integers(np.arange(len(whole))))
    # DuckDB gives a thread one record batch at a time: one large batch would keep it to one core.
    return pa.Table.from_batches(counted.to_batches(max_chunksize=SCANNED), counted.schema)


def rewritten(rows: Sequence[tuple[str, int, int, str]]) -> pa.Table:
    """Lines that a dialect wrote anew: (source_id, off, sub, line) each."""
    columns = list(zip(*rows, strict=True)) if rows else [(), (), (), ()]
    table = pa.table(
        [
            arrays.texts(columns[3]),
            arrays.texts(columns[0]).cast(pa.string()).dictionary_encode(),
            arrays.integers(np.array(columns[1], dtype=np.int64)),
            arrays.integers(np.array(columns[2], dtype=np.int32)),
            arrays.booleans(np.ones(len(rows), dtype=bool)),
        ],
        names=LINE_SCHEMA.names[:-1],
    )
    return numbered([table])


def line_bounds(data: bytes | memoryview) -> tuple[np.ndarray, np.ndarray]:
    """Where lines start and end (newline excluded), as int64; a last line without newline counts."""
    buffer = np.frombuffer(data, dtype=np.uint8)
    # A block at a time, so that the comparison's result stays in the processor's cache.
    found = [np.flatnonzero(buffer[at : at + BLOCK] == NEWLINE) + at for at in range(0, len(buffer), BLOCK)]
    newlines = np.concatenate(found) if found else np.empty(0, dtype=np.int64)
    if not len(newlines) or newlines[-1] != len(buffer) - 1:
        newlines = np.append(newlines, len(buffer))
    starts = np.empty(len(newlines), dtype=np.int64)
    starts[0] = 0
    starts[1:] = newlines[:-1] + 1
    return starts, newlines


def _wrap(data: bytes | memoryview, starts: np.ndarray, end: int) -> pa.Array:
    """The lines as text, not yet checked to be UTF-8; newlines stay in: they are white space to a JSON parser."""
    bounds = np.append(starts, end)
    return pa.Array.from_buffers(pa.large_string(), len(starts), [None, pa.py_buffer(bounds), pa.py_buffer(data)])


def _nested(data: bytes | memoryview, starts: np.ndarray) -> np.ndarray:
    """Which lines have a `{` or `[` after their first character: in no other can a value be an object or an array."""
    buffer = np.frombuffer(data, dtype=np.uint8)
    brackets = np.concatenate(
        # The two brackets differ in one bit.
        [np.flatnonzero(buffer[at : at + BLOCK] | 0x20 == OPENING) + at for at in range(0, len(buffer), BLOCK)]
    )
    line = np.searchsorted(starts, brackets, side="right") - 1
    nested = np.zeros(len(starts), dtype=bool)
    nested[line[brackets != starts[line]]] = True
    return nested


def _table(text: pa.Array, source_id: str, offsets: np.ndarray, nested: np.ndarray) -> pa.Table:
    count = len(text)
    zeros = arrays.integers(np.zeros(count, dtype=np.int32))
    source = pa.DictionaryArray.from_arrays(zeros, arrays.texts([source_id]).cast(pa.string()))
    return pa.table(
        [text, source, arrays.integers(offsets), zeros, arrays.booleans(nested)],
        names=LINE_SCHEMA.names[:-1],
    )


def _invalid(data: bytes | memoryview, starts: np.ndarray, ends: np.ndarray) -> list[int]:
    """The indices of lines that are not UTF-8; whole chunks are checked at once, lines only in a chunk that fails."""
    if is_ascii(data):
        return []
    try:
        str(data, "utf-8")
    except UnicodeDecodeError:
        bad = []
        for index, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            try:
                str(data[start:end], "utf-8")
            except UnicodeDecodeError:
                bad.append(index)
        return bad
    return []


def _is_text(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_ascii(data: bytes | memoryview) -> bool:
    """Whether no byte has its high bit set, at memory speed."""
    if isinstance(data, bytes):
        return data.isascii()
    whole = len(data) // 8 * 8
    words = np.frombuffer(data[:whole], dtype=np.uint64)
    high = np.uint64(0x8080808080808080)
    return not (np.bitwise_or.reduce(words) & high if len(words) else False) and bytes(data[whole:]).isascii()
