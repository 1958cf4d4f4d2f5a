"""Ids of what others keep, in our words: the same thing gets the same id whenever it is read."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from deadreckon.ingest.dialects.otlp.values import event_id

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HEX: Final = re.compile(r"[0-9a-f]+")
_LAST_MS: Final = 253402300799999
"""The end of the year 9999."""


def trace_id(text: Any) -> str:
    """A trace's id as 32 hex digits: what is written another way is read, anything else hashed."""
    return _identity(str(text).removeprefix("tr-"), 32)


def span_id(text: Any) -> str:
    """A span's id as 16 hex digits: what is written another way is read, anything else hashed."""
    return _identity(str(text), 16)


def _identity(text: str, digits: int) -> str:
    low = text.lower().removeprefix("0x")
    plain = low.replace("-", "")
    for form in (low, plain):
        if len(form) == digits and _HEX.fullmatch(form) and form.strip("0"):
            return form
    if len(text) == (digits // 2 + 2) // 3 * 4:  # MLflow keeps the bytes in base64
        try:
            found = base64.b64decode(text, validate=True).hex()
        except (binascii.Error, ValueError):
            found = ""
        if len(found) == digits and found.strip("0"):
            return found
    return hashlib.md5(text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()[:digits]


def known_by(ms: float | None, *words: Any) -> str:
    """The id of an event that is known by these words, at this time in milliseconds since 1970."""
    sane = sane_ms(ms)
    strange = () if ms is None or sane == ms else (ms,)  # such times have one date, and are told apart all the same
    return event_id(int(sane * 1_000_000), *map(str, (*words, *strange)))


def content_hash(content: bytes) -> str:
    """A short hash, by which another state of the same thing is another event."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def instant(ms: float | None) -> str:
    """Milliseconds since 1970 as text in UTC; where there are none, 1970: an import must give the same every time."""
    return (EPOCH + timedelta(milliseconds=sane_ms(ms))).isoformat()


def sane_ms(ms: float | None) -> float:
    """Milliseconds since 1970 that a date can have, else 0."""
    return ms if isinstance(ms, int | float) and 0 <= ms <= _LAST_MS else 0
