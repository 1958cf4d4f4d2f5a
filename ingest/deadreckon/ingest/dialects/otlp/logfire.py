"""Streamed answers of logfire's model clients: a span that ends before the answer begins, then a log of the answer.

Of the two the log knows what was used and how long it took: it becomes the span of the call, and the other one stays a
span that is no call of a model. Nothing ties them but their parent, so each is known by what it holds itself.
"""

from __future__ import annotations

from typing import Any, Final

from deadreckon.ingest.dialects.draft import Draft
from deadreckon.ingest.dialects.fits import measure
from deadreckon.ingest.dialects.otlp.values import instant

SORT: Final = "logfire.span_type"
_ANSWER: Final = "streaming response from "
_CALL: Final = frozenset({"request_data", "logfire.tags"})
_OF_ANSWERS: Final = ("input_tokens", "output_tokens", "output", "response_id")


def answered(draft: Draft, at: int | None) -> bool:
    """Whether this is the log of a streamed answer; if so it is made the span of the call, which ended at `at`."""
    rest = draft.rest
    took = measure(rest.get("duration"))
    if took is None or at is None or took < 0 or not _text(rest.get("logfire.msg_template")).startswith(_ANSWER):
        return False
    draft.columns["ts"] = instant(at - round(took * 1e9))
    draft.columns["duration_ms"] = round(took * 1000, 6)
    draft.fill("stream", True)  # noqa: FBT003 - the column's value
    return True


def begun(draft: Draft) -> None:
    """Take the operation from the span that only began a streamed answer; it stays among the attributes."""
    rest, columns = draft.rest, draft.columns
    asked = rest.keys() >= _CALL and "LLM" in _list(rest["logfire.tags"]) and columns.get("status") == "ok"
    told = "response_data" in rest or any(column in columns for column in _OF_ANSWERS)
    if asked and "operation" in columns and not told:
        draft.keep("gen_ai.operation.name", columns.pop("operation"))


def _text(value: Any) -> str:
    return value if type(value) is str else ""


def _list(value: Any) -> list[Any]:
    return value if type(value) is list else []
