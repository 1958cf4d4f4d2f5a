"""Durations in rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadreckon.monitor.duration import LONGEST, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("5m", 300),
        ("1h", 3600),
        ("1h30m", 5400),
        ("1d", 86_400),
        ("2w", 1_209_600),
        (" 5m ", 300),
        ("0s", 0),
    ],
)
def test_durations_are_read_as_people_write_them(text, seconds):
    """Each unit and their sums give the seconds that they name."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["5", "m", "5 m", "5min", "-5m", "1.5h", "", "\uff15m", 300, None, "99999w", "5m\n3x"])
def test_anything_else_is_refused_with_an_example(text):
    """A number without a unit, a fraction, another alphabet's digits or ten years of seconds are not guessed at."""
    with pytest.raises(ValueError, match=r"duration|ten years"):
        parse_duration(text)


@given(st.integers(0, LONGEST))
def test_a_written_duration_reads_back_exactly(seconds):
    """What is shown is what was meant, for every whole number of seconds."""
    assert parse_duration(format_duration(seconds)) == seconds
