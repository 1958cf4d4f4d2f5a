"""Figures, colours and text as they are shown."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadreckon.dashboard.look import colours, figures
from deadreckon.dashboard.look.text import LONGEST, literal, plain

DASH = figures.UNKNOWN


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (figures.count(None), DASH),
        (figures.count(0), "0"),
        (figures.count(99_999), "99,999"),
        (figures.count(123_456), "123k"),
        (figures.count(4_512_345), "4.51M"),
        (figures.count(2.5e15), "2,500T"),
        (figures.compact(980), "980"),
        (figures.compact(16_147), "16.1k"),
        (figures.milliseconds(None), DASH),
        (figures.milliseconds(float("nan")), DASH),
        (figures.milliseconds(0), "0 ms"),
        (figures.milliseconds(0.42), "0.42 ms"),
        (figures.milliseconds(840.4), "840 ms"),
        (figures.milliseconds(999.9), "1 s"),
        (figures.milliseconds(1240), "1.24 s"),
        (figures.milliseconds(59_960), "1 min"),
        (figures.milliseconds(3_599_900), "1 h"),
        (figures.milliseconds(125_000), "2 min 5 s"),
        (figures.milliseconds(3_600_000), "1 h"),
        (figures.milliseconds(187_200_000), "2 d 4 h"),
        (figures.dollars(None), DASH),
        (figures.dollars(0), "$0"),
        (figures.dollars(9.6893), "$9.69"),
        (figures.dollars(0.0021), "$0.0021"),
        (figures.dollars(0.00008580), "$0.000086"),
        (figures.dollars(-3.5), "-$3.50"),
        (figures.dollars(1_234_567), "$1.23M"),
        (figures.percent(None), DASH),
        (figures.percent(0), "0 %"),
        (figures.percent(0.00001), "<0.1 %"),
        (figures.percent(0.1132), "11.3 %"),
        (figures.percent(1), "100 %"),
        (figures.number(5710.3), "5,710"),
        (figures.number(0.29), "0.29"),
        (figures.measured(5710.0, "milliseconds"), "5.71 s"),
        (figures.measured(0.36, "share, 0 to 1"), "36 %"),
        (figures.measured(90.0, "seconds"), "1 min 30 s"),
        (figures.measured(1.373, "US dollars"), "$1.37"),
        (figures.measured(61.5, ""), "61.5"),
        (figures.age(timedelta(days=26, hours=3)), "26 days"),
        (figures.age(timedelta(seconds=-5)), "less than a minute"),
        (figures.age(timedelta(hours=1)), "1 hour"),
        (figures.step(timedelta(hours=12)), "12 hours"),
        (figures.step(timedelta(days=1)), "day"),
        (figures.change(12, 10), "+20 %"),
        (figures.change(101, 100), "+1.0 %"),
        (figures.change(10, 0), None),
        (figures.change(None, 3), None),
    ],
)
def test_figures(shown: str | None, expected: str | None) -> None:
    """Units, separators and digits as people read them; what is not known is a dash."""
    assert shown == expected


@given(st.floats())
def test_any_number_can_be_shown(value: float) -> None:
    """No number breaks a page, and a number that is none is a dash."""
    for show in (
        figures.count,
        figures.compact,
        figures.milliseconds,
        figures.dollars,
        figures.percent,
        figures.number,
    ):
        assert show(value)


@pytest.mark.parametrize("colour", sorted({*colours.STATUS.values(), *colours.STATE.values(), *colours.VERSIONS}))
def test_colours_can_be_seen(colour: str) -> None:
    """Every colour stands out from a white page and from a dark one."""
    assert colours.contrast(colour, colours.LIGHT_BACKGROUND) >= 3
    assert colours.contrast(colour, colours.DARK_BACKGROUND) >= 3


def test_colours_of_versions_do_not_change() -> None:
    """A version's colour depends on the versions known, not on those that are shown; after eight they repeat."""
    known = [f"v{i}" for i in range(10)]
    palette = colours.by_version(known)
    assert len({palette[v] for v in known[:8]}) == 8
    assert palette["v8"] == palette["v0"]


def test_every_status_has_a_mark() -> None:
    """A status is never told by its colour alone."""
    assert set(colours.MARKS) == set(colours.STATUS)
    assert colours.status("error") == "✕ error"
    assert colours.status("strange") == "? strange"


@given(st.text())
def test_literal_text_has_no_live_markup(text: str) -> None:
    """Behind an escape nothing is left that could begin a link, an image, HTML, a formula or a directive."""
    shown = literal(text)
    bare = shown.replace("\\\\", "")
    for place, character in enumerate(bare):
        if character in "[]()<>$:`*_!":
            assert bare[place - 1] == "\\"
    assert "\n" not in shown


def test_text_is_cut_and_flat() -> None:
    """Long texts end in an ellipsis; line breaks and what turns the direction of writing are gone."""
    assert len(plain("x" * 1000)) == LONGEST
    assert plain("a\n\u202eb\x00c") == "a b c"
