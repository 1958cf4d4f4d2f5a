"""Ask the lake in SQL: documented views, a DuckDB connection with all of them, and a sandbox for SQL that others write."""

from __future__ import annotations

from deadreckon.queries.connection import connect

__all__ = ["connect"]
