"""Values to JSON that never fails: what orjson refuses is written in a safe form, and counted if that loses something.

orjson is never given a `default` function, nor, enums excepted, types whose encoding runs Python code: while such code
runs, it or another thread may change the very dictionary that orjson is walking, which ends the process. What orjson
does not know by itself is first copied into plain types, and then encoded.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from typing import Any

import orjson

OPTIONS = (
    orjson.OPT_APPEND_NEWLINE
    | orjson.OPT_SERIALIZE_NUMPY
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
)
_MAX_DEPTH = 100
_MAX_TEXT = 16_384
_MAX_ELEMENTS = 10_000
LONG = 4 << 20
"""Bytes of a line from which on its long fields are cut: ingest refuses lines that are twice as long."""
_LONG_FIELD = 65_536
_INT_MIN, _INT_END = -(1 << 63), 1 << 64


class Tally:
    """A counter that threads may share."""

    __slots__ = ("_lock", "count")

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Count from zero with a lock of its own, as a forked child must."""
        self._lock = threading.RLock()
        self.count = 0

    def add(self, n: int = 1) -> None:
        """Count `n` more."""
        with self._lock:
            self.count += n


COERCED = Tally()


def encode(fields: Mapping[str, Any]) -> bytes:
    """Return `fields` as one JSON line ending in a newline; never raises for any content."""
    try:
        line = orjson.dumps(fields, None, OPTIONS)
    except Exception:  # noqa: BLE001  # any object of the application's may be in here, with any fault
        return orjson.dumps(_plain(fields), None, OPTIONS)
    # orjson writes NaN as it writes None.
    if line.rfind(b"null") >= 0 and _not_finite(fields):
        return orjson.dumps(_plain(fields), None, OPTIONS)
    return line


def shortened(line: bytes) -> bytes:
    """Return a long line with its long fields cut, and their names in `cut`."""
    record = orjson.loads(line)
    cut = []
    for key, value in record.items():
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
        if len(text) > _LONG_FIELD:
            record[key] = f"{text[:_LONG_FIELD]}... ({len(text)} characters)"
            cut.append(key)
    return orjson.dumps({**record, "cut": cut}, None, OPTIONS) if cut else line


def json_text(value: Any) -> str:
    """Return `value` as JSON text; never raises."""
    return encode({"": value})[4:-2].decode()


def text_of(value: Any) -> str:
    """Return `str(value)`, valid UTF-8 whatever the object does; text that is not a string's own is cut."""
    try:
        text = value if isinstance(value, str) else str(value)
        if len(text) > _MAX_TEXT and not isinstance(value, str):
            text = f"{text[:_MAX_TEXT]}... ({len(text)} characters)"
        return text.encode("utf-8", "backslashreplace").decode()
    except Exception:  # noqa: BLE001  # a broken __str__ is the application's, and must stay there
        return f"<unprintable {type(value).__qualname__}>"


def _plain(value: Any, depth: int = 0, above: frozenset[int] = frozenset()) -> Any:
    """Rebuild `value` from types that JSON holds exactly; NaN, infinities and huge integers become text."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        text = text_of(value)
        return text if text == value else _changed(text)
    if isinstance(value, int):
        return int(value) if _INT_MIN <= value < _INT_END else _changed(_digits(value))
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else _changed(_NAMES.get(float(value), "NaN"))
    if isinstance(value, orjson.Fragment):
        return value
    if id(value) in above:
        return _changed("<circular>")
    if depth >= _MAX_DEPTH:
        return _changed(text_of(value))
    above |= {id(value)}
    if isinstance(value, dict):
        return _plain_keys(dict.copy(value), depth + 1, above)
    if isinstance(value, list | tuple):
        return [_plain(one, depth + 1, above) for one in [*value]]
    return _plain(_opened(value), depth + 1, above)


_NAMES = {math.inf: "Infinity", -math.inf: "-Infinity"}


def _changed(text: str) -> str:
    COERCED.add()
    return text


def _plain_keys(value: dict[Any, Any], depth: int, above: frozenset[int]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, one in value.items():
        name = _key(key)
        clash = 2
        while name in result:  # 1 and "1" are two keys in Python and one in JSON
            name = f"{_key(key)}~{clash}"
            clash += 1
        result[name] = _plain(one, depth, above)
    return result


def _key(key: Any) -> str:
    text = text_of(key)
    if isinstance(key, str) and text == key:
        return text
    if key is None or key is True or key is False:
        text = json_text(key)
    return _changed(_digits(key) if isinstance(key, int) and not isinstance(key, bool) else text)


def _digits(value: int) -> str:
    try:
        return str(int(value))
    except ValueError:  # Python refuses thousands of decimal digits; hexadecimal has no such limit
        return hex(value)


def _opened(value: Any) -> Any:
    """Take one layer off a value that is neither a scalar nor a container of JSON; in the end it is text."""
    try:
        kind = type(value)
        if hasattr(kind, "__dataclass_fields__"):
            return {name: getattr(value, name, None) for name in kind.__dataclass_fields__}
        if kind.__module__ == "decimal" and kind.__name__ == "Decimal":
            return _decimal(value)
        if isinstance(value, set | frozenset):
            return [*value]
        if isinstance(value, bytes | bytearray | memoryview):
            return _decoded(bytes(value))
        if isinstance(value, Mapping):
            return dict(value)
        if hasattr(kind, "model_dump"):
            return value.model_dump()
        if hasattr(value, "tolist") and _elements(value) <= _MAX_ELEMENTS:
            return value.tolist()
        if kind.__module__ in ("datetime", "uuid") or hasattr(kind, "__members__"):
            # A value alone, with no container around it, is safe to be encoded by whatever code it has.
            return orjson.loads(orjson.dumps(value, None, orjson.OPT_UTC_Z))
    except Exception:  # noqa: BLE001  # a foreign object's own fault; its text still tells something
        return _changed(text_of(value))
    return _changed(text_of(value))


def _decimal(value: Any) -> Any:
    """Keep every digit: as a JSON number where it is one, else as text."""
    if not value.is_finite():
        return float(value)
    return orjson.Fragment(str(value)) if _INT_MIN <= value < _INT_END else _changed(str(value))


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return _changed(value.decode("utf-8", "backslashreplace"))


def _elements(value: Any) -> int:
    """Count the numbers in an array of numpy, torch or jax, whose `shape` is () for a single one."""
    return math.prod(int(size) for size in getattr(value, "shape", ()))


def _not_finite(value: Any) -> bool:
    """Tell whether `value`, which orjson has encoded, may hold a NaN or an infinity."""
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, dict):
        return any(_not_finite(one) for one in dict.copy(value).values())
    if isinstance(value, list | tuple):
        return any(_not_finite(one) for one in [*value])
    return hasattr(value, "dtype")
