"""Changing single values of a JSON line and leaving every other byte as it is.

Decoding and encoding the whole line would change numbers past 64 bits, spaces, escapes and repeated keys.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import orjson

_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]:,]|[^\s{}\[\]:,"]+', re.DOTALL)

_HALF: Final = re.compile("[\ud800-\udc7f\udd00-\udfff]")

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Edits:
    """What to do about a line's parts. Each callback gives the new JSON text, or None to leave the part."""

    key: Callable[[str], str | None]
    """A key's new text."""
    whole: Callable[[Path, bytes], bytes | None]
    """A value of any type, by the keys above it; its raw JSON."""
    string: Callable[[Path, str], str | None]
    """A string value's new text."""
    number: Callable[[Path, bytes], bytes | None]
    """A number, true, false or null."""


@dataclass(slots=True)
class _Frame:
    is_object: bool
    above: Path = ()
    """The keys above the object or array itself."""
    key: str | None = None
    expects_key: bool = False
    attribute: str | None = None
    """In an OTLP attribute, {"key": ..., "value": ...}: what its key says."""
    names: set[str] = field(default_factory=set)


def is_json(body: bytes) -> bool:
    """Whether bytes are one JSON value, by the rules that people live by: NaN, long integers, half characters pass."""
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        pass  # stricter than people are: ask again below
    else:
        return True
    try:
        json.loads(body.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return False
    return True


def unquote(token: bytes) -> str:
    """The text of a JSON string; bytes that are not UTF-8 come through as surrogates."""
    text = token[1:-1].decode("utf-8", "surrogateescape")
    if "\\" not in text:
        return text
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except json.JSONDecodeError:
        return text


def quote(text: str) -> bytes:
    """A JSON string of a text, the reverse of `unquote`."""
    body = json.dumps(text, ensure_ascii=False)
    try:
        return body.encode("utf-8")
    except UnicodeEncodeError:
        pass  # lone surrogates: either a byte that is not UTF-8, or an escape that stands for half a character
    if _HALF.search(text):
        return json.dumps(text).encode("ascii")
    return body.encode("utf-8", "surrogateescape")


def rewrite(line: bytes, edits: Edits) -> bytes:
    """The line with its edits; the very same bytes when there are none."""
    parts: list[bytes] = []
    kept = 0
    for start, end, new in _changes(line, edits):
        parts += (line[kept:start], new)
        kept = end
    return b"".join((*parts, line[kept:])) if parts else line


def _changes(line: bytes, edits: Edits) -> Iterator[tuple[int, int, bytes]]:
    stack: list[_Frame] = []
    removing: tuple[int, int, Path] | None = None  # depth, start and path of a container whose value goes as a whole
    for found in _TOKEN.finditer(line):
        token, start, end = found[0], found.start(), found.end()
        first = token[:1]
        if first in b"{[":
            path = _path(stack)
            stack.append(_Frame(first == b"{", path, expects_key=first == b"{"))
            if removing is None and path and edits.whole(path, token) is not None:
                removing = (len(stack), start, path)
        elif first in b"}]":
            if removing is not None and removing[0] == len(stack):
                new = edits.whole(removing[2], line[removing[1] : end])
                if new is not None:
                    yield removing[1], end, b'{"stringValue":%s}' % new if _is_otlp_value(stack[:-1]) else new
                removing = None
            if stack:
                stack.pop()
        elif first == b",":
            if stack and stack[-1].is_object:
                stack[-1].expects_key = True
        elif first == b":":
            pass
        elif stack and stack[-1].expects_key and first == b'"':
            new_key = _key(stack[-1], unquote(token), edits, changed=removing is None)
            if new_key is not None:
                yield start, end, new_key
        elif removing is None:
            new = _value(stack, token, edits)
            if new is not None:
                yield start, end, new


def _key(frame: _Frame, name: str, edits: Edits, *, changed: bool) -> bytes | None:
    frame.expects_key = False
    frame.key = name
    new = edits.key(name) if changed else None
    if new is None:
        frame.names.add(name)
        return None
    unique, count = new, 1
    while unique in frame.names:  # two keys that are masked alike stay two keys
        count += 1
        unique = f"{new}-{count}"
    frame.names.add(unique)
    return quote(unique)


def _value(stack: list[_Frame], token: bytes, edits: Edits) -> bytes | None:
    path = _path(stack)
    if stack and stack[-1].is_object and stack[-1].key == "key" and token[:1] == b'"':
        stack[-1].attribute = unquote(token)
    if path and (new := edits.whole(path, token)) is not None:
        return new
    if token[:1] != b'"':
        return edits.number(path, token)
    text = edits.string(path, unquote(token))
    return None if text is None else quote(text)


def _path(stack: list[_Frame]) -> Path:
    """The keys above a value; the key of an OTLP attribute stands in the place of `value`."""
    if not stack:
        return ()
    frame = stack[-1]
    key = frame.attribute if frame.attribute is not None and frame.key == "value" else frame.key
    return frame.above if key is None else (*frame.above, key)


def _is_otlp_value(stack: list[_Frame]) -> bool:
    return bool(stack) and stack[-1].attribute is not None and stack[-1].key == "value"
