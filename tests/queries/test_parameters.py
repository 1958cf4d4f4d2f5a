"""--param: values as SQL compares them."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadreckon.core.errors import UsageError
from deadreckon.queries.parameters import parameters


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("-7", -7),
        ("0", 0),
        ("1.50", 1.5),
        ("true", True),
        ("null", None),
        ("2026-06-01", date(2026, 6, 1)),
        ("2026-06-01T10:00", datetime(2026, 6, 1, 10, tzinfo=UTC)),
        ("2026-06-01 10:00:00.5Z", datetime(2026, 6, 1, 10, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-06-01T12:00:00+02:00", datetime(2026, 6, 1, 10, tzinfo=UTC)),
        ('["a", 1]', ["a", 1]),
        ('"123"', "123"),
        ('""', ""),
        # What only resembles a number or a date is an id, and stays text.
        ("007", "007"),
        ("1e5", "1e5"),
        ("12e4567890123456", "12e4567890123456"),
        ("12345678901234567890", "12345678901234567890"),
        ("2026-02-31", "2026-02-31"),
        ("2026-06-01T99:00", "2026-06-01T99:00"),
        ("nan", "nan"),
        ("True", "True"),
        ("a=b", "a=b"),
        ("", ""),
        (" 7", " 7"),
        ("it's", "it's"),
    ],
)
def test_a_text_becomes_what_it_looks_like(text: str, value: Any) -> None:
    """Numbers, truth, dates and JSON; an id stays text."""
    found = parameters([f"p={text}"])["p"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        (["p"], "NAME=VALUE"),
        (["1p=2"], "NAME=VALUE"),
        (["=2"], "NAME=VALUE"),
        (["p=1", "p=2"], "twice"),
        (["p=[1"], "JSON"),
    ],
)
def test_what_is_no_pair_is_said(pairs: list[str], said: str) -> None:
    """A wrong --param is named, with how to write it."""
    with pytest.raises(UsageError, match=said) as wrong:
        parameters(pairs)
    assert wrong.value.hint


@given(st.text())
def test_any_text_gives_a_value_or_a_usage_error(text: str) -> None:
    """Nothing that a shell can pass brings the command down."""
    with contextlib.suppress(UsageError):
        assert set(parameters([f"p={text}"])) == {"p"}
