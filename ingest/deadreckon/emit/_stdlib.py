"""For applications that log with the standard library: a handler that writes to the spool, and a formatter."""

from __future__ import annotations

import logging
from typing import Any

from deadreckon.emit._emitter import EMITTER
from deadreckon.emit._record import Label
from deadreckon.emit._settings import LEVELS, level_name

_LABELS = {level: Label("log", level) for level in LEVELS}
_KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class Handler(logging.Handler):
    """Writes every record to the spool: message, level, logger's name, `extra` and exception, with the bound IDs."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; never raises."""
        try:
            label, event, fields = _split(record)
        except Exception as error:  # noqa: BLE001  # arguments that do not fit the format, for instance
            label = _LABELS["error"]
            event, fields = str(record.msg), {"logger": record.name, "format_error": f"{type(error).__name__}: {error}"}
        if EMITTER.threshold <= LEVELS[label.level]:
            EMITTER.send(label, event, fields, at=EMITTER.iso(int(record.created * 1_000_000) * 1000))


class Formatter(logging.Formatter):
    """Renders records as canonical JSON lines for any handler of the application's, such as one for stdout."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its newline."""
        label, event, fields = _split(record)
        at = EMITTER.iso(int(record.created * 1_000_000) * 1000)
        recorder = EMITTER.recorder
        return recorder.line(label, recorder.record(label, event, fields, at=at))[:-1].decode()


def _split(record: logging.LogRecord) -> tuple[Label, Any, dict[str, Any]]:
    fields: dict[str, Any] = {key: value for key, value in vars(record).items() if key not in _KNOWN}
    event: Any = record.msg
    if isinstance(event, dict):  # structlog's way through logging
        fields = {**{key: value for key, value in fields.items() if not key.startswith("_")}, **event}
        event = fields.pop("event", "")
        for key in ("level", "timestamp", "_record", "_from_structlog"):
            fields.pop(key, None)
    else:
        event = record.getMessage()
    fields.setdefault("logger", record.name)
    if record.exc_info:
        fields["exc_info"] = record.exc_info
    return _LABELS[level_name(record.levelno)], event, fields
