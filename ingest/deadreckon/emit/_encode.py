"""Values to JSON that never fails: what orjson refuses is written in a safe form, and counted."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from typing import Any

import orjson

OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_UTC_Z
_MAX_DEPTH = 100
_MAX_TEXT = 16_384
_MAX_ELEMENTS = 10_000
_INT_MIN, _INT_END = -(1 << 63), 1 << 64


class Tally:
    """A counter that threads may share."""

    __slots__ = ("_lock", "count")

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.count = 0

    def add(self, n: int = 1) -> None:
        """Count `n` more."""
        with self._lock:
            self.count += n

    def restart(self) -> None:
        """Count from zero with a lock of its own, as a forked child must."""
        self.__init__()  # type: ignore[misc]  # the same start, whatever state a fork left the lock in


COERCED = Tally()


def encode(fields: Mapping[str, Any]) -> bytes:
    """Return `fields` as one JSON line ending in a newline; never raises for any content."""
    try:
        line = orjson.dumps(fields, convert, OPTIONS)
        exact = not (may_hide_nan(line) and _non_finite(fields))
    except Exception:  # noqa: BLE001  # any object of the application's may be in here, with any fault
        exact = False
    if not exact:
        COERCED.add()
        line = orjson.dumps(plain(fields), None, OPTIONS)
    return line


def json_text(value: Any) -> str:
    """Return `value` as JSON text; never raises."""
    return encode({"": value})[4:-2].decode()


def may_hide_nan(line: bytes) -> bool:
    """Tell whether a null may stand where a NaN was: orjson writes both alike.

    It is asked of every event. `rfind` is the fastest search for this: `in` takes four times as long.
    """
    return line.rfind(b"null") >= 0


def convert(value: Any) -> Any:
    """Give orjson something it knows for `value`: structure where it is plain to see, else `str`."""
    kind = type(value)
    try:
        if kind.__module__ == "decimal" and kind.__name__ == "Decimal":
            return _decimal(value)
        if isinstance(value, set | frozenset | tuple):
            return list(value)
        if isinstance(value, bytes | bytearray | memoryview):
            return _decoded(bytes(value))
        if isinstance(value, Mapping):
            return dict(value)
        if hasattr(kind, "model_dump"):
            return value.model_dump()
        if hasattr(value, "tolist") and _elements(value) <= _MAX_ELEMENTS:
            return value.tolist()
    except Exception:  # noqa: BLE001  # a foreign object's own fault; its text still tells something
        return _said(value)
    return _said(value)


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        COERCED.add()
        return value.decode("utf-8", "backslashreplace")


def _said(value: Any) -> str:
    COERCED.add()
    return text_of(value)


def text_of(value: Any) -> str:
    """Return `str(value)`, cut at 16,384 characters, valid UTF-8 whatever the object does."""
    try:
        text = value if isinstance(value, str) else str(value)
    except Exception:  # noqa: BLE001  # a broken __str__ is the application's, and must stay there
        return f"<unprintable {type(value).__qualname__}>"
    if len(text) > _MAX_TEXT and not isinstance(value, str):
        text = f"{text[:_MAX_TEXT]}... ({len(text)} characters)"
    return text.encode("utf-8", "backslashreplace").decode()


def plain(value: Any, depth: int = 0, above: frozenset[int] = frozenset()) -> Any:
    """Rebuild `value` from types that JSON holds exactly; NaN, infinities and huge integers become text."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return text_of(value)
    if isinstance(value, int):
        return int(value) if _INT_MIN <= value < _INT_END else _digits(value)
    if isinstance(value, float):
        return _float(value)
    if not isinstance(value, dict | list | tuple):
        known = _opened(value)
        return known if isinstance(known, orjson.Fragment) else plain(known, depth + 1, above)
    if id(value) in above:
        return "<circular>"
    if depth >= _MAX_DEPTH:
        return text_of(value)
    above |= {id(value)}
    if isinstance(value, dict):
        return _plain_dict(value, depth + 1, above)
    return [plain(one, depth + 1, above) for one in value]


def _plain_dict(value: dict[Any, Any], depth: int, above: frozenset[int]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, one in list(value.items()):
        name = _key(key)
        clash = 2
        while name in result:  # 1 and "1" are two keys in Python and one in JSON
            name = f"{_key(key)}~{clash}"
            clash += 1
        result[name] = plain(one, depth, above)
    return result


def _key(key: Any) -> str:
    if key is None:
        return "null"
    if key is True or key is False:
        return str(key).lower()
    return _digits(key) if isinstance(key, int) else text_of(key)


def _digits(value: int) -> str:
    try:
        return str(int(value))
    except ValueError:  # Python refuses thousands of decimal digits; hexadecimal has no such limit
        return hex(value)


def _float(value: float) -> float | str:
    if value != value:  # noqa: PLR0124  # NaN is the one number that differs from itself
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return float(value)


def _decimal(value: Any) -> Any:
    """Keep every digit: as a JSON number where it is one, else as text."""
    if value.is_finite() and _INT_MIN <= value < _INT_END:
        return orjson.Fragment(str(value))
    COERCED.add()
    return _float(float(value)) if not value.is_finite() else str(value)


def _elements(value: Any) -> int:
    """Count the numbers in an array of numpy, torch or jax, whose `shape` is () for a single one."""
    return math.prod(int(size) for size in getattr(value, "shape", ()))


def _opened(value: Any) -> Any:
    """Take one layer off a value that is neither a scalar nor a container of JSON."""
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        return {name: getattr(value, name, None) for name in value.__dataclass_fields__}
    if hasattr(value, "dtype"):  # orjson knows these too, but writes their NaN as null
        return convert(value)
    try:
        return orjson.loads(orjson.dumps(value))
    except Exception:  # noqa: BLE001  # whatever the reason, orjson does not know it
        return convert(value)


def _non_finite(value: Any) -> bool:
    if isinstance(value, float):
        return value - value != 0
    if isinstance(value, dict):
        return any(_non_finite(one) for one in value.values())
    if isinstance(value, list | tuple):
        return any(_non_finite(one) for one in value)
    # The careful encoder looks inside these.
    return hasattr(value, "dtype") or hasattr(value, "__dataclass_fields__") or hasattr(value, "model_dump")
