"""Objects as lines of JSON."""

from __future__ import annotations

import json
from typing import Any

import orjson


def written(value: dict[str, Any]) -> bytes:
    """A line of JSON, without a newline; NaN and infinities as text, as ingest reads them."""
    try:
        return orjson.dumps(value)
    except TypeError:  # half characters, numbers past 64 bits, or deeper than orjson goes
        return json.dumps(value, separators=(",", ":")).encode("ascii")


def number(value: float | None, *, is_nan: bool = False) -> float | str | None:
    """A number as JSON can hold it."""
    if is_nan or (value is not None and value != value):  # noqa: PLR0124 - NaN differs from itself
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value == float("inf") else "-Infinity"
    return value


def event(kind: str, **columns: Any) -> bytes:
    """The line of an event in our own words; what is None or empty is left out."""
    return written({"kind": kind} | {key: value for key, value in columns.items() if value is not None and value != {}})
