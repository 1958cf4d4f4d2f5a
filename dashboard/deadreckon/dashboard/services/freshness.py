"""How new the data is: silence is not health, so old data is said to be old on every page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from deadreckon.dashboard.services.source import Source, records

STALE_AFTER: Final = timedelta(hours=1)
"""Age of the newest event from which data is called stale, unless said otherwise."""

Level = Literal["fresh", "stale", "empty"]


@dataclass(frozen=True, slots=True)
class Extent:
    """What the lake holds. Times are UTC."""

    events: int
    """All events, the monitor's own among them."""
    logged: int
    """Events that the monitor did not write itself."""
    oldest: datetime | None
    newest: datetime | None
    """The newest event of the logs, wrong clocks left out."""
    ingested: datetime | None
    """When the newest line was ingested."""
    ahead: int
    """Events stamped more than an hour after they were ingested: their clocks are wrong."""
    quarantined: int
    """Lines in quarantine that nobody has resolved."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old the newest event is at a moment."""

    level: Level
    age: timedelta | None


def extent_of(source: Source) -> Extent:
    """What the lake holds now."""
    answer = source.ask("extent")
    row = records(answer)[0]
    return Extent(
        row["events"],
        row["logged"],
        row["oldest"],
        row["newest"] or row["oldest"],
        answer.as_of,
        row["ahead"],
        row["quarantined"],
    )


def judge(extent: Extent, now: datetime, stale_after: timedelta = STALE_AFTER) -> Freshness:
    """How fresh the data is at `now`."""
    if extent.newest is None:
        return Freshness("empty", None)
    age = max(now - extent.newest, timedelta())
    return Freshness("stale" if age > stale_after else "fresh", age)
