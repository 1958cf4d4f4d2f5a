"""The log's own health: entries that are half-written or missing, checkpoints that cannot be read, a wrong pointer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import orjson
import pyarrow as pa

from deadreckon.core.doctor.finding import Cabinet, Finding, Severity, Stage
from deadreckon.core.doctor.partial import mend_partial
from deadreckon.core.durable import fsync_directory, write_atomically
from deadreckon.core.lake import ACTION_COUNT, EVENTS_TABLE, Lake, TableSpec
from deadreckon.core.maintenance.log import POINTER, Commit, Log, read_checkpoint, read_commit

SOURCES_STAY: Final = (
    "what it held is as if it had never been committed, offsets included, so that its lines are read again"
)


@dataclass(slots=True)
class Health:
    """What of a log can be read. `base`: the newest whole checkpoint that every later entry joins on to."""

    log: Log
    whole: list[int] = field(default_factory=list)
    broken: dict[int, str] = field(default_factory=dict)
    base: int = -1

    @classmethod
    def of(cls, table: Path) -> Health:
        """Look at the log in this folder."""
        health = cls(Log.of(table))
        for version, path in sorted(health.log.checkpoints.items()):
            try:
                read_checkpoint(path)
                health.whole.append(version)
            except (OSError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                health.broken[version] = str(error).partition("\n")[0]
        health.base = max(health.whole, default=-1)
        return health

    @property
    def missing(self) -> list[int]:
        """Entries that should be there: above the newest checkpoint, or from the first on without one."""
        start = max([self.base, *self.broken])
        return [v for v in range(start + 1, max(self.log.commits, default=-1)) if v not in self.log.commits]


def examine_log(lake: Lake, spec: TableSpec) -> list[Finding]:
    """All that is wrong with the files of a table's log."""
    health = Health.of(lake.table_path(spec))
    log = health.log
    if not log.commits and not log.checkpoints:
        return [_no_log(lake, spec)]
    return [
        *_checkpoints(spec, health),
        *_pointer(spec, health),
        *_missing(lake, spec, health),
        *_entries(lake, spec, health),
    ]


def _no_log(lake: Lake, spec: TableSpec) -> Finding:
    count = sum(1 for _ in lake.table_path(spec).rglob("*.parquet"))
    return Finding(
        "log_lost",
        Severity.damage if count else Severity.note,
        spec.name,
        "_delta_log",
        f"the log is empty, and {count} data files lie beside it" if count else "the table was never finished",
        "which files hold the rows, and how far each input was read, is not known any more" if count else "nothing",
        "none: put the folder back from a backup" if count else "none needed: the next ingest makes the table",
        Stage.log,
    )


def _checkpoints(spec: TableSpec, health: Health) -> Iterator[Finding]:
    for version, why in health.broken.items():
        # Without it the log must be whole from the last checkpoint that can be read, or from its beginning.
        needed = range(health.base + 1, version + 1)
        lost = [v for v in needed if v not in health.log.commits]
        path = health.log.checkpoints[version]
        yield Finding(
            "checkpoint_damaged",
            Severity.damage,
            spec.name,
            path.name,
            f"the checkpoint of version {version} cannot be read: {why}",
            "the table cannot be opened; no row is lost"
            if not lost
            else f"entries {lost[0]} to {lost[-1]}, which only this checkpoint still held, are gone",
            "the checkpoint is put aside: the entries that it summed up are all there"
            if not lost
            else "none: put the checkpoint back from a backup",
            Stage.log,
            None if lost else partial(_put_aside, path=path, folder=health.log.folder),
        )


def _put_aside(cabinet: Cabinet, path: Path, folder: Path) -> str:
    # The pointer first: pointing to nothing is worse than not pointing.
    pointer = folder / POINTER
    if pointer.exists():
        cabinet.put_away(pointer)
    copy = cabinet.put_away(path)
    return f"moved to {copy}"


def _pointer(spec: TableSpec, health: Health) -> Iterator[Finding]:
    pointer = health.log.pointer
    if pointer is None or health.broken:
        return  # a broken checkpoint takes its pointer with it
    try:
        version = orjson.loads(pointer.read_bytes())["version"]
    except (OSError, ValueError, KeyError, TypeError):
        yield Finding(
            "pointer_damaged",
            Severity.note,
            spec.name,
            POINTER,
            "the note of where the newest checkpoint is cannot be read",
            "nothing: readers look for themselves, which takes a little longer",
            "it is put aside; the next checkpoint writes it anew",
            Stage.log,
            lambda cabinet: f"moved to {cabinet.put_away(pointer)}",
        )
        return
    if version not in health.log.checkpoints:
        yield Finding(
            "pointer_dangling",
            Severity.damage,
            spec.name,
            POINTER,
            f"it points to a checkpoint of version {version}, which is not there",
            "the table cannot be opened; no row is lost as long as the log is whole",
            "it is put aside; the next checkpoint writes it anew",
            Stage.log,
            lambda cabinet: f"moved to {cabinet.put_away(pointer)}",
        )


def _missing(lake: Lake, spec: TableSpec, health: Health) -> Iterator[Finding]:
    for version in health.missing:
        # More than the first entry gone from the beginning is no accident of one write: too much would be empty.
        mendable = 0 not in health.missing or (health.missing == [0] and spec.name == EVENTS_TABLE.name)
        yield Finding(
            "entry_missing",
            Severity.damage,
            spec.name,
            f"{version:020}.json",
            f"the log goes on to version {max(health.log.commits)}, but version {version} is not there",
            "the table cannot be opened; what was committed in that version is known only from its data files",
            "an empty entry takes its place; what it held is then looked for, see lost_range"
            if mendable
            else "none: put the entries back from a backup",
            Stage.log,
            partial(_fill, lake=lake, spec=spec, version=version) if mendable else None,
        )


def _fill(cabinet: Cabinet, lake: Lake, spec: TableSpec, version: int) -> str:
    content = beginning(cabinet) if version == 0 else empty_entry("in place of an entry that was missing")
    write_atomically(lake.table_path(spec) / "_delta_log" / f"{version:020}.json", content)
    return f"version {version} is now an empty entry"


def _entries(lake: Lake, spec: TableSpec, health: Health) -> Iterator[Finding]:
    log = health.log
    newest = max(log.commits, default=-1)
    for version in sorted(log.commits):
        commit = read_commit(version, log.commits[version])
        if not commit.fault:
            continue
        if version <= health.base:
            yield Finding(
                "old_entry_damaged",
                Severity.note,
                spec.name,
                commit.path.name,
                f"entry {version} {commit.fault}, but the checkpoint of version {health.base} holds what it said",
                "nothing, as long as the checkpoint is whole",
                "none needed: `reckon maintain` clears old entries in their time",
                Stage.log,
            )
        elif version == 0:
            yield _first_entry(spec, health, commit)
        elif commit.partial:
            yield Finding(
                "commit_cut_short",
                Severity.damage,
                spec.name,
                commit.path.name,
                f"entry {version} {commit.fault}: a power cut came before it was on the disk",
                "files and offsets of one commit have parted: rows could be missing, or be read twice",
                "what is there of it is taken back by a new commit, or completed from its ledger, as a whole",
                Stage.log,
                partial(mend_partial, lake=lake, spec=spec, cut=commit),
            )
        else:
            yield Finding(
                "commit_half_written",
                Severity.damage,
                spec.name,
                commit.path.name,
                f"entry {version} {commit.fault}: a power cut came before it was on the disk",
                (
                    f"the table cannot be opened (or is missing that commit); {SOURCES_STAY}"
                    if version == newest
                    else "the table cannot be opened; later commits have built on it, see lost_range after the repair"
                ),
                # Nothing could build on an entry that does not parse, and one that is empty says the same before and
                # after: replaced in place the log never has a gap, whoever else commits just now.
                "an empty entry takes its place; its data files stay as orphans until vacuum's time",
                Stage.log,
                partial(_empty, commit=commit),
            )


def _empty(cabinet: Cabinet, commit: Commit) -> str:
    copy = cabinet.keep(commit.path)
    write_atomically(commit.path, empty_entry("in place of an entry that was half written"))
    return f"version {commit.version} is now an empty entry; what was there is kept in {copy}"


def _first_entry(spec: TableSpec, health: Health, commit: Commit) -> Finding:
    alone = len(health.log.commits) == 1
    mendable = alone or spec.name == EVENTS_TABLE.name

    def mend(cabinet: Cabinet) -> str:
        if alone:
            copy = cabinet.put_away(commit.path)
            return f"moved to {copy}; the next ingest makes the table"
        copy = cabinet.keep(commit.path)
        write_atomically(commit.path, beginning(cabinet))
        return f"written anew with the columns of this version; what was there is kept in {copy}"

    return Finding(
        "commit_half_written",
        Severity.damage,
        spec.name,
        commit.path.name,
        f"the entry that makes the table {commit.fault}",
        "the table cannot be opened; it never held a row" if alone else "the table cannot be opened",
        ("it is put aside, and the next ingest makes the table" if alone else "it is written anew")
        if mendable
        else "none: its columns are not known any more; put the entry back from a backup",
        Stage.log,
        mend if mendable else None,
    )


def empty_entry(why: str) -> bytes:
    """An entry of the log that changes nothing and says why it is there."""
    info: dict[str, Any] = {
        "timestamp": int(time.time() * 1000),
        "operation": "WRITE",
        "operationParameters": {"mode": "Append"},
        "engineInfo": "deadreckon",
        ACTION_COUNT: "0",
        "deadreckon.doctor": why,
    }
    return orjson.dumps({"commitInfo": info}, option=orjson.OPT_APPEND_NEWLINE)


def beginning(cabinet: Cabinet) -> bytes:
    """The first entry of the events table, as this version makes it."""
    scratch = Lake(cabinet.folder / "beginning")
    scratch.ensure_table(EVENTS_TABLE)
    fsync_directory(cabinet.folder)
    return (scratch.table_path() / "_delta_log" / f"{0:020}.json").read_bytes()
