"""An alert as it is kept and told: one transition with everything that a person, an agent or a receiver needs."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import orjson

from deadreckon.core.schema import EVENTS
from deadreckon.monitor.duration import format_duration
from deadreckon.monitor.facts import told_facts
from deadreckon.monitor.rules import Rule
from deadreckon.monitor.stream import Stream, Transition, labels_of
from deadreckon.monitor.summary import names_in, render
from deadreckon.monitor.words import amount

_LEVELS: Final = {"pending": "info", "resolved": "info", "ok": "info", "no_data": "warning", "error": "error"}


@dataclass(frozen=True, slots=True)
class Alert:
    """A stream with its rule's words: a row of the state table. Times are epoch seconds."""

    stream: Stream
    previous: str | None
    severity: str
    labels: Mapping[str, str | None]
    """The group's labels and the rule's fixed ones."""
    summary: str
    runbook: str
    window_start: int
    metric: str
    run: int = 0
    """The monitor run that committed it; 0 until then."""
    evaluated_at: int = 0
    """When that run was, by the monitor's clock; 0 until then."""
    part_of: str = ""
    """The rule in the settings of which its own is a level; empty where it is that rule."""

    def is_of(self, rule: str) -> bool:
        """Whether this is an alert of the rule, or of one of its levels."""
        return rule in (self.stream.rule, self.part_of or self.stream.rule)

    @property
    def event_id(self) -> str:
        """The id of this transition's event: the same whenever and by whomever it is made, so that it counts once."""
        return alert_id(self.stream.rule, self.stream.labels, self.stream.window_end, self.stream.state)


def tell(rule: Rule, stream: Stream, previous: str | None = None) -> Alert:
    """A stream in its rule's words."""
    labels = dict(sorted((rule.labels | labels_of(stream.labels)).items()))
    return Alert(
        stream,
        previous,
        rule.severity,
        labels,
        _summary(rule, stream, labels),
        rule.runbook,
        rule.window_start(stream.window_end),
        rule.metric or "sql",
        part_of="" if rule.part_of == rule.name else rule.part_of,
    )


def told(rule: Rule, transition: Transition) -> Alert:
    """A transition in its rule's words."""
    return tell(rule, transition.stream, transition.previous)


def alert_id(rule: str, labels: str, window_end: int, state: str) -> str:
    """The id of a transition."""
    return id_of(window_end, "alert", rule, labels, str(window_end), state)


def id_of(moment: int, *words: str) -> str:
    """A UUID (version 8): its first 48 bits are a moment (epoch seconds) in milliseconds, the rest a hash of words."""
    text = "\x1f".join(words)
    digest = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=10).digest(), "big")
    bits = (moment * 1000 & 0xFFFF_FFFF_FFFF) << 80 | digest
    bits = bits & ~(0xF << 76) | 8 << 76
    return str(UUID(int=bits & ~(0x3 << 62) | 0x2 << 62))


def event_of(alert: Alert) -> dict[str, Any]:
    """The alert event of a transition, as a line of log would hold it. It holds nothing that differs between makers."""
    stream = alert.stream
    # Labels that are columns fill them, so that alerts join with what they are about by model version, tool, ...
    columns = {
        name: value
        for name, value in alert.labels.items()
        if value is not None and name in EVENTS and EVENTS[name].type == "string" and name not in _OWN
    }
    return columns | {
        "event_id": alert.event_id,
        "ts": iso(stream.window_end),
        "event": f"alert.{stream.state}",
        "kind": "alert",
        "level": _LEVELS.get(stream.state, alert.severity),
        "name": stream.rule,
        "label": stream.state,
        "value": finite(stream.value),
        "reason": alert.summary,
        "labels": dict(alert.labels),
        "attributes": {
            "rule": stream.rule,
            "metric": alert.metric,
            "severity": alert.severity,
            "previous": alert.previous,
            "window_start": iso(alert.window_start),
            "window_end": iso(stream.window_end),
            "since": iso(stream.since),
            "threshold": stream.threshold,
            # JSON has no number for an infinite value: it is told as text.
            "value": stream.value if finite(stream.value) == stream.value else str(stream.value),
            "n": stream.n,
            "group": labels_of(stream.labels),
            "why": stream.reason,
            "runbook": alert.runbook,
            **({"facts": told_facts(stream.facts)} if stream.facts else {}),
        },
    }


_OWN: Final = {"event_id", "event", "kind", "level", "name", "label", "reason"}


def iso(seconds: int) -> str:
    """Epoch seconds as ISO-8601 in UTC."""
    return when(seconds).isoformat().replace("+00:00", "Z")


def when(seconds: int) -> datetime:
    """Epoch seconds as a time in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def finite(value: float | None) -> float | None:
    """The value where JSON has a number for it, else None."""
    return value if value is not None and math.isfinite(value) else None


def labels_json(labels: Mapping[str, str | None]) -> str:
    """Labels as JSON text."""
    return orjson.dumps(dict(labels), option=orjson.OPT_SORT_KEYS).decode()


def _summary(rule: Rule, stream: Stream, labels: Mapping[str, str | None]) -> str:
    where = ", ".join(f"{k}={v}" for k, v in labels_of(stream.labels).items())
    subject = f"{rule.name}{f' ({where})' if where else ''}"
    if stream.state == "error":
        return f"{subject} cannot be evaluated: {stream.reason}"
    if stream.state == "no_data":
        return f"{subject} has no data: {stream.reason}"
    metric = rule.metric or ""
    if stream.reason or (stream.value is None and (not rule.summary or "value" in names_in(rule.summary))):
        counts = "firing" if stream.state in ("firing", "pending") else "ok"
        why = f": {stream.reason}" if stream.reason else ""
        return f"{subject} has nothing to judge, which counts as {counts}{why}"
    if rule.summary:
        facts: dict[str, Any] = {
            "rule": rule.name,
            "metric": rule.metric or "value",
            "state": stream.state,
            "value": stream.value,
            "threshold": stream.threshold,
            "amount": amount(stream.value, metric),
            "bound": amount(stream.threshold, metric),
            "n": stream.n,
            "window": format_duration(rule.window),
            "window_start": iso(rule.window_start(stream.window_end)),
            "window_end": iso(stream.window_end),
            "severity": rule.severity,
            "labels": where,
            "for_labels": f" for {where}" if where else "",
        }
        return render(rule.summary, dict.fromkeys(rule.facts) | dict(stream.facts) | dict(labels) | facts)
    bounds = [
        f"{side} {amount(bound, metric)}" for side in ("above", "below") if (bound := getattr(rule, side)) is not None
    ]
    counted = "" if stream.n is None else f", n {stream.n:,}"
    return (
        f"{rule.metric or 'value'} is {amount(stream.value, metric)} over {format_duration(rule.window)}"
        f"{f' for {where}' if where else ''} (alert {' or '.join(bounds)}{counted})"
    )
