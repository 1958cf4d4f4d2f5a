"""W3C trace context in a log line."""

from __future__ import annotations

import re
from typing import Final

from deadreckon.ingest.dialects.draft import Draft

_TRACEPARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


def parse(text: object) -> tuple[str, str] | None:
    """The trace id and span id of a traceparent; None when it is not valid. Any flags are."""
    match = _TRACEPARENT.fullmatch(text) if type(text) is str else None
    if not match or match[1] == "ff" or (match[1] == "00" and match[5]):
        return None
    if not match[2].strip("0") or not match[3].strip("0"):
        return None
    return match[2], match[3]


def lift(draft: Draft) -> None:
    """Fill trace_id and parent_span_id; the header stays an attribute, for its flags.

    The span that it names is the one the line is in, never the line's own: two lines of one span are two events.
    """
    found = parse(draft.rest.get("traceparent"))
    if found is None:
        return
    trace_id, span_id = found
    known = draft.columns.get("trace_id")
    if known is not None and known != trace_id:
        return
    draft.fill("trace_id", trace_id)
    if draft.columns.get("span_id") != span_id:
        draft.fill("parent_span_id", span_id)
