"""A commit that a power cut left with some of its actions: taken back or completed as a whole."""

from __future__ import annotations

import json
import time
from typing import Any

import orjson
from deltalake.transaction import AddAction, RemoveAction

from deadreckon.core.doctor.finding import Cabinet
from deadreckon.core.durable import write_atomically
from deadreckon.core.errors import LakeError
from deadreckon.core.lake import ACTION_COUNT, Action, Lake, TableSpec, commit
from deadreckon.core.maintenance.log import Commit, Log, read_checkpoint, read_commit
from deadreckon.core.maintenance.tables import live_files

SERIAL = "ingest"
"""Ingest's own counter: a repair that takes rows away advances it, so that no ingester decides by what was there."""


def mend_partial(cabinet: Cabinet, lake: Lake, spec: TableSpec, cut: Commit) -> str:
    """Bring the table back to a state in which the commit is there as a whole, or not at all.

    Maintenance is undone: what it added goes, what it removed comes back from the disk. An ingest commit whose ledger
    file is there has all its event files, as the ledger is written last: its offsets are completed (see
    offset_lost). One without its ledger file is undone; its offsets were never advanced, so its lines come again.
    """
    ledger = any(a["path"].startswith("part=ledger/") for a in cut.of("add"))
    if "deadreckon.step" in cut.metadata or not ledger:
        said = _undo(lake, spec, cut)
    else:
        said = "its files stay, its offsets follow"
    copy = cabinet.keep(cut.path)
    write_atomically(cut.path, _with_true_count(cut))
    return f"{said}; what was there is kept in {copy}"


def _undo(lake: Lake, spec: TableSpec, cut: Commit) -> str:
    table = lake.table(spec)
    live = {f.raw for f in live_files(table)[0]}
    added = {a["path"]: a for a in cut.of("add")}
    removed = {r["path"] for r in cut.of("remove")} - live
    known = known_adds(Log.of(lake.table_path(spec)))
    absent = [p for p in removed if p not in known or not (lake.table_path(spec) / p).exists()]
    if absent or (added and not added.keys() <= live and removed):
        raise LakeError(
            f"version {cut.version} of table {spec.name} cannot be undone: {', '.join(absent) or 'its files'} are gone",
            hint="put the lake back from a backup of before that version",
        )
    now_ms = int(time.time() * 1000)
    actions: list[Action] = [again(known[p]) for p in sorted(removed)]
    actions += [gone(added[p], now_ms) for p in sorted(added.keys() & live)]
    if actions:
        serial = (table.transaction_version(SERIAL) or 0) + 1
        commit(table, actions, txns={SERIAL: serial}, metadata={"deadreckon.doctor": "undo"})
    return f"{len(added.keys() & live)} files were taken out again and {len(removed)} put back"


def known_adds(log: Log) -> dict[str, dict[str, Any]]:
    """Every file that the log still knows to have been added, with the action that added it."""
    actions: list[dict[str, Any]] = []
    if log.checkpoints:
        actions += read_checkpoint(log.checkpoints[max(log.checkpoints)])
    for version in sorted(log.commits):
        actions += read_commit(version, log.commits[version]).actions
    return {a["add"]["path"]: a["add"] for a in actions if "add" in a}


def again(add: dict[str, Any]) -> AddAction:
    """The action that adds a file again as it was added before."""
    stats = add.get("stats")
    return AddAction(
        add["path"],
        add["size"],
        dict(add["partitionValues"]),
        add["modificationTime"],
        data_change=False,
        stats=stats if isinstance(stats, str) else json.dumps(stats or {}),
    )


def gone(add: dict[str, Any], now_ms: int) -> RemoveAction:
    """The action that takes out a file that was added so."""
    return RemoveAction(
        add["path"],
        data_change=True,
        deletion_timestamp=now_ms,
        size=add["size"],
        partition_values=dict(add["partitionValues"]),
    )


def _with_true_count(cut: Commit) -> bytes:
    lines = []
    for action in cut.actions:
        if "commitInfo" in action:
            info = action["commitInfo"] | {ACTION_COUNT: str(len(cut.actions) - 1), "deadreckon.doctor": "cut short"}
            lines.append(orjson.dumps({"commitInfo": info}))
        else:
            lines.append(orjson.dumps(action))
    return b"\n".join(lines)
