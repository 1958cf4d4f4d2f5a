"""SQL that others write, on the newest snapshot of a lake, under limits and read-only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb

from deadreckon.core.lake import Lake
from deadreckon.core.settings import Settings, load
from deadreckon.queries.engine import Answer, answer, locked

__all__ = ["Answer", "Sandbox"]


class Sandbox:
    """A place to run queries of agents, dashboards and guests: they read the views and nothing else.

    Each query sees the newest snapshot of the lake. Use it as a context manager, or call `close`.
    """

    def __init__(self, lake: str | Path | Lake | Settings | None = None, *, settings: Settings | None = None) -> None:
        if isinstance(lake, Settings):
            settings, lake = lake, None
        self.settings = settings or load()
        self.lake = lake if isinstance(lake, Lake) else Lake.open(lake or self.settings.lake)
        self._version = -1
        self._con: duckdb.DuckDBPyConnection | None = None

    def query(self, sql: str, params: Mapping[str, Any] | None = None, *, max_rows: int | None = None) -> Answer:
        """Answer one SELECT (or SHOW, DESCRIBE, SUMMARIZE, EXPLAIN); `params` are bound as $name.

        Rows beyond `max_rows`, or the limits of the settings, are cut off and said as `truncated`.

        Raises:
            QueryError: it was refused, is wrong, or went over a limit; the hint says what to do.
        """
        snapshot = self.lake.snapshot()
        if self._con is None or snapshot.version != self._version:
            self.close()
            self._con, self._version = locked(snapshot, self.settings), snapshot.version
        return answer(self._con, sql, params, self.settings.query, max_rows=max_rows)

    def close(self) -> None:
        """Let go of the connection; a later query makes a new one."""
        if self._con is not None:
            self._con.close()
            self._con = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
