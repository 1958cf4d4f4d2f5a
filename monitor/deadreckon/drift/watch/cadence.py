"""How long a window is, what comes again with it, and how many of them a budget is spread over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from deadreckon.drift.detector import matched

DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Cadence:
    """A length of windows. `longest`: a detector that would take more windows to see the worst change is none."""

    name: str
    seconds: int
    periods: tuple[int, ...]
    matches: tuple[str, ...]
    """What a match by each period is called, and by none."""
    windows_a_year: float
    longest: int
    silent: int
    """Windows in a row without enough values after which a stream has no data; fewer leave it as it was."""


HOURLY: Final = Cadence(
    "hourly", 3600, matched.HOURLY, ("hour of the week", "hour of the day", "all windows"), 8766.0, 14 * 24, 24
)
DAILY: Final = Cadence("daily", DAY, matched.DAILY, ("day of the week", "all windows"), 365.25, 90, 7)
CADENCES: Final = {c.seconds: c for c in (HOURLY, DAILY)}
