"""loguru with serialize=True: `{"text": ..., "record": {...}}`."""

from __future__ import annotations

from deadreckon.ingest.dialects import errors
from deadreckon.ingest.dialects.draft import Draft, lift_named
from deadreckon.ingest.dialects.names import Names


def reads(rest: dict[str, object]) -> bool:
    """Whether the line is loguru's."""
    record = rest.get("record")
    return type(record) is dict and type(record.get("level")) is dict and "text" in rest


def lift(draft: Draft, names: Names) -> None:
    """Columns out of the record, and out of what the application bound to it."""
    draft.lift("ts", "record", "time", "timestamp")
    draft.lift("event", "record", "message")
    draft.lift("pid", "record", "process", "id")
    _level(draft)
    if type(draft.at("record", "exception")) is dict:
        for column, key in (("error_type", "type"), ("error_message", "value")):
            if type(draft.at("record", "exception", key)) is str:
                draft.lift(column, "record", "exception", key)
    lift_named(draft, names, "record", "extra")
    errors.lift(draft, "record", "extra")


def _level(draft: Draft) -> None:
    """By number: a name of the application's own says nothing. It stays where it says something."""
    number = draft.at("record", "level", "no")
    if type(number) is int:
        limits = ((50, "critical"), (40, "error"), (30, "warning"), (20, "info"))
        draft.fill("level", next((level for limit, level in limits if number >= limit), "debug"))
    else:
        draft.lift("level", "record", "level", "name")
