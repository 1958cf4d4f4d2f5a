"""Whether a value that stands deeper in a line may fill a column.

A key at the top of a line that has a column's name must be right, or the line is quarantined. What a dialect finds
deeper is lifted only where it fits; otherwise it stays where it was, because nobody promised that it is ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from deadreckon.core.schema import EVENT_COLUMNS, KINDS, STATUSES

OBJECTS: Final = frozenset({"features", "outputs", "params", "versions", "pins", "labels", "attributes"})
_HEX: Final = {"trace_id": 32, "span_id": 16, "parent_span_id": 16}
_DIGITS: Final = re.compile(r"[+-]?\d{1,18}")
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d([.,]\d{1,9})?(Z|[+-]\d\d:?\d\d)?")
_HEXDIGITS: Final = re.compile(r"[0-9a-fA-F]+")


def is_id(value: Any, digits: int) -> bool:
    """Whether it is a W3C id of so many hex digits, not all zero."""
    return type(value) is str and len(value) == digits and bool(_HEXDIGITS.fullmatch(value)) and value.strip("0") != ""


def measure(value: Any) -> int | float | None:
    """A JSON number as it is; None for anything else, booleans included."""
    return value if type(value) is int or type(value) is float else None


def is_integer(value: Any) -> bool:
    """Whether it converts to a 64-bit integer exactly."""
    if type(value) is int:
        return -(2**63) <= value < 2**63
    if type(value) is float:
        return abs(value) < 2**53 and value == int(value)
    return type(value) is str and bool(_DIGITS.fullmatch(value))


def is_number(value: Any) -> bool:
    """Whether it converts to a finite double."""
    if type(value) is int:
        return abs(value) < 2**63
    if type(value) is float:
        return value - value == 0
    return type(value) is str and len(value) < 40 and bool(_NUMBER.fullmatch(value))


def is_text(value: Any) -> bool:
    """Whether a text column takes it: text, or a number."""
    return type(value) is str or type(value) is int or type(value) is float


def is_time(value: Any) -> bool:
    """Whether it is a time beyond doubt: ISO-8601 text, or an epoch between 2001 and 2255 in s, ms, us or ns."""
    if type(value) is str:
        if _TIME.fullmatch(value):
            return value[:4] != "0000" and _is_clock(value)
        if not _NUMBER.fullmatch(value) or len(value) > 30:
            return False
        value = float(value)
    if type(value) is not int and type(value) is not float:
        return False
    return any(1e9 <= value / scale < 9e9 for scale in (1, 1e3, 1e6, 1e9))


def _is_clock(text: str) -> bool:
    return (
        1 <= int(text[5:7]) <= 12
        and 1 <= int(text[8:10]) <= 28
        and int(text[11:13]) < 24
        and int(text[14:16]) < 60
        and int(text[17:19]) < 60
    ) or _is_iso(text)


def _is_iso(text: str) -> bool:
    from datetime import datetime

    try:
        datetime.fromisoformat(text.replace(",", "."))
    except ValueError:
        return False
    return True


def _checks() -> dict[str, Callable[[Any], bool]]:
    by_type: Mapping[str, Callable[[Any], bool]] = {
        "string": is_text,
        "bigint": is_integer,
        "double": is_number,
        "timestamp": is_time,
        "boolean": lambda v: type(v) is bool,
        "json": lambda _: True,
    }
    checks = {column.name: by_type[column.type] for column in EVENT_COLUMNS}
    checks |= {name: lambda v: type(v) is dict for name in OBJECTS}
    checks |= {name: partial(is_id, digits=digits) for name, digits in _HEX.items()}
    checks["options"] = lambda v: type(v) is list
    checks["kind"] = lambda v: type(v) is str and v.lower() in KINDS
    checks["status"] = lambda v: type(v) is str and v.lower() in STATUSES
    return checks


FITS: Final[Mapping[str, Callable[[Any], bool]]] = _checks()
"""Column -> whether a value fits it."""
