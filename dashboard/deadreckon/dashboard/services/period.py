"""The time that a page speaks of: a range up to the newest event, or a window from and until."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

RANGES: Final[dict[str, timedelta | None]] = {
    "24h": timedelta(days=1),
    "3d": timedelta(days=3),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "all": None,
}
"""The ranges that a page offers; None is everything."""
CUSTOM: Final = "custom"
DEFAULT_RANGE: Final = "7d"
BUCKETS: Final = 100
"""The most points in time that a chart shows."""

_STEPS: Final = tuple(
    timedelta(minutes=m) for m in (1, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2 * 1440, 7 * 1440)
)


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` until before `end`, both in UTC."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.start

    @property
    def step(self) -> timedelta:
        """The width of a bucket that keeps a chart readable."""
        for step in _STEPS:
            if self.length / step <= BUCKETS:
                return step
        return timedelta(days=-(-self.length // timedelta(days=BUCKETS)))

    @property
    def previous(self) -> Period | None:
        """The period of the same length before it; None where the calendar ends."""
        try:
            return Period(self.start - self.length, self.start)
        except OverflowError:
            return None

    def buckets(self) -> list[datetime]:
        """The beginnings of all buckets that it touches; they are whole steps since 1970."""
        step = self.step
        first = (self.start - _EPOCH) // step
        last = (self.end - _EPOCH - timedelta(microseconds=1)) // step
        return [bucket_at(n * step) for n in range(first, last + 1)]


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
FIRST: Final = datetime.min.replace(tzinfo=UTC)
LAST: Final = datetime.max.replace(tzinfo=UTC)


def bucket_at(since_1970: timedelta) -> datetime:
    """The beginning of a bucket; one that begins before the calendar does begins with it."""
    try:
        return _EPOCH + since_1970
    except OverflowError:
        return FIRST


def later(moment: datetime, length: timedelta) -> datetime:
    """So much later, or the end of the calendar."""
    try:
        return moment + length
    except OverflowError:
        return LAST


def period_of(
    name: str,
    *,
    oldest: datetime,
    newest: datetime,
    start: datetime | None = None,
    until: datetime | None = None,
) -> Period:
    """The period that a range's name means for a lake with events between `oldest` and `newest`.

    It ends with the newest event, not with the clock: where nothing arrives any more, the last days that there were
    are shown, and the page says how old they are. For `custom`, `start` and `until` count (without an offset: UTC);
    the wrong way round they are turned, and a window without length is one minute.
    """
    end = later(newest, timedelta(microseconds=1))
    if name == CUSTOM:
        low, high = sorted((_utc(start or oldest), _utc(until or end)))
        return Period(low, max(high, later(low, timedelta(minutes=1))))
    length = RANGES.get(name, RANGES[DEFAULT_RANGE])
    if length is None:
        return Period(min(oldest, end - min(timedelta(minutes=1), end - FIRST)), end)
    return Period(end - min(length, end - FIRST), end)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
