"""Statuses and kinds of others in our words."""

from __future__ import annotations

from typing import Any, Final

from deadreckon.core.schema import KINDS, STATUSES
from deadreckon.ingest.dialects.draft import Draft

WORDS: Final = {
    word: status
    for status, words in {
        "ok": "success succeeded successful complete completed finished done pass passed status_code_ok",
        "error": "failed failure fail errored fatal faulted crashed exception status_code_error unhealthy",
        "cancelled": "canceled aborted killed interrupted revoked stopped cancelled",
        "timeout": "timed_out timedout time_out deadline_exceeded deadlineexceeded",
        "running": "in_progress inprogress in-progress started pending queued scheduled",
    }.items()
    for word in words.split()
}


def status_of(value: Any) -> str | None:
    """Our word for a status: an HTTP status code, or what others call it; None when it is neither."""
    if type(value) is str:
        word = value.strip().lower().replace(" ", "_")
        if word in STATUSES:
            return word
        if word in WORDS:
            return WORDS[word]
        if not (len(word) == 3 and word.isascii() and word.isdigit()):
            return None
        value = int(word)
    if type(value) in (int, float) and 100 <= value < 600 and value == int(value):
        return "ok" if value < 400 else "error"
    return None


def settle(draft: Draft) -> None:
    """Make `kind` and `status` ours, or attributes; an object or array stays in its column, to be refused there."""
    kind = draft.columns.get("kind")
    if kind is not None and type(kind) not in (dict, list) and not (type(kind) is str and kind.lower() in KINDS):
        draft.keep("kind", draft.columns.pop("kind"))
    status = draft.columns.get("status")
    if type(status) is dict:
        code = status.get("status_code", status.get("code"))
        word = status_of(code) if type(code) is str else None
        if word:  # {"code": "ERROR", "message": ...}; numbers mean something else to everyone
            draft.keep("status", status)
            draft.columns["status"] = word
        return
    if status is None or type(status) is list:
        return
    word = status_of(status)
    if type(status) is not str or status.lower() != word:
        draft.keep("status", draft.columns.pop("status"))
        if word:
            draft.columns["status"] = word
