"""The time that a page speaks of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadreckon.dashboard.services.period import BUCKETS, RANGES, Period, later, period_of

OLDEST = datetime(2026, 10, 1, tzinfo=UTC)
NEWEST = datetime(2026, 10, 25, 23, 32, tzinfo=UTC)
MOMENTS = st.datetimes(timezones=st.just(UTC))


@pytest.mark.parametrize("name", [n for n, length in RANGES.items() if length])
def test_a_range_ends_with_the_newest_event(name: str) -> None:
    """The newest event is in the period, which is as long as its name says."""
    period = period_of(name, oldest=OLDEST, newest=NEWEST)
    assert period.start < NEWEST < period.end
    assert period.length == RANGES[name]


def test_all_is_everything() -> None:
    """The whole lake, from its oldest event."""
    period = period_of("all", oldest=OLDEST, newest=NEWEST)
    assert (period.start, period.end > NEWEST) == (OLDEST, True)


def test_unknown_range_is_the_default() -> None:
    """A name that nobody offers is a week."""
    assert period_of("1y; DROP", oldest=OLDEST, newest=NEWEST).length == timedelta(days=7)


def test_custom_window_is_utc_and_ordered() -> None:
    """A window without an offset is UTC, and the wrong way round it is turned."""
    early, late = datetime(2026, 10, 2), datetime(2026, 10, 3, 4)  # noqa: DTZ001  # as the inputs give them
    period = period_of("custom", oldest=OLDEST, newest=NEWEST, start=late, until=early)
    assert (period.start, period.end) == (early.replace(tzinfo=UTC), late.replace(tzinfo=UTC))


def test_empty_window_has_a_length() -> None:
    """A window from a moment until the same moment is a minute."""
    period = period_of("custom", oldest=OLDEST, newest=NEWEST, start=OLDEST, until=OLDEST)
    assert period.length == timedelta(minutes=1)


@given(one=MOMENTS, other=MOMENTS)
def test_buckets_cover_any_period(one: datetime, other: datetime) -> None:
    """Whatever the years, a chart has a readable number of buckets, and every moment of the period is in one."""
    start, end = sorted((one, other))
    period = Period(start, later(end, timedelta(microseconds=1)))
    buckets = period.buckets()
    assert len(buckets) <= BUCKETS + 2
    if period.length:
        assert buckets[0] <= period.start
        assert later(buckets[-1], period.step) >= period.end
    assert all(b - a == period.step for a, b in pairwise(buckets[1:]))


def test_no_period_before_the_calendar() -> None:
    """Before the year 1 there is nothing to compare with."""
    assert Period(datetime(1, 1, 1, tzinfo=UTC), NEWEST).previous is None


def test_the_end_of_the_calendar() -> None:
    """An event in the last microsecond that there is does not break the page."""
    last = datetime.max.replace(tzinfo=UTC)
    assert period_of("all", oldest=OLDEST, newest=last).buckets()


def test_the_beginning_of_the_calendar() -> None:
    """A lake whose newest event is in the year 1 has no earlier week to show."""
    first = datetime.min.replace(tzinfo=UTC)
    for name in ("7d", "all"):
        assert period_of(name, oldest=first, newest=first).buckets()
