"""What the table of events has gained and lost since it was last profiled, read from its log."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import pyarrow.parquet as pq
from deltalake import DeltaTable

from deadreckon.core import schema
from deadreckon.core.lake import Lake, snapshot_of
from deadreckon.core.maintenance.log import Commit, Log, read_commit
from deadreckon.core.profiles import APP, FILES, MARK, files_mark, lost

_DAY: Final = re.compile(rf"(?:^|/)part={schema.PART_EVENTS}/date=(\d{{4}}-\d\d-\d\d)/")
_EXPIRED: Final = "expire"


@dataclass(frozen=True, slots=True)
class Feed:
    """Files whose events are counted, and days whose profiles are replaced by what is counted."""

    version: int
    """The version of the events that this leads to."""
    mark: int
    files: tuple[tuple[Path, int], ...]
    """With how many events each has."""
    days: tuple[date, ...] = ()
    everything: bool = False
    """Whether all days that have events are made anew."""


def feed(lake: Lake, profiles: DeltaTable, again: Sequence[date] = (), *, everything: bool = False) -> Feed | None:
    """What is to be profiled so that the profiles hold the newest events; None when they do.

    `again`: days that are made anew in any case; `everything`: all of them.
    """
    table = lake.table()
    version = table.version()
    log = Log.of(lake.table_path())
    mark = _mark(log, version)
    last = profiles.transaction_version(APP)
    live = {f.path: f.date for f in snapshot_of(table).part(schema.PART_EVENTS) if f.date}
    counted = snapshot_of(profiles).files
    whole = profiles.transaction_version(FILES) == files_mark(f.path.name for f in counted) and not lost(counted)
    news = _news(lake, log, last, profiles.transaction_version(MARK), version) if whole and not everything else None
    if news is None:
        days = set(live.values())
        return Feed(version, mark, _of_days(live, days), tuple(sorted(days)), everything=True)
    added, days, expired = news
    days |= set(again) & set(live.values())
    for path, day in list(added.items()):
        if path not in live and not path.exists():
            del added[path]
            if day not in expired:
                days.add(day)  # compacted since, and vacuumed: its events are in another file of the day
    if version == last and not days:
        return None
    new = [(path, rows_in(path)) for path, day in sorted(added.items()) if day not in days]
    return Feed(version, mark, (*_of_days(live, days), *new), tuple(sorted(days)))


def rows_in(path: Path) -> int:
    """How many rows a data file has."""
    return int(pq.read_metadata(path).num_rows)


def _of_days(live: Mapping[Path, date], days: set[date]) -> tuple[tuple[Path, int], ...]:
    return tuple((path, rows_in(path)) for path, day in sorted(live.items()) if day in days)


def _news(
    lake: Lake, log: Log, last: int | None, marked: int | None, version: int
) -> tuple[dict[Path, date], set[date], set[date]] | None:
    """Files that were added, by their day, days that lost events, days that expired; None where the log cannot tell."""
    if last is None or last > version or (last in log.commits and _mark(log, last) != marked):
        return None
    added: dict[Path, date] = {}
    lost: set[date] = set()
    expired: set[date] = set()
    for number in range(last + 1, version + 1):
        if number not in log.commits:
            return None
        commit = read_commit(number, log.commits[number])
        if commit.fault:
            return None
        added.update(_files(lake, commit, "add"))
        if commit.metadata.get("deadreckon.step") == _EXPIRED:
            # What was counted stays counted: profiles outlive the events.
            expired |= {day for _, day in _files(lake, commit, "remove")}
            continue
        for path, day in _files(lake, commit, "remove"):
            lost.add(day)
            added.pop(path, None)
    return added, lost, expired


def _files(lake: Lake, commit: Commit, kind: str) -> Iterator[tuple[Path, date]]:
    for action in commit.of(kind):
        if action.get("dataChange", True) and (day := _day(action)):
            yield lake.table_path() / unquote(action["path"]), day


def _day(action: Mapping[str, Any]) -> date | None:
    found = _DAY.search(unquote(action["path"]))
    return date.fromisoformat(found[1]) if found else None


def _mark(log: Log, version: int) -> int:
    if version not in log.commits:
        return 0
    return int.from_bytes(sha256(log.commits[version].read_bytes()).digest()[:7])
