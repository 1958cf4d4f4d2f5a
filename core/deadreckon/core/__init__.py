"""The ground floor: errors, the event schema, settings and the lake. Imports nothing else of deadreckon."""

from __future__ import annotations

__all__ = ["durable", "errors", "lake", "schema", "settings"]
