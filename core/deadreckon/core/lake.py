"""The lake: Delta tables of Parquet in one folder, opened afresh for each piece of work.

A handle that is reused for many commits grows slow and stale; opening costs a few milliseconds and is always true.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote
from uuid import uuid4

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction

from deadreckon.core import schema
from deadreckon.core.durable import fsync_directory, fsync_file
from deadreckon.core.errors import CommitConflictError, DamagedLakeError, LakeError, LakeNotFoundError, UsageError
from deadreckon.core.pending import committing

Action = AddAction | RemoveAction

NO_HOOKS: Final = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)
"""Checkpoints and clean-up are not protected against concurrent commits: only `reckon maintain`, locked, makes them."""

TABLE_CONFIGURATION: Final = {
    # A source's offset lives in a txn entry: it must outlive any spool file or rotated log that may come back.
    "delta.setTransactionRetentionDuration": "interval 36500 days",
    "delta.logRetentionDuration": "interval 30 days",
    "delta.deletedFileRetentionDuration": "interval 7 days",
    "delta.checkpointInterval": "1000000",
    # Column statistics come from the writer; only these are worth their bytes in the log.
    "delta.dataSkippingStatsColumns": "event_id,ts",
}

ACTION_COUNT: Final = "deadreckon.actions"
"""In each commit's metadata: how many actions it holds, so that one cut off at a line's end is known as such."""

PENDING_COMMITS: Final = 32
"""Commits before ours that are made durable before ours is written. Otherwise a power cut could keep our commit and
lose the one below it, whose rows we took for safe. Each process forces its own commit to the disk before it starts
another, so that at most one commit per ingester, living or killed, can still be pending."""


@dataclass(frozen=True, slots=True)
class TableSpec:
    """What a table of the lake is made of."""

    name: str
    schema: pa.Schema
    partition_by: tuple[str, ...]


EVENTS_TABLE: Final = TableSpec("events", schema.table_schema(), schema.PARTITION_COLUMNS)


@dataclass(frozen=True, slots=True)
class DataFile:
    """One live Parquet file of a table."""

    path: Path
    partition: Mapping[str, str]
    size: int
    rows: int
    ids: tuple[str, str] | None = None
    """Smallest and largest event_id, where the writer noted them."""

    @property
    def part(self) -> str:
        """`events` or `ledger`."""
        return self.partition.get("part", "")

    @property
    def date(self) -> date | None:
        """The partition's day, UTC; None where it has none, or one outside of the years 1 to 9999."""
        try:
            return date.fromisoformat(self.partition.get("date", ""))
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The files of one version of one table. Files of a snapshot stay readable until vacuum's retention passes."""

    version: int
    files: tuple[DataFile, ...]

    def part(self, part: str) -> tuple[DataFile, ...]:
        """The files of one part (`events` or `ledger`)."""
        return tuple(f for f in self.files if f.part == part)


class Lake:
    """A folder of Delta tables. `Lake.open` finds one, `Lake.create` makes it where there is none."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def open(cls, location: str | Path) -> Lake:
        """The lake at a folder.

        Raises:
            LakeNotFoundError: nothing is there.
            UsageError: the location is a URL; this version keeps its lakes in folders.
        """
        lake = cls(_folder(location))
        if not (lake.root / EVENTS_TABLE.name / "_delta_log").is_dir():
            raise LakeNotFoundError(
                f"there is no lake at {lake.root}",
                hint="name one with --lake or DEADRECKON_LAKE, or make one: reckon ingest LOGS --lake DIR",
            )
        return lake

    @classmethod
    def create(cls, location: str | Path) -> Lake:
        """The lake at a folder, made if there is none; safe when several processes do so at once."""
        lake = cls(_folder(location))
        lake.ensure_table(EVENTS_TABLE)
        return lake

    def ensure_table(self, spec: TableSpec) -> None:
        """Make the table if there is none; a no-op when it exists or another process makes it just now.

        Raises:
            LakeError: the folder cannot be written.
        """
        path = self.table_path(spec)
        if _has_log(path):
            return
        # Made aside and linked into place: of several makers one wins, and nobody sees half of the first entry.
        # (Two concurrent calls of DeltaTable.create make two versions, the second with an identity of its own.)
        scratch = self.root / f"_new-{uuid4().hex}"
        first = Path("_delta_log", f"{0:020}.json")
        try:
            self._create(scratch, spec)
            fsync_file(scratch / first)
            (path / "_delta_log").mkdir(parents=True, exist_ok=True)
            try:
                (path / first).hardlink_to(scratch / first)
            except FileExistsError:
                return
            except OSError:  # a file system without links: of several makers the last wins, which is all the same
                (scratch / first).rename(path / first)
            for directory in (path / "_delta_log", path, self.root):
                fsync_directory(directory)
        except (DeltaError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise LakeError(
                f"cannot make table {spec.name} in {self.root}: {reason}",
                hint="check that the folder can be written and that the disk has room",
            ) from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    @staticmethod
    def _create(path: Path, spec: TableSpec) -> None:
        path.mkdir(parents=True)
        # Columns that a spec's configuration does not know must not be named in its statistics.
        stats = ",".join(c for c in ("event_id", "ts") if c in spec.schema.names)
        configuration = TABLE_CONFIGURATION | {"delta.dataSkippingStatsColumns": stats}
        if not stats:
            del configuration["delta.dataSkippingStatsColumns"]
        DeltaTable.create(
            str(path),
            spec.schema,
            partition_by=list(spec.partition_by),
            configuration=configuration,
            post_commithook_properties=NO_HOOKS,
        )

    def table_path(self, spec: TableSpec = EVENTS_TABLE) -> Path:
        """The folder of a table."""
        return self.root / spec.name

    def has_table(self, spec: TableSpec) -> bool:
        """Whether the table was made."""
        return (self.table_path(spec) / "_delta_log").is_dir()

    def table(self, spec: TableSpec = EVENTS_TABLE) -> DeltaTable:
        """The table at its newest version. Read offsets and commit on one and the same object.

        Raises:
            LakeNotFoundError: the table was never made.
            DamagedLakeError: its log cannot be read.
        """
        try:
            return DeltaTable(str(self.table_path(spec)))
        except TableNotFoundError:
            if self.has_table(spec) and any((self.table_path(spec) / "_delta_log").iterdir()):
                raise self._damaged(spec, "its log has no readable version") from None
            raise LakeNotFoundError(
                f"the lake {self.root} has no table {spec.name}",
                hint="ingest something first: reckon ingest LOGS",
            ) from None
        except (DeltaError, OSError, ValueError) as error:
            # The lines below the first are the frames of a stack without names.
            raise self._damaged(spec, str(error).partition("\n")[0]) from error

    def _damaged(self, spec: TableSpec, why: str) -> DamagedLakeError:
        return DamagedLakeError(
            f"table {spec.name} in {self.root} cannot be opened: {why}",
            hint=f"reckon doctor --lake {self.root} explains it and can repair it",
        )

    def snapshot(self, spec: TableSpec = EVENTS_TABLE) -> Snapshot:
        """The live files of the table's newest version."""
        return snapshot_of(self.table(spec))

    def lock_path(self, name: str) -> Path:
        """Where the advisory lock of this name lives (see `durable.exclusive_lock`)."""
        return self.root / "_locks" / f"{name}.lock"


def snapshot_of(table: DeltaTable) -> Snapshot:
    """The live files of the version that this object holds."""
    root = Path(unquote(table.table_uri.removeprefix("file://")))
    # pa.table() would import pandas, which takes longer than all the rest of a command.
    actions = pa.RecordBatchReader.from_stream(table.get_add_actions(flatten=True)).read_all()
    keys = [n for n in actions.column_names if n.startswith("partition.")]
    # So would to_pylist() for the smallest and largest ts.
    actions = actions.drop_columns([n for n in ("min.ts", "max.ts") if n in actions.column_names])
    files = tuple(
        DataFile(
            root / unquote(row["path"]),
            {k.removeprefix("partition."): "" if row[k] is None else str(row[k]) for k in keys},
            row["size_bytes"],
            row.get("num_records") or 0,
            _range(row),
        )
        for row in actions.to_pylist()
    )
    return Snapshot(table.version(), files)


def _range(row: Mapping[str, Any]) -> tuple[str, str] | None:
    low, high = row.get("min.event_id"), row.get("max.event_id")
    return (low, high) if low is not None and high is not None else None


def commit(
    table: DeltaTable,
    actions: Sequence[Action],
    *,
    txns: Mapping[str, int] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> int:
    """Commit files that are already durable, with their transaction identifiers, in one atomic step.

    Returns the newest version of the table, which holds the commit.

    `table` must be the object from which the caller read offsets (`table.transaction_version`): Delta then refuses the
    commit if anyone else advanced one of the same identifiers since, which is what makes ingest exactly-once.

    Raises:
        CommitConflictError: someone else committed first, or a file is gone, as vacuum removed it while its commit was
            held up; nothing was written.
        LakeError: the log cannot be written, or a file is not as long as it was.
    """
    root = Path(unquote(table.table_uri.removeprefix("file://")))
    log = root / "_delta_log"
    base = table.version()
    added = {root / unquote(a.path): a.size for a in actions if isinstance(a, AddAction)}
    counted = {ACTION_COUNT: str(len(actions) + len(txns or {}))}
    try:
        _make_durable(log, base - PENDING_COMMITS + 1, base)
        with committing(root, added):
            table.create_write_transaction(
                list(actions),
                mode="append",
                schema=table.schema(),
                partition_by=table.metadata().partition_columns,
                commit_properties=CommitProperties(
                    custom_metadata={k: str(v) for k, v in (metadata or {}).items()} | counted,
                    app_transactions=[Transaction(k, v) for k, v in (txns or {}).items()],
                ),
                post_commithook_properties=NO_HOOKS,
            )
    except CommitFailedError as error:
        raise CommitConflictError(
            f"another process committed to {root} first", hint="read the lake again and repeat the work"
        ) from error
    except (DeltaError, OSError) as error:
        raise LakeError(
            f"cannot commit to {root}: {error}", hint="check that the folder can be written and that the disk has room"
        ) from error
    table.update_incremental()
    newest: int = table.version()
    try:
        _make_durable(log, base + 1, newest)  # ours is among them: others may have committed in between
    except OSError as error:
        raise LakeError(
            f"version {newest} of {root} is written, but cannot be forced to the disk: {error.strerror or error}",
            hint="check the disk before anything is removed that was read for it",
        ) from error
    return newest


_durable: Final[dict[tuple[int, int], int]] = {}
"""Log folder -> the version up to which this process has forced the log: forcing a clean file still costs 1.4 ms."""


def _make_durable(log: Path, first: int, last: int) -> None:
    folder = log.stat()
    known = (folder.st_dev, folder.st_ino)
    for version in range(max(first, _durable.get(known, -1) + 1, 0), last + 1):
        try:
            fsync_file(log / f"{version:020}.json")
        except FileNotFoundError:
            pass  # behind a checkpoint, which is durable before the entries that it replaces are removed
    fsync_directory(log)
    _durable[known] = last


def _has_log(path: Path) -> bool:
    # Version 0 alone says nothing: behind a checkpoint the oldest entries are cleaned away.
    return any((path / "_delta_log").glob("[0-9]*.json")) or any((path / "_delta_log").glob("*.checkpoint*.parquet"))


def _folder(location: str | Path) -> Path:
    text = str(location)
    if "://" in text and not text.startswith("file://"):
        raise UsageError(
            f"the lake {text} is a URL, and this version keeps lakes in folders only",
            hint="name a folder: --lake ./lake",
        )
    # As Delta names it: the paths of its files begin with this one.
    return Path(os.path.realpath(Path(text.removeprefix("file://")).expanduser()))
