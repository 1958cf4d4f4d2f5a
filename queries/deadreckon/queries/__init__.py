"""Ask the lake in SQL: documented views, a DuckDB connection with all of them, a sandbox for SQL that others write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deadreckon.queries.connection import connect

__all__ = ["connect"]


def __getattr__(name: str) -> Any:
    # The sandbox's process imports this package too, and must not pay for what only its parent needs.
    if name == "connect":
        from deadreckon.queries.connection import connect

        return connect
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
