"""A Delta table's log read file by file, for when the table must not, or cannot, be opened as a whole."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from deadreckon.core.lake import ACTION_COUNT

COMMIT: Final = re.compile(r"(\d{20})\.json")
CHECKPOINT: Final = re.compile(r"(\d{20})\.checkpoint\.parquet")
FOREIGN: Final = re.compile(
    r"\d{20}\.(checkpoint\..+\.(parquet|json)|crc|\d{20}\.compacted\.json)|_sidecars|_staged_commits"
)
POINTER: Final = "_last_checkpoint"


@dataclass(frozen=True, slots=True)
class Commit:
    """One entry of the log; `fault` says what is wrong with its file, and is empty when it is whole."""

    version: int
    path: Path
    actions: tuple[dict[str, Any], ...]
    fault: str = ""
    partial: bool = False
    """Whether the fault is that it ends too soon, at the end of a line: the table opens, with a part of the commit."""

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Its actions of one kind: add, remove, txn, ..."""
        return [a[kind] for a in self.actions if kind in a]

    @property
    def metadata(self) -> dict[str, Any]:
        """What the writer noted about the commit."""
        infos = self.of("commitInfo")
        return infos[0] if infos else {}


@dataclass(frozen=True, slots=True)
class Log:
    """What lies in a `_delta_log` folder."""

    folder: Path
    commits: dict[int, Path] = field(default_factory=dict)
    checkpoints: dict[int, Path] = field(default_factory=dict)
    pointer: Path | None = None
    strangers: tuple[Path, ...] = ()
    """Files that belong to no log: what is left of a write that was interrupted."""

    @classmethod
    def of(cls, table: Path) -> Log:
        """The log of the table in this folder."""
        log = cls(table / "_delta_log")
        strangers = []
        for path in sorted(log.folder.iterdir()) if log.folder.is_dir() else ():
            if found := COMMIT.fullmatch(path.name):
                log.commits[int(found[1])] = path
            elif found := CHECKPOINT.fullmatch(path.name):
                log.checkpoints[int(found[1])] = path
            elif path.name != POINTER and not FOREIGN.fullmatch(path.name):
                strangers.append(path)
        pointer = log.folder / POINTER
        return cls(log.folder, log.commits, log.checkpoints, pointer if pointer.exists() else None, tuple(strangers))

    @property
    def newest(self) -> int:
        """The newest version; -1 when there is none."""
        return max([*self.commits, *self.checkpoints], default=-1)

    def offsets(self) -> dict[str, int]:
        """Every application's newest transaction version: the offsets of all sources, and ingest's own counter.

        Raises:
            OSError: an entry cannot be read.
            pyarrow.ArrowInvalid: the newest checkpoint is damaged.
        """
        start = max(self.checkpoints, default=-1)
        actions = read_checkpoint(self.checkpoints[start]) if start >= 0 else []
        for version in sorted(v for v in self.commits if v > start):
            actions += read_commit(version, self.commits[version]).actions
        return {a["txn"]["appId"]: a["txn"]["version"] for a in actions if "txn" in a}


def read_commit(version: int, path: Path) -> Commit:
    """An entry of the log with whatever of it can be read."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return Commit(version, path, (), f"cannot be read ({error.strerror or error})")
    if not content:
        return Commit(version, path, (), "is empty")
    actions: list[dict[str, Any]] = []
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            action = orjson.loads(line)
        except orjson.JSONDecodeError:
            what = "holds only NUL bytes" if not content.strip(b"\0") else f"is cut off or garbled in line {number}"
            return Commit(version, path, tuple(actions), what)
        if not isinstance(action, dict):
            return Commit(version, path, tuple(actions), f"has no action in line {number}")
        actions.append(action)
    commit = Commit(version, path, tuple(actions))
    promised = str(commit.metadata.get(ACTION_COUNT, ""))
    held = len(actions) - 1
    if promised.isdecimal() and held < int(promised):
        return Commit(version, path, tuple(actions), f"is cut off after {held} of {promised} actions", partial=True)
    return commit


def read_checkpoint(path: Path) -> list[dict[str, Any]]:
    """The actions of a checkpoint in the form that commits have them.

    Raises:
        OSError: it cannot be read.
        pyarrow.ArrowInvalid: it is no whole Parquet file, or holds no table.
    """
    with pq.ParquetFile(path) as file:  # not read_table: its datasets import pandas, which takes seconds
        rows = file.read().to_pylist()
    actions = [{k: _tidy(v) for k, v in row.items() if v is not None} for row in rows]
    kinds = {kind for action in actions for kind in action}
    if not {"metaData", "protocol"} <= kinds:
        raise pa.ArrowInvalid("it holds no metaData or no protocol action")
    return actions


def _tidy(value: Any) -> Any:
    # Arrow gives maps as lists of pairs.
    if isinstance(value, dict):
        return {k: _tidy(v) for k, v in value.items()}
    if isinstance(value, list) and value and all(isinstance(pair, tuple) for pair in value):
        return dict(value)
    return value


def removals(table: Path) -> dict[str, int]:
    """Files that the log removed and when (milliseconds), as far back as the log still goes, by the log's spelling."""
    log = Log.of(table)
    actions: list[dict[str, Any]] = []
    if log.checkpoints:
        actions += read_checkpoint(log.checkpoints[max(log.checkpoints)])
    for version in sorted(log.commits):
        actions += read_commit(version, log.commits[version]).actions
    gone: dict[str, int] = {}
    for action in actions:
        if "remove" in action:
            removed = action["remove"]
            gone[removed["path"]] = max(removed.get("deletionTimestamp") or 0, gone.get(removed["path"], 0))
    return gone
