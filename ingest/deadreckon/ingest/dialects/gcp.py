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


def lift(draft: Draft) -> None:
    """The trace and span; the whole trace name stays, for its project."""
    trace = draft.rest.get(PREFIX + "trace")
    match = _TRACE.fullmatch(trace) if type(trace) is str else None
    if match:
        draft.fill("trace_id", match[1])
    draft.lift("span_id", PREFIX + "spanId")
    event = draft.columns.get("event")
    if type(event) is str and "Traceback (most recent call last):" in event:
        errors.from_traceback(draft, event)
