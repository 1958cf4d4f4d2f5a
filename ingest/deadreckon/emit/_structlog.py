"""For applications that have structlog already: a processor that also writes to the spool, and a renderer."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from deadreckon.emit._emitter import EMITTER
from deadreckon.emit._encode import text_of
from deadreckon.emit._record import Label
from deadreckon.emit._settings import LEVELS, level_name

_LABELS = {level: Label("log", level) for level in LEVELS}
_OWN = ("event", "level", "timestamp", "kind")


class Processor:
    """A structlog processor that writes each event to the spool and passes it on, for the console as before.

    Put it after processors that add fields (`merge_contextvars`) and before those that turn the event into text.
    """

    __slots__ = ("_stamp",)

    def __init__(self, *, stamp: bool = False) -> None:
        """Make the processor.

        Args:
            stamp: pass the event on with the bound IDs added, so that they show on the console too.
        """
        self._stamp = stamp

    def __call__(self, _: Any, method_name: str, event_dict: MutableMapping[str, Any]) -> Any:
        """Write the event; return it for the next processor."""
        label, event, fields = _split(method_name, event_dict)
        if EMITTER.threshold <= LEVELS[label.level]:
            EMITTER.send(label, event, fields)
        if self._stamp:
            for key, value in EMITTER.bound_fields().items():
                event_dict.setdefault(key, value)
        return event_dict


class Renderer:
    """A structlog renderer, the last of the chain: the canonical JSON line for the application's own output.

    Nothing is written to the spool; whatever collects the output can be ingested as it is.
    """

    __slots__ = ("_bytes",)

    def __init__(self, *, as_bytes: bool = False) -> None:
        """Make the renderer.

        Args:
            as_bytes: return bytes, for `structlog.BytesLoggerFactory`.
        """
        self._bytes = as_bytes

    def __call__(self, _: Any, method_name: str, event_dict: MutableMapping[str, Any]) -> str | bytes:
        """Return the line, without its newline."""
        label, event, fields = _split(method_name, event_dict)
        recorder = EMITTER.recorder
        line = recorder.line(label, recorder.record(label, event, fields))[:-1]
        if not line:
            import structlog  # it is what calls this

            raise structlog.DropEvent
        return line if self._bytes else line.decode()


def _split(method_name: str, event_dict: MutableMapping[str, Any]) -> tuple[Label, Any, dict[str, Any]]:
    level = level_name(event_dict.get("level") or method_name)
    kind = event_dict.get("kind", "log")
    label = _LABELS[level] if kind == "log" else Label(text_of(kind), level)
    fields = {key: value for key, value in event_dict.items() if key not in _OWN and not key.startswith("_")}
    return label, event_dict.get("event", ""), fields
