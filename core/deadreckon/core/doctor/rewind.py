"""Setting inputs back, so that lost rows are read again; and putting on record what cannot be read again.

An offset is one number: to read bytes 50 to 80 of an input again is to read all from 50 on again. So the rows that came
from there leave the lake in the same commit that sets the offset back, and nothing can be there twice.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import duckdb
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from deadreckon.core import schema
from deadreckon.core.doctor.history import Range
from deadreckon.core.doctor.inputs import State, inputs, whole_files
from deadreckon.core.doctor.losses import losses, write_ledger
from deadreckon.core.doctor.partial import SERIAL
from deadreckon.core.durable import fsync_all
from deadreckon.core.errors import LakeError
from deadreckon.core.lake import EVENTS_TABLE, Action, Lake, commit
from deadreckon.core.maintenance.merge import READ, describe, engine, statistics_of, write_rows
from deadreckon.core.maintenance.tables import LiveFile, live_files, removal

AFFECTED: Final = """
    SELECT filename, count(*)
    FROM read_parquet($files, union_by_name = true, hive_partitioning = false, filename = true)
    JOIN (SELECT unnest($ids) AS id, unnest($starts) AS start) AS back ON source_id = id AND source_offset >= start
    GROUP BY filename
"""
REMAINING: Final = f"""
    FROM {READ} ANTI JOIN (SELECT unnest($ids) AS id, unnest($starts) AS start) AS back
    ON source_id = id AND source_offset >= start
"""


@dataclass(frozen=True, slots=True)
class Rewind:
    """Inputs to set back, with their new offsets, and ranges that cannot be read again.

    `waiting`: inputs that are there but cannot be read now. To go on without them would give up what they may hold.
    """

    offsets: Mapping[str, int] = field(default_factory=dict)
    lost: Sequence[Range] = ()
    known: bool = True
    readable: Sequence[str] = ()
    waiting: Sequence[str] = ()

    @classmethod
    def plan(cls, lake: Lake, ranges: Collection[Range] | None) -> Rewind:
        """Which of these ranges can be read again; None: they are not known."""
        known = inputs(lake) if ranges else {}
        back: dict[str, int] = {}
        lost: list[Range] = []
        waiting: set[str] = set()
        for found in ranges or ():
            state = known[found.source_id].state if found.source_id in known else State.unknown
            if state is State.unreadable:
                waiting.add(known[found.source_id].path)
            elif state is State.there:
                back[found.source_id] = min(found.start, back.get(found.source_id, found.start))
            else:
                lost.append(found)
        readable = sorted({known[s].path for s in back})
        return cls(_to_row_starts(lake, back), lost, ranges is not None, readable, sorted(waiting))

    @property
    def wait(self) -> str:
        """What to do before anything is repaired; empty when nothing needs to be waited for."""
        if not self.waiting:
            return ""
        named = ", ".join(self.waiting[:5]) + (f" and {len(self.waiting) - 5} more" if len(self.waiting) > 5 else "")
        return f"none yet: make readable, or move away to give up what came from there: {named}"

    def carry_out(self, lake: Lake, broken: LiveFile | None) -> str:
        """Take `broken` and all rows behind the new offsets out, set the offsets back, record losses: one commit.

        Raises:
            LakeError: an input cannot be read now.
        """
        if self.waiting:
            raise LakeError("inputs cannot be read now, and may hold what is missing", hint=self.wait)
        table = lake.table()
        # A repair before this one may have set them back further.
        offsets = {s: min(start, table.transaction_version(s) or 0) for s, start in self.offsets.items()}
        now, now_ms = datetime.now(UTC), int(time.time() * 1000)
        actions: list[Action] = [] if broken is None else [removal(broken, now_ms, data_change=True)]
        left_out = 0
        if self.offsets:
            for part in (schema.PART_EVENTS, schema.PART_LEDGER):
                files = [f for f in whole_files(lake, part) if broken is None or f.raw != broken.raw]
                taken, count = self._without(lake, files, now_ms)
                actions += taken
                left_out += count if part == schema.PART_EVENTS else 0
        record = [] if broken is None else losses(lake, broken, self.lost, known=self.known)
        if record:
            actions.append(write_ledger(lake, record, now))
        serial = (table.transaction_version(SERIAL) or 0) + 1
        commit(table, actions, txns={**offsets, SERIAL: serial}, metadata={"deadreckon.doctor": "rewind"})
        said = ["1 file left the table"] if broken is not None else []
        if self.offsets:
            said.append(
                f"inputs set back for the next ingest: {len(self.offsets)}, with {left_out} events of other files"
            )
        if record:
            said.append(f"losses on record in the quarantine: {len(record)}")
        return "; ".join(said)

    def behind(self, lake: Lake, broken: LiveFile) -> int:
        """How many events in files other than `broken` leave the table when the inputs are set back."""
        files = [str(f.path) for f in whole_files(lake, schema.PART_EVENTS) if f.raw != broken.raw]
        if not files or not self.offsets:
            return 0
        with duckdb.connect() as connection:
            return sum(n for _, n in connection.execute(AFFECTED, {"files": files, **self._back}).fetchall())

    @property
    def _back(self) -> dict[str, list[str] | list[int]]:
        return {"ids": list(self.offsets), "starts": list(self.offsets.values())}

    def _without(self, lake: Lake, files: Sequence[LiveFile], now_ms: int) -> tuple[list[Action], int]:
        if not files:
            return [], 0
        back = self._back
        actions: list[Action] = []
        total = 0
        workshop = lake.root / "_maintenance"
        _, covered = live_files(lake.table())
        with engine(workshop) as connection:
            hit = dict(connection.execute(AFFECTED, {"files": [str(f.path) for f in files], **back}).fetchall())
            for file in files:
                count = hit.get(str(file.path), 0)
                if not count:
                    continue
                total += count
                actions.append(removal(file, now_ms, data_change=True))
                one = {"files": [str(file.path)]}
                columns = describe(connection, one)
                aside = workshop / f"mended-{uuid.uuid4()}.parquet"
                write_rows(connection, REMAINING, {**one, **back}, columns, aside)
                if pq.read_metadata(aside).num_rows == 0:
                    aside.unlink()
                    continue
                written = {"files": [str(aside)]}
                stats = statistics_of(connection, written, {c: columns[c] for c in covered if c in columns})
                actions.append(_placed(lake, file, aside, stats))
        return actions, total


def _to_row_starts(lake: Lake, back: dict[str, int]) -> dict[str, int]:
    """Offsets at which a ledger row begins: a row stands for all of its bytes or for none."""
    files = [str(f.path) for f in whole_files(lake, schema.PART_LEDGER)]
    if not back or not files:
        return back
    query = f"FROM {READ} SELECT source_id, source_offset, end_offset WHERE record = 'source' ORDER BY end_offset DESC"
    for source, start, end in duckdb.execute(query, {"files": files}).fetchall():
        if source in back and start < back[source] < end:
            back[source] = start
    return back


def _placed(lake: Lake, instead_of: LiveFile, aside: Path, stats: str) -> AddAction:
    final = instead_of.path.parent / aside.name
    aside.rename(final)
    fsync_all([final], up_to=lake.table_path(EVENTS_TABLE))
    raw = f"{instead_of.raw.rpartition('/')[0]}/{aside.name}"
    return AddAction(
        raw, final.stat().st_size, dict(instead_of.partition), instead_of.modified_ms, data_change=True, stats=stats
    )
