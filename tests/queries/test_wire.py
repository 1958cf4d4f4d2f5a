"""What crosses to the sandbox's process and back is what it was."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from deadreckon.queries.wire import HEADER_BYTES, pack, unpack

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.decimals(allow_nan=False),
    st.uuids(),
    st.dates(),
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    st.times(),
    st.timedeltas(),
)
KEYS = st.one_of(st.text(), st.integers(), st.booleans(), st.dates(), st.uuids())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.dictionaries(KEYS, inner),
    max_leaves=20,
)


def there_and_back(value: Any) -> Any:
    """The value as the other side has it."""
    frame = pack(value)
    assert int.from_bytes(frame[:HEADER_BYTES], "big") == len(frame) - HEADER_BYTES
    return unpack(frame[HEADER_BYTES:])


@given(VALUES)
def test_every_sql_value_keeps_its_type_and_worth(value: Any) -> None:
    """Integers past 64 bits, decimals, times, ids, binary, lists and maps come back equal, with the same type."""
    back = there_and_back(value)
    assert back == value
    assert type(back) is type(value)


def test_tuples_come_back_as_lists() -> None:
    """Rows are made tuples again by whoever knows that they are rows."""
    assert there_and_back((1, (2,))) == [1, [2]]


def test_a_moment_comes_back_in_utc() -> None:
    """The same instant, whatever its zone was."""
    moment = datetime(2026, 6, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    back = there_and_back(moment)
    assert back == moment
    assert back.utcoffset() == timedelta(0)


def test_what_has_no_place_on_the_wire_is_text() -> None:
    """A value of an unknown class is written as its text, not as code."""
    assert there_and_back([{1, 2} & {2}]) == ["{2}"]


def test_days_are_no_moments() -> None:
    """A date stays a date, a time a time."""
    assert there_and_back([date(2026, 6, 1), time(12)]) == [date(2026, 6, 1), time(12)]
