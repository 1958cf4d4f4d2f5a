"""Drift watched: from profiles to a verdict for each stream and window, with what is remembered between them."""

from __future__ import annotations

from deadreckon.drift.watch.cadence import DAILY, HOURLY
from deadreckon.drift.watch.reference import Fixed, Trailing, Watch
from deadreckon.drift.watch.run import Judged, judge
from deadreckon.drift.watch.states import States
from deadreckon.drift.watch.verdict import Measure, Verdict

__all__ = ["DAILY", "HOURLY", "Fixed", "Judged", "Measure", "States", "Trailing", "Verdict", "Watch", "judge"]
