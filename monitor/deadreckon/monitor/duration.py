"""Durations as people write them: `90s`, `5m`, `1h30m`, `7d`."""

from __future__ import annotations

import re
from typing import Final

UNITS: Final = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
LONGEST: Final = 3_660 * 86_400

_PART = re.compile(r"([0-9]{1,10})([wdhms])")
_WHOLE = re.compile(r"([0-9]{1,10}[wdhms])+")


def parse_duration(text: object) -> int:
    """Seconds of a duration such as `5m` or `1h30m`; units are s, m, h, d and w.

    Raises:
        ValueError: it is not written so, or it is longer than ten years.
    """
    if not isinstance(text, str) or not _WHOLE.fullmatch(text.strip()):
        raise ValueError(f'{text!r} is not a duration; write it as "90s", "5m", "1h30m" or "7d"')
    seconds = sum(int(number) * UNITS[unit] for number, unit in _PART.findall(text))
    if seconds > LONGEST:
        raise ValueError(f"{text!r} is longer than ten years")
    return seconds


def format_duration(seconds: int) -> str:
    """The shortest exact way to write so many seconds: 5400 is `1h30m`, 0 is `0s`."""
    parts: list[str] = []
    rest = seconds
    for unit, size in UNITS.items():
        if unit == "w" and rest % size:
            continue  # 10d reads better than 1w3d
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
