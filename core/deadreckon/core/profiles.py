"""The table of profiles: counts in buckets, exact sums, and what is frozen of each subject; rows that merge by SUM.

Profiles of a month lie in one partition (`date` is its first day), apart by what they are (`part`). Several rows may
speak of the same hour, environment, model, model_version, variant, subject and bucket: their sum is what counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

import pyarrow as pa

from deadreckon.core.lake import DataFile, Lake, Snapshot, TableSpec

BUCKET: Final = "bucket"
SUMMARY: Final = "summary"
SUBJECT: Final = "subject"

GROUP: Final = {
    "hour": "TIMESTAMPTZ",
    "hours": "TINYINT",
    "environment": "VARCHAR",
    "model": "VARCHAR",
    "model_version": "VARCHAR",
    "variant": "VARCHAR",
    "subject": "VARCHAR",
}
"""What a row is about; `hours` from `hour` on: 1, and 24 where old hours were put together."""
COUNTS: Final = ("n", "n_null", "n_nan", "n_posinf", "n_neginf", "n_other")
COLUMNS: Final[dict[str, dict[str, str]]] = {
    BUCKET: GROUP | {"scale": "TINYINT", "bucket": "INTEGER", "category": "VARCHAR", "n": "BIGINT"},
    SUMMARY: GROUP | dict.fromkeys(COUNTS, "BIGINT") | dict.fromkeys(("sum", "sum_sq", "min", "max"), "DOUBLE"),
    SUBJECT: {
        "subject": "VARCHAR",
        "kind": "VARCHAR",
        "origin": "DOUBLE",
        "categories": "VARCHAR[]",
        "complete": "BOOLEAN",
        "seen": "BIGINT",
        "version": "BIGINT",
    },
}
"""The columns of each part's files, in order, with their DuckDB types."""

_ARROW: Final = {
    "TIMESTAMPTZ": pa.timestamp("us", tz="UTC"),
    "TINYINT": pa.int8(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "VARCHAR": pa.string(),
    "VARCHAR[]": pa.list_(pa.string()),
}
_ALL: Final = {name: type_ for columns in COLUMNS.values() for name, type_ in columns.items()}
PROFILES: Final = TableSpec(
    "profiles",
    pa.schema([*((n, _ARROW[t]) for n, t in _ALL.items()), ("part", pa.string()), ("date", pa.date32())]),
    ("part", "date"),
)

APP: Final = "profiles"
"""The transaction identifier that holds the version of the events up to which they are profiled."""
MARK: Final = "profiles:mark"
"""That which tells that version from another one of the same number: a repaired log may count anew."""

FILES: Final = "profiles:files"
"""Which files the table had after it was last fed or put together: a repair that took one out is known by it."""

CARRIERS: Final = ("features", "outputs")
"""Summary rows of these count the events in which a feature or an output could have been: what they lack is null."""
OTHER: Final = "__other__"
NEW: Final = "__new__"
SCALE: Final = 5
OLD_SCALE: Final = 3
"""Of old months: a bucket is 9 % wide."""


def files_mark(names: Iterable[str]) -> int:
    """A number for a set of files."""
    return int.from_bytes(sha256("\n".join(sorted(names)).encode()).digest()[:7])


AGAIN: Final = "reckon profile counts the events again"
"""What is to be done where a file was lost."""
NONE: Final = Snapshot(0, ())
"""The profiles of a lake that has none."""


def snapshot(lake: Lake) -> Snapshot:
    """The live files of the profiles; none where there are no profiles.

    Raises:
        DamagedLakeError: the table's log cannot be read.
    """
    return lake.snapshot(PROFILES) if lake.has_table(PROFILES) else NONE


def relations(profiled: Snapshot) -> dict[str, str]:
    """The queries of the three parts as they lie there, each by the name of its relation.

    Where a file of a part is lost, its query fails when it is run, and not when a view is made of it.
    """
    names = {BUCKET: "lake_profile_buckets", SUMMARY: "lake_profile_summaries", SUBJECT: "lake_profile_subjects"}
    return {name: relation(part, profiled.part(part)) for part, name in names.items()}


def lost(files: Iterable[DataFile]) -> list[DataFile]:
    """Those that are not there, or not as long as the log says."""
    return [f for f in files if not _is_whole(f)]


def relation(part: str, files: Sequence[DataFile]) -> str:
    """The query of these files of one part, with all of its columns."""
    columns = COLUMNS[part]
    if not files:
        return f"SELECT {', '.join(f'CAST(NULL AS {type_}) AS {name}' for name, type_ in columns.items())} WHERE false"
    if broken := lost(files):
        fail = (
            f"error({_literal(f'a file of the profiles is lost or cut off: {broken[0].path}{chr(10)}hint: {AGAIN}')})"
        )
        # Each column fails as well: of one that is null, DuckDB may know the answer before it comes to WHERE.
        return (
            f"SELECT {', '.join(f'CAST({fail} AS {type_}) AS {name}' for name, type_ in columns.items())} WHERE {fail}"
        )
    listed = ", ".join(_literal(str(f.path)) for f in files)
    return f"FROM read_parquet([{listed}], hive_partitioning = false) SELECT {', '.join(columns)}"


def _is_whole(file: DataFile) -> bool:
    try:
        return file.path.stat().st_size == file.size
    except OSError:
        return False


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
