"""Lines that a collector wrapped: the application's own line stands inside, as JSON or as text.

Docker's json-file (and what Fluent Bit makes of it), entries exported from Google Cloud Logging, and journald.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from deadreckon.ingest.dialects import gcp

COMBOS: Final = (
    frozenset({"log", "stream"}),
    frozenset({"logName", "insertId"}),
    frozenset({"MESSAGE", "__REALTIME_TIMESTAMP"}),
)
STREAMS: Final = frozenset({"stdout", "stderr"})
_PRIORITIES: Final = ("critical", "critical", "critical", "error", "warning", "info", "info", "debug")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What stood inside, what the envelope says of it where it does not say so itself, and the rest of the envelope."""

    inside: dict[str, Any]
    columns: dict[str, Any]
    name: str
    rest: dict[str, Any]


def opened(value: dict[str, Any]) -> Envelope | None:
    """The envelope of a line; None when it is none."""
    if type(value.get("log")) is str and value.get("stream") in STREAMS:
        return _wrapped(value, "docker", "log", {"ts": "time"})
    if "logName" in value and "insertId" in value:
        columns = {"ts": "timestamp", "level": "severity"}
        payload = "jsonPayload" if "jsonPayload" in value else "textPayload"
        found = _wrapped(value, "logEntry", payload, columns)
        if found:
            found.columns.update(trace_id=gcp.trace_of(value.get("trace")), span_id=value.get("spanId"))
        return found
    if "MESSAGE" in value and "__REALTIME_TIMESTAMP" in value:
        columns = {"ts": "__REALTIME_TIMESTAMP", "host": "_HOSTNAME", "pid": "_PID", "service": "SYSLOG_IDENTIFIER"}
        found = _wrapped(value, "journal", "MESSAGE", columns)
        priority = value.get("PRIORITY")
        if found and type(priority) is str and priority in "01234567" and len(priority) == 1:
            found.columns["level"] = _PRIORITIES[int(priority)]
        return found
    return None


def _wrapped(value: dict[str, Any], name: str, payload: str, columns: dict[str, str]) -> Envelope | None:
    content = value.get(payload)
    inside = content if type(content) is dict else _inside(content) if type(content) is str else None
    if inside is None:
        return None
    said = {column: value[key] for column, key in columns.items() if value.get(key) is not None}
    return Envelope(inside, said, name, {k: v for k, v in value.items() if k != payload})


def _inside(text: str) -> dict[str, Any]:
    """The object that a text holds, or the text as what happened."""
    if text.lstrip()[:1] == "{":
        try:
            value = json.loads(text, object_pairs_hook=_unique)
        except (ValueError, RecursionError):
            value = None
        if type(value) is dict:
            return value
    return {"event": text.removesuffix("\n").removesuffix("\r")}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError
    return value
