"""Profiles: mergeable histograms and exact sums of every subject by the hour, fed exactly once from the events."""

from __future__ import annotations

from deadreckon.profiles.relations import connect
from deadreckon.profiles.run import Profiled, behind, profile

__all__ = ["Profiled", "behind", "connect", "profile"]
