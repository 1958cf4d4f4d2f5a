"""Profiles put together: the files of a month become one of each part, and old months are kept by the day.

Both parts of a month change in one commit, for their readers join them; what the rows say in sum stays what it was.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from deadreckon.core.durable import fsync_all
from deadreckon.core.errors import CommitConflictError, LakeError
from deadreckon.core.lake import Action, Lake, commit
from deadreckon.core.maintenance.merge import READ, Merged, damaged, engine
from deadreckon.core.maintenance.tables import LiveFile, live_files, removal
from deadreckon.core.profiles import BUCKET, COUNTS, FILES, OLD_SCALE, PROFILES, SUBJECT, SUMMARY, files_mark

OPEN_FILES: Final = 16
"""Files of a part that the newest month may have before they are put together."""
DAILY: Final = "daily-"
"""What a file's name begins with whose rows are all by the day."""
_TOTAL: Final = {
    BUCKET: "sum(n)",
    SUMMARY: ", ".join(f"sum({n})" for n in COUNTS) + ", min(min), max(max)",
    SUBJECT: "count(DISTINCT subject), max(version)",
}
"""What must be the same before and after."""


@dataclass(frozen=True, slots=True)
class Fold:
    """The files of one month (or of all subjects) that become one of each part."""

    files: tuple[LiveFile, ...]
    old: bool = False
    """Whether the whole month is so old that its hours become days."""

    def part(self, part: str) -> list[LiveFile]:
        """Its files of one part."""
        return [f for f in self.files if _part(f) == part]

    @property
    def size(self) -> int:
        """Their bytes."""
        return sum(f.size for f in self.files)


def plan_folds(files: Sequence[LiveFile], *, today: date, hourly_days: int) -> list[Fold]:
    """The months that are worth their work, oldest first.

    A month that is over is put together once it has two files of a part, the newest when it has more than `OPEN_FILES`
    of them. One that ended more than `hourly_days` days before `today` (UTC) is kept by the day; none when it is 0.
    """
    months: dict[date | None, list[LiveFile]] = {}
    subjects = [f for f in files if _part(f) == SUBJECT]
    for file in files:
        if _part(file) in (BUCKET, SUMMARY):
            months.setdefault(file.day, []).append(file)
    folds = [Fold(tuple(subjects))] if len(subjects) > OPEN_FILES else []
    for month, found in sorted(months.items(), key=lambda m: m[0] or date.min):
        most = max(sum(_part(f) == part for f in found) for part in (BUCKET, SUMMARY))
        end = _next(month) if month else today
        old = hourly_days > 0 and end <= _before(today, hourly_days)
        if most > (1 if end <= today else OPEN_FILES) or (old and not _by_day(found)):
            folds.append(Fold(tuple(found), old))
    return folds


def fold(lake: Lake, plan: Fold, workshop: Path) -> Merged | None:
    """Put the plan's files together in one commit; None when others changed the table meanwhile.

    Nothing changes if this process is killed at any point.

    Raises:
        DamagedLakeError: a file cannot be read.
        LakeError: what was written does not say what it was made of.
    """
    table = lake.table(PROFILES)
    live, _ = live_files(table)
    if not {f.raw for f in plan.files} <= {f.raw for f in live}:
        return None
    now_ms = int(time.time() * 1000)
    actions: list[Action] = []
    written: list[Path] = []
    rows = 0
    for part in (BUCKET, SUMMARY, SUBJECT):
        if found := plan.part(part):
            add, count = _write(lake, part, found, workshop, old=plan.old)
            actions.append(add)
            written.append(lake.table_path(PROFILES) / add.path)
            rows += count
    fsync_all(written, up_to=lake.table_path(PROFILES))
    size = sum(path.stat().st_size for path in written)
    actions += [removal(f, now_ms, data_change=False) for f in plan.files]
    names = {f.path.name for f in live} - {f.path.name for f in plan.files} | {p.name for p in written}
    try:
        commit(table, actions, txns={FILES: files_mark(names)}, metadata={"deadreckon.step": "compact"})
    except CommitConflictError:
        for path in written:
            path.unlink(missing_ok=True)
        return None
    return Merged(len(plan.files), plan.size, size, rows)


def _write(lake: Lake, part: str, files: list[LiveFile], workshop: Path, *, old: bool) -> tuple[AddAction, int]:
    # Its name says that it is by the day, so that nobody need look inside.
    name = f"{DAILY if old else 'folded-'}{uuid.uuid4()}.parquet"
    aside, final = workshop / name, files[0].path.parent / name
    parameters: dict[str, dict[str, Any]] = {
        BUCKET: {"old": old, "scale": OLD_SCALE},
        SUMMARY: {"old": old},
        SUBJECT: {},
    }
    quoted = str(aside).replace("'", "''")
    with engine(workshop) as con:
        try:
            con.execute(f"CREATE VIEW rows AS FROM {_listed(f.path for f in files)}")
            before = con.execute(f"FROM rows SELECT {_TOTAL[part]}").fetchone()
            con.execute(f"COPY ({_queries()[part]}) TO '{quoted}' (FORMAT parquet, COMPRESSION zstd)", parameters[part])
            after = con.execute(f"FROM {_listed([aside])} SELECT {_TOTAL[part]}").fetchone()
        except duckdb.Error as error:
            raise damaged(lake, PROFILES, "put together", str(error)) from error
    if before != after:
        raise LakeError(
            f"the profiles put together in {aside} say {after} where their parts say {before}",
            hint="nothing was replaced; check the disk, then run the command again",
        )
    count = pq.read_metadata(aside).num_rows
    aside.rename(final)
    raw = f"{files[0].raw.rpartition('/')[0]}/{name}"
    latest = max(f.modified_ms for f in files)
    stats = json.dumps({"numRecords": count})
    add = AddAction(raw, final.stat().st_size, dict(files[0].partition), latest, data_change=False, stats=stats)
    return add, count


@cache
def _queries() -> dict[str, str]:
    text = (resources.files("deadreckon.core.maintenance") / "fold.sql").read_text("utf-8")
    return {
        part: query.strip().rstrip(";")
        for part, query in re.findall(r"^-- (\w+)\n((?:(?!^-- ).*\n)+)", text, re.MULTILINE)
    }


def _by_day(files: Sequence[LiveFile]) -> bool:
    return all(f.path.name.startswith(DAILY) for f in files)


def _part(file: LiveFile) -> str:
    return dict(file.partition).get("part") or ""


def _listed(paths: Any) -> str:
    quoted = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
    return READ.replace("$files", f"[{quoted}]")


def _next(month: date) -> date:
    return date.max if (month.year, month.month) == (9999, 12) else (month + timedelta(days=32)).replace(day=1)


def _before(today: date, days: int) -> date:
    return today - timedelta(days=days) if days < today.toordinal() else date.min
