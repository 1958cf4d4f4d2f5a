"""Lakes for the tests of profiles: events around one noon, committed by the lake's own door."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.queries.lakes import add, make_lake

from deadreckon.core.lake import Lake

__all__ = ["HOUR", "NOON", "add", "event", "make"]

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
HOUR = 3600


def event(at: float, **columns: Any) -> dict[str, Any]:
    """An event at `at` seconds after NOON."""
    return {"ts": NOON + timedelta(seconds=at), "kind": "span", **columns}


def make(folder: Path, events: Iterable[Mapping[str, Any]] = ()) -> Lake:
    """A lake in a folder with these events."""
    return make_lake(folder, events)
