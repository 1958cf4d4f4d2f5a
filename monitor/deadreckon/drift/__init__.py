"""How far a current sample is from a reference: every distance the field uses, exact and from mergeable histograms."""

from __future__ import annotations

from deadreckon.drift.compare import Comparison, Distance, Group, compare
from deadreckon.drift.sample import Categories, Histogram, Numbers

__all__ = ["Categories", "Comparison", "Distance", "Group", "Histogram", "Numbers", "compare"]
