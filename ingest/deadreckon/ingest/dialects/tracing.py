"""Rust's tracing-subscriber: `fields`, and the spans that enclose the event."""

from __future__ import annotations

from typing import Any, Final

from deadreckon.ingest.dialects import errors
from deadreckon.ingest.dialects.draft import Draft, lift_named
from deadreckon.ingest.dialects.names import Names

_NOT_OF_SPANS: Final = frozenset({"name", "kind", "event", "message", "level", "ts", "duration_ms", "value", "unit"})
"""What an enclosing span says of itself and not of the event."""


def reads(value: dict[str, Any]) -> bool:
    """Whether the line has tracing's shape."""
    if type(value.get("fields")) is dict and ("target" in value or "span" in value or "timestamp" in value):
        return True
    return "target" in value and (type(value.get("span")) is dict or type(value.get("spans")) is list)


def lift(draft: Draft, names: Names) -> None:
    """Columns out of the fields, then out of the enclosing spans, innermost first; spans stay as they are."""
    lift_named(draft, names, "fields")
    errors.lift(draft, "fields")
    spans = draft.rest.get("spans")
    enclosing = [draft.rest.get("span"), *(reversed(spans) if type(spans) is list else ())]
    for span in enclosing:
        if type(span) is not dict:
            continue
        known = [(names.flat[key], key) for key in span if key in names.flat]
        for (column, _), key in sorted(known, key=lambda found: found[0][1]):
            if column not in _NOT_OF_SPANS and column != "attributes":
                draft.fill(column, span[key])
    if "span_id" in draft.columns and "duration_ms" in draft.columns:
        draft.fill("kind", "log")  # an event in a span is not that span
