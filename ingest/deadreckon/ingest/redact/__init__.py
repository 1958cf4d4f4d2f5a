"""Redaction: named keys and secrets by their form, before anything is written."""

from deadreckon.ingest.redact.redactor import Redactor

__all__ = ["Redactor"]
