"""The tables of a lake as housekeeping sees them: by name, with their live files as the log writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.transaction import RemoveAction

from deadreckon.core.lake import EVENTS_TABLE, Lake, TableSpec

PLAIN_TYPES: Final = (str, int, date)


@dataclass(frozen=True, slots=True)
class LiveFile:
    """One live file: `raw` is its path as the log spells it, which a removal must repeat to the letter."""

    raw: str
    path: Path
    partition: tuple[tuple[str, str | None], ...]
    size: int
    rows: int | None
    """None where the writer did not count them."""
    modified_ms: int

    @property
    def day(self) -> date | None:
        """The day of its partition; None where the table has none."""
        try:
            return date.fromisoformat(dict(self.partition).get("date") or "")
        except ValueError:
            return None

    @property
    def modified(self) -> datetime:
        """When its youngest row was written."""
        return datetime.fromtimestamp(self.modified_ms / 1000, UTC)


def tables(lake: Lake) -> list[TableSpec]:
    """Every Delta table of the lake, the events first; folders that begin with `_` are not tables."""
    names = sorted(p.parent.name for p in lake.root.glob("[!_.]*/_delta_log"))
    names.sort(key=lambda name: name != EVENTS_TABLE.name)
    return [TableSpec(name, pa.schema([]), ()) for name in names]


def folder_of(table: DeltaTable) -> Path:
    """The folder that the table is in."""
    return Path(unquote(table.table_uri.removeprefix("file://")))


def live_files(table: DeltaTable) -> tuple[list[LiveFile], list[str]]:
    """The live files of this version, and the columns that their statistics cover.

    Files of partitions whose values have no certain spelling (floats, times) are left out: they are not merged.
    """
    root = folder_of(table)
    actions = pa.RecordBatchReader.from_stream(table.get_add_actions(flatten=True)).read_all()
    keys = table.metadata().partition_columns
    covered = [name.removeprefix("min.") for name in actions.column_names if name.startswith("min.")]
    found = []
    # Only what is needed: turning statistics of times into Python values imports pandas, which takes seconds.
    needed = {"path", "size_bytes", "num_records", "modification_time", *(f"partition.{key}" for key in keys)}
    for row in actions.select([n for n in actions.column_names if n in needed]).to_pylist():
        values = [row[f"partition.{key}"] for key in keys]
        if all(v is None or (isinstance(v, PLAIN_TYPES) and not isinstance(v, bool | datetime)) for v in values):
            found.append(_live_file(root, row, keys))
    return found, covered


def removal(file: LiveFile, now_ms: int, *, data_change: bool) -> RemoveAction:
    """The action that takes a file out of its table; `data_change` says whether its rows go with it."""
    return RemoveAction(
        file.raw,
        data_change=data_change,
        deletion_timestamp=now_ms,
        size=file.size,
        partition_values=dict(file.partition),
    )


def _live_file(root: Path, row: Mapping[str, Any], keys: list[str]) -> LiveFile:
    spelled = tuple((key, None if row[f"partition.{key}"] is None else str(row[f"partition.{key}"])) for key in keys)
    return LiveFile(
        row["path"],
        root / unquote(row["path"]),
        spelled,
        row["size_bytes"],
        row.get("num_records"),
        row["modification_time"],
    )
