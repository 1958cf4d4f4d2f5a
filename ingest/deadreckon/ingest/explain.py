"""Why a line was refused: the bulk decoder says only that it was; this reads the one line again and says why."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from typing import Any, Final

import duckdb

from deadreckon.core.schema import EVENTS, Column
from deadreckon.ingest.convert import ARRAYS, OBJECTS, bad, converted, spec_type
from deadreckon.ingest.dialects import asks_care, care_keys, rewrite
from deadreckon.ingest.rejects import Reject, invalid_utf8, reject

REPLAY: Final = "then reckon quarantine replay"
_SHOWN: Final = 60
_NUMBER: Final = re.compile(r"\s*[+-]?(\d+(_\d+)*\.?(\d+(_\d+)*)?|\.\d+(_\d+)*)([eE][+-]?\d+)?\s*")
_BARE: Final = re.compile(r"-?[1-9]\d*|-?\d{1,18}(\.0+)?([eE]\+?\d{1,2})?")
"""Integers in a text that are read as text: without blanks, signs and underscores."""
_TOO_LONG: Final = "digits"
_REFUSED: Final = bad(EVENTS["ts"], "raw", converted(EVENTS["ts"], "raw", "", ""), "", "", "")


class Problem(Exception):  # noqa: N818 - a finding, raised to end the search
    """What is wrong, found."""

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.field = code, message, field


def explain(line: bytes, source_id: str, offset: int, aliases: Mapping[str, str]) -> Reject | None:
    """The reason why the decoder refused this line; None for a blank line, which is skipped silently.

    `offset`: where the line starts in its source, for the quarantine row. Codes: invalid_json, invalid_utf8,
    not_an_object, duplicate_key, wrong_type, bad_timestamp, out_of_range, too_deep; unsupported when nothing is found.
    """
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return invalid_utf8(source_id, offset, line)
    if not text.strip(" \t\r\n\ufeff"):
        return None
    try:
        _examine(text.rstrip("\r\n"), aliases)
    except Problem as found:
        return reject(source_id, offset, line, found.code, found.message, found.field)
    message = f"the line was refused and no rule says why: please report it; it is kept as it is, {REPLAY}"
    return reject(source_id, offset, line, "unsupported", message)


def _examine(text: str, aliases: Mapping[str, str]) -> None:
    pairs, nested_twice = _parsed(text)
    keys = [key for key, _ in pairs]
    twice = _first_twice(keys)
    if twice is not None:
        _duplicate(twice)
    value = dict(pairs)
    if not value:
        raise Problem("not_an_object", "the line is an empty object: there is nothing to keep; drop it")
    if asks_care(keys, care_keys(aliases)) or _is_odd(value, aliases):
        if nested_twice is not None:
            _duplicate(nested_twice)
        for event in rewrite(value, aliases):
            _check_event(event, pairs, aliases)
    else:
        _check(value, aliases)


def _check_event(event: dict[str, Any], pairs: list[tuple[str, Any]], aliases: Mapping[str, str]) -> None:
    """Look at a rewritten event, naming columns by the keys that their values stood under."""
    keys = {column: column for column in event}
    for key, item in pairs:
        column = aliases.get(key)
        if column in event and event[column] is item:
            keys[column] = key
    _check({keys[c]: item for c, item in event.items()}, {key: column for column, key in keys.items()})


def _duplicate(key: str) -> None:
    message = f"the key {_shown(key)} stands twice in one object, and which value is meant cannot be known"
    raise Problem("duplicate_key", f"{message}; fix the writer, or drop one and read it again", key)


def _first_twice(keys: list[str]) -> str | None:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            return key
        seen.add(key)
    return None


def _is_odd(value: Mapping[str, Any], aliases: Mapping[str, str]) -> bool:
    """Whether the decoder asks a dialect for another reason than a key."""
    keys = value.keys()
    columns = [aliases[key] for key in keys if key in aliases]
    return (
        len(set(columns)) != len(columns)
        or ("attributes" in columns and len(columns) < len(keys))
        or len({key.casefold() for key in keys}) != len(keys)
        or not all(keys)
        or any(_may_be_foreign(aliases.get(key), item) for key, item in value.items())
    )


def _may_be_foreign(name: str | None, value: Any) -> bool:
    kind = EVENTS[name].type if name is not None else ""
    return (kind == "string" and type(value) in (dict, list)) or (kind == "boolean" and type(value) is str)


def _parsed(text: str) -> tuple[list[tuple[str, Any]], str | None]:
    """The pairs of the line's object, and a key that stands twice in an object inside it."""
    last: list[tuple[str, Any]] = []
    twice: list[str] = []

    def hook(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal last
        last = pairs
        value = dict(pairs)
        if len(value) != len(pairs):
            twice.append(str(_first_twice([key for key, _ in pairs])))
        return value

    try:
        value = json.loads(text, object_pairs_hook=hook, parse_constant=str)
    except json.JSONDecodeError as error:
        raise Problem("invalid_json", _bad_json(text, error)) from None
    except RecursionError:
        message = "the line is nested deeper than can be read; write deep content as text"
        raise Problem("too_deep", f"{message}, {REPLAY}") from None
    except ValueError as error:
        if _TOO_LONG not in str(error):
            raise
        raise Problem("out_of_range", "the line holds a number of thousands of digits; write it as text") from None
    if type(value) is not dict:
        names = {list: "an array", str: "a text", bool: "a boolean", type(None): "null"}
        what = names.get(type(value), "a number")
        message = f"the line is {what} ({_shown(value)}): a JSON object is needed; each line is one event"
        raise Problem("not_an_object", message)
    return last if value else [], twice[0] if twice else None


def _bad_json(text: str, error: json.JSONDecodeError) -> str:
    place = len(text[: error.pos].encode("utf-8", "surrogatepass"))
    what = error.msg[:1].lower() + error.msg[1:]
    if error.msg.startswith("Unterminated string"):
        what = "the text that starts here never ends, the line was cut"
    elif error.pos >= len(text.rstrip()):
        what = "the line ends in the middle of a value" if error.pos else "there is nothing"
    return f"not JSON at byte {place}: {what}, near {_excerpt(text, error.pos)}; fix the writer, or drop the line"


def _excerpt(text: str, place: int) -> str:
    start, end = max(0, place - 20), min(len(text), place + 20)
    return ("..." if start else "") + repr(text[start:end])[1:-1] + ("..." if end < len(text) else "")


def _shown(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = type(value).__name__
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}... ({len(text)} characters)"


def _check(value: Mapping[str, Any], aliases: Mapping[str, str]) -> None:
    """Look at every known key; times last, because a time has the most forms."""
    times = []
    for key, item in value.items():
        name = aliases.get(key)
        if name is None or item is None:
            continue
        if name == "ts":
            times.append((key, item))
        else:
            _check_one(EVENTS[name], key, item)
    for key, item in times:
        _check_time(key, item)


def _wrong(column: Column, key: str, value: Any, needed: str, code: str = "wrong_type") -> Problem:
    where = "" if key == column.name else f", read into {column.name},"
    message = f"{key}{where} is {_shown(value)}: {needed} is needed; fix the writer or map the key with [aliases]"
    return Problem(code, f"{message}, {REPLAY}", key)


def _check_one(column: Column, key: str, value: Any) -> None:
    if column.type == "string":
        if type(value) in (dict, list):
            raise _wrong(column, key, value, "a text")
    elif column.type == "json":
        if column.name in OBJECTS and type(value) is not dict:
            raise _wrong(column, key, value, "an object")
        if column.name in ARRAYS and type(value) is not list:
            raise _wrong(column, key, value, "an array")
    elif column.type == "boolean":
        if type(value) is not bool and value not in ("true", "false"):
            raise _wrong(column, key, value, "true or false")
    elif column.type == "bigint":
        _check_integer(column, key, value)
    elif column.type == "double":
        _check_double(column, key, value)


def _check_integer(column: Column, key: str, value: Any) -> None:
    number = _number(value)
    bare = spec_type(column) == "DOUBLE" or type(value) is not str or _BARE.fullmatch(value)
    if number is None or not bare:
        raise _wrong(column, key, value, "an integer")
    if not -(2**63) <= number < 2**63:
        raise _wrong(column, key, value, "an integer of 64 bits", "out_of_range")
    if number != int(number):
        raise _wrong(column, key, value, "an integer")


def _check_double(column: Column, key: str, value: Any) -> None:
    if value in ("NaN", "Infinity", "-Infinity"):
        return
    number = _number(value)
    if number is None:
        raise _wrong(column, key, value, "a number")
    if abs(number) >= 2**1024 - 2**970:  # what rounds to infinity
        raise _wrong(column, key, value, "a number that a double can hold", "out_of_range")


def _number(value: Any) -> int | float | None:
    if type(value) in (int, float):
        return value  # type: ignore[no-any-return]  # its type was just asked for
    if type(value) is not str or not _NUMBER.fullmatch(value):
        return None
    try:
        return int(value)
    except ValueError:
        return float(value.replace("_", ""))


def _check_time(key: str, value: Any) -> None:
    if _is_time(value):
        return
    message = f"{key} is {_shown(value)}: a time is needed, as ISO-8601 or epoch s, ms, us or ns, in years 1 to 9999"
    raise Problem("bad_timestamp", f"{message}; fix the writer or map another key with [aliases], {REPLAY}", key)


def _is_time(value: Any) -> bool:
    """Whether the decoder takes it: times have too many forms to say it twice, so the decoder's own rule is asked."""
    if type(value) not in (str, int, float):
        return False
    text = value if type(value) is str else json.dumps(value)
    try:
        answer = _clock().cursor().execute(f"SELECT {_REFUSED} FROM (SELECT $text AS raw)", {"text": text}).fetchone()
    except duckdb.Error:
        return False
    return answer is not None and not answer[0]


@functools.cache
def _clock() -> duckdb.DuckDBPyConnection:
    """A connection of its own, for one expression at a time."""
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    return con
