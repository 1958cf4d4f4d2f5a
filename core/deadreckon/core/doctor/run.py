"""`examine` and `treat`: the whole round, from the log's files up to the spool."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from deadreckon.core.doctor.datafiles import examine_files
from deadreckon.core.doctor.entries import examine_log
from deadreckon.core.doctor.finding import Cabinet, Finding, Severity, Stage
from deadreckon.core.doctor.leftovers import (
    examine_delivery,
    examine_orphans,
    examine_temporary,
    examine_workshop,
    openable,
)
from deadreckon.core.doctor.offsets import examine_offsets
from deadreckon.core.doctor.spool import examine_spool
from deadreckon.core.doctor.unlogged import examine_unlogged
from deadreckon.core.durable import write_atomically
from deadreckon.core.errors import CommitConflictError, DeadreckonError, LakeNotFoundError
from deadreckon.core.lake import EVENTS_TABLE, Lake, TableSpec
from deadreckon.core.maintenance.run import workshop_of
from deadreckon.core.maintenance.tables import tables
from deadreckon.core.settings import Settings

ROUNDS = 12
"""Each stage that is mended can bring to light what it had hidden."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """A finding that was mended, or whose repair failed, and what was done."""

    finding: Finding
    done: bool
    said: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a lake suffers from now, what was mended, and where the copies of what was replaced are."""

    findings: tuple[Finding, ...]
    treatments: tuple[Treatment, ...] = ()
    kept_in: Path | None = None

    @property
    def healthy(self) -> bool:
        """Whether no damage is left."""
        return not any(f.severity is Severity.damage for f in self.findings)


def doctor(
    location: str | Path,
    settings: Settings | None = None,
    *,
    repair: bool = False,
    deep: bool = False,
    now: datetime | None = None,
) -> Diagnosis:
    """Examine a lake, even one whose tables cannot be opened, and mend it where `repair` says so.

    Without `repair` nothing is written, removed or locked. With it, what is replaced is kept first, in
    `<lake>/_doctor/<time>/`; a repair that is interrupted is simply started again.

    Raises:
        LakeNotFoundError: there is no lake at that place.
        LockHeldError: maintenance or another repair runs.
    """
    lake, settings, now = Lake(Path(location).expanduser().absolute()), settings or Settings(), now or datetime.now(UTC)
    if not _tables(lake):
        raise LakeNotFoundError(
            f"there is no lake at {lake.root}", hint="name one with --lake or DEADRECKON_LAKE, or put back a backup"
        )
    if not repair:
        return Diagnosis(tuple(examine(lake, settings, deep=deep, now=now)))
    with workshop_of(lake):
        return _treat(lake, settings, deep=deep, now=now)


def examine(lake: Lake, settings: Settings, *, deep: bool, now: datetime) -> list[Finding]:
    """All that is wrong now. While a table's log is damaged, what builds on it is not looked at."""
    found: list[Finding] = []
    for spec in _tables(lake):
        log = examine_log(lake, spec)
        found += log
        if any(f.severity is Severity.damage or f.kind == "log_lost" for f in log):
            continue
        why = openable(lake, spec)
        if why:
            found.append(_unknown(spec, why))
            continue
        files = list(examine_files(lake, spec, deep=deep))
        found += files
        if spec.name == EVENTS_TABLE.name:
            # Without all of the ledger it would seem as if inputs had never been read.
            found += [] if files else [*examine_offsets(lake), *examine_unlogged(lake, now=now)]
            found += examine_spool(lake, settings.ingest.sources, now=now)
        found += examine_orphans(lake, spec, now=now, hours=settings.maintain.vacuum_hours)
        found += examine_temporary(lake, spec, now=now)
    return [*found, *examine_delivery(lake), *examine_workshop(lake, now=now)]


def _tables(lake: Lake) -> list[TableSpec]:
    # A table whose log is gone altogether is still a table to the doctor.
    return tables(lake) or ([EVENTS_TABLE] if lake.table_path().is_dir() else [])


def _unknown(spec: TableSpec, why: str) -> Finding:
    return Finding(
        "table_unreadable",
        Severity.damage,
        spec.name,
        "_delta_log",
        why,
        "the table cannot be opened",
        "none: put the table back from a backup",
        Stage.log,
    )


def _treat(lake: Lake, settings: Settings, *, deep: bool, now: datetime) -> Diagnosis:
    cabinet = Cabinet(lake, now)
    treatments: list[Treatment] = []
    tried: dict[tuple[str, str, str], int] = {}
    for _ in range(ROUNDS):
        waiting = [f for f in examine(lake, settings, deep=deep, now=now) if f.mend and tried.get(f.key, 0) < 3]
        if not waiting:
            break
        stage = min(f.stage for f in waiting)
        for finding in waiting:
            if finding.stage is stage and finding.mend:
                tried[finding.key] = tried.get(finding.key, 0) + 1
                try:
                    treatments.append(Treatment(finding, done=True, said=finding.mend(cabinet)))
                except CommitConflictError:
                    continue  # ingest goes on meanwhile: the next round sees what is left to do
                except (DeadreckonError, OSError, pa.ArrowException) as error:
                    tried[finding.key] = 3
                    treatments.append(Treatment(finding, done=False, said=str(error)))
    left = tuple(examine(lake, settings, deep=deep, now=now))
    if treatments:
        _write_report(cabinet, treatments)
    return Diagnosis(left, tuple(treatments), cabinet.folder if treatments else None)


def _write_report(cabinet: Cabinet, treatments: Sequence[Treatment]) -> None:
    lines = [{**as_dict(t.finding), "done": t.done, "said": t.said} for t in treatments]
    cabinet.folder.mkdir(parents=True, exist_ok=True)
    write_atomically(cabinet.folder / "report.json", json.dumps(lines, indent=2).encode())


def as_dict(finding: Finding) -> dict[str, str]:
    """A finding as the JSON contract states it."""
    names = ("kind", "severity", "table", "subject", "meaning", "risk", "remedy")
    return {name: str(getattr(finding, name)) for name in names}
