"""Google Cloud structured logging: fields of `logging.googleapis.com/`."""

from __future__ import annotations

import re
from typing import Any, Final

from deadreckon.ingest.dialects import errors
from deadreckon.ingest.dialects.draft import Draft

PREFIX: Final = "logging.googleapis.com/"
_TRACE: Final = re.compile(r"(?:projects/[^/]+/traces/)?([0-9a-fA-F]{32})")


def reads(value: dict[str, Any]) -> bool:
    """Whether any key is Google's."""
    return PREFIX in " ".join(value)


def trace_of(name: Any) -> str | None:
    """The trace id in `projects/.../traces/...`."""
    match = _TRACE.fullmatch(name) if type(name) is str else None
    return match[1] if match else None


def lift(draft: Draft) -> None:
    """The trace and span; the whole trace name stays, for its project."""
    draft.fill("trace_id", trace_of(draft.rest.get(PREFIX + "trace")))
    draft.lift("span_id", PREFIX + "spanId")
    event = draft.columns.get("event")
    if type(event) is str and "Traceback (most recent call last):" in event:
        errors.from_traceback(draft, event)
