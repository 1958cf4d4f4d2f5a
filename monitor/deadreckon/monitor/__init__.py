"""The monitor: rules evaluated over windows of the lake, alert states kept exactly once, transitions told as events."""

from __future__ import annotations

from deadreckon.monitor.alert import Alert, event_of
from deadreckon.monitor.board import current, history
from deadreckon.monitor.forget import forget
from deadreckon.monitor.outbox import settle, waiting
from deadreckon.monitor.rules import Rule, load_rules
from deadreckon.monitor.run import Report, run
from deadreckon.monitor.stream import STATES, State, Stream
from deadreckon.monitor.verdict import exit_code

__all__ = [
    "STATES",
    "Alert",
    "Report",
    "Rule",
    "State",
    "Stream",
    "current",
    "event_of",
    "exit_code",
    "forget",
    "history",
    "load_rules",
    "run",
    "settle",
    "waiting",
]
