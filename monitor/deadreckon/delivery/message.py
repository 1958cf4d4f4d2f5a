"""A transition as a receiver gets it: JSON for programs, plain sentences for people, and one key to know it again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from deadreckon.core.schema import EVENTS
from deadreckon.monitor.alert import Alert, facts_line, finite, iso, told_facts
from deadreckon.monitor.stream import labels_of
from deadreckon.monitor.summary import number

VERSION: Final = 1
"""Of the JSON's shape; it grows when a key changes its meaning or goes."""
IDS: Final = ("trace_id", "request_id", "session_id", "run_id", "span_id")
"""Labels that `reckon trace` finds something by."""
_VERBS: Final = {
    "firing": "is firing",
    "resolved": "is resolved",
    "pending": "may fire soon",
    "ok": "is back to normal",
    "no_data": "has no data",
    "error": "cannot be evaluated",
}
Notice = Literal["change", "unmuted", "repeat"]
"""Why it is told: the state changed, a silence or an inhibition ended, or it goes on."""
LISTED: Final = 20
"""Alerts of a group that people read in full."""


@dataclass(frozen=True, slots=True)
class Message:
    """One transition or a group of alerts, ready to be sent. A transition gives the same message at every try."""

    key: str
    """The transition's event_id, or what stands for it: a receiver that has seen it has seen the message."""
    subject: str
    text: str
    payload: Mapping[str, Any]

    @property
    def body(self) -> bytes:
        """The payload as JSON, on one line, without its end."""
        return orjson.dumps(self.payload)


def message_of(alert: Alert, notice: Notice = "change", key: str = "") -> Message:
    """The message of a transition; of an alert that is told for another reason, under a key of its own."""
    stream = alert.stream
    subject, text = _subject(alert, notice), _text(alert, notice)
    payload = {
        "version": VERSION,
        "event_id": key or alert.event_id,
        "notice": notice,
        "rule": stream.rule,
        "state": stream.state,
        "previous": alert.previous,
        "severity": alert.severity,
        "labels": dict(alert.labels),
        "metric": alert.metric,
        # JSON has no number for an infinite value: it is told as text.
        "value": stream.value if finite(stream.value) == stream.value else str(stream.value),
        "threshold": stream.threshold,
        "n": stream.n,
        "window_start": iso(alert.window_start),
        "window_end": iso(stream.window_end),
        "since": iso(stream.since),
        "alert_since": None if stream.active_since is None else iso(stream.active_since),
        "facts": told_facts(stream.facts),
        "summary": alert.summary,
        "reason": stream.reason,
        "runbook": alert.runbook,
        "subject": subject,
        "text": text,
    }
    return Message(key or alert.event_id, subject, text, payload)


def message_of_group(group: Mapping[str, str], messages: Sequence[Message], key: str) -> Message:
    """One message of several, which share these labels."""
    alerts = [message.payload for message in messages]
    shared = ", ".join(f"{name}={value}" for name, value in group.items())
    is_open = any(alert["alert_since"] is not None for alert in alerts)
    rest = f"; and {len(messages) - 1} more" if len(messages) > 1 else ""
    subject = f"{messages[0].subject[:200]}{rest}"
    shown = [message.text for message in messages[:LISTED]]
    shown += [message.subject for message in messages[LISTED:]]
    heading = f"{len(messages)} alerts{f' of {shared}' if shared else ''}"
    text = "\n\n".join([heading, *shown])
    payload = {
        "version": VERSION,
        "event_id": key,
        "notice": "group",
        "group": dict(group),
        "state": "firing" if is_open else messages[-1].payload["state"],
        "alerts": alerts,
        "subject": subject,
        "text": text,
    }
    return Message(key, subject, text, payload)


def _subject(alert: Alert, notice: Notice) -> str:
    labels = _labels(alert)
    verb = _VERBS[alert.stream.state]
    if notice == "repeat":
        verb = verb.replace("is ", "is still ").replace("has ", "still has ").replace("cannot ", "still cannot ")
    subject = f"[{alert.severity}] {alert.stream.rule} {verb}{f' ({labels})' if labels else ''}"
    return " ".join(subject.split())[:250]


def _text(alert: Alert, notice: Notice) -> str:
    stream = alert.stream
    facts = {
        "Rule": stream.rule,
        "State": stream.state + (f" (was {alert.previous})" if alert.previous not in (None, stream.state) else ""),
        "Severity": alert.severity,
        "Labels": _labels(alert),
        alert.metric if alert.metric != "sql" else "Value": _measured(alert),
        "Window": f"{iso(alert.window_start)} to {iso(stream.window_end)}",
        "Since": iso(stream.since),
        "Alert open since": iso(stream.active_since) if stream.active_since not in (None, stream.since) else "",
        "Known": facts_line(stream.facts),
        "Reason": stream.reason,
        "Runbook": alert.runbook,
    }
    lines = [f"{name}: {value}" for name, value in facts.items() if value]
    return "\n".join([_subject(alert, notice), alert.summary, "", *lines, "", *_next_steps(alert)])


def _measured(alert: Alert) -> str:
    stream = alert.stream
    if stream.value is None:
        return ""
    bound = "" if stream.threshold is None else f", bound {number(stream.threshold)}"
    return f"{number(stream.value)}{bound}{'' if stream.n is None else f', from {stream.n} events'}"


def _labels(alert: Alert) -> str:
    return ", ".join(f"{name}={'none' if value is None else value}" for name, value in alert.labels.items())


def _next_steps(alert: Alert) -> list[str]:
    rule = shlex.quote(alert.stream.rule)
    steps = [f"What it went through: reckon alerts --history --rule {rule}"]
    known = [value for name in IDS if (value := alert.labels.get(name))]
    if known:
        return [*steps, f"What happened: reckon trace {shlex.quote(known[0])}"]
    group = {name: value for name, value in labels_of(alert.stream.labels).items() if name in EVENTS}
    held = "".join(f" AND {_equals(name, value)}" for name, value in group.items())
    sql = (  # for a person to paste: literals are quoted, and it runs in the sandbox
        "SELECT DISTINCT trace_id FROM events WHERE trace_id IS NOT NULL"  # noqa: S608
        f" AND ts >= '{iso(alert.window_start)}' AND ts < '{iso(alert.stream.window_end)}'{held} LIMIT 20"
    )
    return [*steps, f"What happened: reckon trace ID, with one of reckon sql {shlex.quote(sql)}"]


def _equals(name: str, value: str | None) -> str:
    if value is None:
        return f'"{name}" IS NULL'
    literal = value.replace("'", "''")
    return f"\"{name}\" = '{literal}'"
