"""The kinds of rules: each a model of what it may say, which measures itself over windows of the lake."""

from __future__ import annotations

from typing import Final

from deadreckon.monitor.kinds.budget import BudgetRule
from deadreckon.monitor.kinds.drift import DriftRule
from deadreckon.monitor.kinds.heartbeat import HeartbeatRule
from deadreckon.monitor.kinds.quality import QualityRule
from deadreckon.monitor.kinds.slo import SloRule
from deadreckon.monitor.kinds.sql import SqlRule
from deadreckon.monitor.kinds.threshold import ThresholdRule
from deadreckon.monitor.rule import Rule

KINDS: Final[dict[str, type[Rule]]] = {
    "threshold": ThresholdRule,
    "sql": SqlRule,
    "quality": QualityRule,
    "budget": BudgetRule,
    "slo": SloRule,
    "heartbeat": HeartbeatRule,
    "drift": DriftRule,
}
"""Each kind's model: its keys are those of `[[rules]]`, its `measured` says what a window holds. To add a kind, put its
model here."""
