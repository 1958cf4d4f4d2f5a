"""The most common keys of a column of JSON objects, read as columns: taking each object apart costs several times that.

A row is plain when these columns say all that its object does. Its quotation marks tell: every key has two, and so has
every text. Where more are there than the columns account for, a key is not among them, is there twice, or a number is
in quotes; those rows are taken apart one by one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import duckdb

from deadreckon.queries.binding import literal

MOST: Final = 64
"""Keys that are read as columns: an event has room for each, whether it has the key or not."""
_COMMON: Final = 20
"""A key is common that is in one of so many objects of the sample."""
_SAMPLE: Final = 2000
_KEYS: Final = """
    WITH sample AS MATERIALIZED (FROM ({events}) SELECT {column} WHERE json_valid({column}) LIMIT {sample})
    SELECT key, count(*) FILTER (type IN ('DOUBLE', 'BIGINT', 'UBIGINT')) * 2 > count(*) FILTER (type <> 'NULL')
    FROM (SELECT unnest(json_keys({column})) AS key, unnest(json_type({column}, '$.*')) AS type FROM sample)
    GROUP BY key HAVING count(*) * {common} >= (SELECT count(*) FROM sample)
    ORDER BY count(*) DESC, key LIMIT {most}
"""
PARSED: Final = """
    CASE
        WHEN ascii({v}) < 58 AND ascii({v}) <> 34 THEN TRY_CAST({v} AS DOUBLE)
        WHEN trim({v}, '"') IN ('NaN', 'Infinity', '-Infinity') THEN TRY_CAST(trim({v}, '"') AS DOUBLE)
    END AS number,
    CASE WHEN number IS NULL THEN json_extract_string({v}, '$') END AS label
"""
"""The number that a value in JSON is, and the text that it is else."""
_IS: Final = "{v} AS number, CAST(NULL AS VARCHAR) AS label"
_VALUES: Final = "SELECT g, {read} FROM chunk WHERE {column} IS NULL AND {name} IS NOT NULL"
_COUNTED: Final = """
    SELECT g, coalesce(label, printf('%.17g', number)) AS value, n,
        CASE WHEN number IS NULL THEN 0 ELSE n END AS n_other
    FROM (
        SELECT g, {read}, n
        FROM (
            SELECT g, {name} AS v, count(*) AS n FROM chunk WHERE {column} IS NULL AND {name} IS NOT NULL GROUP BY ALL
        )
    )
"""


@dataclass(frozen=True, slots=True)
class Wide:
    """Keys of one column: `keys` in order, of which the first `numbers` are read as numbers and the others as JSON."""

    prefix: str
    column: str
    keys: tuple[str, ...]
    numbers: int

    @property
    def subjects(self) -> list[str]:
        """The subjects that they are, in the same order."""
        return [f"{self.prefix}:{key}" for key in self.keys]

    def read(self, events: str) -> str:
        """The query of events with a column for each key; the column itself is null in plain rows.

        `has_COLUMN` says where it was not.
        """
        c = self.column
        if not self.keys:
            return f"FROM ({events}) SELECT *, {c} IS NOT NULL AS has_{c}"
        types = ["DOUBLE"] * self.numbers + ["JSON"] * (len(self.keys) - self.numbers)
        shape = literal(json.dumps(dict(zip(self.keys, types, strict=True))))
        fields = [f"struct_extract_at({c}_read, {i + 1}) AS {c}_{i}" for i in range(len(self.keys))]
        split = f"FROM ({events}) SELECT *, TRY(from_json({c}, {shape})) AS {c}_read"
        named = f"FROM ({split}) SELECT * EXCLUDE ({c}_read), {', '.join(fields)}"
        return (
            f"FROM ({named}) SELECT * REPLACE (CASE WHEN NOT {self._plain()} THEN {c} END AS {c}), "
            f"{c} IS NOT NULL AS has_{c}"
        )

    def values(self, place: int) -> str:
        """`g, number, label` of the plain rows that have the key at this place."""
        name = f"{self.column}_{place}"
        return _VALUES.format(read=self._parsed(place).format(v=name), column=self.column, name=name)

    def counted(self, place: int) -> str:
        """`g, value, n, n_other` of the same, for a subject of categories."""
        read = self._parsed(place).format(v="v")
        return _COUNTED.format(read=read, column=self.column, name=f"{self.column}_{place}")

    def _parsed(self, place: int) -> str:
        return _IS if place < self.numbers else PARSED

    def _plain(self) -> str:
        c = self.column
        told = [f"({c}_{i} IS NOT NULL)::INTEGER * 2" for i in range(self.numbers)]
        told += [f"coalesce(2 + {_quotes(f'{c}_{i}')}, 0)" for i in range(self.numbers, len(self.keys))]
        total = " + ".join(told)
        paths = ", ".join(literal("/" + k.replace("~", "~0").replace("/", "~1")) for k in self.keys)
        # Nulls are told by no column, and true is read as 1: where there may be one, the types decide.
        typed = (
            f"[{total} + 2 * len(list_filter(t, lambda x: x = 'NULL')) = {_quotes(c)} "
            f"AND NOT list_contains(t[1:{self.numbers}], 'BOOLEAN') FOR t IN [TRY(json_type({c}, [{paths}]))]][1]"
        )
        return (
            f"CASE WHEN {c} IS NULL THEN true WHEN contains({c}, '\\') THEN false "
            f"WHEN {total} = {_quotes(c)} AND NOT contains({c}, 'true') AND NOT contains({c}, 'false') THEN true "
            f"ELSE coalesce({typed}, false) END"
        )


def common(con: duckdb.DuckDBPyConnection, events: str, prefix: str, column: str) -> Wide:
    """The keys that are common in a column of these events."""
    query = _KEYS.format(events=events, column=column, sample=_SAMPLE, common=_COMMON, most=MOST)
    found = list(_distinct(con.execute(query).fetchall()))
    numbers = [key for key, numeric in found if numeric]
    others = [key for key, numeric in found if not numeric]
    return Wide(prefix, column, (*numbers, *others), len(numbers))


def _distinct(found: Sequence[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
    # Fields of a struct are told apart without regard to case, keys of an object with it.
    seen: set[str] = set()
    for key, numeric in found:
        if key.isprintable() and key and key.casefold() not in seen:
            seen.add(key.casefold())
            yield key, numeric


def _quotes(text: str) -> str:
    return f"(strlen({text}) - strlen(replace({text}, '\"', '')))"
