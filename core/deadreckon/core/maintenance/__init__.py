"""Housekeeping of the lake: small files merged, old days dropped, unused files removed, the log kept short."""

from __future__ import annotations

from deadreckon.core.maintenance.run import ALL_STEPS, maintain
from deadreckon.core.maintenance.steps import Step, Work

__all__ = ["ALL_STEPS", "Step", "Work", "maintain"]
