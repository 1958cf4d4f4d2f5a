"""What rules ask: the sandbox, under limits that suit rules and not the rows a person wants to see."""

from __future__ import annotations

from deadreckon.core.lake import Lake
from deadreckon.core.settings import Settings
from deadreckon.monitor.measure import MAX_ROWS
from deadreckon.queries.sandbox import Sandbox


def asker(lake: Lake, settings: Settings) -> Sandbox:
    """A sandbox for rules: the settings' limits on time and memory, the monitor's own on rows."""
    limits = settings.query.model_copy(update={"max_rows": MAX_ROWS, "max_bytes": 64 << 20})
    return Sandbox(lake, settings=settings.model_copy(update={"query": limits}))
