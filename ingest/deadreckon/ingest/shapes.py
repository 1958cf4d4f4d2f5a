"""Lines grouped by their keys: what to extract is decided once a shape, not once a line.

A log has few distinct key lists. Knowing them, the decoder asks its JSON parser for just the keys that are there, and
knows per shape which keys are columns, which go to attributes, and which lines need care in Python.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import pyarrow as pa

from deadreckon.core.schema import EVENTS
from deadreckon.ingest import arrays
from deadreckon.ingest.dialects import asks_care, care_keys
from deadreckon.ingest.session import Reader

BITS: Final = 62
WIDE: Final = 64
"""With more unknown keys than this in a batch, attributes are cut out of each line instead of put together."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to decode one batch."""

    columns: Mapping[str, tuple[str, ...]]
    """Column -> the keys it is read from (each shape has at most one of them)."""
    unknown: Mapping[str, tuple[int, ...]]
    """Key that is no column -> the shapes that have it."""
    having: Mapping[str, tuple[int, ...]]
    """Key that is a column -> the shapes that have it."""
    wide: bool
    asked: tuple[str, ...]
    """Keys of which SQL asks whether a line has them: the parser gives NULL for an absent key and for null alike."""

    @property
    def times(self) -> Plan:
        """A plan for nothing but when it happened."""
        columns = {c: keys for c, keys in self.columns.items() if c in ("ts", "event_id")}
        return replace(self, columns=columns, unknown={}, wide=False)

    def has(self, key: str) -> str:
        """Whether a line has this key, in SQL: a bit of the column that `presence` made."""
        place = self.asked.index(key)
        return f"(has{place // BITS} & {1 << place % BITS}) <> 0"

    def presence(self, shapes: Shapes) -> list[np.ndarray]:
        """For each line, a bit for each key of `asked`; as many columns has0, has1, ... as that needs."""
        groups = []
        for start in range(0, len(self.asked), BITS):
            table = np.zeros(len(shapes.keys) + 1, dtype=np.int64)  # the last entry is that of shape -1
            for bit, key in enumerate(self.asked[start : start + BITS]):
                for shape in self.unknown.get(key) or self.having[key]:
                    table[shape] |= 1 << bit
            groups.append(table[shapes.index])
        return groups


@dataclass(slots=True)
class Shapes:
    """The shapes of a batch and, for each line, which it has (-1: not JSON)."""

    index: np.ndarray
    keys: list[tuple[str, ...]]
    care: set[int] = field(default_factory=set)
    """Shapes whose lines are rewritten by a dialect before they are decoded."""
    bad: set[int] = field(default_factory=set)
    """Shapes that cannot be right: duplicate keys, no object."""


def find(reader: Reader, lines: pa.Table) -> Shapes:
    """The shapes of these lines (columns line and n, which is the row's number)."""
    # Results come in any order: n says which line each hash belongs to.
    got = reader.run("SELECT n, TRY(hash(json_keys(line))) AS h FROM lines_in", lines).fetchnumpy()
    hashes = np.zeros(len(lines), dtype=np.uint64)
    valid = np.zeros(len(lines), dtype=bool)
    hashes[got["n"]] = np.ma.filled(got["h"], 0)
    valid[got["n"]] = ~np.ma.getmaskarray(got["h"])
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    order = np.argsort(first)
    samples = np.empty(len(first), dtype=object)
    samples[order] = arrays.chosen(lines.select(["line"]), first[order]).column("line").to_pylist()
    rows = reader.con.execute(
        "SELECT TRY(json_keys(line)) FROM (SELECT unnest($lines::VARCHAR[]) AS line, "
        "unnest(range(len($lines::VARCHAR[]))) AS place) ORDER BY place",
        {"lines": samples.tolist()},
    ).fetchall()
    return Shapes(np.where(valid, inverse, -1).astype(np.int32), [tuple(row[0] or ()) for row in rows])


def plan(shapes: Shapes, aliases: Mapping[str, str], *, care: bool = True) -> Plan:
    """Sort the shapes into fast, care and bad ones, and say how to decode the fast ones.

    `care=False`: the lines were rewritten already; what is still odd is bad.
    """
    columns: dict[str, list[str]] = {}
    unknown: dict[str, list[int]] = {}
    having: dict[str, list[int]] = {}
    folded: dict[str, str] = {}
    cared = care_keys(aliases)
    for number, keys in enumerate(shapes.keys):
        if not keys or len(set(keys)) != len(keys):
            shapes.bad.add(number)
            continue
        known = {k: aliases[k] for k in keys if k in aliases}
        others = [k for k in keys if k not in aliases]
        odd = (
            len(set(known.values())) != len(known)
            or ("attributes" in known and bool(others))
            or any(folded.get(k.casefold(), k) != k for k in keys)
            or len({k.casefold() for k in keys}) != len(keys)
            or not all(keys)
        )
        if odd or (care and asks_care(keys, cared)):
            (shapes.care if care else shapes.bad).add(number)
            continue
        folded.update((k.casefold(), k) for k in keys)
        for key, column in known.items():
            having.setdefault(key, []).append(number)
            sources = columns.setdefault(column, [])
            if key not in sources:
                sources.append(key)
        for key in others:
            unknown.setdefault(key, []).append(number)
    wide = len(unknown) > WIDE
    numbers = [k for c, keys in columns.items() if EVENTS[c].type in ("bigint", "double") for k in keys]
    return Plan(
        {c: tuple(k) for c, k in columns.items()},
        {k: tuple(v) for k, v in unknown.items()},
        {k: tuple(v) for k, v in having.items()},
        wide,
        (*numbers, *(() if wide else unknown)),
    )


def mask(shapes: Shapes, chosen: Sequence[int] | set[int]) -> np.ndarray:
    """Which lines have one of the chosen shapes."""
    return np.isin(shapes.index, list(chosen))
