"""A transition as a receiver gets it: JSON for programs, plain sentences for people, and one key to know it again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from deadreckon.core.schema import EVENTS
from deadreckon.core.words import counted
from deadreckon.monitor.alert import Alert, finite, iso, when
from deadreckon.monitor.facts import COMMAND, facts_lines, told_facts
from deadreckon.monitor.stream import labels_of
from deadreckon.monitor.words import DRIFT, against, amount

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
    # What each is about; where to look is said once.
    shown = [message.text.partition("\n\n")[0] for message in messages[:LISTED]]
    shown += [message.subject for message in messages[LISTED:]]
    heading = f"{counted(len(messages), 'alert')}{f' of {shared}' if shared else ''}"
    text = "\n\n".join([heading, *shown, "Next:\n  reckon alerts --state firing --details"])
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
    measured = _measured(alert)
    found = f"{subject}{f': {measured}' if measured else ''}, since {_minute(_begun(alert))} UTC"
    return " ".join(found.split())[:250]


def _text(alert: Alert, notice: Notice) -> str:
    stream = alert.stream
    head = [_subject(alert, notice), alert.summary, *([f"Runbook: {alert.runbook}"] if alert.runbook else [])]
    opened = stream.active_since
    counted_n = "" if stream.n is None else f", {counted(stream.n, 'event')}"
    changed = "" if alert.previous in (None, stream.state) else f"{alert.previous} to "
    rest = [
        f"State: {changed}{stream.state}, since {_minute(stream.since)} UTC",
        *([f"Open since: {_minute(opened)} UTC"] if opened and opened != stream.since else []),
        f"Window: {_minute(alert.window_start)} to {_minute(stream.window_end)} UTC{counted_n}",
        *([f"Measured: {alert.metric}"] if alert.metric not in ("sql", DRIFT) else []),
        *facts_lines(stream.facts, inner=False),
    ]
    return "\n".join([*head, "", *rest, "", "Next:", *(f"  {step}" for step in _next_steps(alert))])


def _measured(alert: Alert) -> str:
    stream = alert.stream
    if stream.value is None or stream.reason or stream.state in ("no_data", "error"):
        return ""
    if alert.metric == DRIFT and stream.state == "firing" and stream.facts.get("moved"):
        return str(stream.facts["moved"]).partition("; ")[0]  # the most of it; the evidence is a number to nobody
    if stream.threshold is None:
        return amount(stream.value, alert.metric)
    return against(stream.value, stream.threshold, alert.metric)


def _begun(alert: Alert) -> int:
    stream = alert.stream
    return stream.active_since if stream.state == "firing" and stream.active_since is not None else stream.since


def _minute(seconds: int) -> str:
    return f"{when(seconds):%Y-%m-%d %H:%M}"


def _labels(alert: Alert) -> str:
    return ", ".join(f"{name}={'none' if value is None else value}" for name, value in alert.labels.items())


def _next_steps(alert: Alert) -> list[str]:
    steps = [f"reckon alerts --history --rule {shlex.quote(alert.stream.rule)}"]
    if alert.stream.state == "error":
        return [*steps, f"reckon monitor --rule {shlex.quote(alert.stream.rule)} --dry-run --details"]
    if alert.stream.state == "no_data":
        return [*steps, "reckon status"]
    if command := alert.stream.facts.get(COMMAND):
        return [*steps, str(command)]
    known = [value for name in IDS if (value := alert.labels.get(name))]
    if known:
        return [*steps, f"reckon trace {shlex.quote(known[0])}"]
    group = {name: value for name, value in labels_of(alert.stream.labels).items() if name in EVENTS}
    held = "".join(f"\n      AND {_equals(name, value)}" for name, value in group.items())
    sql = (  # for a person to paste: literals are quoted, and it runs in the sandbox
        "SELECT DISTINCT trace_id FROM events\n    WHERE trace_id IS NOT NULL"  # noqa: S608
        f"\n      AND ts >= '{iso(alert.window_start)}' AND ts < '{iso(alert.stream.window_end)}'{held}\n    LIMIT 20"
    )
    return [*steps, f"reckon sql {_quoted(sql)}", "reckon trace TRACE_ID   # one of those"]


def _quoted(sql: str) -> str:
    """For a shell: in double quotes where nothing in it means something there, as SQL is full of single ones."""
    return shlex.quote(sql) if set(sql) & set('"$`\\!') else f'"{sql}"'


def _equals(name: str, value: str | None) -> str:
    if value is None:
        return f"{name} IS NULL"
    literal = value.replace("'", "''")
    return f"{name} = '{literal}'"
