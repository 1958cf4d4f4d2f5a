"""The doctor: finds damage in a lake, explains it, and mends it, keeping a copy of all that it replaces."""

from __future__ import annotations

from deadreckon.core.doctor.finding import Finding, Severity
from deadreckon.core.doctor.run import Diagnosis, Treatment, as_dict, doctor

__all__ = ["Diagnosis", "Finding", "Severity", "Treatment", "as_dict", "doctor"]
