"""The long way: an event built whole, as a dictionary in canonical form."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any

from deadreckon.emit._content import Capture
from deadreckon.emit._context import CURRENT, UNBOUND, Context, Source
from deadreckon.emit._encode import encode, json_text, text_of
from deadreckon.emit._failure import exception_fields
from deadreckon.emit._settings import Processor, Settings
from deadreckon.emit._stamp import Stamper

# Keys that emit writes itself, and keys whose values it changes: an event that has one takes the long way.
STAMPED = ("ts", "event_id", "event", "kind", "level", "trace_id", "span_id")
TREATED = ("user_id", "input", "output", "exc_info", "stack_info")


class Label:
    """The kind and level of an event, with their JSON text."""

    __slots__ = ("kind", "level", "text")

    def __init__(self, kind: str, level: str) -> None:
        self.kind = kind
        self.level = level
        self.text = f',"kind":{json_text(kind)},"level":"{level}"'


class Recorder:
    """Builds events under one configuration."""

    __slots__ = ("clock", "settings", "stamper")

    def __init__(self, settings: Settings, stamper: Stamper) -> None:
        self.settings = settings
        self.stamper = stamper
        self.clock = settings.clock or time.time_ns

    def event_id(self, now: int) -> str:
        """Return a new UUIDv7."""
        ids = self.settings.ids
        return ids.event_id(now) if ids else self.stamper.uuid7(now)

    def record(
        self,
        label: Label,
        event: Any,
        fields: Mapping[str, Any],
        source: Source = UNBOUND,
        *,
        at: str = "",
        context: Context | None = None,
        capture: Capture | None = None,
    ) -> dict[str, Any]:
        """Return the event; the event's own fields win over the logger's, those over bound ones, those over static."""
        settings = self.settings
        context = context or CURRENT.get()
        now = self.clock()
        ts, event_id = at or self.stamper.iso(now), self.event_id(now)
        record = {
            "ts": ts,
            "event_id": event_id,
            "event": event if isinstance(event, str) else text_of(event),
            "kind": label.kind,
            "level": label.level,
            **context.ids(),
            **settings.static,
            **(_structlog_context() if settings.structlog_context else {}),
            **context.bindings.fields,
            **source.fields,
            **fields,
        }
        record["ts"] = self._time(record["ts"]) or ts
        record["event_id"] = record["event_id"] or event_id
        record.pop("stack_info", None)
        failure = record.pop("exc_info", None)
        if failure is not None and failure is not False:
            record.update(exception_fields(failure))
        settings.content.apply(record, capture)
        return record

    def line(self, label: Label, record: dict[str, Any]) -> bytes:
        """Return the event as the user's processors leave it, encoded; empty when one of them drops it."""
        left = processed(self.settings.processors, None, label.level, record)
        return b"" if left is None else encode(left)

    def _time(self, value: Any) -> Any:
        """Return a time given as aware datetime in canonical form; others are left to the reader of the file."""
        if getattr(value, "tzinfo", None) is None:
            return value
        whole = value.replace(microsecond=0)
        return self.stamper.iso(int(whole.timestamp()) * 1_000_000_000 + value.microsecond * 1000)


def processed(
    processors: Iterable[Processor], logger: Any, method: str, record: dict[str, Any]
) -> dict[str, Any] | None:
    """Return the event as structlog processors leave it, or None when one of them drops it."""
    for processor in processors:
        try:
            result = processor(logger, method, record)
        except BaseException as error:
            if type(error).__name__ == "DropEvent":  # structlog's, which need not be imported to be known
                return None
            raise
        if not isinstance(result, dict):
            break  # a renderer: the event is complete before it
        record = result
    return record


def _structlog_context() -> dict[str, Any]:
    module = sys.modules.get("structlog.contextvars")
    return module.get_contextvars() if module else {}
