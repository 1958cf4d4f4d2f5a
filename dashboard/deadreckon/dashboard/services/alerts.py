"""Alerts: what fires now, what happened before, and which traces each of them speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from deadreckon.dashboard.services.muting import NOTHING, Key, Muting, key_of, mutings
from deadreckon.dashboard.services.source import Source, records

SEVERITIES: Final = ("critical", "warning", "info")
STATES: Final = ("firing", "resolved", "error", "pending", "no_data", "ok")

MOST: Final = 5000
"""Changes of state that a page reads."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of an alert's state, and how long it lasted. Times are UTC."""

    event_id: str
    rule: str
    labels: Mapping[str, str]
    state: str
    previous: str | None
    severity: str
    metric: str
    value: float | None
    threshold: float | None
    start: datetime
    """The beginning of the window that was judged."""
    end: datetime
    """The end of that window: when the state changed."""
    until: datetime | None
    """When the state changed again; None where it did not."""
    next_state: str | None
    reason: str
    runbook: str
    facts: Mapping[str, Any]
    """What its rule told beside the value."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an alert stands. Times are UTC."""

    rule: str
    labels: Mapping[str, str]
    state: str
    since: datetime
    severity: str
    reason: str
    fired: int
    active_since: datetime | None
    """When it came to firing without being resolved until now; None where nothing is raised."""
    change_id: str
    """The change to look at: for an active alert the last one to firing, else the newest."""
    muting: Muting = NOTHING
    """What people and other alerts have done to it."""

    @property
    def firing(self) -> bool:
        """Whether an alert is raised and was not resolved, silenced or not."""
        return self.active_since is not None

    @property
    def silenced(self) -> bool:
        """Whether somebody does not want to hear of it for now: it does not count."""
        return self.muting.silenced_until is not None

    @property
    def silent(self) -> bool:
        """Whether it is raised but cannot be judged any more: no data, or the rule fails."""
        return self.firing and self.state != "firing"

    def concerns(self, model: str | None, model_version: str | None) -> bool:
        """Whether its labels name this model version."""
        named = {k: v for k, v in self.labels.items() if k in ("model", "model_version")}
        return bool(named) and all(
            named.get(key, own) == own for key, own in (("model", model), ("model_version", model_version))
        )


def standings(source: Source) -> tuple[Standing, ...]:
    """Where every alert stands: the raised ones first, the most severe first."""
    known = mutings(source)
    found = [_standing(row, known) for row in records(source.ask("standing"))]
    return tuple(sorted(found, key=lambda s: (not s.firing, _rank(s.severity), STATES.index(s.state), s.rule)))


def changes(source: Source) -> tuple[Change, ...]:
    """The changes of state, the newest first, `MOST` at most."""
    return tuple(_change(row) for row in records(source.ask("alert_changes", event=None)))


def change(source: Source, event_id: str) -> Change | None:
    """One change of state, however old; None where there is none of this ID."""
    rows = records(source.ask("alert_changes", event=event_id))
    return _change(rows[0]) if rows else None


def _standing(row: Mapping[str, Any], known: Mapping[Key, Muting]) -> Standing:
    active = row["active_since"] is not None
    labels = labels_of(row["labels"])
    return Standing(
        rule=row["rule"] or "(no name)",
        labels=labels,
        state=_state(row["state"]),
        since=row["since"],
        severity=row["severity"] or "warning",
        reason=(row["fired_reason"] if active else row["reason"]) or "",
        fired=row["fired"],
        active_since=row["active_since"],
        change_id=row["fired_event_id"] if active else row["event_id"],
        muting=known.get(key_of(row["rule"] or "", labels), NOTHING),
    )


def _change(row: Mapping[str, Any]) -> Change:
    end = row["window_end"] or row["ts"]
    return Change(
        event_id=row["event_id"],
        rule=row["rule"] or "(no name)",
        labels=labels_of(row["labels"]),
        state=_state(row["state"]),
        previous=row["previous"],
        severity=row["severity"] or "warning",
        metric=row["metric"] or "",
        value=row["value"],
        threshold=row["threshold"],
        start=row["window_start"] or end,
        end=end,
        until=row["until"],
        next_state=row["next_state"],
        reason=row["reason"] or "",
        runbook=row["runbook"] or "",
        facts=_facts(row["facts"]),
    )


def unit_of(metric: str) -> str:
    """The unit of a rule's metric; empty where the rule has SQL of its own."""
    from deadreckon.monitor.metrics import METRICS

    return METRICS[metric].unit if metric in METRICS else ""


def _facts(text: str | None) -> dict[str, Any]:
    try:
        found = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        return {}
    # Alert events may come from other programs: what is neither number nor text is no fact.
    return {k: v for k, v in found.items() if isinstance(v, str | int | float)} if isinstance(found, dict) else {}


def labels_of(text: str | None) -> dict[str, str]:
    """An alert's labels; anything that is no JSON object is none."""
    try:
        found = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {k: v if isinstance(v, str) else orjson.dumps(v).decode() for k, v in found.items() if v is not None}


def _state(name: str | None) -> str:
    # Alert events may come from other programs, with states of their own.
    return name if name in STATES else "error"


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)
