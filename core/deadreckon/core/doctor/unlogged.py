"""Commits that the log does not have, though all of their data files are there: the newest entries may be lost.

A log that lost its newest entries looks like one that never had them, and their data files look like those of an
ingester that was killed before it could commit. The difference is their inputs: an ingester removes or forgets what it
has read only after its commit. While an input is there the next ingest reads its lines again, whichever it was. When
it is gone or cannot be read, the data files may be all that is left of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from deadreckon.core.doctor.adopt import Held, LostCommit, adopt, lost_commits
from deadreckon.core.doctor.finding import Cabinet, Finding, Severity, Stage
from deadreckon.core.doctor.inputs import State, unread
from deadreckon.core.lake import EVENTS_TABLE, Lake
from deadreckon.core.maintenance.vacuum import UNCOMMITTED_HOURS


def examine_unlogged(lake: Lake, *, now: datetime) -> Iterator[Finding]:
    """Look at data files that no commit names, and that are whole commits; for holes between others see lost_range."""
    commits = list(lost_commits(lake))
    behind = {found.source_id for found in unread(lake)} if commits else set()
    for lost in commits:
        if behind.isdisjoint(h.range.source_id for h in lost.held):
            yield _finding(lake, lost, now)


def _finding(lake: Lake, lost: LostCommit, now: datetime) -> Finding:
    gone = sorted({_name(h) for h in lost.held if h.input.state is not State.there})
    everything = sorted({_name(h) for h in lost.held})
    age_hours = (now.timestamp() - lost.ledger.stat().st_mtime) / 3600
    settled = age_hours >= UNCOMMITTED_HOURS
    if not gone:
        risk = "nothing, as long as the inputs stay: their lines are not in the lake, and are read again"
        remedy = "none needed: run `reckon ingest`, which reads them again"
    else:
        risk = f"the files may be all that is left of lines of {_some(gone)}, and vacuum removes them in its time"
        remedy = (
            "they are committed again, without what is there already"
            if settled
            else "none yet: an ingester may be about to commit them; run `reckon doctor` again in an hour"
        )
    return Finding(
        "commit_lost",
        Severity.damage if gone and settled else Severity.note,
        EVENTS_TABLE.name,
        lost.ledger.relative_to(lake.table_path()).as_posix(),
        f"{len(lost.events) + 1} data files belong to no commit, but hold a whole one, {lost.count} events of "
        f"{_some(everything)}: an ingester was killed before its commit, or the newest entry of the log is lost",
        risk,
        remedy,
        Stage.offsets,
        partial(_mend, lake=lake, lost=lost) if gone and settled else None,
    )


def _name(held: Held) -> str:
    return held.input.path or held.range.source_id


def _some(paths: list[str]) -> str:
    return ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")


def _mend(_cabinet: Cabinet, *, lake: Lake, lost: LostCommit) -> str:
    still = next((found for found in lost_commits(lake) if found.ledger == lost.ledger), None)
    return adopt(lake, still) if still else "mended together with another, or committed meanwhile"
