"""Figures as people read them: 1,240 calls, 1.2 s, $0.0021, 26 days. What is not known is a dash, never a 0."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Final

UNKNOWN: Final = "\N{EN DASH}"

_LARGE: Final = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def count(value: float | None) -> str:
    """A number of things: in full up to 99,999, then 123k, 4.5M."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if abs(value) < 100_000:
        return f"{value:,.0f}"
    for size, letter in _LARGE:
        if abs(value) >= size:
            return f"{value / size:,.3g}{letter}" if abs(value) < 1000 * size else f"{value / size:,.0f}{letter}"
    return f"{value:,.0f}"


def compact(value: float | None) -> str:
    """A number of things where there is little room: 980, 1.24k, 16.1k, 4.5M."""
    if value is None or not math.isfinite(value) or abs(value) < 1000:
        return count(value)
    if abs(value) < 999_500:
        return f"{value / 1000:.3g}k"
    return count(max(value, 1e6))


def milliseconds(value: float | None) -> str:
    """A duration: 0.4 ms, 840 ms, 1.24 s, 2 min 5 s, 3 h 12 min, 2 d 4 h."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    size = abs(value)
    if size < 10:
        return f"{value:.2g} ms" if size else "0 ms"
    if size < 999.5:
        return f"{value:.0f} ms"
    seconds = value / 1000
    if size < 59_950:
        return f"{seconds:.3g} s"
    for unit, small, length in (("min", "s", 60), ("h", "min", 3600), ("d", "h", 86400)):
        limit = {"min": 3600, "h": 86400}.get(unit, math.inf)
        if round(abs(seconds)) < limit:
            whole, rest = divmod(round(abs(seconds)), length)
            part = rest // {"s": 1, "min": 60, "h": 3600}[small]
            sign = "-" if seconds < 0 else ""
            return f"{sign}{whole:,.0f} {unit}" + (f" {part:.0f} {small}" if part else "")
    return UNKNOWN


def dollars(value: float | None) -> str:
    """US dollars: cents from a dollar on, below it two digits that count."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if value == 0:
        return "$0"
    sign, size = ("-" if value < 0 else ""), abs(value)
    if size >= 100_000:
        return f"{sign}${count(size)}"
    if size >= 1:
        return f"{sign}${size:,.2f}"
    digits = min(max(2 - math.floor(math.log10(size)) - 1, 2), 8)
    whole, _, cents = f"{size:.{digits}f}".partition(".")
    return f"{sign}${whole}.{cents[:2]}{cents[2:].rstrip('0')}"


def percent(value: float | None) -> str:
    """A share (0 to 1) in percent."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    shown = value * 100.0
    if not math.isfinite(shown):
        return UNKNOWN
    if shown and abs(shown) < 0.095:
        return "<0.1 %" if shown > 0 else ">-0.1 %"
    return f"{shown:.0f} %" if shown.is_integer() else f"{shown:.1f} %"


def number(value: float | None) -> str:
    """Any number: four digits that count."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if abs(value) < 1e6 and value == round(value):
        return f"{value:,.0f}"
    return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}" if abs(value) < 1e6 else count(value)


def measured(value: float | None, unit: str) -> str:
    """A value in the unit that a metric has."""
    if unit == "milliseconds":
        return milliseconds(value)
    if unit == "seconds":
        return milliseconds(None if value is None else value * 1000)
    if unit.startswith("share"):
        return percent(value)
    return dollars(value) if unit == "US dollars" else number(value)


def age(value: timedelta) -> str:
    """How long ago, in the one unit that says enough."""
    seconds = max(value.total_seconds(), 0)
    for length, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= length:
            whole = int(seconds // length)
            return f"{whole:,} {unit}{'' if whole == 1 else 's'}"
    return "less than a minute"


def moment(at: datetime | None) -> str:
    """A time in UTC, to the minute."""
    return UNKNOWN if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


def step(length: timedelta) -> str:
    """The width of a bucket of time."""
    minutes = length // timedelta(minutes=1)
    for size, unit in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes % size == 0 and minutes >= size:
            whole = minutes // size
            return unit if whole == 1 else f"{whole:,} {unit}s"
    return f"{minutes} minutes"


def change(now: float | None, then: float | None) -> str | None:
    """How a figure changed, in percent; None where there is nothing to compare with."""
    if now is None or then is None or not then:
        return None
    ratio = now / then - 1
    if abs(ratio) < 0.0005:
        return "0 %"
    return f"{ratio * 100:+.0f} %" if abs(ratio) >= 0.1 else f"{ratio * 100:+.1f} %"
